"""The voice portal: a user hears what is in the mailbox, records greetings, changes the PIN (W1 to W5).

What the keys do stands in `media.scripts.menu`; this is the machine that carries the table out. What was
decided stands. A message is saved or deleted at once. A new one that was heard to its end becomes a saved one
when the caller goes on from it, or hangs up. When a worker is lost, what was being said begins again on the
next one, a message where it was. An answer that is on its way meanwhile is not asked for twice, so no PIN is
tried twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from media.message import State
from media.owners import PIN_DIGITS, Owner, PinVerdict
from media.scripts.menu import (
    HELPS,
    JUMP_SECONDS,
    KEYS,
    PROMPTS,
    REFUSALS,
    TRIES,
    Do,
    Key,
    Phase,
    PortalLimits,
)
from media.scripts.script import (
    Action,
    Answered,
    Arrival,
    Arrive,
    CheckPin,
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
    SetPin,
    Sound,
    StopRecording,
    Stored,
    UseGreeting,
    Wait,
    Why,
)
from media.scripts.spoken import Language
from media.scripts.walk import MessageWalk, Part

Step = tuple["Portal", tuple[Action, ...]]

SECRET = frozenset({Phase.PIN, Phase.NEW_PIN, Phase.REPEAT_PIN})
"""Where digits are typed."""


@dataclass(frozen=True, slots=True)
class Portal:
    """One visit.

    `said` is what is being said, `start` from where: nothing while an answer is awaited. `typed` are the digits of a
    PIN so far, `proposed` is a new one that waits to be repeated. `wanted` says which messages were asked for, `now`
    when; `occasion` which greeting is dealt with, and `outcome` what is said when that has been done.
    """

    language: Language = field(repr=False)
    limits: PortalLimits
    phase: Phase = Phase.ARRIVING
    owner: Owner | None = None
    said: tuple[Sound, ...] = ()
    start: float = 0.0
    typed: str = field(default="", repr=False)
    proposed: str = field(default="", repr=False)
    tries: int = 0
    helps: int = 0
    wanted: State | None = None
    walk: MessageWalk = field(default_factory=MessageWalk)
    now: datetime | None = None
    occasion: str = ""
    outcome: str = ""
    why: Why = Why.HANGUP

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
                return self._learned(event)
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

    def _opened(self, opened: Opened) -> Step:
        if self.wanted is None:
            new = sum(message.state == "new" for message in opened.messages)
            counts = self.language.counts(new, len(opened.messages) - new)
            return self._prompt(Phase.MAIN, *counts)
        messages = tuple(message for message in opened.messages if message.state == self.wanted)
        if not messages:
            return self._prompt(Phase.MAIN, f"no-{self.wanted}-messages")
        return replace(self, walk=self.walk.through(messages), now=opened.now)._begin_message()

    # Keys

    def _pressed(self, digit: Digit) -> Step:
        key = KEYS.get((self.phase, digit.digit))
        if key is None:
            if self.phase not in PROMPTS:
                return self, ()
            return replace(self, helps=0)._prompt(self.phase, "not-possible")
        return replace(self, helps=0)._carry_out(key, digit)

    def _carry_out(self, key: Key, digit: Digit) -> Step:
        """What this line of the table says."""
        match key.do:
            case Do.GO:
                return self._go(key.then)
            case Do.TYPE:
                typing = replace(self, typed=self.typed + digit.digit, said=())
                if len(typing.typed) == PIN_DIGITS:
                    return typing._submit()
                return typing, (Wait(self.limits.wait),)
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

    def _with_message(self, do: Do, at: float) -> Step:
        """What a key does with the message that is heard; `at` is how far its sound had come, if that was heard."""
        message = self.walk.current
        match do:
            case Do.RESTORE if not self.walk.deleted:
                return self._prompt(self.phase, "nothing-to-restore")
            case Do.RESTORE:
                walk, changes = self.walk.restore()
                portal = replace(self, walk=walk)
                portal, actions = (
                    portal._begin_message("message-restored")
                    if walk.current == self.walk.deleted[-1]
                    else portal._prompt(self.phase, "message-restored")
                )
                return portal, (*changes, *actions)
            case Do.SAVE:
                walk, saves = self.walk.save()
                portal, actions = replace(self, walk=walk)._next("message-saved")
                return portal, (*saves, *actions)
            case Do.DELETE:
                walk, deletes = self.walk.delete()
                portal, actions = replace(self, walk=walk)._next("message-deleted")
                return portal, (*deletes, *actions)
            case Do.SKIP:
                return self._next()
            case Do.REPEAT:
                return self._sound(0.0)
            case _:
                length = message.seconds if message is not None else 0.0
                reached = {Part.HEAD: 0.0, Part.SOUND: at, Part.MENU: length}[self.walk.part]
                return self._sound(reached + (JUMP_SECONDS if do is Do.FORWARD else -JUMP_SECONDS))

    # Messages

    def _begin_message(self, *first: Sound) -> Step:
        """Say whose message it is and when it came, after what is to be said `first`."""
        message = self.walk.current
        if message is None:
            return self._prompt(Phase.MAIN, *first, "no-more-messages")
        assert self.owner is not None
        assert self.now is not None
        envelope, zone = message.envelope, ZoneInfo(self.owner.timezone)
        head = (
            "message-new" if message.state == "new" else "message-saved-one",
            *self.language.received(envelope.received, self.now, zone),
            *self.language.caller(envelope.caller, self.owner.country),
        )
        return replace(self, walk=self.walk.at(Part.HEAD))._say(Phase.MESSAGE, *first, *head)

    def _sound(self, start: float) -> Step:
        """Play the message from there on; behind its end it has been heard."""
        message = self.walk.current
        assert message is not None
        if start >= message.seconds:
            return replace(self, walk=self.walk.heard_to_end())._prompt()
        portal = replace(self, walk=self.walk.at(Part.SOUND))
        return portal._say(Phase.MESSAGE, Stored(message.id), start=max(0.0, start))

    def _heard_part(self) -> Step:
        """A part of the message is over: on to the next one."""
        match self.walk.part:
            case Part.HEAD:
                return self._sound(0.0)
            case Part.SOUND:
                return replace(self, walk=self.walk.heard_to_end())._prompt()
            case Part.MENU:
                return self, (Wait(self.limits.wait),)

    def _next(self, *first: Sound) -> Step:
        """Leave the message for the next one."""
        portal, saves = self._left_message()
        portal, actions = replace(portal, walk=portal.walk.next())._begin_message(*first)
        return portal, (*saves, *actions)

    def _left_message(self) -> Step:
        if self.phase is not Phase.MESSAGE:
            return self, ()
        walk, saves = self.walk.leave()
        return replace(self, walk=walk), saves

    # PINs

    def _submit(self) -> Step:
        """Six digits were typed, or # after fewer."""
        pin, portal = self.typed, replace(self, typed="")
        if len(pin) != PIN_DIGITS:
            return portal._ask_again("pin-length", Phase.PIN if self.phase is Phase.PIN else Phase.NEW_PIN)
        match self.phase:
            case Phase.PIN:
                return portal._await(Phase.CHECKING, CheckPin(pin))
            case Phase.NEW_PIN:
                return replace(portal, proposed=pin)._prompt(Phase.REPEAT_PIN)
            case _ if pin != self.proposed:
                return portal._ask_again("pin-mismatch", Phase.NEW_PIN)
            case _:
                return replace(portal, proposed="")._await(Phase.SETTING, SetPin(pin))

    def _ask_again(self, problem: str, phase: Phase) -> Step:
        """A PIN was no good: the third one ends the call, or the attempt to change it."""
        portal = replace(self, tries=self.tries + 1, proposed="")
        if portal.tries < TRIES:
            return portal._prompt(phase, problem)
        if phase is Phase.PIN:
            return portal._leave("too-many-tries", Why.WRONG_PIN)
        return portal._prompt(Phase.MAIN, problem)

    # From one phase to another

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

    def _prompt(self, phase: Phase | None = None, *first: Sound) -> Step:
        """Say what can be done in a phase (this one), after what is to be said `first`."""
        phase = phase or self.phase
        portal = replace(self, walk=self.walk.at(Part.MENU)) if phase is Phase.MESSAGE else self
        return portal._say(phase, *first, PROMPTS[phase])

    def _say(self, phase: Phase, *sounds: Sound, start: float = 0.0) -> Step:
        return replace(self, phase=phase, said=sounds, start=start, typed=""), (Play(sounds, start),)

    def _await(self, phase: Phase, action: Action) -> Step:
        return replace(self, phase=phase, said=()), (action,)

    def _leave(self, farewell: str, why: Why) -> Step:
        portal, saves = self._left_message()
        portal, actions = replace(portal, why=why)._say(Phase.LEAVING, farewell)
        return portal, (*saves, *actions)
