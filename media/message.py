"""What is known of a voice message: who left it, when, on which occasion, and where it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal


class Occasion(StrEnum):
    """Why the caller was sent to the mailbox; each has its own greeting (V1)."""

    NO_ANSWER = "no-answer"
    BUSY = "busy"
    OUT_OF_HOURS = "out-of-hours"


State = Literal["new", "saved"]
STATES: tuple[State, ...] = ("new", "saved")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who left the message: E.164 number and name as presented. A withheld number is never kept (A3)."""

    number: str | None = None
    name: str | None = None
    withheld: bool = False

    def __post_init__(self) -> None:
        if self.withheld and (self.number or self.name):
            object.__setattr__(self, "number", None)
            object.__setattr__(self, "name", None)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is known before the first sound. `received` is aware, `occasion` as in a plan's step."""

    caller: Caller
    received: datetime
    call_id: str
    occasion: str


@dataclass(frozen=True, slots=True)
class Message:
    """A stored message. `seconds` is its length, `path` its WAV file; `incomplete` if a full disk cut it off."""

    id: str
    user: int
    state: State
    envelope: Envelope
    seconds: float
    path: Path
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages a mailbox holds (RFC 3842 counts them so)."""

    new: int
    saved: int


def envelope_to_json(envelope: Envelope) -> dict[str, Any]:
    """As it stands in a mailbox."""
    return asdict(envelope) | {"received": envelope.received.isoformat()}


def envelope_from_json(values: dict[str, Any]) -> Envelope:
    """From a mailbox; raises KeyError, TypeError or ValueError for what is none."""
    return Envelope(
        Caller(**values["caller"]),
        datetime.fromisoformat(values["received"]),
        values["call_id"],
        values["occasion"],
    )
