"""The call plan and the pure function that makes it from settings, caller and situation.

The same function serves live calls, `ringplan explain` and the call log.
"""

from __future__ import annotations

from dataclasses import dataclass

from b2bua.callplan.causes import ANY, Cause
from b2bua.callplan.dialling import Unknown
from b2bua.callplan.question import Asked, Rule
from b2bua.callplan.rules import RULES
from b2bua.callplan.settings import User
from b2bua.callplan.steps import Portal, Reject, Step

_NOT_FOUND = Reject(404, "Not Found", q850=1)
_FORBIDDEN = Reject(403, "Forbidden", q850=21)
_NO_PORTAL = Reject(503, "Service Unavailable", q850=41)


@dataclass(frozen=True, slots=True)
class Considered:
    """A rule that was looked at, whether it applies, and why, in plain words."""

    rule: Rule
    applies: bool
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens to a call: the rule that won, all rules considered, and the steps in order.

    The walk begins with `cause`. The last step refuses the call on every cause, so that a walk cannot run out
    of steps; anything else raises ValueError.
    """

    rule: Rule
    considered: tuple[Considered, ...]
    steps: tuple[Step, ...]
    cause: Cause = Cause.UNCONDITIONAL

    def __post_init__(self) -> None:
        last = self.steps[-1] if self.steps else None
        if not isinstance(last, Reject) or last.on != ANY:
            raise ValueError("the last step of a plan must refuse the call on every cause")


def decide(asked: Asked) -> Plan:
    """Decide one hop: what becomes of a call that comes to a user (BEHAVIOUR R)."""
    considered = []
    for rule, judge in RULES:
        verdict = judge(asked)
        considered.append(Considered(rule, verdict.applies, verdict.why))
        if verdict.applies:
            break
    return Plan(rule, tuple(considered), verdict.steps, verdict.cause)


def visit_portal(code: str, user: User) -> Plan:
    """Plan a user's call to the own mailbox by an access code (BEHAVIOUR W1)."""
    why = f"{code} is the access code of the voice portal"
    if not user.has_pin:
        why += f", but {user.name} has no PIN: it says so and lets nobody in"
    return Plan(Rule.PORTAL, (Considered(Rule.PORTAL, True, why),), (Portal(user.id), _NO_PORTAL))


def refuse_unknown(dialled: Unknown) -> Plan:
    """Plan the end of a call to nobody and nothing."""
    return refusal(Rule.UNKNOWN, dialled.why, _NOT_FOUND)


def refuse_suspended(name: str) -> Plan:
    """Plan the end of a call *from* a suspended user or customer, whose name is given (BEHAVIOUR P5)."""
    return refusal(Rule.SUSPENDED, f"{name} is suspended and may make emergency calls only", _FORBIDDEN)


def refusal(rule: Rule, why: str, step: Reject) -> Plan:
    """The plan that refuses a call by one rule."""
    return Plan(rule, (Considered(rule, True, why),), (step,))
