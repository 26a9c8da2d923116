"""What a person should know about a company file although nothing in it is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

from b2bua.callplan.classes import destination_class
from b2bua.callplan.settings import Action, Notify
from b2bua.callplan.situation import Limits
from provisioning.company.entries import CustomerEntry, UserEntry
from provisioning.company.parts import BUSY, NOT_ANSWERED
from provisioning.company.rules import Placed

LIMITS = Limits()
"""The usual ones: a note is a hint, not a rule."""

# Settings that are kept and checked, but that nothing follows yet.
NOT_IN_FORCE: tuple[tuple[str, Callable[[UserEntry], bool]], ...] = (
    ("desk phones", lambda user: bool(user.desk_phones)),
)


def notes_on(customers: Sequence[CustomerEntry], final: Sequence[Placed]) -> Iterator[str]:
    """One line each: what is not in force yet, and what acts in another way than its owner may think."""
    later = [
        f"{what} ({', '.join(names)})"
        for what, is_set in NOT_IN_FORCE
        if (names := [user.name for customer in customers for user in customer.users if is_set(user)])
    ]
    if later:
        yield f"stored, and in force from a later version on: {'; '.join(later)}."
    for customer in customers:
        for user in customer.users:
            yield from _unreachable(user)
        yield from _mobiles(customer)
        yield from _numberless(customer)
        yield from _unmailed(customer)
    for placed in final:
        yield from _long_waits(placed)
        if circle := _circle(placed):
            yield (
                f"redirects of {placed.customer.name} go round in a circle: {' → '.join(circle)}. "
                "A call visits each user once, then ends in the last one's voicemail or is refused."
            )


def _unreachable(user: UserEntry) -> Iterator[str]:
    """What is set, but never comes into play behind what comes before it (BEHAVIOUR R)."""
    not_answered, busy = user.not_answered, user.busy
    set_ = {
        "not answered": not_answered != NOT_ANSWERED,
        "line busy": busy != BUSY,
        "out of hours": user.out_of_hours_enabled,
    }
    if user.permanent_redirect:
        winner, losers = f"the permanent redirect to {user.permanent_redirect}", [*set_]
    elif not_answered.always:
        winner, losers = "the redirect of not answered, which is marked always,", ["line busy"]
    elif busy.always:
        winner, losers = "the redirect of line busy, which is marked always,", ["not answered"]
    else:
        return
    if unheeded := [what for what in losers if set_[what]]:
        yield f"{user.name}: {winner} takes every call first, so {', '.join(unheeded)} never acts."


def _mobiles(customer: CustomerEntry) -> Iterator[str]:
    """The voicemail of a mobile's own network often answers first (N4)."""
    names = [
        user.name
        for user in customer.users
        if any(
            number not in customer.numbers and destination_class(number, customer.country) == "mobile"
            for number in _numbers(user)
        )
    ]
    if names:
        yield (
            f"redirected to a mobile: {', '.join(names)}. The mobile's own voicemail often answers after about "
            f"20 seconds, sooner than the {LIMITS.redirect:g} that it may ring."
        )


def _unmailed(customer: CustomerEntry) -> Iterator[str]:
    """Whoever has no e-mail is not told of anything by e-mail."""
    names = [user.name for user in customer.users if user.email is None and user.notify != Notify()]
    if names:
        yield (f"without an e-mail: {', '.join(names)} of {customer.name}. Nothing is mailed to them.")


def _numberless(customer: CustomerEntry) -> Iterator[str]:
    """Without a number, a user's redirects elsewhere fail (I5), and so does a call back in an emergency (E2)."""
    numberless = [user for user in customer.users if user.default_number is None]
    elsewhere = [user.name for user in numberless if any(n not in customer.numbers for n in _numbers(user))]
    if elsewhere:
        yield (
            f"without a number: {', '.join(elsewhere)} of {customer.name}. Who has none calls and redirects inside "
            "the company only, so the redirects to a number fail."
        )
    calling = [user.name for user in numberless if user.soft_clients or user.desk_phones]
    if calling and customer.emergency_number is None:
        yield (
            f"in an emergency {', '.join(calling)} of {customer.name} cannot be called back, for want of a number: "
            "give them one, or the company an emergency_number."
        )


def _long_waits(placed: Placed) -> Iterator[str]:
    """Callers wait for a limited time, whatever the delays on their way come to (R11)."""
    users = {user.known_as: user for _, user in placed.users}
    for user in users.values():
        waited, after, visited = 0.0, user, {user.known_as}
        while True:
            treatment = after.not_answered
            waited += 0.0 if treatment.action is Action.KEEP_RINGING else treatment.after
            if treatment.action is not Action.USER or treatment.user not in users.keys() - visited:
                break
            after = users[treatment.user]
            visited.add(after.known_as)
        if waited > LIMITS.max_unanswered:
            yield (
                f"{user.name}: the delays on the way of a call that nobody answers come to {waited:g} seconds; "
                f"after {LIMITS.max_unanswered:g} the call goes to voicemail if any is left on the way, or ends."
            )


def _numbers(user: UserEntry) -> set[str]:
    """The numbers that the user redirects to; out of hours counts while it is switched on."""
    entries = [user.not_answered, user.busy, *([user.out_of_hours] if user.out_of_hours_enabled else [])]
    return {number for number in (user.permanent_redirect, *(e.number for e in entries)) if number}


def _circle(placed: Placed) -> list[str]:
    """The users on one circle of redirects, in the order that a call would visit them, or none."""
    owners = {number: user.known_as for _, user in placed.users for number in user.numbers}
    targets: dict[str, set[str]] = {}
    for _, user in placed.users:
        treatments = user.treatments().values()
        numbers = {entry.number for entry in treatments} | {user.permanent_redirect}
        targets[user.known_as] = {entry.user for entry in treatments if entry.user} | {
            owners[number] for number in numbers if number in owners
        }
    try:
        TopologicalSorter(targets).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []
