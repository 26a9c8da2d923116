"""Where a caller is in the voice portal, what is being said there, and how one phase leads to another."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self, TypeVar

from media.message import State
from media.owners import Owner
from media.scripts.menu import PROMPTS, Phase, PortalLimits
from media.scripts.script import Action, Play, Sound, Why
from media.scripts.spoken import Language
from media.scripts.walk import MessageWalk, Part

_Place = TypeVar("_Place", bound="MenuPlace")
Moved = tuple[_Place, tuple[Action, ...]]
"""Where the caller is then, and what is to be done."""


@dataclass(frozen=True, slots=True)
class MenuPlace:
    """The state of one visit.

    `said` is what is being said, `start` from where: nothing while an answer is awaited. `typed` are the digits of a
    PIN so far, `ahead` are keys that wait for a prompt, `proposed` is a new PIN that waits to be repeated. `wanted`
    says which messages were asked for, `now` when; `occasion` which greeting is dealt with, and `outcome` what is said
    when that has been done.
    """

    language: Language = field(repr=False)
    limits: PortalLimits
    phase: Phase = Phase.ARRIVING
    owner: Owner | None = None
    said: tuple[Sound, ...] = ()
    start: float = 0.0
    typed: str = field(default="", repr=False)
    ahead: str = field(default="", repr=False)
    proposed: str = field(default="", repr=False)
    tries: int = 0
    helps: int = 0
    wanted: State | None = None
    walk: MessageWalk = field(default_factory=MessageWalk)
    now: datetime | None = None
    occasion: str = ""
    outcome: str = ""
    why: Why = Why.HANGUP

    def _prompt(self, phase: Phase | None = None, *first: Sound) -> Moved[Self]:
        """Say what can be done in a phase (this one), after what is to be said `first`."""
        phase = phase or self.phase
        portal = replace(self, walk=self.walk.at(Part.MENU)) if phase is Phase.MESSAGE else self
        return portal._say(phase, *first, PROMPTS[phase])

    def _say(self, phase: Phase, *sounds: Sound, start: float = 0.0) -> Moved[Self]:
        return replace(self, phase=phase, said=sounds, start=start, typed=""), (Play(sounds, start),)

    def _await(self, phase: Phase, action: Action) -> Moved[Self]:
        return replace(self, phase=phase, said=()), (action,)
