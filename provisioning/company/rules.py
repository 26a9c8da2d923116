"""The rules that hold between the values of customers, users and trunks (BEHAVIOUR P, D8, I3, W3, N, B, O).

The same function judges a file by itself and whatever is edited, together with what the platform holds besides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from b2bua.callplan.classes import destination_class, may_be_presented
from b2bua.callplan.codes import Codes
from b2bua.callplan.settings import Action
from provisioning.company.entries import CustomerEntry, TrunkEntry, UserEntry
from provisioning.company.hours import refused_spans
from provisioning.company.parts import ACTIONS, TreatmentEntry
from provisioning.company.pins import pin_problem
from provisioning.company.problems import OtherUser, Place, Problem
from provisioning.company.sentences import Option
from provisioning.company.setting import defaults_of, settings_of
from provisioning.company.unfit import Unfit

Names = Mapping[str, str]
"""Who holds a value: a user's name by the value."""


@dataclass(frozen=True, slots=True)
class Others:
    """What the customer's users who are not judged hold of what is wanted; usernames are lower case.

    `dropped` are the numbers that they hold and the customer is to lose; `soft_clients` are usernames by holder.
    """

    emails: Names = field(default_factory=dict)
    extensions: Names = field(default_factory=dict)
    numbers: Names = field(default_factory=dict)
    usernames: Names = field(default_factory=dict)
    dropped: Names = field(default_factory=dict)
    presenting: Names = field(default_factory=dict)
    """Numbers that they present and the customer is to lose."""
    count: int = 0
    """How many they are in all."""
    with_soft_clients: tuple[str, ...] = ()
    """Asked for where the customer is to be hardware-only."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A customer with the users that are judged, each with its place, and what the customer's other users hold."""

    place: Place
    customer: CustomerEntry
    users: tuple[tuple[Place, UserEntry], ...]
    others: Others = Others()


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What is in use outside the customers and trunks that are judged. Usernames are lower case, names case-folded.

    `usernames` are those of devices; `trunk_usernames` are apart because trunks may share one with each other.
    """

    numbers: frozenset[str] = frozenset()
    usernames: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    trunk_usernames: frozenset[str] = frozenset()
    customer_names: frozenset[str] = frozenset()
    trunk_names: frozenset[str] = frozenset()


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


def trunks_in_file(trunks: Sequence[TrunkEntry]) -> tuple[tuple[Place, TrunkEntry], ...]:
    """The trunks of a file, each with its place."""
    return tuple((("trunks", index), trunk) for index, trunk in enumerate(trunks))


def check_values(entry: Any, place: Place, codes: Codes) -> Iterator[Problem]:
    """Every setting of an entry, and of its parts, that may not be saved as it is, whatever the others are."""
    defaults = defaults_of(type(entry))
    for name, setting in settings_of(type(entry)).items():
        value, read = getattr(entry, name), setting.reader(codes)
        where = (*place, setting.key or name)
        if value == defaults[name]:
            continue
        if read is None or setting.each:
            several = enumerate(value) if isinstance(value, tuple) else [(None, value)]
            parts = [(where if index is None else (*where, index), part) for index, part in several]
        else:
            parts = [(where, value)]
        for at, part in parts:
            if read is None:
                yield from check_values(part, at, codes)
                continue
            try:
                read(part)
            except Unfit as unfit:
                yield unfit.at(at)


def check(
    customers: Sequence[Placed],
    trunks: Sequence[tuple[Place, TrunkEntry]],
    elsewhere: Elsewhere | None = None,
    *,
    blocked: frozenset[str] = frozenset(),
) -> list[Problem]:
    """Every broken rule. Without `elsewhere`, redirects to users who are not judged are let pass.

    `blocked` are the numbers that nobody's calls are redirected to.
    """
    taken = elsewhere or Elsewhere()
    in_use = taken.usernames.union(
        (username for _, username in _devices(customers)),
        *(placed.others.usernames for placed in customers),
    )
    problems = [*_platform(customers, taken), *_trunks(trunks, taken, in_use)]
    for placed in customers:
        problems += _customer(placed, blocked, everyone_known=elsewhere is not None)
    return problems


def _platform(customers: Sequence[Placed], elsewhere: Elsewhere) -> Iterator[Problem]:
    """What is unique on the platform. A conflict never names the other customer (P3)."""
    names = [((*placed.place, "name"), placed.customer.name.casefold()) for placed in customers]
    yield from _repeated(names, "customer.name-twice")
    numbers = [
        ((*placed.place, "numbers", index), number)
        for placed in customers
        for index, number in enumerate(placed.customer.numbers)
    ]
    yield from _repeated(numbers, "number.twice")
    devices = _devices(customers)
    holders = {name: who for placed in customers for name, who in placed.others.usernames.items()}
    yield from _repeated(devices, "device.twice", holders)
    taken = elsewhere.numbers | elsewhere.usernames | elsewhere.trunk_usernames
    for place, value in (*numbers, *devices):
        if value in taken:
            yield Problem(place, "platform.in-use", {"value": value})
    for place, name in names:
        if name in elsewhere.customer_names:
            yield Problem(place, "platform.in-use", {"value": name})


def _devices(customers: Sequence[Placed]) -> list[tuple[Place, str]]:
    """The usernames of all devices in lower case, and where they stand."""
    return [
        ((*place, kind, index, key), username.lower())
        for placed in customers
        for place, user in placed.users
        for kind, key, usernames in (
            ("soft_clients", "username", [client.username for client in user.soft_clients]),
            ("desk_phones", "mac", [phone.mac for phone in user.desk_phones]),
        )
        for index, username in enumerate(usernames)
    ]


def _customer(placed: Placed, blocked: frozenset[str], *, everyone_known: bool) -> Iterator[Problem]:
    customer, users, others = placed.customer, placed.users, placed.others
    if customer.emergency_number and customer.emergency_number not in customer.numbers:
        place = (*placed.place, "emergency_number")
        yield Problem(place, "number.not-customers", _of(customer, customer.emergency_number))
    yield from _limits(placed)
    emails = [((*place, "email"), user.email or "") for place, user in users]
    yield from _repeated(emails, "email.twice", others.emails)
    extensions = [((*place, "extension"), user.extension or "") for place, user in users]
    yield from _repeated(extensions, "extension.twice", others.extensions)
    assigned = [
        ((*place, "numbers", index), number)
        for place, user in users
        for index, number in enumerate(user.numbers)
    ]
    yield from _repeated(assigned, "number.assigned-twice", others.numbers)
    kept = [((*placed.place, OtherUser(who), "numbers"), number) for number, who in others.dropped.items()]
    for place, number in (*kept, *assigned):
        if number not in customer.numbers:
            yield Problem(place, "number.add-first", _of(customer, number))
    for number, who in others.presenting.items():
        place = (*placed.place, OtherUser(who), "presentation_number")
        yield Problem(place, "number.not-customers", _of(customer, number))
    for who in others.with_soft_clients:
        place = (*placed.place, OtherUser(who), "soft_clients")
        yield Problem(place, "customer.hardware-only", {"customer": customer.name})
    held = {name for _, user in users for name in (user.email, user.extension) if name}
    known = held.union(others.emails, others.extensions) if everyone_known else None
    for place, user in users:
        yield from _user(place, user, customer, blocked)
        for occasion, treatment in user.treatments().items():
            if treatment.action not in ACTIONS[occasion]:
                allowed = tuple(map(str, ACTIONS[occasion]))
                values = {"allowed": allowed, "value": str(treatment.action)}
                yield Problem((*place, occasion, "action"), "choice.unknown", values)
            if occasion == "out_of_hours" and treatment.always:
                yield Problem((*place, occasion, "always"), "option.never")
            yield from _treatment((*place, occasion), treatment, user, customer, known, blocked)


def _limits(placed: Placed) -> Iterator[Problem]:
    """How many users and numbers the customer may have (P8)."""
    customer = placed.customer
    users = placed.others.count + len(placed.users)
    for key, code, most, count in (
        ("max_users", "customer.max-users", customer.max_users, users),
        ("max_numbers", "customer.max-numbers", customer.max_numbers, len(customer.numbers)),
    ):
        if most is not None and count > most:
            values = {"customer": customer.name, "most": most, "value": count}
            yield Problem((*placed.place, key), code, values)


def _user(
    place: Place, user: UserEntry, customer: CustomerEntry, blocked: frozenset[str]
) -> Iterator[Problem]:
    if not user.known_as:
        yield Problem((*place, "email"), "user.nameless")
    if user.default_number and user.default_number not in user.numbers:
        yield Problem((*place, "default_number"), "number.not-users", {"value": user.default_number})
    if presented := user.presentation_number:
        where = (*place, "presentation_number")
        if presented not in customer.numbers:
            yield Problem(where, "number.not-customers", _of(customer, presented))
        if not may_be_presented(presented):
            yield Problem(where, "number.never-presented", {"value": presented})
    if user.pin and (why := pin_problem(user.pin, user.numbers)):
        yield Problem((*place, "voice_portal_pin"), f"pin.{why}")
    yield from refused_spans(place, user.unavailable)
    if user.permanent_redirect:
        yield from _target((*place, "permanent_redirect"), user.permanent_redirect, user, customer, blocked)
    if customer.hardware_only and user.soft_clients:
        yield Problem((*place, "soft_clients"), "customer.hardware-only", {"customer": customer.name})


def _treatment(
    place: Place,
    entry: TreatmentEntry,
    user: UserEntry,
    customer: CustomerEntry,
    known: set[str] | None,
    blocked: frozenset[str],
) -> Iterator[Problem]:
    if entry.action is Action.ENGAGED_TONE and entry.after:
        yield Problem((*place, "after"), "after.no-delay", {"setting": _action(Action.ENGAGED_TONE)})
    for key, value, action in (
        ("user", entry.user, Action.USER),
        ("number", entry.number, Action.NUMBER),
    ):
        if entry.action is action and not value:
            yield Problem((*place, key), "option.missing", {"setting": _action(action)})
        if value and entry.action is not action:
            yield _misplaced((*place, key), action, entry)
    for key in ("announce", "present_dialled_number", "always"):
        if getattr(entry, key) and entry.action is not Action.NUMBER:
            yield _misplaced((*place, key), Action.NUMBER, entry)
    if entry.number:
        yield from _target((*place, "number"), entry.number, user, customer, blocked)
    if entry.user and entry.user in (user.email, user.extension):
        yield Problem((*place, "user"), "redirect.oneself")
    elif entry.user and known is not None and entry.user not in known:
        yield Problem((*place, "user"), "redirect.no-user", _of(customer, entry.user))
    elif entry.user and "internal" not in customer.allowed_classes:
        yield Problem((*place, "user"), "redirect.barred", {"customer": customer.name})


def _target(
    place: Place, number: str, user: UserEntry, customer: CustomerEntry, blocked: frozenset[str]
) -> Iterator[Problem]:
    """Where a redirect may go (D8)."""
    if number in user.numbers:
        yield Problem(place, "redirect.own-number", {"value": number})
    if number in blocked:
        yield Problem(place, "redirect.blocked", {"value": number})
    kind = "internal" if number in customer.numbers else destination_class(number, customer.country)
    if kind not in customer.allowed_classes:
        yield Problem(place, "redirect.class", {**_of(customer, number), "kind": str(kind)})


def _trunks(
    trunks: Sequence[tuple[Place, TrunkEntry]], elsewhere: Elsewhere, devices: frozenset[str]
) -> Iterator[Problem]:
    """`devices` are the usernames of all of them: who authenticates with one is that device, or a carrier."""
    names = [((*place, "name"), trunk.name.casefold()) for place, trunk in trunks]
    yield from _repeated(names, "trunk.name-twice")
    for place, name in names:
        if name in elsewhere.trunk_names:
            yield Problem(place, "platform.in-use", {"value": name})
    sources = [
        ((*place, "allow_from", position), source)
        for place, trunk in trunks
        for position, source in enumerate(trunk.allow_from)
    ]
    yield from _repeated(sources, "source.twice")
    for place, source in sources:
        if source in elsewhere.sources:
            yield Problem(place, "source.in-use", {"value": source})
    for place, trunk in trunks:
        if trunk.register and not trunk.username:
            yield Problem((*place, "register"), "trunk.register")
        if trunk.username and trunk.username.lower() in devices:
            yield Problem((*place, "username"), "trunk.username", {"value": trunk.username})
        for position, code in enumerate(trunk.final_codes):
            if code in trunk.next_trunk_codes:
                yield Problem((*place, "final_codes", position), "trunk.two-meanings", {"value": code})
        if trunk.password and not trunk.username:
            yield Problem((*place, "password"), "trunk.password")


def _repeated(
    values: Iterable[tuple[Place, str]], code: str, others: Names | None = None
) -> Iterator[Problem]:
    """A problem at every value that stood before, or that another user holds; empty ones stand for none."""
    held = others or {}
    seen: set[str] = set()
    for place, value in values:
        if value and (value in seen or value in held):
            holder = OtherUser(held[value]) if value in held else None
            yield Problem(place, code, {"value": value, "holder": holder})
        seen.add(value)


def _of(customer: CustomerEntry, value: str) -> dict[str, object]:
    return {"value": value, "customer": customer.name}


def _action(action: Action) -> Option:
    return Option("action", str(action))


def _misplaced(place: Place, action: Action, entry: TreatmentEntry) -> Problem:
    return Problem(place, "option.elsewhere", {"setting": _action(action), "action": str(entry.action)})
