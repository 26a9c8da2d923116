"""Leaving a message: greeting, beep, record until the caller hangs up, presses #, is silent, or the limit
(V2).

    greeting --played, #--> beep --played--> recording --#, limit, silence--> closing --recorded--> farewell
    --> hang up

A full mailbox is announced instead. In every phase the caller may hang up; what was recorded is kept. When
a worker is lost, the phase begins again on the next one: a greeting from its start, a recording in a new
part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from media.scripts.script import (
    Action,
    Answered,
    Digit,
    End,
    Event,
    Failed,
    Gone,
    HangUp,
    Keep,
    Lost,
    Play,
    Played,
    Progress,
    Record,
    Recorded,
    StopRecording,
    Why,
)


class Occasion(StrEnum):
    """Why the caller was sent to the mailbox; each has its own greeting (V1)."""

    NO_ANSWER = "no-answer"
    BUSY = "busy"
    OUT_OF_HOURS = "out-of-hours"


class Phase(StrEnum):
    """Where the caller is."""

    GREETING = "greeting"
    BEEP = "beep"
    RECORDING = "recording"
    CLOSING = "closing"
    FAREWELL = "farewell"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class Limits:
    """When a recording ends by itself, in seconds of recording and of silence."""

    seconds: float = 180.0
    silence: float = 10.0


def greeting(occasion: Occasion, extension: str | None) -> tuple[str, ...]:
    """The phrases of the system's greeting; the extension is read digit by digit where the user has one."""
    digits = tuple(f"digit-{digit}" for digit in extension or "")
    match occasion:
        case Occasion.OUT_OF_HOURS if digits:
            opening = ("extension", *digits, "nobody-available")
        case Occasion.BUSY if digits:
            opening = ("person-at-extension", *digits, "is-on-the-phone")
        case Occasion.NO_ANSWER if digits:
            opening = ("person-at-extension", *digits, "is-unavailable")
        case _:
            opening = ("nobody-available",)
    return (*opening, "leave-message")


@dataclass(frozen=True, slots=True)
class Deposit:
    """One caller leaving one message. `why` is how it ends if nothing else happens first."""

    greeting: tuple[str, ...]
    limits: Limits
    mailbox_full: bool = False
    phase: Phase = Phase.GREETING
    farewell: tuple[str, ...] = ("goodbye",)
    why: Why = Why.HANGUP

    @classmethod
    def begin(cls, occasion: Occasion, extension: str | None, limits: Limits, mailbox_full: bool) -> Deposit:
        """The script for a call that is about to reach the worker."""
        if mailbox_full:
            return cls((), limits, True, Phase.FAREWELL, ("mailbox-full",), Why.FULL)
        return cls(greeting(occasion, extension), limits)

    def step(self, event: Event) -> tuple[Deposit, tuple[Action, ...]]:
        """See `media.scripts.script.Script`."""
        match event, self.phase:
            case Answered(), _:
                return self, self._enter()
            case (Played(), Phase.GREETING) | (Digit("#"), Phase.GREETING):
                return self._go(Phase.BEEP)
            case Played(), Phase.BEEP:
                return self._go(Phase.RECORDING)
            case Digit("#"), Phase.RECORDING:
                return self._close(Why.HASH)
            case Progress(seconds=seconds), Phase.RECORDING if seconds >= self.limits.seconds:
                return self._close(Why.LIMIT)
            case Progress(quiet=quiet), Phase.RECORDING if quiet >= self.limits.silence:
                return self._close(Why.SILENCE)
            case ((Recorded() | Lost()), Phase.CLOSING):
                following, actions = self._go(Phase.FAREWELL)
                kept = Keep(cut_silent_end=self.why is Why.SILENCE)
                return following, (kept, *(actions if isinstance(event, Recorded) else ()))
            case Played(), Phase.FAREWELL:
                return self._go(Phase.LEAVING)
            case Gone(), (Phase.RECORDING | Phase.CLOSING):
                return self, (Keep(cut_silent_end=self.why is Why.SILENCE), End(self.why))
            case Gone(), _:
                return self, (End(self.why),)
            case Failed(), (Phase.GREETING | Phase.BEEP | Phase.RECORDING | Phase.CLOSING):
                sorry = replace(self, farewell=("unavailable",), why=Why.ERROR)
                following, actions = sorry._go(Phase.FAREWELL)
                return following, (Keep(), *actions)
            case Failed(), Phase.FAREWELL:
                return replace(self, why=Why.ERROR)._go(Phase.LEAVING)
            case _:
                return self, ()

    def _go(self, phase: Phase) -> tuple[Deposit, tuple[Action, ...]]:
        following = replace(self, phase=phase)
        return following, following._enter()

    def _close(self, why: Why) -> tuple[Deposit, tuple[Action, ...]]:
        return replace(self, why=why)._go(Phase.CLOSING)

    def _enter(self) -> tuple[Action, ...]:
        """What begins this phase; also what begins it again on another worker."""
        match self.phase:
            case Phase.GREETING:
                return (Play(self.greeting),)
            case Phase.BEEP:
                return (Play(("beep",)),)
            case Phase.RECORDING:
                return (Record(),)
            case Phase.CLOSING:
                return (StopRecording(),)
            case Phase.FAREWELL:
                return (Play(self.farewell),)
            case Phase.LEAVING:
                return (HangUp(),)
