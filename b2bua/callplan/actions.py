"""What the configured actions come to as steps: voicemail, another user, another number, the engaged tone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from b2bua.callplan.causes import BUSY, Cause
from b2bua.callplan.dialling import CalledUser, Elsewhere, Unknown
from b2bua.callplan.identity import redirected
from b2bua.callplan.journey import MOST_DIVERSIONS, Journey
from b2bua.callplan.permission import redirect_target, why_not_call
from b2bua.callplan.question import Asked
from b2bua.callplan.settings import Action, Treatment, User
from b2bua.callplan.steps import (
    Announce,
    Announcement,
    Dial,
    EngagedTone,
    Occasion,
    Reject,
    Step,
    Transfer,
    Voicemail,
)

ENGAGED = Reject(486, "Busy Here", q850=17)
NOT_ANSWERED = Reject(480, "Temporarily Unavailable", q850=19)
AS_THERE = replace(NOT_ANSWERED, as_elsewhere=True)
"""How a redirect to a number ends: as the far end said, and with 480 where it said nothing (N4)."""
LOOP = Reject(482, "Loop Detected", q850=25)


@dataclass(frozen=True, slots=True)
class ActionSteps:
    """The steps of an action and the refusal with which they end; `remark` says why it is not as configured."""

    steps: tuple[Step, ...]
    end: Reject = NOT_ANSWERED
    remark: str = ""

    @property
    def whole(self) -> tuple[Step, ...]:
        """All of it, as the end of a plan."""
        return (*self.steps, self.end)

    @property
    def if_busy(self) -> tuple[Step, ...]:
        """All of it, where other steps follow for other causes."""
        if self.steps and isinstance(self.steps[-1], Transfer):
            return self.steps
        return (*self.steps, replace(self.end, on=BUSY))


def course(
    asked: Asked, treatment: Treatment, cause: Cause, occasion: Occasion, on: frozenset[Cause]
) -> ActionSteps:
    """What an action does on these causes. `cause` is the reason that a redirect gives (D5)."""
    user = asked.user
    match treatment.action:
        case Action.VOICEMAIL:
            return ActionSteps((Voicemail(user.id, occasion, on),), ENGAGED if on == BUSY else NOT_ANSWERED)
        case Action.USER:
            return _to_user(asked, treatment, cause, occasion, on)
        case Action.NUMBER:
            return to_number(asked, treatment, cause, occasion, on)
        case _:
            return ActionSteps((EngagedTone(asked.limits.engaged_tone, on),), ENGAGED)


def to_number(
    asked: Asked, treatment: Treatment, cause: Cause, occasion: Occasion, on: frozenset[Cause]
) -> ActionSteps:
    """A redirect to a number, with what it announces before (N4, D1); judged as if dialled now (D8)."""
    user, present = asked.user, treatment.present_dialled_number
    match redirect_target(treatment.number or "", user, asked.numbering, asked.limits):
        case Unknown(why):
            return _failed(user, why, occasion, on)
        case CalledUser(called, number):
            step: Step = Transfer(user.id, called, number, present, _reason(cause), on)
        case Elsewhere(number):
            if is_long(asked.journey):
                return replace(_failed(user, _LONG, occasion, on), end=LOOP)
            identity = redirected(
                user, asked.caller, asked.journey, asked.numbering, cause, present_dialled=present
            )
            step = Dial(number, identity, asked.limits.redirect, by=user.id, on=on)
    announced = (Announce(Announcement.REDIRECTING, on),) if treatment.announce else ()
    return ActionSteps((*announced, step), AS_THERE)


def _to_user(
    asked: Asked, treatment: Treatment, cause: Cause, occasion: Occasion, on: frozenset[Cause]
) -> ActionSteps:
    user, target = asked.user, treatment.user
    known = asked.numbering.users.get(target) if target is not None else None
    if target is None or target == user.id or (known is not None and known.customer != user.customer):
        return _failed(user, f"another user of {asked.customer.name} is needed", occasion, on)
    if known is not None and (why := why_not_call(CalledUser(known.id, ""), user, asked.numbering)):
        return _failed(user, why, occasion, on)
    return ActionSteps((Transfer(user.id, target, reason=_reason(cause), on=on),))


def has_voicemail(user: User) -> bool:
    """Whether any of the user's actions is voicemail; that of out of hours counts while it is switched on (D9)."""
    actions = [user.not_answered.action, user.busy.action]
    if user.out_of_hours.enabled:
        actions.append(user.out_of_hours.treatment.action)
    return Action.VOICEMAIL in actions


def mailbox(user: User, occasion: Occasion, on: frozenset[Cause]) -> tuple[Step, ...]:
    """A user's voicemail if it is on, for calls that can go nowhere else (D7, D9)."""
    return (Voicemail(user.id, occasion, on),) if has_voicemail(user) else ()


def is_long(journey: Journey) -> bool:
    """Whether a call has been redirected as often as it may (D7)."""
    return len(journey.diversions) >= MOST_DIVERSIONS or len(journey.visited) > MOST_DIVERSIONS


_LONG = f"the call has been redirected {MOST_DIVERSIONS} times already"


def _failed(user: User, why: str, occasion: Occasion, on: frozenset[Cause]) -> ActionSteps:
    steps = mailbox(user, occasion, on)
    instead = "voicemail takes the call" if steps else "the call ends"
    return ActionSteps(steps, NOT_ANSWERED, f"; the redirect fails, so {instead}: {why}")


def _reason(cause: Cause) -> Cause | None:
    """Said for a redirect without condition only: what else it is, the call's cause tells better."""
    return cause if cause is Cause.UNCONDITIONAL else None
