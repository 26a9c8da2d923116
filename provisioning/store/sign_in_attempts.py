"""Wrong passwords and codes at signing in, counted for each account and each address, on disk (BEHAVIOUR P8).

A try is counted as a failure before anything is looked at, as those of the voice portal are; a right one takes back
what is counted of the account, and itself of the address. An address is forgotten a day after its last failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from provisioning.store.backoff import Attempts, Backoff
from provisioning.store.model import SignInAttempts

OF_ACCOUNT = Backoff(5, timedelta(minutes=1), timedelta(hours=1))
OF_ADDRESS = Backoff(20, timedelta(minutes=1), timedelta(hours=1))
"""A whole office may come from one address."""
FORGOTTEN = timedelta(days=1)
"""After the last failure."""


async def count_sign_in(session: AsyncSession, email: str, address: str, now: datetime) -> bool:
    """Count a try as failed, in a transaction that writes; False, and nothing is counted, while either is locked.

    An e-mail that no account has is counted too, so that nobody learns from a lock which there are.
    """
    await session.execute(delete(SignInAttempts).where(SignInAttempts.last_at < now - FORGOTTEN))
    kept: Mapping[str, Backoff] = {f"account {email}": OF_ACCOUNT, f"address {address}": OF_ADDRESS}
    rows = {key: await session.get(SignInAttempts, key) for key in kept}
    past = {
        key: Attempts() if row is None else Attempts(row.failures, row.locked_until)
        for key, row in rows.items()
    }
    if any(each.locked(now) for each in past.values()):
        return False
    for key, backoff in kept.items():
        more = past[key].failed(now, backoff)
        await session.merge(
            SignInAttempts(key=key, failures=more.failures, locked_until=more.locked_until, last_at=now)
        )
    return True


async def forget_sign_in(session: AsyncSession, email: str, address: str) -> None:
    """Everything was right: the account's failures are forgotten, and the try is no failure of the address."""
    await session.execute(delete(SignInAttempts).where(SignInAttempts.key == f"account {email}"))
    row = await session.get(SignInAttempts, f"address {address}")
    if row is not None:
        row.failures -= 1
        if OF_ADDRESS.lock(row.failures) is None:
            row.locked_until = None
