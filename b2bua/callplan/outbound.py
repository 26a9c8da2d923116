"""Plans for calls that leave by a trunk: who may call what, and who is shown as calling (BEHAVIOUR E, I5, I6).

Only users call out; what a trunk brings never reaches this (`dialling.dial`).
"""

from __future__ import annotations

from b2bua.callplan.actions import LOOP
from b2bua.callplan.causes import NOT_ANSWERED
from b2bua.callplan.classes import destination_class
from b2bua.callplan.dialling import Elsewhere, Emergency, ServiceCode
from b2bua.callplan.identity import Identity, in_emergency, outgoing
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.permission import why_not_call
from b2bua.callplan.plan import Considered, Plan, refusal
from b2bua.callplan.question import Rule
from b2bua.callplan.settings import User
from b2bua.callplan.situation import Caller, Limits
from b2bua.callplan.steps import Dial, Reject

_NO_TRUNK = Reject(503, "Service Unavailable", q850=34)
_NO_ROUTE = Reject(404, "Not Found", q850=3)
_TOO_MANY = Reject(503, "Service Unavailable", q850=42)
_BARRED = Reject(403, "Forbidden", q850=21)
_NOT_ANSWERED = Reject(480, "Temporarily Unavailable", q850=19, on=NOT_ANSWERED, as_elsewhere=True)
_FAILED = Reject(503, "Service Unavailable", q850=34, as_elsewhere=True)


def call_elsewhere(
    destination: Elsewhere | ServiceCode, user: User, caller: Caller, numbering: Numbering, limits: Limits
) -> Plan:
    """Plan a user's call to a number that nobody here has, or to a public service."""
    customer = numbering.customer_of(user)
    match destination:
        case Elsewhere(number):
            if not numbering.trunks:
                why = (
                    f"nobody here has the number {number}, and there is no trunk to carry the call elsewhere"
                )
                return refusal(Rule.OUTBOUND, why, _NO_ROUTE)
            kind = destination_class(number, customer.country)
            why = f"{number} is a {kind} number elsewhere, and {customer.name} may call such numbers"
        case ServiceCode(number):
            if not numbering.trunks:
                why = f"{number} is a service number, but there is no trunk to carry the call"
                return refusal(Rule.OUTBOUND, why, _NO_TRUNK)
            why = f"{number} is a service number"
    if why_not := why_not_call(destination, user, numbering):
        return refusal(Rule.OUTBOUND, why_not, _BARRED)
    return _dialled(Rule.OUTBOUND, why, number, outgoing(user, customer, caller), limits)


def refuse_internal(why: str) -> Plan:
    """Plan the end of a call to somebody here whom the caller may not call (BEHAVIOUR I5, I6)."""
    return refusal(Rule.INTERNAL, why, _BARRED)


def refuse_loop(name: str) -> Plan:
    """Plan the end of a call of ours that comes back from outside to a user it has been to (BEHAVIOUR D7)."""
    return refusal(Rule.LOOP, f"this call has been to {name} before it came back from outside", LOOP)


def refuse_too_many() -> Plan:
    """Plan the end of a call by a customer who has sent out as many calls in a minute as may be."""
    why = "the customer has made as many calls elsewhere in this minute as it may"
    return refusal(Rule.OUTBOUND, why, _TOO_MANY)


def call_for_help(destination: Emergency, user: User, numbering: Numbering, limits: Limits) -> Plan:
    """Plan an emergency call: no setting stands in its way (BEHAVIOUR E1)."""
    code = destination.code
    if not numbering.trunks:
        why = f"{code} is an emergency number, but there is no trunk to carry the call"
        return refusal(Rule.EMERGENCY, why, _NO_TRUNK)
    why = f"{code} is an emergency number"
    identity = in_emergency(user, numbering.customer_of(user), limits)
    return _dialled(Rule.EMERGENCY, why, code, identity, limits, emergency=True)


def _dialled(
    rule: Rule, why: str, number: str, identity: Identity, limits: Limits, *, emergency: bool = False
) -> Plan:
    dial = Dial(number, identity, limits.max_unanswered, emergency)
    return Plan(rule, (Considered(rule, True, why),), (dial, _NOT_ANSWERED, _FAILED))
