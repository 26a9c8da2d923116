"""Where a call goes next: its hops, each with the plan that the pure rules make for it (BEHAVIOUR R10, N3, D7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from b2bua.callplan.causes import Cause
from b2bua.callplan.forecast import Prospect
from b2bua.callplan.hops import Hop, deflect, follow
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.plan import Plan
from b2bua.callplan.settings import User
from b2bua.callplan.situation import Caller, Limits, Situation
from b2bua.callplan.steps import Transfer

Look = Callable[[User, float], Situation]


class Itinerary:
    """The hops of one call, in order (its call history, RFC 7044).

    Settings and the time of day are those of its arrival. `look` sees a line as it is now.
    """

    __slots__ = ("_hops", "_look", "_taken", "limits", "numbering")

    def __init__(self, hops: Iterable[Hop], numbering: Numbering, look: Look, limits: Limits) -> None:
        """`hops` is the first hop, or all hops of a call that was answered before a restart."""
        self.numbering = numbering
        self.limits = limits
        self._look = look
        self._hops = list(hops)
        self._taken: list[Transfer | None] = [None] * (len(self._hops) - 1)

    @property
    def hops(self) -> tuple[Hop, ...]:
        """All hops so far."""
        return tuple(self._hops)

    @property
    def first(self) -> Hop:
        """Where the call came to first."""
        return self._hops[0]

    @property
    def present(self) -> Hop:
        """Where it is now."""
        return self._hops[-1]

    @property
    def who(self) -> Caller:
        """Who calls, as the present hop is to see it."""
        return self.present.caller

    @property
    def onward(self) -> Mapping[Transfer, Prospect]:
        """The hops that followed, each by the step that led to it; for explanations."""
        found: dict[Transfer, Prospect] = {}
        for step, hop in zip(reversed(self._taken), reversed(self._hops), strict=False):
            if step is not None:
                found = {step: Prospect(hop, found)}
        return found

    def follow(self, step: Transfer, cause: Cause, now: float) -> Plan:
        """Go on to another user. Returns the plan for what happens there."""
        at = self.present
        self._taken.append(step)
        self._hops.append(
            follow(step, cause, at.caller, at.journey, self.numbering, self._line(now), self.limits)
        )
        return self.present.plan

    def deflect(self, targets: Sequence[str], by: User, now: float) -> Plan:
        """Go on to whom a user's device names (302). Returns the plan for what happens there."""
        at = self.present
        self._taken.append(None)
        self._hops.append(
            deflect(targets, by, at.caller, at.journey, self.numbering, self._look(by, now), self.limits)
        )
        return self.present.plan

    def _line(self, now: float) -> Callable[[User], Situation]:
        return lambda user: self._look(user, now)
