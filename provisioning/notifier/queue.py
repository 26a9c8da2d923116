"""The queue of what is to be told, from the notifier's side: what is due, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from sqlalchemy import delete, func, select, update

from provisioning.store import model
from provisioning.store.outbox import KINDS, Channel, News
from provisioning.store.store import Store

log = structlog.get_logger()

REMEMBERED = timedelta(days=30)
"""How long a row is kept after it has ended."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row that waits: what is to be told, by which channel, and how often that was tried in vain."""

    id: int
    key: str
    channel: Channel
    news: News
    created_at: datetime
    attempts: int


class Outbox:
    """The queue in the database. Each method is a transaction of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def due(self, now: datetime, limit: int, channel: Channel | None = None) -> tuple[Entry, ...]:
        """At most `limit` entries whose time has come, longest due first; of one channel, if that is given.

        One that cannot be read, of another version perhaps, is given up, so that it does not keep the others waiting.
        """
        row = model.Notification
        query = select(row).where(row.ended_at.is_(None), row.due_at <= now)
        if channel is not None:
            query = query.where(row.channel == channel.value)
        async with self._store.reading() as session:
            found = (await session.scalars(query.order_by(row.due_at, row.id).limit(limit))).all()
        entries = {each: _entry(each) for each in found}
        for each in (each for each, entry in entries.items() if entry is None):
            reason = "what was queued cannot be read"
            await self.gave_up(each.id, reason, now)
            log.error(
                "notification.given_up",
                channel=each.channel,
                notification=each.id,
                kind=each.event,
                user=each.user_id,
                attempts=each.attempts + 1,
                reason=reason,
            )
        return tuple(entry for entry in entries.values() if entry is not None)

    async def taken(self, entry: int, now: datetime) -> None:
        """It was told; the other side has taken it over."""
        await self._change(entry, error=None, ended_at=now)

    async def again(self, entry: int, due_at: datetime, error: str) -> None:
        """It could not be told; it is to be tried again at `due_at`. `error` is for the operator to read."""
        await self._change(entry, error=error, due_at=due_at)

    async def gave_up(self, entry: int, error: str, now: datetime) -> None:
        """It cannot be told, and is not tried again."""
        await self._change(entry, error=error, ended_at=now)

    async def purge(self, now: datetime) -> int:
        """Forget what ended longer ago than `REMEMBERED`; returns how many rows that were."""
        row = model.Notification
        async with self._store.writing() as session:
            gone = await session.execute(
                delete(row).where(row.ended_at < now - REMEMBERED).returning(row.id),
                execution_options={"synchronize_session": False},
            )
            return len(gone.all())

    async def waiting(self) -> int:
        """How many entries have not ended."""
        row = model.Notification
        async with self._store.reading() as session:
            return (await session.execute(select(func.count()).where(row.ended_at.is_(None)))).scalar_one()

    async def _change(self, entry: int, **values: Any) -> None:
        """One more attempt was made. What has ended stays so."""
        row = model.Notification
        async with self._store.writing() as session:
            await session.execute(
                update(row)
                .where(row.id == entry, row.ended_at.is_(None))
                .values(attempts=row.attempts + 1, **values)
            )


def _entry(row: model.Notification) -> Entry | None:
    try:
        news = msgspec.convert(row.payload, KINDS[row.event])
        return Entry(row.id, row.key, Channel(row.channel), news, row.created_at, row.attempts)
    except (KeyError, ValueError):
        return None
