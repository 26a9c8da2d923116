"""From what was dialled to the first hop: the one entry that live calls and `ringplan explain` share."""

from __future__ import annotations

from dataclasses import replace

from b2bua.callplan.dialling import Access, CalledUser, Elsewhere, Emergency, ServiceCode, Unknown, dial
from b2bua.callplan.hops import Hop, LookAt, arrive
from b2bua.callplan.journey import Diversion, Journey
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.outbound import call_elsewhere, call_for_help, refuse_internal, refuse_loop
from b2bua.callplan.permission import why_not_call
from b2bua.callplan.plan import refuse_suspended, refuse_unknown, visit_portal
from b2bua.callplan.situation import Caller, Limits


def route(
    dialled: str,
    caller: Caller,
    numbering: Numbering,
    situation: LookAt,
    limits: Limits,
    diversions: tuple[Diversion, ...] = (),
    visited: tuple[int, ...] = (),
    called_back: int | None = None,
) -> Hop:
    """Plan a call from what was dialled. `situation` is asked once, for the called user, if there is one.

    `diversions` are the redirects that an incoming call has been through already. `visited` are the users it
    had come to where it is one of ours that left and comes back (D7). `called_back` is the user whose
    emergency call showed the number that an incoming call is for: it is theirs now, whoever has it otherwise
    (E4). Raises KeyError for a caller whose user is not in the tables.
    """
    calling = None if caller.user is None else numbering.users[caller.user]
    customer = None if calling is None else numbering.customer_of(calling)
    found = dial(dialled, customer, numbering, limits.codes)
    destination = found.destination
    if called_back is not None and called_back in numbering.users:
        destination = CalledUser(called_back, dialled)
    if found.withhold is not None:
        caller = replace(caller, withheld=found.withhold)
    journey = Journey(dialled, visited, diversions)
    if calling is not None and isinstance(destination, Emergency):
        return Hop(journey, caller, call_for_help(destination, calling, numbering, limits))
    if calling is not None and customer is not None:
        for party in (customer, calling):
            if party.suspended:
                return Hop(journey, caller, refuse_suspended(party.name))
    match destination:
        case CalledUser(user, reached):
            journey = replace(journey, dialled=reached)
            if user in visited:
                return Hop(journey, caller, refuse_loop(numbering.users[user].name))
            if calling is not None and (why := why_not_call(destination, calling, numbering)):
                return Hop(journey, caller, refuse_internal(why))
            return arrive(numbering.users[user], caller, journey, numbering, situation, limits)
        case Access(code) if calling is not None:
            plan = visit_portal(code, calling)
        case Elsewhere() | ServiceCode() if calling is not None:
            plan = call_elsewhere(destination, calling, caller, numbering, limits)
        case Unknown():
            plan = refuse_unknown(destination)
        case _:
            plan = refuse_unknown(Unknown(f"{dialled} is a number that only users call"))
    return Hop(journey, caller, plan)
