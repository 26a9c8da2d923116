"""The vocabulary of scripts: what a script is told and what it asks for, and what every script can do.

A script is a frozen value. `step(event)` returns the script as it goes on and the actions to carry out, in
order; it knows neither sockets nor files nor the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, Self


class Why(StrEnum):
    """Why a session ended."""

    HANGUP = "hangup"
    HASH = "hash"
    LIMIT = "limit"
    SILENCE = "silence"
    FULL = "full"
    UNUSED = "unused"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Answered:
    """The caller is connected to a worker: at the beginning, and again after a worker was lost."""


@dataclass(frozen=True, slots=True)
class Played:
    """Everything asked for has been played."""


@dataclass(frozen=True, slots=True)
class Digit:
    """The caller pressed one of 0-9 * #."""

    digit: str


@dataclass(frozen=True, slots=True)
class Progress:
    """The recording goes on: its whole length and how long it has been quiet, in seconds."""

    seconds: float
    quiet: float


@dataclass(frozen=True, slots=True)
class Recorded:
    """The recording that was to stop is complete on disk."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker died; the caller comes back with Answered, or not at all (Gone)."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The call is over."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The worker could not do what it was asked."""


Event = Answered | Played | Digit | Progress | Recorded | Lost | Gone | Failed


@dataclass(frozen=True, slots=True)
class Play:
    """Play these phrases of the catalogue, one after the other."""

    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """Record the caller into a new part."""


@dataclass(frozen=True, slots=True)
class StopRecording:
    """Close the part; Recorded follows."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Make a message of what was recorded; `cut_silent_end` where silence ended it."""

    cut_silent_end: bool = False


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call; Gone follows."""


@dataclass(frozen=True, slots=True)
class End:
    """The session is over."""

    why: Why


Action = Play | Record | StopRecording | Keep | HangUp | End


class Script(Protocol):
    """What the host needs of a script."""

    def step(self, event: Event) -> tuple[Self, tuple[Action, ...]]:
        """The script after this event, and what is to be done now."""
        ...
