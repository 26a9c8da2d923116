"""The voice portal: a user hears what is in the mailbox, records greetings, changes the PIN (W1 to W5).

What the keys do stands in `media.scripts.menu`; this is the machine that carries the table out. `place` holds where
the caller is, `reading` the messages, `pin_question` the PINs. When a worker is lost, what was being said begins again
on the next one, a message where it was. An answer that is on its way meanwhile is not asked for twice, so no PIN is
tried twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from media.owners import PinVerdict
from media.scripts.menu import (
    AHEAD,
    AHEAD_KEYS,
    HELPS,
    KEYS,
    PROMPTS,
    REFUSALS,
    Do,
    Key,
    Phase,
)
from media.scripts.pin_question import PinQuestion
from media.scripts.script import (
    Action,
    Answered,
    Arrival,
    Arrive,
    CutOff,
    Digit,
    Done,
    End,
    Event,
    Failed,
    Forget,
    Gone,
    Greeting,
    HangUp,
    Lost,
    Missing,
    Open,
    Opened,
    PinChecked,
    PinSet,
    Play,
    Played,
    Progress,
    Quiet,
    Record,
    Recorded,
    Recording,
    RemoveGreeting,
    StopRecording,
    UseGreeting,
    Wait,
    Why,
)
from media.scripts.walk import Part

Step = tuple["Portal", tuple[Action, ...]]


@dataclass(frozen=True, slots=True)
class Portal(PinQuestion):
    """One visit."""

    def step(self, event: Event) -> Step:
        """See `media.scripts.script.Script`."""
        match event, self.phase:
            case Gone(), _:
                portal, saving = self._left_message()
                return replace(portal, phase=Phase.LEFT), (*saving, End(self.why))
            case _, Phase.LEFT:
                return self, (HangUp(),) if isinstance(event, Answered) else ()
            case Answered(), _:
                return self._again()
            case Lost(), _:
                return self._lost(event)
            case Digit(), _:
                return self._pressed(event)
            case Played(), _:
                return self._played()
            case Quiet(), phase if phase in PROMPTS:
                if self.helps + 1 == HELPS:
                    return self._leave("goodbye", Why.SILENCE)
                return replace(self, helps=self.helps + 1)._prompt()
            case Missing(), Phase.MESSAGE:
                return self._next()
            case Missing(), Phase.GREETING:
                return self._prompt(Phase.GREETING, "standard-greeting")
            case ((Missing() | Failed()), Phase.LEAVING):
                return replace(self, phase=Phase.LEFT), (HangUp(),)
            case ((Missing() | Failed()), _):
                return self._leave("unavailable", Why.ERROR)
            case Progress(), Phase.RECORDING if (
                event.seconds >= self.limits.greeting_seconds or event.quiet >= self.limits.greeting_silence
            ):
                return self._await(Phase.CLOSING, StopRecording())
            case CutOff(), Phase.RECORDING:
                return self._leave("unavailable", Why.DISK_FULL)
            case Recorded(), Phase.CLOSING:
                return self._recorded(event)
            case ((Arrival() | PinChecked() | Opened() | Done() | PinSet()), _):
                portal, actions = self._learned(event)
                return portal._press_kept(actions)
            case _:
                return self, ()

    # What the callers' side brings

    def _again(self) -> Step:
        """The caller is there, for the first time or on another worker."""
        if self.phase is Phase.ARRIVING:
            return self, (Arrive(),)
        if self.said:
            forget = (Forget(),) if self.phase is Phase.INSTRUCTION else ()
            return self, (*forget, Play(self.said, self.start))
        return self._prompt() if self.phase in PROMPTS else (self, ())

    def _lost(self, lost: Lost) -> Step:
        """The worker died. A message goes on where it was; the recording of a greeting begins again."""
        match self.phase:
            case Phase.MESSAGE if self.walk.part is Part.SOUND:
                return replace(self, start=lost.at), ()
            case Phase.BEEP | Phase.RECORDING | Phase.CLOSING:
                return self._say(Phase.INSTRUCTION, "record-greeting")[0], ()
            case _:
                return self, ()

    def _played(self) -> Step:
        """What was said is over."""
        match self.phase:
            case Phase.MESSAGE:
                return self._heard_part()
            case Phase.INSTRUCTION:
                return self._say(Phase.BEEP, "beep")
            case Phase.BEEP:
                return self._await(Phase.RECORDING, Record())
            case Phase.LEAVING:
                return replace(self, phase=Phase.LEFT), (HangUp(),)
            case phase if phase in PROMPTS:
                return self, (Wait(self.limits.wait),)
            case _:
                return self, ()

    def _recorded(self, recorded: Recorded) -> Step:
        if recorded.sound < self.limits.greeting_min_seconds:
            portal, actions = self._prompt(Phase.GREETING, "greeting-too-short")
            return portal, (Forget(), *actions)
        return self._prompt(Phase.REVIEW)

    # What the users' side answers; an answer to a question that is no longer open is of no interest

    def _learned(self, answer: Arrival | PinChecked | Opened | Done | PinSet) -> Step:
        match answer, self.phase:
            case Arrival(owner=owner), Phase.ARRIVING if owner is None or not owner.has_pin:
                return self._leave("no-pin", Why.NO_PIN)
            case Arrival(locked=True), Phase.ARRIVING:
                return self._leave("pin-locked", Why.LOCKED)
            case Arrival(owner=owner), Phase.ARRIVING:
                return replace(self, owner=owner)._prompt(Phase.PIN)
            case PinChecked(verdict=PinVerdict.RIGHT), Phase.CHECKING:
                return self._await(Phase.OPENING, Open())
            case PinChecked(verdict=PinVerdict.WRONG), Phase.CHECKING:
                return self._ask_again("pin-wrong", Phase.PIN)
            case PinChecked(), Phase.CHECKING:
                return self._leave("pin-locked", Why.LOCKED)
            case Opened(), Phase.OPENING:
                return self._opened(answer)
            case Done(), Phase.CHANGING:
                return self._prompt(Phase.GREETING, self.outcome)
            case PinSet(problem=None), Phase.SETTING:
                return self._prompt(Phase.MAIN, "pin-changed")
            case PinSet(problem=problem), Phase.SETTING if problem is not None:
                return self._ask_again(REFUSALS[problem], Phase.NEW_PIN)
            case _:
                return self, ()

    # Keys

    def _pressed(self, digit: Digit) -> Step:
        if self.phase in AHEAD:
            return self._kept(digit.digit), ()
        key = KEYS.get((self.phase, digit.digit))
        if key is None:
            if self.phase not in PROMPTS:
                return self, ()
            return replace(self, helps=0)._prompt(self.phase, "not-possible")
        return replace(self, helps=0)._carry_out(key, digit)

    def _kept(self, key: str) -> Portal:
        """With a key that came before a prompt. A # that comes first only ends what was typed before it."""
        if len(self.ahead) == AHEAD_KEYS or (key == "#" and not self.ahead):
            return self
        return replace(self, ahead=self.ahead + key)

    def _press_kept(self, actions: tuple[Action, ...]) -> Step:
        """Press the kept keys after these actions. Some may be kept again, for the next prompt."""
        portal = replace(self, ahead="")
        for key in self.ahead:
            portal, more = portal._pressed(Digit(key))
            actions += more
        return portal, actions

    def _carry_out(self, key: Key, digit: Digit) -> Step:
        """What this line of the table says."""
        match key.do:
            case Do.GO:
                return self._go(key.then)
            case Do.TYPE:
                return self._type(digit.digit)
            case Do.CLEAR:
                return replace(self, typed="", said=()), (Wait(self.limits.wait),)
            case Do.SUBMIT:
                return self._submit()
            case Do.NEW_MESSAGES:
                return replace(self, wanted="new")._await(key.then, Open())
            case Do.SAVED_MESSAGES:
                return replace(self, wanted="saved")._await(key.then, Open())
            case Do.LEAVE:
                return self._leave("goodbye", Why.HASH)
            case Do.NO_ANSWER | Do.BUSY | Do.OUT_OF_HOURS:
                return replace(self, occasion=key.do.value)._prompt(key.then)
            case Do.HEAR:
                return self._say(key.then, Greeting(self.occasion), PROMPTS[key.then])
            case Do.STANDARD:
                changing = replace(self, outcome="greeting-removed")
                return changing._await(key.then, RemoveGreeting(self.occasion))
            case Do.STOP:
                return self._await(key.then, StopRecording())
            case Do.HEAR_NEW:
                return self._say(key.then, Recording(), PROMPTS[key.then])
            case Do.USE:
                changing = replace(self, outcome="greeting-saved")
                return changing._await(key.then, UseGreeting(self.occasion))
            case _:
                return self._with_message(key.do, digit.at)

    def _go(self, phase: Phase) -> Step:
        """On to another phase, with what is said there."""
        portal, saves = self._left_message()
        match phase:
            case Phase.INSTRUCTION:
                portal, actions = portal._say(phase, "record-greeting")
                return portal, (Forget(), *actions)
            case Phase.BEEP:
                return portal._say(phase, "beep")
            case Phase.MAIN:
                portal = replace(portal, walk=portal.walk.end(), proposed="")
            case Phase.NEW_PIN:
                portal = replace(portal, tries=0)
        portal, actions = portal._prompt(phase)
        return portal, (*saves, *actions)
