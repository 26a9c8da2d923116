"""What must change for the database to say what is desired: judged and put in words, not yet written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from argon2 import PasswordHasher

from b2bua.callplan.codes import Codes
from provisioning.company.changes import Change, Changes, Generated
from provisioning.company.entries import CustomerEntry, TrunkEntry, UserEntry
from provisioning.company.known import in_words
from provisioning.company.notes import notes_on
from provisioning.company.problems import Place, Problem
from provisioning.company.rules import Placed, check, check_values
from provisioning.company.setting import entry_words
from provisioning.company.words import blocked_words, differences, settings_made
from provisioning.editing.desired import Desired, DesiredCustomer, DesiredTrunk, DesiredUser, Kind
from provisioning.editing.entries import trunk_entry
from provisioning.editing.refusals import Refused
from provisioning.editing.stored import Stored, StoredCustomer
from provisioning.store import model
from provisioning.store.pins import generate_pin, hash_matches
from provisioning.store.secrets import SecretKey, generate_password


@dataclass(frozen=True, slots=True)
class Planned:
    """One change, and what it changes: `of` for what is named in the desired state, else the id."""

    change: Change
    kind: Kind
    customer: DesiredCustomer | None = None
    of: DesiredUser | DesiredTrunk | None = None
    id: int | None = None

    @property
    def subject_id(self) -> int | None:
        """The id of what is changed; None for something new, and for the platform."""
        if self.of is not None:
            return self.of.id
        return self.customer.id if self.kind == "customer" and self.customer is not None else self.id


@dataclass(slots=True)
class Plan:
    """The changes, and the secrets to store with them; a secret that is not here stays as it is."""

    items: list[Planned] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)
    """By the soft client's username."""
    pins: dict[int, str] = field(default_factory=dict)
    """By the `id()` of the DesiredUser; empty to remove the PIN."""
    trunk_passwords: dict[int, str] = field(default_factory=dict)
    """By the `id()` of the DesiredTrunk."""
    generated: list[Generated] = field(default_factory=list)

    def changes(self) -> Changes:
        """What to show."""
        return Changes(tuple(each.change for each in self.items), tuple(self.notes))


def judge(desired: Desired, stored: Stored, codes: Codes) -> None:
    """Raise Refused for the values that may not be, or where there are none such, for the rules that are broken.

    Unless it is judged whole, what is wrong already is not held against it.
    """
    after = [_placed(customer, stored) for customer in desired.customers if not customer.gone]
    trunks = [(trunk.place, trunk.entry) for trunk in desired.trunks]
    blocked = stored.blocked if desired.blocked is None else frozenset(desired.blocked)
    before: list[Placed] = []
    known: list[tuple[Place, TrunkEntry]] = []
    if not desired.judged_whole:
        before = [_before(each, stored) for each in desired.customers if each.id is not None]
        known = [
            (each.place, trunk_entry(stored.trunks[each.id]))
            for each in desired.trunks
            if each.id is not None
        ]
    _refuse(_values(after, trunks, codes), _values(before, known, codes))
    _refuse(
        check(after, trunks, stored.elsewhere, blocked=blocked),
        check(before, known, stored.elsewhere, blocked=stored.blocked),
    )


def _refuse(problems: Iterable[Problem], already: Iterable[Problem]) -> None:
    if found := list(problems):
        old = list(already)
        found = [problem for problem in found if problem not in old]
    if found:
        raise Refused(found)


def make_plan(desired: Desired, stored: Stored, key: SecretKey, hasher: PasswordHasher) -> Plan:
    """Compare what is desired with what is stored.

    Takes about 20 ms for each PIN that is given, which has to be hashed to be compared.
    """
    plan = Plan(notes=list(desired.notes))
    for customer in desired.customers:
        known = stored.of(customer)
        _plan_customer(plan, customer, known)
        for user in customer.users:
            _plan_user(plan, user, customer, known, key, hasher)
        if known is not None:
            _plan_deleted(plan, customer, known)
    for trunk in desired.trunks:
        _plan_trunk(plan, trunk, stored, key)
    for trunk_id in sorted(desired.deleted_trunks & stored.trunks.keys()):
        change = Change("delete", f"trunk {stored.trunks[trunk_id].name}")
        plan.items.append(Planned(change, "trunk", id=trunk_id))
    old, new = blocked_words(stored.blocked), blocked_words(desired.blocked or ())
    details = differences(old, new) if desired.blocked is not None else ()
    if desired.switches is not None:
        details += differences(entry_words(stored.switches), entry_words(desired.switches))
    if details:
        plan.items.append(Planned(Change("change", "the platform", details), "platform"))
    placed = [_placed(customer, stored) for customer in desired.customers if not customer.gone]
    named = [replace(each.customer, users=tuple(user for _, user in each.users)) for each in placed]
    plan.notes += notes_on(named, placed)
    return plan


def kept_devices(user: UserEntry, row: model.User | None) -> dict[str, model.Device]:
    """The user's devices that stay, by username."""
    wanted = {client.username for client in user.soft_clients} | {phone.mac for phone in user.desk_phones}
    return {device.username: device for device in row.devices if device.username in wanted} if row else {}


def _placed(customer: DesiredCustomer, stored: Stored) -> Placed:
    """The customer as it is to be, for the rules."""
    known = stored.of(customer)
    entry = customer.entry
    if entry is None:
        assert known is not None, "a new customer has an entry"
        entry = known.entry()
    users = tuple((user.place, user.entry) for user in customer.users)
    return (
        Placed(customer.place, entry, users)
        if known is None
        else Placed(customer.place, entry, users, known.others)
    )


def _before(customer: DesiredCustomer, stored: Stored) -> Placed:
    """The same customer and users, at the same places, as they are now."""
    known = stored.of(customer)
    assert known is not None, "only what is stored was there before"
    users = tuple((user.place, known.user_entry(user.id)) for user in customer.users if user.id is not None)
    others = replace(known.others, dropped={}, presenting={}, with_soft_clients=())
    return Placed(customer.place, known.entry(), users, others)


def _values(
    customers: Iterable[Placed], trunks: Iterable[tuple[Place, TrunkEntry]], codes: Codes
) -> Iterator[Problem]:
    for customer in customers:
        yield from check_values(customer.customer, customer.place, codes)
        for place, user in customer.users:
            yield from check_values(user, place, codes)
    for place, trunk in trunks:
        yield from check_values(trunk, place, codes)


def _change(
    subject: str,
    old: Mapping[str, str] | None,
    new: Mapping[str, str],
    default: Mapping[str, str],
    more: Iterable[str] = (),
) -> Change | None:
    """What differs, if anything does: `old` is None for something new."""
    if old is None:
        return Change("add", subject, (*settings_made(default, new), *more))
    details = (*differences(old, new), *more)
    return Change("change", subject, details) if details else None


def _plan_customer(plan: Plan, customer: DesiredCustomer, known: StoredCustomer | None) -> None:
    entry = customer.entry
    if entry is None:
        return
    old = None if known is None else entry_words(known.entry())
    default = entry_words(CustomerEntry(entry.name))
    if change := _change(f"customer {entry.name}", old, entry_words(entry), default):
        plan.items.append(Planned(change, "customer", customer))


def _plan_user(
    plan: Plan,
    user: DesiredUser,
    customer: DesiredCustomer,
    known: StoredCustomer | None,
    key: SecretKey,
    hasher: PasswordHasher,
) -> None:
    entry, row, old = user.entry, None, None
    if known is not None and user.id is not None:
        row, old = known.users[user.id], entry_words(known.user_entry(user.id))
    more = [*_plan_passwords(plan, entry, row, key), *_plan_pin(plan, user, row, hasher)]
    if known is not None and user.id is not None:
        more += _lost_numbers(user.id, customer, known)
    default = entry_words(UserEntry(entry.name, entry.email))
    subject = _subject(entry, _name_of(customer, known))
    if change := _change(subject, old, entry_words(entry), default, more):
        plan.items.append(Planned(change, "user", customer, user))


def _plan_passwords(plan: Plan, user: UserEntry, row: model.User | None, key: SecretKey) -> list[str]:
    details = []
    kept = kept_devices(user, row)
    for client in user.soft_clients:
        device = kept.get(client.username)
        if device is not None and client.password in (None, key.decrypt(device.password)):
            continue
        if client.password is None:
            plan.passwords[client.username] = generate_password()
            plan.generated.append(
                Generated("soft client password", client.username, plan.passwords[client.username])
            )
            details.append(f"Password of {client.username}: generated")
        else:
            plan.passwords[client.username] = client.password
            details.append(f"Password of {client.username}: {'set' if device is None else 'changed'}")
    return details


def _plan_pin(plan: Plan, user: DesiredUser, row: model.User | None, hasher: PasswordHasher) -> list[str]:
    entry, stored = user.entry, row.pin_hash if row is not None else None
    if entry.pin is None and stored is None:
        plan.pins[id(user)] = generate_pin(entry.numbers)
        plan.generated.append(Generated("voice portal PIN", entry.known_as, plan.pins[id(user)]))
        return ["Voice portal PIN: generated"]
    if entry.pin is None or (not entry.pin and stored is None):
        return []
    if not user.pin_anew and hash_matches(hasher, stored, entry.pin):
        return []
    plan.pins[id(user)] = entry.pin
    return ["Voice portal PIN: " + ("removed" if not entry.pin else "set" if stored is None else "changed")]


def _lost_numbers(user: int, customer: DesiredCustomer, known: StoredCustomer) -> Iterator[str]:
    """Who redirects to a number that the user had and nobody has now (P7)."""
    given = {number for each in customer.users for number in each.entry.numbers}
    for number in known.numbers_of(user):
        if number not in given:
            yield from (
                f"Redirects to {number}, which is nobody's now: {who}"
                for redirecting, who in known.redirecting[number]
                if redirecting != user
            )


def _plan_deleted(plan: Plan, customer: DesiredCustomer, known: StoredCustomer) -> None:
    name = _name_of(customer, known)
    for user in sorted(customer.deleted):
        row, entry = known.users[user], known.user_entry(user)
        details = [f"Redirects to this user: {who}" for who in _redirecting(user, entry, known)]
        if entry.numbers:
            details.append(f"Back to the pool: {', '.join(entry.numbers)}")
        if row.devices:
            details.append(f"Released: {', '.join(device.username for device in row.devices)}")
        details.append("The mailbox is kept for 30 days")
        change = Change("delete", _subject(entry, name), tuple(details))
        plan.items.append(Planned(change, "user", customer, id=user))
    if customer.gone:
        plan.items.append(Planned(Change("delete", f"customer {name}"), "customer", customer))


def _redirecting(user: int, entry: UserEntry, known: StoredCustomer) -> Sequence[str]:
    """Who redirects to this user now, by user or by number (P7), in the order of their ids."""
    targets: list[int | str] = [user, *entry.numbers]
    found = {each for target in targets for each in known.redirecting[target]}
    return [who for redirecting, who in sorted(found) if redirecting != user]


def _plan_trunk(plan: Plan, trunk: DesiredTrunk, stored: Stored, key: SecretKey) -> None:
    entry = trunk.entry
    row = None if trunk.id is None else stored.trunks[trunk.id]
    password = key.decrypt(row.password) if row is not None and row.password is not None else None
    more = []
    if entry.username and entry.password is None and password is None:
        plan.trunk_passwords[id(trunk)] = generate_password()
        plan.generated.append(Generated("trunk password", entry.name, plan.trunk_passwords[id(trunk)]))
        more.append("Password: generated")
    elif entry.password is not None and entry.password != password:
        plan.trunk_passwords[id(trunk)] = entry.password
        more.append("Password: set" if password is None else "Password: changed")
    old = None if row is None else entry_words(trunk_entry(row))
    default = entry_words(TrunkEntry(entry.name, ""))
    if change := _change(f"trunk {entry.name}", old, entry_words(entry), default, more):
        plan.items.append(Planned(change, "trunk", of=trunk))


def _name_of(customer: DesiredCustomer, known: StoredCustomer | None) -> str:
    if customer.entry is not None:
        return customer.entry.name
    assert known is not None, "a new customer has an entry"
    return known.row.name


def _subject(user: UserEntry, customer: str) -> str:
    return f"user {in_words(user.name, user.email, user.extension)} of {customer}"
