"""Settings changed behind the back of editing, as no product code may: to make a state that a test begins with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from provisioning.store.store import Store, bump_version


@asynccontextmanager
async def changing_settings(store: Store) -> AsyncIterator[AsyncSession]:
    """One transaction that raises settings_version as editing does."""
    async with store.writing() as session:
        await bump_version(session)
        yield session
