"""Leaving a message: greeting, beep, record until the caller hangs up, presses #, is silent, or the limit
(V2).

    greeting --played, #--> beep --played--> recording --limit, silence, full disk--> closing --recorded--> sending
        recording --#--> closing --recorded--> review --1, #, time-out--> sending --kept--> farewell --> hang up
        review --2--> listening --played--> review        review --3--> beep

Under the least sound that makes a message, # is taken for a mistake once: the caller hears so and begins again.
Until it is sent, a recording is one that was interrupted, should the host die; a caller who hangs up sends it.
A full mailbox and a full disk are announced instead. When the disk fills meanwhile, the message ends there, what was
recorded is kept, and the caller hears that the service is not available. When a worker is lost, the phase begins
again on the next one: a greeting from its start, a recording in a new part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from media.message import Occasion
from media.scripts.script import (
    Action,
    Answered,
    CutOff,
    Digit,
    End,
    Event,
    Failed,
    Forget,
    Gone,
    HangUp,
    Keep,
    Kept,
    Lost,
    Missing,
    Play,
    Played,
    Progress,
    Quiet,
    Record,
    Recorded,
    Recording,
    Sound,
    StopRecording,
    Wait,
    Why,
)


class Phase(StrEnum):
    """Where the caller is."""

    GREETING = "greeting"
    BEEP = "beep"
    RECORDING = "recording"
    CLOSING = "closing"
    TOO_SHORT = "too-short"
    REVIEW = "review"
    LISTENING = "listening"
    SENDING = "sending"
    FAREWELL = "farewell"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class Limits:
    """When a recording ends by itself, in seconds of recording and of silence; how much sound makes a message.

    `wait` is how long the caller is waited for who may review the message.
    """

    seconds: float = 180.0
    silence: float = 10.0
    min_sound: float = 2.0
    wait: float = 6.0


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

    greeting: tuple[Sound, ...]
    limits: Limits
    phase: Phase = Phase.GREETING
    farewell: str = "goodbye"
    why: Why = Why.HANGUP
    tries: int = 1

    @classmethod
    def refusal(cls, phrase: str, why: Why) -> Deposit:
        """The script for a caller who cannot leave a message and is told so."""
        return cls((), Limits(), Phase.FAREWELL, phrase, why)

    def step(self, event: Event) -> tuple[Deposit, tuple[Action, ...]]:
        """See `media.scripts.script.Script`."""
        match event, self.phase:
            case Answered(), _:
                return self, self._enter()
            case ((Played() | Missing() | Digit("#")), Phase.GREETING):
                return self._go(Phase.BEEP)
            case Played(), (Phase.TOO_SHORT | Phase.LISTENING as phase):
                return self._go(Phase.BEEP if phase is Phase.TOO_SHORT else Phase.REVIEW)
            case Played(), Phase.BEEP:
                return self._go(Phase.RECORDING)
            case Digit("#"), Phase.RECORDING:
                return self._close(Why.HASH)
            case Progress(seconds=seconds), Phase.RECORDING if seconds >= self.limits.seconds:
                return self._close(Why.LIMIT)
            case Progress(quiet=quiet), Phase.RECORDING if quiet >= self.limits.silence:
                return self._close(Why.SILENCE)
            case CutOff(), Phase.RECORDING:
                return self._close(Why.DISK_FULL)
            case Recorded(sound=sound), Phase.CLOSING if self.why is Why.HASH:
                return self._recorded(sound)
            case ((Recorded() | Lost()), Phase.CLOSING):
                return self._go(Phase.SENDING)
            case Played(), Phase.REVIEW:
                return self, (Wait(self.limits.wait),)
            case Digit(), (Phase.REVIEW | Phase.LISTENING):
                return self._reviewed(event.digit)
            case Quiet(), Phase.REVIEW:
                return self._go(Phase.SENDING)
            case Kept(stored=stored), Phase.SENDING:
                return replace(self, farewell=self._farewell(stored))._go(Phase.FAREWELL)
            case Played(), Phase.FAREWELL:
                return self._go(Phase.LEAVING)
            case Gone(), (Phase.REVIEW | Phase.LISTENING):
                return self, (Keep(), End(Why.HANGUP))
            case Gone(), (Phase.RECORDING | Phase.CLOSING):
                return self, (self._keep(), End(self.why))
            case Gone(), _:
                return self, (End(self.why),)
            case ((Failed() | Missing()), Phase.FAREWELL):
                return replace(self, why=Why.ERROR)._go(Phase.LEAVING)
            case ((Failed() | Missing()), phase) if phase is not Phase.LEAVING:
                why = self.why if self.why is Why.DISK_FULL else Why.ERROR
                following, actions = replace(self, farewell="unavailable", why=why)._go(Phase.FAREWELL)
                return following, actions if phase is Phase.SENDING else (Keep(), *actions)
            case _:
                return self, ()

    def _recorded(self, sound: float) -> tuple[Deposit, tuple[Action, ...]]:
        """The caller has ended the recording."""
        if sound >= self.limits.min_sound:
            return self._go(Phase.REVIEW)
        if self.tries == 1:
            return replace(self, tries=2, why=Why.HANGUP)._go(Phase.TOO_SHORT)
        return self._go(Phase.SENDING)

    def _reviewed(self, digit: str) -> tuple[Deposit, tuple[Action, ...]]:
        match digit:
            case "1" | "#":
                return self._go(Phase.SENDING)
            case "2":
                return self._go(Phase.LISTENING)
            case "3":
                return replace(self, why=Why.HANGUP)._go(Phase.BEEP)
            case _:
                return self._go(Phase.REVIEW)

    def _go(self, phase: Phase) -> tuple[Deposit, tuple[Action, ...]]:
        following = replace(self, phase=phase)
        return following, following._enter(keep=phase is Phase.SENDING)

    def _close(self, why: Why) -> tuple[Deposit, tuple[Action, ...]]:
        return replace(self, why=why)._go(Phase.CLOSING)

    def _farewell(self, stored: bool) -> str:
        """Who was cut off is not told that all of it was sent."""
        if self.why is Why.DISK_FULL:
            return "unavailable"
        return "message-sent" if stored and self.why is Why.HASH else "goodbye"

    def _keep(self) -> Keep:
        return Keep(cut_silent_end=self.why is Why.SILENCE)

    def _enter(self, keep: bool = False) -> tuple[Action, ...]:
        """What begins this phase; also what begins it again on another worker, where only `keep` is not repeated."""
        match self.phase:
            case Phase.GREETING:
                return (Play(self.greeting),)
            case Phase.BEEP:
                return (Forget(), Play(("beep",)))
            case Phase.RECORDING:
                return (Record(),)
            case Phase.CLOSING:
                return (StopRecording(),)
            case Phase.TOO_SHORT:
                return (Play(("greeting-too-short",)),)
            case Phase.REVIEW:
                return (Play(("review-menu",)),)
            case Phase.LISTENING:
                return (Play((Recording(),)),)
            case Phase.SENDING:
                return (self._keep(),) if keep else ()
            case Phase.FAREWELL:
                return (Play((self.farewell,)),)
            case Phase.LEAVING:
                return (HangUp(),)
