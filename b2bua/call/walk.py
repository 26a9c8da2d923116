"""The walk over a call plan: which step comes next, and how much unanswered time a call has left (R11).

Pure: `now` and `began` are monotonic seconds. A walk is frozen; moving on returns another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

from b2bua.callplan.causes import Cause
from b2bua.callplan.plan import Plan
from b2bua.callplan.responses import ends_search
from b2bua.callplan.situation import Limits
from b2bua.callplan.steps import Announce, Dial, EngagedTone, Ring, Step, Transfer


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a call is in its plan."""

    plan: Plan
    limits: Limits
    began: float
    """When the INVITE arrived; the same for all hops."""
    entered: float
    """When the present step began."""
    position: int
    cause: Cause
    """Why the present step was taken."""

    @property
    def step(self) -> Step:
        """The present step."""
        return self.plan.steps[self.position]

    @property
    def deadline(self) -> float:
        """When the present step must end, in monotonic seconds; infinite for a step without a time limit.

        A step ends with its own time, or with the call's if that is earlier.
        """
        match self.step:
            case Ring(seconds=seconds, waits=True):
                return min(self.entered + seconds, self.began + self.limits.keep_ringing)
            case Ring(seconds=seconds) | Dial(seconds=seconds) | EngagedTone(seconds=seconds):
                return min(self.entered + seconds, self.began + self.limits.max_unanswered)
            case _:
                return inf

    def seconds_left(self, now: float) -> float:
        """Return how long the present step may still last."""
        return self.deadline - now


_SEEKING = (Announce, Dial, Transfer)
"""The steps by which somebody else is called, where a call goes on from here."""


def announces(plan: Plan) -> bool:
    """Return whether a plan has an announcement (BEHAVIOUR M2)."""
    return any(isinstance(step, Announce) for step in plan.steps)


def next_step(plan: Plan, position: int, cause: Cause) -> tuple[int, Step] | None:
    """Return the next step after `position` that is tried on a cause, or `None` at the end of the plan.

    A position of -1 looks for the first step.
    """
    for later in range(position + 1, len(plan.steps)):
        if cause in plan.steps[later].on:
            return later, plan.steps[later]
    return None


def begin(plan: Plan, limits: Limits, now: float, began: float | None = None) -> Walk:
    """Take the first step of a plan. `began` is given for a later hop of a call that arrived earlier."""
    arrived = now if began is None else began
    return _enter(Walk(plan, limits, arrived, now, -1, plan.cause), now)


def advance(walk: Walk, now: float, cause: Cause | None = None, code: int | None = None) -> Walk:
    """Move on after the present step ended unanswered.

    `cause` is why ringing ended. A step that was played to its end, or could not be carried out, has none, and leaves
    the call's cause as it was. So does a redirect to a number. `code` is what was answered elsewhere: a 6xx speaks for
    all whom a phone's 302 names, and nobody else is sought then (RFC 3261 §16.7 step 5). Raises ValueError after the
    last step.
    """
    step = walk.step
    if isinstance(step, Dial) and step.by is not None:
        cause = None
    passed: tuple[type[Step], ...] = ()
    if isinstance(step, Dial) and code is not None and ends_search(code):
        passed = _SEEKING
    return _enter(replace(walk, cause=walk.cause if cause is None else cause), now, passed)


def _enter(walk: Walk, now: float, passed: tuple[type[Step], ...] = ()) -> Walk:
    """Go to the next step that is not to be `passed`. If no time is left, those that keep the caller waiting are."""
    if now >= walk.began + walk.limits.max_unanswered:
        passed = (*passed, Ring, Dial, EngagedTone)
    position = walk.position
    while (found := next_step(walk.plan, position, walk.cause)) is not None:
        position, step = found
        if not isinstance(step, passed):
            return replace(walk, position=position, entered=now)
    raise ValueError("the walk is over: the plan has no later step")
