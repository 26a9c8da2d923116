"""Who a called person sees and whom the network knows as calling (BEHAVIOUR I1 to I4, D2, D4, E2)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from b2bua.callplan.causes import Cause
from b2bua.callplan.classes import may_be_presented
from b2bua.callplan.journey import Diversion, Journey
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.settings import Customer, User
from b2bua.callplan.situation import Caller, Limits


@dataclass(frozen=True, slots=True)
class Identity:
    """The numbers of a call that leaves by a trunk, E.164 with a plus. They stay out of the repr (A3)."""

    presented: str | None = field(default=None, repr=False)
    """Goes into From."""
    network: str | None = field(default=None, repr=False)
    """Goes into P-Asserted-Identity."""
    withheld: bool = False
    """The caller is shown to nobody."""
    redirecting: str | None = field(default=None, repr=False)
    """The network number of the user who redirects; a trunk's profile may want it asserted instead (D4)."""
    diversions: tuple[Diversion, ...] = ()
    """What is told of the way of a redirected call."""
    dialled_shown: bool = False
    """The dialled number stands for the caller (D2), who then is in none of the other fields."""


def presented(user: User, customer: Customer, chosen: str | None = None) -> str | None:
    """The number that people outside see of a user: the one they picked, the presentation or default number.

    A number that is no longer theirs, or of a kind that is never presented, is passed over (I1 to I3).
    """
    if chosen in user.numbers and customer.users_override and _showable(chosen):
        return chosen
    if user.presentation_number in customer.numbers and _showable(user.presentation_number):
        return user.presentation_number
    return user.default_number


def outgoing(user: User, customer: Customer, caller: Caller) -> Identity:
    """How a user is shown outside (I2); the default number stays the network identity."""
    return Identity(presented(user, customer, caller.chosen), user.default_number, caller.withheld)


def in_emergency(user: User, customer: Customer, limits: Limits) -> Identity:
    """How the emergency services see a user: never withheld, and never as picked or presented (E2)."""
    number = user.default_number or customer.emergency_number or limits.emergency_number
    return Identity(number, number)


def redirected(
    by: User, caller: Caller, journey: Journey, numbering: Numbering, cause: Cause, *, present_dialled: bool
) -> Identity:
    """How a call looks that a user redirects to a number elsewhere (D2, D4); `caller` is who called them."""
    ours = by.default_number
    onward = diverted(journey, by, numbering, cause, present_dialled=present_dialled)
    if onward.presented is not None:
        dialled = onward.presented if onward.presented.startswith("+") else ours
        return Identity(dialled, ours, False, ours, onward.diversions, dialled_shown=True)
    calling = None if caller.user is None else numbering.users[caller.user]
    if calling is not None:
        shown = outgoing(calling, numbering.customer_of(calling), caller)
    else:
        shown = Identity(caller.number, caller.network, caller.withheld)
    return replace(shown, redirecting=ours, diversions=onward.diversions)


def diverted(
    journey: Journey, by: User, numbering: Numbering, cause: Cause, *, present_dialled: bool
) -> Journey:
    """The journey with one more redirect. With the dialled number presented, earlier ones are told to nobody (D2)."""
    entry = Diversion(by.default_number or by.extension, cause)
    if not present_dialled:
        return replace(journey, diversions=(*journey.diversions, entry))
    return replace(journey, diversions=(entry,), presented=_dialled(journey, by, numbering))


def seen_by(called: User, caller: Caller, journey: Journey, numbering: Numbering) -> Caller:
    """The caller as the called user sees them: by extension inside the customer, by number outside (I2, D2)."""
    if journey.presented is not None:
        return Caller(
            journey.presented,
            user=caller.user,
            customer=caller.customer,
            anonymous_code=caller.anonymous_code,
        )
    if caller.user is None:
        return caller
    calling = numbering.users[caller.user]
    inside = calling.customer == called.customer
    number = presented(calling, numbering.customer_of(calling), caller.chosen)
    return replace(
        caller,
        number=calling.extension if inside and calling.extension else number,
        name=calling.name,
        customer=calling.customer,
        network=calling.default_number,
    )


def _dialled(journey: Journey, by: User, numbering: Numbering) -> str:
    """What is presented as dialled: of an extension, the default number of the user who was called by it (D2)."""
    if journey.presented is not None or journey.dialled.startswith("+"):
        return journey.presented or journey.dialled
    first = numbering.users.get(journey.visited[0], by) if journey.visited else by
    return first.default_number or journey.dialled


def _showable(number: str | None) -> bool:
    return number is not None and may_be_presented(number)
