"""The rules that decide a call, in the order of BEHAVIOUR R; the first that applies wins.

A rule is a name and a function from what is asked to a verdict. The last one applies to every call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from b2bua.callplan.causes import BUSY, UNANSWERED, Cause
from b2bua.callplan.settings import Action, Customer, Treatment, User
from b2bua.callplan.situation import Caller, Limits, Situation
from b2bua.callplan.steps import EngagedTone, Occasion, Reject, Ring, Step, Voicemail

_ENGAGED = Reject(486, "Busy Here", q850=17)
_ENGAGED_IF_BUSY = Reject(486, "Busy Here", q850=17, on=BUSY)
_NO_ANSWER = Reject(480, "Temporarily Unavailable", q850=19)
_SUSPENDED = Reject(480, "Temporarily Unavailable")


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
    OUTBOUND = "outbound"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Asked:
    """The whole question: a caller calls a user of a customer, in a situation, within limits."""

    user: User
    customer: Customer
    caller: Caller
    situation: Situation
    limits: Limits


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


def _suspended(asked: Asked) -> Verdict:
    if asked.customer.suspended:
        return Verdict(f"{asked.customer.name} is suspended", (_SUSPENDED,))
    if asked.user.suspended:
        return Verdict(f"{asked.user.name} is suspended", (_SUSPENDED,))
    return Verdict(f"neither {asked.user.name} nor {asked.customer.name} is suspended")


def _busy(asked: Asked) -> Verdict:
    if not asked.situation.busy:
        return Verdict("the line is free")
    calls = asked.user.max_calls
    why = f"the line is busy: it takes {calls} {'call' if calls == 1 else 'calls'} at a time"
    return Verdict(why + _busy_remark(asked), (_busy_action(asked), _ENGAGED), Cause.BUSY)


def _unregistered(asked: Asked) -> Verdict:
    if asked.situation.registered:
        return Verdict("a device is registered")
    why = "no device is registered"
    if asked.user.not_answered.action is Action.VOICEMAIL:
        return Verdict(why, (_voicemail(asked), _NO_ANSWER), Cause.UNAVAILABLE)
    return Verdict(why + _keep_ringing_remark(asked), _keep_ringing(asked))


def _ring(asked: Asked) -> Verdict:
    why = "no other rule applies"
    treatment = asked.user.not_answered
    if treatment.action is not Action.VOICEMAIL:
        return Verdict(why + _keep_ringing_remark(asked), _keep_ringing(asked))
    if treatment.after <= 0:
        why += "; the devices ring for 0 seconds, that is not at all"
        return Verdict(why, (_voicemail(asked), _NO_ANSWER), Cause.NO_ANSWER)
    ring = Ring(asked.user.id, min(treatment.after, asked.limits.max_unanswered))
    steps = (ring, _voicemail(asked), _busy_action(asked), _ENGAGED_IF_BUSY, _NO_ANSWER)
    return Verdict(why + _busy_remark(asked), steps)


def _keep_ringing(asked: Asked) -> tuple[Step, ...]:
    """Ring until the limit, whether or not a device is registered now (N1, R8)."""
    ring = Ring(asked.user.id, asked.limits.keep_ringing, waits=True)
    return (ring, _busy_action(asked), _ENGAGED_IF_BUSY, _NO_ANSWER)


def _voicemail(asked: Asked) -> Step:
    return Voicemail(asked.user.id, Occasion.NO_ANSWER, on=UNANSWERED)


def _busy_action(asked: Asked) -> Step:
    if asked.user.busy.action is Action.VOICEMAIL:
        return Voicemail(asked.user.id, Occasion.BUSY, on=BUSY)
    return EngagedTone(asked.limits.engaged_tone)


def _keep_ringing_remark(asked: Asked) -> str:
    unheeded = _unheeded("not answered", asked.user.not_answered, "the devices keep ringing")
    return unheeded + _busy_remark(asked)


def _busy_remark(asked: Asked) -> str:
    treatment = asked.user.busy
    if treatment.action is Action.VOICEMAIL and treatment.after > 0:
        return "; the delay of line busy does not act yet, so voicemail follows at once"
    return _unheeded("line busy", treatment, "the caller to a busy line hears the engaged tone")


def _unheeded(what: str, treatment: Treatment, instead: str) -> str:
    """Say plainly that a configured redirect does not act yet; nothing for an action that does."""
    if treatment.action not in (Action.USER, Action.NUMBER):
        return ""
    return f"; {what} is set to redirect to another {treatment.action}, which does not act yet, so {instead}"


def _stored(is_set: Callable[[User], bool], on: str, off: str) -> Callable[[Asked], Verdict]:
    """A rule whose setting is kept but decides nothing yet: it never applies, and says so where it is set."""
    return lambda asked: Verdict(f"{on}, but this does not act yet" if is_set(asked.user) else off)


RULES: tuple[tuple[Rule, Callable[[Asked], Verdict]], ...] = (
    (Rule.SUSPENDED, _suspended),
    (
        Rule.ANONYMOUS,
        _stored(
            lambda user: user.reject_anonymous,
            on="anonymous calls are to be rejected",
            off="anonymous calls are not rejected",
        ),
    ),
    (
        Rule.PERMANENT_REDIRECT,
        _stored(
            lambda user: user.permanent_redirect is not None,
            on="a permanent redirect is set",
            off="no permanent redirect is set",
        ),
    ),
    (
        Rule.OUT_OF_HOURS,
        _stored(
            lambda user: user.out_of_hours.enabled,
            on="out of hours is switched on",
            off="out of hours is switched off",
        ),
    ),
    (
        Rule.ALWAYS_REDIRECT,
        _stored(
            lambda user: user.not_answered.always or user.busy.always,
            on="a redirect is marked always",
            off="no redirect is marked always",
        ),
    ),
    (Rule.BUSY, _busy),
    (Rule.UNREGISTERED, _unregistered),
    (Rule.RING, _ring),
)
