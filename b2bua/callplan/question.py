"""What the rules are asked, and the form of their answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from b2bua.callplan.causes import Cause
from b2bua.callplan.journey import Journey
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.settings import Customer, User
from b2bua.callplan.situation import Caller, Limits, Situation
from b2bua.callplan.steps import Step


class Rule(StrEnum):
    """The names of the rules, as `ringplan explain` and the call log write them."""

    EMERGENCY = "emergency"
    SUSPENDED = "suspended"
    ANONYMOUS = "anonymous"
    PERMANENT_REDIRECT = "permanent-redirect"
    OUT_OF_HOURS = "out-of-hours"
    ALWAYS_REDIRECT = "always-redirect"
    BUSY = "busy"
    UNREGISTERED = "unregistered"
    RING = "ring"
    LOOP = "loop"
    GONE = "gone"
    DEFLECTED = "deflected"
    PORTAL = "portal"
    INTERNAL = "internal"
    OUTBOUND = "outbound"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Asked:
    """The whole question of a hop: a caller comes to a user by a journey, in a situation, within limits."""

    user: User
    caller: Caller
    journey: Journey
    situation: Situation
    limits: Limits
    numbering: Numbering

    @property
    def customer(self) -> Customer:
        """The called user's."""
        return self.numbering.customer_of(self.user)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule's answer: `why` it applies or not and, if it does, the steps and the cause they begin with."""

    why: str
    steps: tuple[Step, ...] = ()
    cause: Cause = Cause.UNCONDITIONAL

    @property
    def applies(self) -> bool:
        """Whether the rule decides the call."""
        return bool(self.steps)
