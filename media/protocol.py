"""What signalling and the media host say to each other, as values; JSON lines on the wire (see README.md).

Requests carry an `id` that the reply repeats. Session tokens are chosen by signalling: `[a-z0-9]{1,32}`.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from media.message import Caller, Occasion
from media.scripts.script import Why

TOKEN = re.compile(r"[a-z0-9]{1,32}")
DIGITS = frozenset("0123456789*#")


class BadRequest(ValueError):
    """A request that lacks a field or carries a wrong value; the text says which."""


class Service(StrEnum):
    """What a caller comes to a mailbox for: to leave a message, or to hear what is there."""

    DEPOSIT = "deposit"
    PORTAL = "portal"


@dataclass(frozen=True, slots=True)
class Reservation:
    """A place asked for: one caller about to visit `mailbox` (a user id).

    `call_id` is the caller's SIP Call-ID. Who leaves a message has come on an `occasion`, and is greeted with the
    `extension`; `caller` and `call_id` are kept with the message. The portal needs neither occasion nor extension.
    """

    session: str
    mailbox: int
    service: Service
    call_id: str
    caller: Caller
    occasion: Occasion | None = None
    extension: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As it stands on the wire."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Reservation:
        """From the wire; raises BadRequest."""
        session, extension = values.get("session"), values.get("extension")
        if not isinstance(session, str) or not TOKEN.fullmatch(session):
            raise BadRequest("session")
        if not isinstance(values.get("mailbox"), int):
            raise BadRequest("mailbox")
        if extension is not None and not (
            isinstance(extension, str) and extension.isascii() and extension.isdigit()
        ):
            raise BadRequest("extension")
        try:
            service = Service(str(values.get("service")))
            caller, call_id = Caller(**(values.get("caller") or {})), str(values.get("call_id", ""))
            for text in (call_id, caller.number, caller.name):
                (text or "").encode()  # JSON carries lone surrogates, files and databases do not
            return cls(
                session,
                values["mailbox"],
                service,
                call_id,
                caller,
                Occasion(str(values.get("occasion"))) if service is Service.DEPOSIT else None,
                extension,
            )
        except (ValueError, TypeError, AttributeError) as error:
            raise BadRequest(str(error)) from error


@dataclass(frozen=True, slots=True)
class Place:
    """Where to send the INVITE: the SIP address of a worker that expects the session."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class MessageStored:
    """A message is safe on disk; `seconds` is its length, `path` its WAV file."""

    session: str
    mailbox: int
    message: str
    seconds: float
    path: Path


@dataclass(frozen=True, slots=True)
class CountsChanged:
    """What a mailbox holds now (RFC 3842)."""

    mailbox: int
    new: int
    saved: int


@dataclass(frozen=True, slots=True)
class SessionLost:
    """The worker died under a session: ask to resume it, or release it."""

    session: str


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A session is over; its message, if it left one, was reported before."""

    session: str
    why: Why


@dataclass(frozen=True, slots=True)
class PoolStats:
    """How many workers there are, how many of them are idle, and how many sessions they hold."""

    workers: int
    spare: int
    sessions: int


Event = MessageStored | CountsChanged | SessionLost | SessionEnded | PoolStats

_NAMES: dict[type[Event], str] = {
    MessageStored: "message",
    CountsChanged: "counts",
    SessionLost: "lost",
    SessionEnded: "ended",
    PoolStats: "stats",
}
_TYPES = {name: kind for kind, name in _NAMES.items()}


def event_to_json(event: Event) -> dict[str, Any]:
    """An event as it stands on the wire."""
    values = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(event).items()}
    return {"event": _NAMES[type(event)], **values}


def event_from_json(values: dict[str, Any]) -> Event:
    """An event from the wire; raises BadRequest for one this version does not know."""
    fields = dict(values)
    kind = _TYPES.get(fields.pop("event", None))
    if kind is None:
        raise BadRequest(f"event {values.get('event')!r}")
    if kind is MessageStored:
        fields["path"] = Path(fields["path"])
    if kind is SessionEnded:
        fields["why"] = Why(fields["why"])
    return kind(**fields)
