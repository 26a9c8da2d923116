"""The PIN: asked for at the door, and chosen anew (W3, W4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from media.owners import PIN_DIGITS
from media.scripts.menu import TRIES, Phase
from media.scripts.place import Moved
from media.scripts.reading import MessageReading
from media.scripts.script import CheckPin, SetPin, Wait, Why


@dataclass(frozen=True, slots=True)
class PinQuestion(MessageReading):
    """A visit as a question for a PIN."""

    def _type(self, digit: str) -> Moved[Self]:
        """Another digit; the sixth submits."""
        typing = replace(self, typed=self.typed + digit, said=())
        if len(typing.typed) == PIN_DIGITS:
            return typing._submit()
        return typing, (Wait(self.limits.wait_digit),)

    def _submit(self) -> Moved[Self]:
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

    def _ask_again(self, problem: str, phase: Phase) -> Moved[Self]:
        """A PIN was no good: the third one ends the call, or the attempt to change it.

        Keys that were pressed behind it took it for right, so they are forgotten.
        """
        portal = replace(self, tries=self.tries + 1, proposed="", ahead="")
        if portal.tries < TRIES:
            return portal._prompt(phase, problem)
        if phase is Phase.PIN:
            return portal._leave("too-many-tries", Why.WRONG_PIN)
        return portal._prompt(Phase.MAIN, problem)
