"""A call's hops: each user that it comes to, with the plan there.

The settings of all hops are those of one `Numbering`; the situation is asked when a hop begins (BEHAVIOUR R10).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from b2bua.callplan.actions import LOOP, NOT_ANSWERED, is_long, mailbox, to_number
from b2bua.callplan.causes import ANY, Cause
from b2bua.callplan.identity import diverted, seen_by
from b2bua.callplan.journey import Journey
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.plan import Considered, Plan, decide
from b2bua.callplan.question import Asked, Rule
from b2bua.callplan.settings import Action, Treatment, User
from b2bua.callplan.situation import Caller, Limits, Situation
from b2bua.callplan.steps import Occasion, Step, Transfer

LookAt = Callable[[User], Situation]
"""How a user's line is, asked when a hop begins."""


@dataclass(frozen=True, slots=True)
class Hop:
    """Where a call has come to: its way so far, the caller as they are seen here, and the plan.

    `arrived`: it came to a `user` by this hop; otherwise the plan is the end, or another course, of what was before.
    """

    journey: Journey
    caller: Caller
    plan: Plan
    arrived: bool = False

    @property
    def user(self) -> int | None:
        """The user whom the call has come to; `None` where nobody here was called."""
        return self.journey.visited[-1] if self.journey.visited else None


def arrive(
    user: User, caller: Caller, journey: Journey, numbering: Numbering, situation: LookAt, limits: Limits
) -> Hop:
    """Plan what becomes of a call that comes to a user; it has visited them from now on."""
    journey = replace(journey, visited=(*journey.visited, user.id))
    seen = seen_by(user, caller, journey, numbering)
    asked = Asked(user, seen, journey, situation(user), limits, numbering)
    return Hop(journey, seen, decide(asked), arrived=True)


def follow(
    step: Transfer,
    cause: Cause,
    caller: Caller,
    journey: Journey,
    numbering: Numbering,
    situation: LookAt,
    limits: Limits,
) -> Hop:
    """Plan the hop that a redirect to a user leads to. `cause` is the call's when the step begins."""
    by = numbering.users[step.by]
    target = numbering.users.get(step.user)
    if target is None or target.suspended or numbering.customer_of(target).suspended:
        first = numbering.users.get(journey.visited[0], by) if journey.visited else by
        gone = "a user who was deleted" if target is None else f"{target.name}, who is suspended"
        why = f"{by.name} redirects to {gone}"
        return Hop(journey, caller, _instead(Rule.GONE, why, first, cause, NOT_ANSWERED))
    if target.id in journey.visited:
        why = f"{by.name} redirects to {target.name}, where this call has been before"
        return Hop(journey, caller, _instead(Rule.LOOP, why, by, cause, LOOP))
    if is_long(journey):
        why = f"{by.name} redirects to {target.name}, but the call has been redirected too often"
        return Hop(journey, caller, _instead(Rule.LOOP, why, by, cause, LOOP))
    onward = diverted(
        journey, by, numbering, step.reason or cause, present_dialled=step.present_dialled_number
    )
    return arrive(target, caller, onward, numbering, situation, limits)


def deflect(
    targets: Sequence[str],
    by: User,
    caller: Caller,
    journey: Journey,
    numbering: Numbering,
    situation: Situation,
    limits: Limits,
) -> Hop:
    """Plan what a user's phone asks for by a 302: a redirect to the targets, as if the user had dialled them.

    A target is an extension or a number; there is at least one. They are tried in their order, up to the first that
    is a user here, whose rules then apply. One that the user may not call is passed over. Where that goes for all,
    voicemail takes the call if it is on.
    """
    asked = Asked(by, caller, journey, situation, limits, numbering)
    ways = [
        to_number(
            asked, Treatment(Action.NUMBER, number=target), Cause.UNCONDITIONAL, Occasion.NO_ANSWER, ANY
        )
        for target in dict.fromkeys(targets)
    ]
    open_ways = [way for way in ways if not way.remark]
    steps: list[Step] = []
    for way in open_ways or ways[:1]:
        steps += way.steps
        if any(isinstance(step, Transfer) for step in way.steps):
            break
    end = (open_ways or ways)[0].end
    why = f"a device of {by.name} redirects the call" + "".join(way.remark for way in ways)
    return Hop(journey, caller, Plan(Rule.DEFLECTED, (Considered(Rule.DEFLECTED, True, why),), (*steps, end)))


def _instead(rule: Rule, why: str, whose: User, cause: Cause, end: Step) -> Plan:
    """The voicemail that takes a call which cannot go on, if it is on, else the refusal (D7, D9)."""
    occasion = Occasion.BUSY if cause is Cause.BUSY else Occasion.NO_ANSWER
    steps = mailbox(whose, occasion, ANY)
    instead = f"the voicemail of {whose.name} takes the call" if steps else "the call ends"
    return Plan(rule, (Considered(rule, True, f"{why}, so {instead}"),), (*steps, end), cause)
