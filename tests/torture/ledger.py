"""What the service has acknowledged, and therefore must still have after any kill."""

from __future__ import annotations

from dataclasses import dataclass, field

SAFE_AFTER = 1.0
"""Seconds after which an acknowledged registration is on disk."""
LOSABLE = 1.0
"""Seconds of sound that an interrupted recording may lose."""
MARGIN = 0.5
"""Seconds by which the test's own clock of a recording may be wrong: jitter, and where the beep ends."""


@dataclass
class Registered:
    """Whether one account is registered: the states that are possible by what was asked and acknowledged."""

    possible: set[bool] = field(default_factory=lambda: {False})
    before: set[bool] = field(default_factory=set)
    acknowledged_at: float = 0.0

    def asked(self, state: bool) -> None:
        """A REGISTER is on its way: from now on either may be true."""
        self.possible = self.possible | {state}

    def acknowledged(self, state: bool, now: float) -> None:
        """It was answered with 200."""
        if self.possible != {state}:
            self.before, self.acknowledged_at = self.possible, now
        self.possible = {state}

    def killed(self, now: float) -> None:
        """Signalling was killed: what it acknowledged within the last second may be lost."""
        if now - self.acknowledged_at < SAFE_AFTER:
            self.possible = self.possible | self.before


@dataclass(frozen=True)
class Deposited:
    """A caller heard the beep at `beep`, and spoke a tone of `hertz` until `until`; monotonic seconds.

    `others` is the share of the machine that others took meanwhile: so much of the sound may have broken up.
    """

    call_id: str
    email: str
    hertz: float
    beep: float
    until: float
    others: float = 0.0

    def shortest(self, kills: list[float]) -> float:
        """Seconds of sound that must be there: all of it, or as much as there was until the first kill."""
        interrupting = [kill for kill in kills if self.beep - 1 < kill < self.until + 1]
        if not interrupting:
            return (self.until - self.beep) * (1 - self.others) - MARGIN
        return (min(self.until, *interrupting) - self.beep) * (1 - self.others) - LOSABLE - MARGIN

    @property
    def longest(self) -> float:
        """Seconds of sound there can be."""
        return self.until - self.beep + MARGIN


@dataclass
class Kept:
    """Where one message may be, by what its owner was told: `new`, `saved`, or `gone`.

    A new message that was listened to may have become a saved one by itself.
    """

    possible: set[str] = field(default_factory=lambda: {"new"})
    before: set[str] = field(default_factory=set)
    found: bool = False
    """Whether its owner has heard it: then it was there, however short it came out."""

    def heard(self) -> None:
        """It is being listened to."""
        self.found = True
        self.maybe_heard()

    def maybe_heard(self) -> None:
        """It may be the one that is being listened to."""
        if "new" in self.possible:
            self.possible = self.possible | {"saved"}

    def asked(self, state: str) -> None:
        """A key was pressed that brings it there: from now on either may be true."""
        self.before, self.possible = self.possible, self.possible | {state}

    def acknowledged(self, state: str) -> None:
        """The owner heard that it is there."""
        self.possible = {state}

    def asked_back(self) -> None:
        """It was deleted, and a key was pressed that restores it."""
        self.possible = self.possible | self.before

    def restored(self) -> None:
        """The owner heard that it is back where it was before it was deleted."""
        self.possible = self.before


@dataclass
class Either:
    """Something that has one value: the values it may have, by what was asked and acknowledged."""

    possible: set[str]

    def asked(self, value: str) -> None:
        """It is to be this from now on, or still what it was."""
        self.possible = self.possible | {value}

    def acknowledged(self, value: str) -> None:
        """It is this."""
        self.possible = {value}
