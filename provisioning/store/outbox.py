"""The queue of what is to be told to users and to other systems: new messages and missed calls (BEHAVIOUR V5).

Whoever knows of an event puts it here in its own transaction; the notifier takes it out, at its own pace. One row an
event and channel: a mail server that is down delays no webhook. A row stays for a while after its end, so that an
event told twice is queued once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncSession

from b2bua.callplan.missed import Missed
from media.message import Caller, Message
from provisioning.store import model

if TYPE_CHECKING:
    from provisioning.store.store import Store  # which puts the calls missed into this queue

log = structlog.get_logger()

REMEMBERED = timedelta(days=30)
"""How long a row is kept after it has ended."""


class Channel(StrEnum):
    """A way to tell. Mail obeys the user's switches; a webhook hears of every event."""

    MAIL = "mail"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class VoicemailLeft:
    """A new message of `user`, by its id in the mailbox. When it is told of it may have been heard, or deleted."""

    event: ClassVar[str] = "voicemail"

    user: int
    message: str
    seconds: float
    received: datetime
    caller: Caller

    @classmethod
    def of(cls, message: Message) -> VoicemailLeft:
        """The event that a stored message is."""
        envelope = message.envelope
        return cls(message.user, message.id, message.seconds, envelope.received, envelope.caller)

    @property
    def key(self) -> str:
        """What is the same when the same event is told again."""
        return f"{self.event}:{self.user}:{self.message}"


@dataclass(frozen=True, slots=True)
class CallMissed:
    """A call that `user` missed. `caller` is who the user would have seen; `dialled` is E.164 or an extension."""

    event: ClassVar[str] = "missed-call"

    user: int
    call_id: str
    at: datetime
    caller: Caller
    dialled: str
    how: Missed

    @property
    def key(self) -> str:
        """What is the same when the same event is told again. A Call-ID is the caller's choice: it may come twice."""
        return f"{self.event}:{self.user}:{self.at.isoformat()}:{self.call_id}"


News = VoicemailLeft | CallMissed
KINDS: dict[str, type[News]] = {kind.event: kind for kind in (VoicemailLeft, CallMissed)}


@dataclass(frozen=True, slots=True)
class Entry:
    """A row that waits: what is to be told, by which channel, and how often that was tried in vain."""

    id: int
    key: str
    channel: Channel
    news: News
    created_at: datetime
    attempts: int


async def put(
    session: AsyncSession, news: Iterable[News], channels: Collection[Channel], now: datetime
) -> None:
    """Queue events, in the caller's transaction: one row a channel; what is queued already is left as it is.

    Mail is queued if the user's switch for the event is on now; nothing is for a user who was deleted.
    """
    if not (events := list(news)) or not channels:
        return
    wanted = await _switches(session, {event.user for event in events})
    rows = [
        {
            "key": f"{event.key}:{channel}",
            "channel": channel.value,
            "user_id": event.user,
            "event": event.event,
            "payload": msgspec.to_builtins(event),
            "created_at": now,
            "due_at": now,
            "attempts": 0,
        }
        for event in events
        if event.user in wanted
        for channel in channels
        if channel is not Channel.MAIL or event.event in wanted[event.user]
    ]
    if rows:
        await session.execute(insert(model.Notification).on_conflict_do_nothing(index_elements=["key"]), rows)


class Outbox:
    """The queue from the notifier's side. Each method is a transaction of its own."""

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


async def _switches(session: AsyncSession, users: Collection[int]) -> dict[int, set[str]]:
    """Of those that are not deleted and have an e-mail address, the events that they want mail about."""
    user = model.User
    found = await session.execute(
        select(user.id, user.notify_voicemail, user.notify_missed_call).where(
            user.id.in_(users), user.deleted_at.is_(None), user.email.is_not(None)
        )
    )
    return {
        number: {kind.event for kind, on in ((VoicemailLeft, voicemail), (CallMissed, missed_call)) if on}
        for number, voicemail, missed_call in found
    }


def _entry(row: model.Notification) -> Entry | None:
    try:
        news = msgspec.convert(row.payload, KINDS[row.event])
        return Entry(row.id, row.key, Channel(row.channel), news, row.created_at, row.attempts)
    except (KeyError, ValueError):
        return None
