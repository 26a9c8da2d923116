"""From what was dialled to the plan: the one entry that live calls and `ringplan explain` share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from b2bua.callplan.dialling import CalledUser, Destination, Elsewhere, Emergency, Service, Unknown, dial
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.outbound import call_elsewhere, call_for_help
from b2bua.callplan.plan import Plan, decide, refuse_suspended, refuse_unknown
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
    match destination:
        case CalledUser(user):
            called = numbering.users[user]
            plan = decide(called, numbering.customer_of(called), caller, situation(called), limits)
        case Emergency() if calling is not None:
            plan = call_for_help(destination, calling, numbering, limits)
        case Elsewhere() | Service() if calling is not None:
            plan = call_elsewhere(destination, calling, caller, numbering, limits)
        case Unknown():
            plan = refuse_unknown(destination)
        case _:
            plan = refuse_unknown(Unknown(f"{dialled} is a number that only users call"))
    return Route(destination, plan)
