"""The rules that hold between the values of customers, users and trunks (BEHAVIOUR P, D8, I3, W3, N, B, O).

The same function judges a file by itself and, before it is applied, the file together with what the platform
holds besides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from b2bua.callplan.classes import destination_class, may_be_presented
from b2bua.callplan.settings import Action
from provisioning.company.entries import CustomerEntry, TreatmentEntry, TrunkEntry, UserEntry
from provisioning.company.pins import IN_WORDS, pin_problem
from provisioning.file.toml_lines import KeyPath
from provisioning.file.toml_table import Problem

NOT_IN_FILE = "who is not in this file"
"""Ends the part of a path that stands for a user whom only the database knows."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A customer with all users it is to have, each with its place in the file, for problems to point at."""

    path: KeyPath
    customer: CustomerEntry
    users: tuple[tuple[KeyPath, UserEntry], ...]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What is in use outside the customers and trunks that are judged. Usernames are lower case.

    `usernames` are those of devices; `trunk_usernames` are apart because trunks may share one with each other.
    """

    numbers: frozenset[str] = frozenset()
    usernames: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    trunk_usernames: frozenset[str] = frozenset()


def in_file(customers: Sequence[CustomerEntry]) -> tuple[Placed, ...]:
    """The customers of a file with the users that it names."""
    return tuple(
        Placed(
            ("customers", index),
            customer,
            tuple(
                (("customers", index, "users", position), user)
                for position, user in enumerate(customer.users)
            ),
        )
        for index, customer in enumerate(customers)
    )


def check(
    customers: Sequence[Placed],
    trunks: Sequence[TrunkEntry],
    elsewhere: Elsewhere | None = None,
    *,
    blocked: frozenset[str] = frozenset(),
) -> list[Problem]:
    """Every broken rule. Without `elsewhere`, redirects to users whom the file does not name are let pass.

    `blocked` are the numbers that nobody's calls are redirected to.
    """
    taken = elsewhere or Elsewhere()
    in_use = taken.usernames.union(username for _, username in _devices(customers))
    problems = [*_platform(customers, taken), *_trunks(trunks, taken, in_use)]
    for placed in customers:
        problems += _customer(placed, blocked, everyone_known=elsewhere is not None)
    return problems


def _platform(customers: Sequence[Placed], elsewhere: Elsewhere) -> Iterator[Problem]:
    """What is unique on the platform. A conflict never names the other customer (P3)."""
    names = (((*placed.path, "name"), placed.customer.name.casefold()) for placed in customers)
    yield from _repeated(names, "is the name of two customers in this file")
    numbers = [
        ((*placed.path, "numbers", index), number)
        for placed in customers
        for index, number in enumerate(placed.customer.numbers)
    ]
    yield from _repeated(numbers, "is given twice in this file; a number belongs to one customer")
    devices = _devices(customers)
    yield from _repeated(devices, "is given to two devices; each has its own")
    taken = elsewhere.numbers | elsewhere.usernames | elsewhere.trunk_usernames
    for path, value in (*numbers, *devices):
        if value in taken:
            yield Problem(path, f'"{value}" is already in use on this platform; choose another')


def _devices(customers: Sequence[Placed]) -> list[tuple[KeyPath, str]]:
    """The usernames of all devices in lower case, and where they stand."""
    return [
        ((*path, kind, index, key), username.lower())
        for placed in customers
        for path, user in placed.users
        for kind, key, usernames in (
            ("soft_clients", "username", [client.username for client in user.soft_clients]),
            ("desk_phones", "mac", [phone.mac for phone in user.desk_phones]),
        )
        for index, username in enumerate(usernames)
    ]


def _customer(placed: Placed, blocked: frozenset[str], *, everyone_known: bool) -> Iterator[Problem]:
    customer, users = placed.customer, placed.users
    if customer.emergency_number and customer.emergency_number not in customer.numbers:
        yield Problem(
            (*placed.path, "emergency_number"),
            f'"{customer.emergency_number}" is not among the numbers of {customer.name}',
        )
    emails = [((*path, "email"), user.email) for path, user in users]
    yield from _repeated(emails, "is the e-mail of two users of this customer")
    extensions = [((*path, "extension"), user.extension or "") for path, user in users]
    yield from _repeated(extensions, "is the extension of two users of this customer")
    assigned = [
        ((*path, "numbers", index), number)
        for path, user in users
        for index, number in enumerate(user.numbers)
    ]
    yield from _repeated(assigned, "is assigned twice; a number belongs to at most one user")
    for path, number in assigned:
        if number not in customer.numbers:
            yield Problem(path, f'"{number}" is not among the numbers of {customer.name}; add it there first')
    known = {user.email for _, user in users} if everyone_known else None
    for path, user in users:
        yield from _user(path, user, customer, blocked)
        for occasion, treatment in user.treatments().items():
            yield from _treatment((*path, occasion), treatment, user, customer, known, blocked)


def _user(
    path: KeyPath, user: UserEntry, customer: CustomerEntry, blocked: frozenset[str]
) -> Iterator[Problem]:
    if user.default_number and user.default_number not in user.numbers:
        yield Problem(
            (*path, "default_number"), f'"{user.default_number}" is not among the numbers of this user'
        )
    if presented := user.presentation_number:
        where = (*path, "presentation_number")
        if presented not in customer.numbers:
            yield Problem(where, f'"{presented}" is not among the numbers of {customer.name}')
        if not may_be_presented(presented):
            yield Problem(where, f'"{presented}" may not be presented: 09, 118, 070, 084 and 087 never are')
    if user.pin and (why := pin_problem(user.pin, user.numbers)):
        yield Problem((*path, "voice_portal_pin"), IN_WORDS[why])
    if user.permanent_redirect:
        yield from _target((*path, "permanent_redirect"), user.permanent_redirect, user, customer, blocked)
    if customer.hardware_only and user.soft_clients:
        yield Problem(
            (*path, "soft_clients"), f"{customer.name} is hardware-only: its users have no soft clients"
        )


def _treatment(
    path: KeyPath,
    entry: TreatmentEntry,
    user: UserEntry,
    customer: CustomerEntry,
    known: set[str] | None,
    blocked: frozenset[str],
) -> Iterator[Problem]:
    if entry.action is Action.ENGAGED_TONE and entry.after:
        yield Problem((*path, "after"), 'must be 0 or left out with action = "engaged-tone"')
    for key, value, action in (
        ("user", entry.user, Action.USER),
        ("number", entry.number, Action.NUMBER),
    ):
        if entry.action is action and not value:
            yield Problem((*path, key), f'is missing: action = "{action}" needs it')
        if value and entry.action is not action:
            yield Problem(
                (*path, key), f'goes with action = "{action}" only, and the action is "{entry.action}"'
            )
    for key in ("announce", "present_dialled_number", "always"):
        if getattr(entry, key) and entry.action is not Action.NUMBER:
            yield Problem(
                (*path, key), f'goes with action = "number" only, and the action is "{entry.action}"'
            )
    if entry.number:
        yield from _target((*path, "number"), entry.number, user, customer, blocked)
    if entry.user == user.email:
        yield Problem((*path, "user"), "is this user; calls cannot be redirected to oneself")
    elif entry.user and known is not None and entry.user not in known:
        yield Problem(
            (*path, "user"),
            f'"{entry.user}" is no user of {customer.name}; a redirect to a user stays inside the customer',
        )
    elif entry.user and "internal" not in customer.allowed_classes:
        yield Problem(
            (*path, "user"), f"the users of {customer.name} may not call each other; change allowed_classes"
        )


def _target(
    path: KeyPath, number: str, user: UserEntry, customer: CustomerEntry, blocked: frozenset[str]
) -> Iterator[Problem]:
    """Where a redirect may go (D8)."""
    if number in user.numbers:
        yield Problem(path, f'"{number}" is a number of this user; calls cannot be redirected to oneself')
    if number in blocked:
        yield Problem(path, f'"{number}" is blocked as a target of redirects; choose another')
    kind = "internal" if number in customer.numbers else destination_class(number, customer.country)
    if kind not in customer.allowed_classes:
        yield Problem(
            path,
            f'"{number}" is a destination of the class "{kind}", which {customer.name} may not call; '
            "change the number or allowed_classes",
        )


def _trunks(trunks: Sequence[TrunkEntry], elsewhere: Elsewhere, devices: frozenset[str]) -> Iterator[Problem]:
    """`devices` are the usernames of all of them: who authenticates with one is that device, or a carrier."""
    names = ((("trunks", index, "name"), trunk.name.casefold()) for index, trunk in enumerate(trunks))
    yield from _repeated(names, "is the name of two trunks")
    sources = [
        (("trunks", index, "allow_from", position), source)
        for index, trunk in enumerate(trunks)
        for position, source in enumerate(trunk.allow_from)
    ]
    yield from _repeated(sources, "is given twice; calls from there belong to one trunk")
    for path, source in sources:
        if source in elsewhere.sources:
            yield Problem(path, f'"{source}" belongs to another trunk already')
    for index, trunk in enumerate(trunks):
        if trunk.register and not trunk.username:
            yield Problem(("trunks", index, "register"), "needs a username to register with")
        if trunk.username and trunk.username.lower() in devices:
            yield Problem(
                ("trunks", index, "username"),
                f'"{trunk.username}" is the username of a device; a carrier may use it towards us, '
                "and the two must be told apart",
            )
        for position, code in enumerate(trunk.final_codes):
            if code in trunk.next_trunk_codes:
                yield Problem(
                    ("trunks", index, "final_codes", position),
                    f"{code} is among next_trunk_codes too; it is either the carrier's word or the called person's",
                )
        if trunk.password and not trunk.username:
            yield Problem(("trunks", index, "password"), "needs a username beside it")


def _repeated(values: Iterable[tuple[KeyPath, str]], sentence: str) -> Iterator[Problem]:
    """A problem at every value that stood before; empty ones were refused already, or stand for none."""
    seen: dict[str, KeyPath] = {}
    for path, value in values:
        if value and value in seen:
            holder = "".join(f" ({part}, has it)" for part in seen[value] if str(part).endswith(NOT_IN_FILE))
            yield Problem(path, f'"{value}" {sentence}{holder}')
        seen.setdefault(value, path)
