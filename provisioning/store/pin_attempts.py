"""Wrong PINs of the voice portal, counted over all calls and processes, and the lock they lead to (BEHAVIOUR W4).

A try is counted as a failure, on disk, before the PIN is looked at: tries in parallel, and tries that a kill cuts
short, gain nothing. The right PIN then takes the count back.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from provisioning.store.backoff import Attempts, Backoff
from provisioning.store.model import PinAttempts

FREE_FAILURES = 5
"""The failure in a row that locks for the first time; from then on each one does."""
FIRST_LOCK = timedelta(minutes=15)
LONGEST_LOCK = timedelta(hours=24)


PORTAL = Backoff(FREE_FAILURES, FIRST_LOCK, LONGEST_LOCK)


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
    attempts = past.failed(now, PORTAL)
    await session.merge(
        PinAttempts(user_id=user, failures=attempts.failures, locked_until=attempts.locked_until)
    )
    return attempts


async def forget_attempts(session: AsyncSession, users: Collection[int]) -> None:
    """Unlock: the right PIN was keyed, or there is a new one."""
    if users:
        await session.execute(delete(PinAttempts).where(PinAttempts.user_id.in_(users)))
