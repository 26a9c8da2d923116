"""From the names in a company file to the ids in the database: what the file says, as a desired state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from provisioning.company.entries import CustomerEntry
from provisioning.company.known import in_words, known_as
from provisioning.company.problems import Place
from provisioning.editing.desired import Desired, DesiredCustomer, DesiredTrunk, DesiredUser, FromFile
from provisioning.file.company_file import CompanyFile
from provisioning.store import model


@dataclass(frozen=True, slots=True)
class _User:
    id: int
    known_as: str
    words: str


async def desired_by(
    session: AsyncSession, file: CompanyFile, *, prune: bool, overwrite: bool = False
) -> Desired:
    """What the file wants. Users and trunks that it does not name are noted, or go with `prune`."""
    customers = await session.execute(
        select(model.Customer.id, model.Customer.name).where(model.Customer.deleted_at.is_(None))
    )
    customer_ids = {row.name.casefold(): row.id for row in customers}
    find = _Finder(file.former)
    known = [
        find(customer_ids, customer.name, ("customers", index), str.casefold)
        for index, customer in enumerate(file.customers)
    ]
    users = await _users(session, {each for each in known if each is not None})
    trunk_rows = {
        row.name.casefold(): (row.id, row.name)
        for row in await session.execute(select(model.Trunk.id, model.Trunk.name))
    }
    trunk_ids = {name: number for name, (number, _) in trunk_rows.items()}
    trunks = tuple(
        DesiredTrunk(find(trunk_ids, trunk.name, ("trunks", index), str.casefold), trunk, ("trunks", index))
        for index, trunk in enumerate(file.trunks)
    )
    # A file that is about customers alone leaves all trunks alone.
    named = {trunk.id for trunk in trunks}
    unnamed = {number: name for number, name in trunk_rows.values() if trunks and number not in named}
    desired = [
        _customer(customer, index, number, users[number] if number is not None else [], find, prune=prune)
        for index, (customer, number) in enumerate(zip(file.customers, known, strict=True))
    ]
    return Desired(
        customers=tuple(desired),
        trunks=trunks,
        deleted_trunks=frozenset(unnamed) if prune else frozenset(),
        blocked=file.blocked_numbers,
        switches=file.switches,
        judged_whole=True,
        file=FromFile(file.as_of, overwrite),
        notes=() if prune else tuple(_kept(desired, users, unnamed)),
    )


class _Finder:
    """Finds ids by name, or by the former name that the file gives for the place."""

    def __init__(self, former: Mapping[Place, str]) -> None:
        self.former = former

    def __call__(
        self, ids: Mapping[str, int], name: str, place: Place, form: Callable[[str], str]
    ) -> int | None:
        was = self.former.get(place)
        found = ids.get(form(name))
        return ids.get(form(was)) if found is None and was is not None else found


def _customer(
    entry: CustomerEntry, index: int, number: int | None, known: list[_User], find: _Finder, *, prune: bool
) -> DesiredCustomer:
    place: Place = ("customers", index)
    ids = {user.known_as: user.id for user in known}
    users = tuple(
        DesiredUser(
            find(ids, user.known_as, (*place, "users", position), str.lower),
            user,
            (*place, "users", position),
        )
        for position, user in enumerate(entry.users)
    )
    named = {user.id for user in users}
    deleted = frozenset(user.id for user in known if prune and user.id not in named)
    return DesiredCustomer(number, entry, users, deleted, place=place)


async def _users(session: AsyncSession, customers: set[int]) -> Mapping[int, list[_User]]:
    users: defaultdict[int, list[_User]] = defaultdict(list)
    query = select(
        model.User.customer_id, model.User.id, model.User.name, model.User.email, model.User.extension
    )
    query = query.where(model.User.deleted_at.is_(None)).order_by(model.User.id)
    for customer in customers:
        for row in await session.execute(query.where(model.User.customer_id == customer)):
            name = known_as(row.email, row.extension, row.id)
            users[customer].append(_User(row.id, name, in_words(row.name, row.email, row.extension)))
    return users


def _kept(
    desired: list[DesiredCustomer], users: Mapping[int, list[_User]], trunks: Mapping[int, str]
) -> Iterator[str]:
    """Who is not in the file, for a person to think about."""
    for customer in desired:
        named = {user.id for user in customer.users}
        missing = [
            user.words
            for user in (users[customer.id] if customer.id is not None else [])
            if user.id not in named
        ]
        if missing and customer.entry is not None:
            names = ", ".join(missing)
            yield f"not in the file, and kept: {names} of {customer.entry.name}; --prune deletes them."
    if trunks:
        yield f"trunks not in the file, and kept: {', '.join(trunks.values())}; --prune deletes them."
