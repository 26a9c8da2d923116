"""What a user may call, and redirect calls to (BEHAVIOUR I5, I6, D8)."""

from __future__ import annotations

from b2bua.callplan.classes import destination_class, is_directory_code
from b2bua.callplan.dialling import (
    Access,
    CalledUser,
    Elsewhere,
    Emergency,
    ServiceCode,
    Unknown,
    dial,
    without_separators,
)
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.settings import User
from b2bua.callplan.situation import Limits


def why_not_call(
    destination: CalledUser | Elsewhere | ServiceCode, user: User, numbering: Numbering
) -> str | None:
    """Why a user may not call this, in plain words; `None` where nothing is against it."""
    customer = numbering.customer_of(user)
    match destination:
        case CalledUser(called, _) if numbering.users[called].customer == user.customer:
            barred = "internal" not in customer.allowed_classes
            return f"the users of {customer.name} may not call each other" if barred else None
        case CalledUser(_, number) | Elsewhere(number):
            kind = destination_class(number, customer.country)
            if kind not in customer.allowed_classes:
                return f"{customer.name} may not call {kind} numbers: {number}"
        case ServiceCode(code) if is_directory_code(code) and "premium" not in customer.allowed_classes:
            return f"{customer.name} may not call premium numbers: {code}"
    if user.default_number is None:
        return f"{user.name} has no number, and so may call inside {customer.name} and in an emergency only"
    return None


def redirect_target(
    text: str, by: User, numbering: Numbering, limits: Limits
) -> CalledUser | Elsewhere | Unknown:
    """Whom a redirect by a user leads to, as if the user had dialled it; `Unknown` says why to nobody (D8)."""
    customer = numbering.customer_of(by)
    # With a country code before it an emergency number is no number, but nobody should have to know that.
    if limits.codes.mean_emergency(without_separators(text)):
        return Unknown(f"calls are never redirected to {text}")
    destination = dial(text, customer, numbering, limits.codes).destination
    match destination:
        case Unknown():
            return destination
        case Emergency() | Access() | ServiceCode():
            return Unknown(f"calls are never redirected to {destination.code}")
        case CalledUser(by.id, number):
            return Unknown(f"{number} is {by.name}, and calls cannot be redirected to oneself")
        case CalledUser(_, number) | Elsewhere(number):
            if number in numbering.blocked:
                return Unknown(f"{number} is blocked as a target of redirects")
            if isinstance(destination, Elsewhere) and number in customer.numbers:
                return Unknown(f"{number} is a number of {customer.name} that nobody has")
            if isinstance(destination, Elsewhere) and not numbering.trunks:
                return Unknown(f"there is no trunk to carry the call to {number}")
    why_not = why_not_call(destination, by, numbering)
    return destination if why_not is None else Unknown(why_not)
