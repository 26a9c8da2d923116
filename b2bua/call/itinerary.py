"""Where a call goes next: its hops, each with the plan that the pure rules make for it (BEHAVIOUR R10, N3, D7)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from b2bua.callplan.causes import Cause
from b2bua.callplan.hops import Hop, deflect, follow
from b2bua.callplan.journey import Journey
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.plan import Plan
from b2bua.callplan.settings import User
from b2bua.callplan.situation import Caller, Limits, Situation
from b2bua.callplan.steps import Transfer

Look = Callable[[User, float], Situation]


class Itinerary:
    """The hops of one call. Settings and the time of day are those of its arrival; `look` sees a line as it is now.

    `who` is the caller as the present hop sees it, `plans` what was planned for each hop so far.
    """

    __slots__ = ("_journey", "_look", "limits", "numbering", "plans", "who")

    def __init__(self, first: Hop, numbering: Numbering, look: Look, limits: Limits) -> None:
        self.who: Caller = first.caller
        self.plans: list[Plan] = [first.plan]
        self.numbering = numbering
        self.limits = limits
        self._journey: Journey = first.journey
        self._look = look

    @property
    def plan(self) -> Plan:
        """What is planned for the present hop."""
        return self.plans[-1]

    @property
    def visited(self) -> tuple[int, ...]:
        """The users that the call has come to."""
        return self._journey.visited

    def follow(self, step: Transfer, cause: Cause, now: float) -> Plan:
        """Go on to another user; returns what happens there."""
        return self._take(
            follow(
                step,
                cause,
                self.who,
                self._journey,
                self.numbering,
                lambda user: self._look(user, now),
                self.limits,
            )
        )

    def deflect(self, target: str, by: User, now: float) -> Plan:
        """A device of a user says to call somebody else (302); returns what happens then."""
        return self._take(
            deflect(
                target,
                by,
                self.who,
                self._journey,
                self.numbering,
                lambda user: self._look(user, now),
                self.limits,
            )
        )

    def _take(self, hop: Hop) -> Plan:
        self.who, self._journey = hop.caller, hop.journey
        self.plans.append(hop.plan)
        return hop.plan
