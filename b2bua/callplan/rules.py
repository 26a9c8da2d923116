"""The rules that decide a call to a user, in the order of BEHAVIOUR R; the first that applies wins.

A rule is a name and a function from what is asked to a verdict. The last one applies to every call.
"""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from b2bua.callplan.actions import NOT_ANSWERED, ActionSteps, course, to_number
from b2bua.callplan.causes import ANY, BUSY, UNANSWERED, Cause
from b2bua.callplan.hours import interval_at
from b2bua.callplan.question import Asked, Rule, Verdict
from b2bua.callplan.settings import Action, Treatment
from b2bua.callplan.steps import Announce, Announcement, Occasion, Reject, Ring, Step

_SUSPENDED = Reject(480, "Temporarily Unavailable")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _called_back(asked: Asked) -> Verdict:
    """Whoever was called for help can call back (E4)."""
    if not asked.situation.called_back:
        return Verdict("this does not call back after an emergency call")
    why = f"{asked.user.name} made an emergency call, and may be called back"
    return Verdict(why, (Ring(asked.user.id, asked.limits.keep_ringing, waits=True), NOT_ANSWERED))


def _suspended(asked: Asked) -> Verdict:
    if asked.customer.suspended:
        return Verdict(f"{asked.customer.name} is suspended", (_SUSPENDED,))
    if asked.user.suspended:
        return Verdict(f"{asked.user.name} is suspended", (_SUSPENDED,))
    return Verdict(f"neither {asked.user.name} nor {asked.customer.name} is suspended")


def _anonymous(asked: Asked) -> Verdict:
    caller = asked.caller
    if not asked.user.reject_anonymous:
        return Verdict("anonymous calls are not rejected")
    if not caller.withheld:
        return Verdict("anonymous calls are rejected, but this caller’s number is not withheld")
    if caller.customer == asked.user.customer:
        return Verdict(f"anonymous calls are rejected, but not those inside {asked.customer.name}")
    refusal = Reject(caller.anonymous_code, "Anonymity Disallowed", q850=24)
    why = f"{asked.user.name} rejects anonymous calls, and the caller’s number is withheld"
    return Verdict(why, (Announce(Announcement.ANONYMOUS), refusal))


def _permanent_redirect(asked: Asked) -> Verdict:
    number = asked.user.permanent_redirect
    if number is None:
        return Verdict("no permanent redirect is set")
    return _always(asked, Treatment(Action.NUMBER, number=number), f"all calls are redirected to {number}")


def _out_of_hours(asked: Asked) -> Verdict:
    """Devices ring for the delay first, if there is one and they can (O2)."""
    user = asked.user
    if not user.out_of_hours.enabled:
        return Verdict("out of hours is switched off")
    zone = user.timezone or asked.customer.timezone
    interval = interval_at(asked.situation.now, user.out_of_hours.intervals, zone)
    local = f"{asked.situation.now.astimezone(ZoneInfo(zone)):%A, %H:%M} in {zone},"
    if interval is None:
        return Verdict(f"out of hours is switched on, but on {local} {user.name} is available")
    until = "all day" if interval.start == interval.end else f"{interval.start:%H:%M} to {interval.end:%H:%M}"
    why = f"on {local} {user.name} is out of hours: {_WEEKDAYS[interval.weekday]}, {until}"
    treatment = user.out_of_hours.treatment
    then = course(asked, treatment, Cause.UNCONDITIONAL, Occasion.OUT_OF_HOURS, ANY)
    steps = then.whole
    if treatment.after > 0 and asked.situation.registered and not asked.situation.busy:
        steps = (_ring_for(asked, treatment.after), *steps)
    return Verdict(why + then.remark, steps)


def _always_redirect(asked: Asked) -> Verdict:
    for what, treatment in (("not answered", asked.user.not_answered), ("line busy", asked.user.busy)):
        if treatment.always and treatment.action is Action.NUMBER:
            return _always(asked, treatment, f"{what} always redirects to {treatment.number}")
    return Verdict("no redirect is marked always")


def _busy(asked: Asked) -> Verdict:
    """The caller waits for the line for the delay of the action; the engaged tone has none (B2)."""
    if not asked.situation.busy:
        return Verdict("the line is free")
    calls = asked.user.max_calls
    why = f"the line is busy: it takes {calls} {'call' if calls == 1 else 'calls'} at a time"
    then = _if_busy(asked)
    steps = then.whole
    after = min(asked.user.busy.after, asked.limits.max_unanswered)
    if after > 0 and asked.user.busy.action is not Action.ENGAGED_TONE:
        steps = (Ring(asked.user.id, after, queues=True, on=BUSY), *steps)
    return Verdict(why + then.remark, steps, Cause.BUSY)


def _unregistered(asked: Asked) -> Verdict:
    if asked.situation.registered:
        return Verdict("a device is registered")
    why = "no device is registered"
    if asked.user.not_answered.action is Action.KEEP_RINGING:
        return _keep_ringing(asked, why)
    then = _if_not_answered(asked, Cause.UNAVAILABLE)
    return Verdict(why + then.remark, then.whole, Cause.UNAVAILABLE)


def _ring(asked: Asked) -> Verdict:
    why = "no other rule applies"
    after = asked.user.not_answered.after
    if asked.user.not_answered.action is Action.KEEP_RINGING:
        return _keep_ringing(asked, why)
    then = _if_not_answered(asked, Cause.NO_ANSWER)
    if after <= 0:
        why += "; the devices ring for 0 seconds, that is not at all"
        return Verdict(why + then.remark, then.whole, Cause.NO_ANSWER)
    busy = _if_busy(asked)
    return Verdict(why + then.remark + busy.remark, (_ring_for(asked, after), *busy.if_busy, *then.whole))


def _keep_ringing(asked: Asked, why: str) -> Verdict:
    """Ring until the limit, whether or not a device is registered now (N1, R8)."""
    busy = _if_busy(asked)
    ring = Ring(asked.user.id, asked.limits.keep_ringing, waits=True)
    return Verdict(why + busy.remark, (ring, *busy.if_busy, NOT_ANSWERED))


def _ring_for(asked: Asked, seconds: float) -> Step:
    return Ring(asked.user.id, min(seconds, asked.limits.max_unanswered))


def _if_not_answered(asked: Asked, cause: Cause) -> ActionSteps:
    return course(asked, asked.user.not_answered, cause, Occasion.NO_ANSWER, UNANSWERED)


def _if_busy(asked: Asked) -> ActionSteps:
    return course(asked, asked.user.busy, Cause.BUSY, Occasion.BUSY, BUSY)


def _always(asked: Asked, treatment: Treatment, why: str) -> Verdict:
    then = to_number(asked, treatment, Cause.UNCONDITIONAL, Occasion.NO_ANSWER, ANY)
    return Verdict(why + then.remark, then.whole)


RULES: tuple[tuple[Rule, Callable[[Asked], Verdict]], ...] = (
    (Rule.EMERGENCY, _called_back),
    (Rule.SUSPENDED, _suspended),
    (Rule.ANONYMOUS, _anonymous),
    (Rule.PERMANENT_REDIRECT, _permanent_redirect),
    (Rule.OUT_OF_HOURS, _out_of_hours),
    (Rule.ALWAYS_REDIRECT, _always_redirect),
    (Rule.BUSY, _busy),
    (Rule.UNREGISTERED, _unregistered),
    (Rule.RING, _ring),
)
