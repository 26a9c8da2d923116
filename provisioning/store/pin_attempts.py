"""Wrong PINs of the voice portal, counted over all calls and processes, and the lock they lead to (BEHAVIOUR W4).

A try is counted as a failure, on disk, before the PIN is looked at: tries in parallel, and tries that a kill cuts
short, gain nothing. The right PIN then takes the count back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from provisioning.store.model import PinAttempts

FREE_FAILURES = 5
"""The failure in a row that locks for the first time; from then on each one does."""
FIRST_LOCK = timedelta(minutes=15)
LONGEST_LOCK = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Attempts:
    """Failures in a row, and until when they lock the portal, if they do."""

    failures: int = 0
    locked_until: datetime | None = None

    def locked(self, now: datetime) -> bool:
        """Whether no PIN is looked at now."""
        return self.locked_until is not None and now < self.locked_until

    def failed(self, now: datetime) -> Attempts:
        """As they are after one more failure, which locks for twice as long as the one before it."""
        failures = self.failures + 1
        if failures < FREE_FAILURES:
            return Attempts(failures)
        doublings = min(failures - FREE_FAILURES, 10)
        return Attempts(failures, now + min(FIRST_LOCK * 2**doublings, LONGEST_LOCK))


async def read_attempts(session: AsyncSession, user: int) -> Attempts:
    """What is counted of a user's portal."""
    row = await session.get(PinAttempts, user)
    return Attempts() if row is None else Attempts(row.failures, row.locked_until)


async def count_attempt(session: AsyncSession, user: int, now: datetime) -> Attempts | None:
    """Count a try as failed, in a transaction that writes; `None`, and nothing is counted, while locked.

    The PIN may be looked at once that transaction is committed.
    """
    past = await read_attempts(session, user)
    if past.locked(now):
        return None
    attempts = past.failed(now)
    await session.merge(
        PinAttempts(user_id=user, failures=attempts.failures, locked_until=attempts.locked_until)
    )
    return attempts


async def forget_attempts(session: AsyncSession, users: Collection[int]) -> None:
    """Unlock: the right PIN was keyed, or there is a new one."""
    if users:
        await session.execute(delete(PinAttempts).where(PinAttempts.user_id.in_(users)))
