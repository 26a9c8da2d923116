"""What must change for the database to say what a company file says: worked out, not yet written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from argon2 import PasswordHasher

from provisioning.company.changes import Change, Changes, Generated
from provisioning.company.entries import (
    BUSY,
    NOT_ANSWERED,
    OUT_OF_HOURS,
    CustomerEntry,
    TrunkEntry,
    UserEntry,
)
from provisioning.company.notes import notes_on
from provisioning.company.pins import generate_pin, pin_matches
from provisioning.company.rules import NOT_IN_FILE, Placed, check
from provisioning.company.words import (
    blocked_words,
    customer_words,
    differences,
    settings_made,
    trunk_words,
    user_words,
)
from provisioning.editing.stored import (
    Stored,
    StoredCustomer,
    customer_entry,
    trunk_entry,
    user_entry,
)
from provisioning.file.company_file import CompanyFile, CompanyFileError
from provisioning.store import model
from provisioning.store.secrets import SecretKey, generate_password

UserKey = tuple[str, str]
"""A user by the customer's case-folded name and the e-mail."""


@dataclass(slots=True)
class Plan:
    """The changes, and the secrets to store with them; a secret that is not here stays as it is."""

    items: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)
    """By the soft client's username."""
    pins: dict[UserKey, str] = field(default_factory=dict)
    """Empty to remove the PIN."""
    trunk_passwords: dict[str, str] = field(default_factory=dict)
    """By case-folded name."""
    generated: list[Generated] = field(default_factory=list)
    deleted: set[int] = field(default_factory=set)
    """Ids of users."""
    deleted_trunks: set[str] = field(default_factory=set)
    """By case-folded name."""

    def changes(self) -> Changes:
        """What to show."""
        return Changes(tuple(self.items), tuple(self.notes))


def make_plan(
    file: CompanyFile, stored: Stored, key: SecretKey, hasher: PasswordHasher, *, prune: bool
) -> Plan:
    """Compare the file with what is stored. Raises CompanyFileError for rules that the two break together.

    Takes about 20 ms for each PIN in the file, which has to be hashed to be compared.
    """
    final = [_final(index, customer, stored, prune=prune) for index, customer in enumerate(file.customers)]
    named = {trunk.name.casefold() for trunk in file.trunks}
    # A file that is about customers alone leaves all trunks alone.
    unnamed = {name: row for name, row in stored.trunks.items() if named and name not in named}
    others = [row for name, row in stored.trunks.items() if name not in named and not (prune and named)]
    elsewhere = replace(
        stored.elsewhere,
        sources=frozenset(source for row in others for source in row.allow_from),
        trunk_usernames=frozenset(row.username.lower() for row in others if row.username),
    )
    blocked = stored.blocked if file.blocked_numbers is None else frozenset(file.blocked_numbers)
    if problems := check(final, file.trunks, elsewhere, blocked=blocked):
        raise CompanyFileError(file.source, file.lines, problems)
    plan = Plan()
    for customer in file.customers:
        known = stored.customers.get(customer.name.casefold())
        _plan_customer(plan, customer, known)
        for user in customer.users:
            _plan_user(plan, user, customer, known, key, hasher)
        if known is not None:
            _plan_missing(plan, customer, known, prune=prune)
    for trunk in file.trunks:
        _plan_trunk(plan, trunk, stored.trunks.get(trunk.name.casefold()), key)
    _plan_missing_trunks(plan, unnamed, prune=prune)
    if details := differences(blocked_words(stored.blocked), blocked_words(blocked)):
        plan.items.append(Change("change", "the platform", details))
    plan.notes += notes_on(file.customers, final)
    return plan


def missing_users(customer: CustomerEntry, known: StoredCustomer | None) -> list[model.User]:
    """The customer's users whom the file does not name."""
    named = {user.email for user in customer.users}
    return [row for email, row in known.users.items() if email not in named] if known else []


def kept_devices(user: UserEntry, row: model.User | None) -> dict[str, model.Device]:
    """The user's devices that stay, by username."""
    wanted = {client.username for client in user.soft_clients} | {phone.mac for phone in user.desk_phones}
    return {device.username: device for device in row.devices if device.username in wanted} if row else {}


def _final(index: int, customer: CustomerEntry, stored: Stored, *, prune: bool) -> Placed:
    """The customer with all users it will have.

    Those not in the file come first, so that a conflict is reported at the file's line; their redirects are
    left aside, which were judged when saved and are judged again when dialled.
    """
    known = stored.customers.get(customer.name.casefold())
    path = ("customers", index)
    kept = [
        (
            (*path, f"user {row.email}, {NOT_IN_FILE}"),
            replace(
                user_entry(row, known),
                not_answered=NOT_ANSWERED,
                busy=BUSY,
                out_of_hours=OUT_OF_HOURS,
                permanent_redirect=None,
            ),
        )
        for row in (missing_users(customer, known) if not prune else ())
        if known is not None
    ]
    named = [((*path, "users", position), user) for position, user in enumerate(customer.users)]
    return Placed(path, customer, (*kept, *named))


def _note(
    plan: Plan,
    subject: str,
    old: Mapping[str, str] | None,
    new: Mapping[str, str],
    default: Mapping[str, str],
    secrets: Iterable[str] = (),
) -> None:
    """Add what differs, if anything does: `old` is None for something new."""
    if old is None:
        plan.items.append(Change("add", subject, (*settings_made(default, new), *secrets)))
    elif details := (*differences(old, new), *secrets):
        plan.items.append(Change("change", subject, details))


def _plan_customer(plan: Plan, customer: CustomerEntry, known: StoredCustomer | None) -> None:
    old = None if known is None else customer_words(customer_entry(known.row))
    default = customer_words(CustomerEntry(customer.name))
    _note(plan, f"customer {customer.name}", old, customer_words(customer), default)


def _plan_user(
    plan: Plan,
    user: UserEntry,
    customer: CustomerEntry,
    known: StoredCustomer | None,
    key: SecretKey,
    hasher: PasswordHasher,
) -> None:
    row = known.users.get(user.email) if known is not None else None
    old = None if row is None or known is None else user_words(user_entry(row, known))
    secrets = [*_plan_passwords(plan, user, row, key), *_plan_pin(plan, user, customer, row, hasher)]
    default = user_words(UserEntry(user.name, user.email))
    _note(plan, _subject(user.name, user.email, customer), old, user_words(user), default, secrets)


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


def _plan_pin(
    plan: Plan, user: UserEntry, customer: CustomerEntry, row: model.User | None, hasher: PasswordHasher
) -> list[str]:
    stored = row.pin_hash if row is not None else None
    where = (customer.name.casefold(), user.email)
    if user.pin is None and stored is None:
        plan.pins[where] = generate_pin(user.numbers)
        plan.generated.append(Generated("voice portal PIN", user.email, plan.pins[where]))
        return ["Voice portal PIN: generated"]
    if user.pin is None or (not user.pin and stored is None) or pin_matches(hasher, stored, user.pin):
        return []
    plan.pins[where] = user.pin
    return ["Voice portal PIN: " + ("removed" if not user.pin else "set" if stored is None else "changed")]


def _plan_missing(plan: Plan, customer: CustomerEntry, known: StoredCustomer, *, prune: bool) -> None:
    missing = missing_users(customer, known)
    if not prune and missing:
        names = ", ".join(f"{row.name} <{row.email}>" for row in missing)
        plan.notes.append(f"not in the file, and kept: {names} of {customer.name}; --prune deletes them.")
    for row in missing if prune else ():
        plan.deleted.add(row.id)
        entry = user_entry(row, known)
        details = [f"Redirects to this user: {name}" for name in _redirecting(row, known)]
        if entry.numbers:
            details.append(f"Back to the pool: {', '.join(entry.numbers)}")
        if row.devices:
            details.append(f"Released: {', '.join(device.username for device in row.devices)}")
        details.append("The mailbox is kept")
        plan.items.append(Change("delete", _subject(row.name, row.email, customer), tuple(details)))


def _redirecting(target: model.User, known: StoredCustomer) -> list[str]:
    """Who redirects to this user now, by user or by number (P7)."""
    numbers = {number.number for number in target.numbers}
    return [
        f"{row.name} <{row.email}>"
        for row in known.users.values()
        if row.id != target.id
        and (
            row.permanent_redirect in numbers
            or any(t.target_user_id == target.id or t.target_number in numbers for t in row.treatments)
        )
    ]


def _plan_trunk(plan: Plan, trunk: TrunkEntry, row: model.Trunk | None, key: SecretKey) -> None:
    name = trunk.name.casefold()
    stored = key.decrypt(row.password) if row is not None and row.password is not None else None
    secrets = []
    if trunk.username and trunk.password is None and stored is None:
        plan.trunk_passwords[name] = generate_password()
        plan.generated.append(Generated("trunk password", trunk.name, plan.trunk_passwords[name]))
        secrets.append("Password: generated")
    elif trunk.password is not None and trunk.password != stored:
        plan.trunk_passwords[name] = trunk.password
        secrets.append("Password: set" if stored is None else "Password: changed")
    old = None if row is None else trunk_words(trunk_entry(row))
    default = trunk_words(TrunkEntry(trunk.name, ""))
    _note(plan, f"trunk {trunk.name}", old, trunk_words(trunk), default, secrets)


def _plan_missing_trunks(plan: Plan, unnamed: Mapping[str, model.Trunk], *, prune: bool) -> None:
    if prune:
        plan.deleted_trunks |= unnamed.keys()
        plan.items += (Change("delete", f"trunk {row.name}") for row in unnamed.values())
    elif unnamed:
        names = ", ".join(row.name for row in unnamed.values())
        plan.notes.append(f"trunks not in the file, and kept: {names}; --prune deletes them.")


def _subject(name: str, email: str, customer: CustomerEntry) -> str:
    return f"user {name} <{email}> of {customer.name}"
