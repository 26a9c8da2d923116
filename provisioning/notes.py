"""What a person should know about a company file although nothing in it is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

from b2bua.callplan.settings import Action
from provisioning.company import CustomerEntry, UserEntry
from provisioning.company_rules import Placed

# Settings that are kept and checked, but that calls do not follow yet.
NOT_IN_FORCE: tuple[tuple[str, Callable[[UserEntry], bool]], ...] = (
    (
        "redirects",
        lambda user: any(
            entry.action in (Action.USER, Action.NUMBER) for entry in (user.not_answered, user.busy)
        ),
    ),
    ("out of hours", lambda user: user.out_of_hours_enabled),
    ("permanent redirect", lambda user: user.permanent_redirect is not None),
    ("reject anonymous calls", lambda user: user.reject_anonymous),
    ("notifications", lambda user: user.notify.missed_call or user.notify.voicemail),
    ("desk phones", lambda user: bool(user.desk_phones)),
)


def notes_on(customers: Sequence[CustomerEntry], final: Sequence[Placed]) -> Iterator[str]:
    """One line each: what is stored but not in force yet, and redirects that go round in a circle (D7)."""
    later = [
        f"{what} ({', '.join(names)})"
        for what, is_set in NOT_IN_FORCE
        if (names := [user.name for customer in customers for user in customer.users if is_set(user)])
    ]
    if later:
        yield f"stored, and in force from a later version on: {'; '.join(later)}."
    for placed in final:
        if circle := _circle(placed):
            yield (
                f"redirects of {placed.customer.name} go round in a circle: {' → '.join(circle)}. "
                "A call visits each user once, then ends in the last one's voicemail or is refused."
            )


def _circle(placed: Placed) -> list[str]:
    """The users on one circle of redirects, in the order that a call would visit them, or none."""
    owners = {number: user.email for _, user in placed.users for number in user.numbers}
    targets: dict[str, set[str]] = {}
    for _, user in placed.users:
        treatments = user.treatments().values()
        numbers = {entry.number for entry in treatments} | {user.permanent_redirect}
        targets[user.email] = {entry.user for entry in treatments if entry.user} | {
            owners[number] for number in numbers if number in owners
        }
    try:
        TopologicalSorter(targets).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []
