"""From what was dialled to the plan: the one entry that live calls and `ringplan explain` share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from b2bua.callplan.dialling import CalledUser, Destination, Emergency, dial
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.plan import Plan, decide, refuse, refuse_suspended
from b2bua.callplan.settings import User
from b2bua.callplan.situation import Caller, Limits, Situation


@dataclass(frozen=True, slots=True)
class Route:
    """What was dialled, and the plan for it."""

    destination: Destination
    plan: Plan


def route(
    dialled: str,
    caller: Caller,
    numbering: Numbering,
    situation: Callable[[User], Situation],
    limits: Limits,
) -> Route:
    """Plan a call. `situation` is asked once, for the called user, if the call reaches one.

    Raises KeyError for a caller whose user is not in the tables.
    """
    calling = None if caller.user is None else numbering.users[caller.user]
    customer = None if calling is None else numbering.customer_of(calling)
    destination = dial(dialled, customer, numbering)
    if not isinstance(destination, Emergency) and calling is not None and customer is not None:
        for party in (customer, calling):
            if party.suspended:
                return Route(destination, refuse_suspended(party.name))
    if not isinstance(destination, CalledUser):
        return Route(destination, refuse(destination))
    called = numbering.users[destination.user]
    plan = decide(called, numbering.customer_of(called), caller, situation(called), limits)
    return Route(destination, plan)
