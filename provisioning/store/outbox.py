"""The queue of what is to be told to users and to other systems: new messages and missed calls (BEHAVIOUR V5).

Whoever knows of an event puts it here in its own transaction; the notifier takes it out, at its own pace. One row an
event and channel: a mail server that is down delays no webhook. A row stays for a while after its end, so that an
event told twice is queued once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncSession

from b2bua.callplan.missed import Missed
from media.message import Caller, Message
from provisioning.store import model


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
