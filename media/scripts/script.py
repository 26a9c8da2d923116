"""The vocabulary of scripts: what a script is told and what it asks for, and what every script can do.

A script is a frozen value. `step(event)` returns the script as it goes on and the actions to carry out, in
order; it knows neither sockets nor files nor the time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self

from media.message import Message, State
from media.owners import Owner, PinProblem, PinVerdict


class Why(StrEnum):
    """Why a session ended."""

    HANGUP = "hangup"
    HASH = "hash"
    LIMIT = "limit"
    SILENCE = "silence"
    FULL = "full"
    DISK_FULL = "disk-full"
    NO_PIN = "no-pin"
    WRONG_PIN = "wrong-pin"
    LOCKED = "locked"
    UNUSED = "unused"
    ERROR = "error"


# What can be heard


@dataclass(frozen=True, slots=True)
class Stored:
    """The sound of a message, by its id."""

    message: str


@dataclass(frozen=True, slots=True)
class Greeting:
    """The user's own greeting that callers hear on this occasion."""

    occasion: str


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded in this session."""


Sound = str | Stored | Greeting | Recording
"""A phrase of the catalogue, by its id, or one of the above."""


# What a script is told


@dataclass(frozen=True, slots=True)
class Answered:
    """The caller is connected to a worker: at the beginning, and again after a worker was lost."""


@dataclass(frozen=True, slots=True)
class Played:
    """Everything asked for has been played."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What was to be played is not there, or no longer."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """The worker was asked for nothing else as long as was to be waited."""


@dataclass(frozen=True, slots=True)
class Digit:
    """The caller pressed one of 0-9 * # when what is being played had come `at` seconds far."""

    digit: str = field(repr=False)
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """The recording goes on: its whole length and how long it has been quiet, in seconds."""

    seconds: float
    quiet: float


@dataclass(frozen=True, slots=True)
class CutOff:
    """The disk takes no more of the recording; what it took is there."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The recording that was to stop is complete on disk; from its first sound to its last are `sound` seconds."""

    sound: float


@dataclass(frozen=True, slots=True)
class Kept:
    """What was recorded is a message on disk, or (not `stored`) had too little sound in it."""

    stored: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """Whose mailbox it is (`None`: nobody's any more), and whether wrong PINs have locked it."""

    owner: Owner | None
    locked: bool


@dataclass(frozen=True, slots=True)
class PinChecked:
    """What came of a PIN."""

    verdict: PinVerdict


@dataclass(frozen=True, slots=True)
class PinSet:
    """The new PIN is in force, or why not."""

    problem: PinProblem | None


@dataclass(frozen=True, slots=True)
class Opened:
    """The messages in the mailbox, oldest first, and the time now (aware)."""

    messages: tuple[Message, ...]
    now: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """What was asked has been done: a message is where it should be, a greeting is in force or gone."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker died when it had played `at` seconds; Answered follows when the caller is back, or Gone."""

    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Gone:
    """The call is over."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Something that was asked cannot be done: by the worker, on disk, or on the users' side."""


Answer = Kept | Arrival | PinChecked | PinSet | Opened | Done | Failed
Event = Answered | Played | Missing | Quiet | Digit | Progress | CutOff | Recorded | Lost | Gone | Answer


# What a script asks of the worker


@dataclass(frozen=True, slots=True)
class Play:
    """Play these one after the other, in place of what is playing, from `start` seconds after their beginning."""

    sounds: tuple[Sound, ...]
    start: float = 0.0


@dataclass(frozen=True, slots=True)
class Wait:
    """Be silent; Quiet follows after so many seconds, unless the worker is asked for anything else before."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Record:
    """Record the caller into a new part."""


@dataclass(frozen=True, slots=True)
class StopRecording:
    """Close the part; Recorded follows."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop what was recorded."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call; Gone follows."""


@dataclass(frozen=True, slots=True)
class End:
    """The session is over."""

    why: Why


# What a script asks of the mailbox and of the users' side: an answer follows each, or Failed


@dataclass(frozen=True, slots=True)
class Keep:
    """Make a message of what was recorded; `cut_silent_end` where silence ended it. Kept follows."""

    cut_silent_end: bool = False


@dataclass(frozen=True, slots=True)
class Arrive:
    """Look whose mailbox it is; Arrival follows."""


@dataclass(frozen=True, slots=True)
class CheckPin:
    """Try this PIN; PinChecked follows."""

    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SetPin:
    """Set this PIN; PinSet follows."""

    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Open:
    """See what messages there are; Opened follows."""


@dataclass(frozen=True, slots=True)
class Save:
    """A new message becomes a saved one. Done follows, also if it was not there."""

    message: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a message, so that it can be restored until the session ends. Done follows."""

    message: str


@dataclass(frozen=True, slots=True)
class Restore:
    """Bring a deleted message back among those of a state. Done follows."""

    message: str
    state: State


@dataclass(frozen=True, slots=True)
class UseGreeting:
    """What was recorded becomes the greeting for this occasion. Done follows."""

    occasion: str


@dataclass(frozen=True, slots=True)
class RemoveGreeting:
    """Go back to the system's greeting for this occasion. Done follows."""

    occasion: str


Errand = Keep | Arrive | CheckPin | SetPin | Open | Save | Delete | Restore | UseGreeting | RemoveGreeting
Action = Play | Wait | Record | StopRecording | Forget | HangUp | End | Errand


class Script(Protocol):
    """What the host needs of a script."""

    def step(self, event: Event) -> tuple[Self, tuple[Action, ...]]:
        """The script after this event, and what is to be done now."""
        ...
