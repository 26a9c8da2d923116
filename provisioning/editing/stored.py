"""What the database holds of what is edited, and what others hold of what it wants: read with a few queries.

Their number does not grow with the users of a customer, nor does what they read, unless the customer itself is edited.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from provisioning.company.entries import CustomerEntry, UserEntry
from provisioning.company.known import in_words, known_as
from provisioning.company.rules import Elsewhere, Others
from provisioning.company.switches import Switches
from provisioning.editing.desired import Desired, DesiredCustomer
from provisioning.editing.entries import SOFT, customer_entry, switches_of, user_entry
from provisioning.editing.matching import matching
from provisioning.editing.refusals import ThereIsNone
from provisioning.editing.wanted import Wanted
from provisioning.store import model

Shown = str
"""A user in words: `Anna <anna@acme.example>`."""


@dataclass(slots=True)
class StoredCustomer:
    """A customer's row with the rows of the users who are edited, by id."""

    row: model.Customer
    users: dict[int, model.User] = field(default_factory=dict)
    numbers: dict[str, model.Number] = field(default_factory=dict)
    """All of them where the customer itself is edited, else those that the edit is about."""
    others: Others = field(default_factory=Others)
    targets: dict[str, int] = field(default_factory=dict)
    """Users who are not edited, by what they go by, as far as the edit is about them."""
    names: dict[str, str] = field(default_factory=dict)
    """What they go by, by e-mail and by extension."""
    redirecting: defaultdict[int | str, list[tuple[int, Shown]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Who redirects to a user who goes or to a number that is taken away, by the user's id or the number."""
    names_by_id: Mapping[int, str] = field(default_factory=dict)
    """What edited users, and those that they redirect to, go by."""

    def numbers_of(self, user: int) -> list[str]:
        """The numbers that the user has."""
        return sorted(number for number, row in self.numbers.items() if row.user_id == user)

    def user_entry(self, user: int) -> UserEntry:
        """An edited user as stored."""
        return user_entry(self.users[user], self.numbers_of(user), self.names_by_id)

    def entry(self) -> CustomerEntry:
        """The customer as stored, with the numbers that were read."""
        return customer_entry(self.row, self.numbers)


@dataclass(frozen=True, slots=True)
class Stored:
    """The rows of what is edited, and of all trunks by id, and what is in use besides."""

    customers: Mapping[int, StoredCustomer]
    trunks: Mapping[int, model.Trunk]
    elsewhere: Elsewhere
    blocked: frozenset[str]
    switches: Switches

    def of(self, customer: DesiredCustomer) -> StoredCustomer | None:
        """A customer's rows; None for a new one."""
        return None if customer.id is None else self.customers[customer.id]


async def read_stored(session: AsyncSession, desired: Desired) -> Stored:
    """Read what `desired` is about. Raises ThereIsNone for an id that there is not."""
    return await _Reading(session, desired).read()


_WHO = model.User.id, model.User.email, model.User.extension


def _goes_by(row: Any) -> str:
    """What the user of a row with these columns goes by inside the customer."""
    return known_as(row.email, row.extension, row.id)


class _Reading:
    """The queries for one edit, and what came of them so far."""

    def __init__(self, session: AsyncSession, desired: Desired) -> None:
        self.session = session
        self._matching = partial(matching, session)
        self.desired = desired
        self.wanted = Wanted.of(desired)
        self.touched = desired.touched()
        self.customers: dict[int, StoredCustomer] = {}

    async def read(self) -> Stored:
        await self._rows()
        await self._numbers()
        elsewhere_numbers = await self._numbers_wanted()
        await self._others()
        usernames = await self._devices()
        await self._redirects()
        edited = any(customer.entry is not None for customer in self.desired.customers)
        names = await self._names() if edited else frozenset()
        trunks = {row.id: row for row in await self.session.scalars(select(model.Trunk))}
        if missing := self._named_trunks() - trunks.keys():
            raise ThereIsNone(f"There is no trunk {min(missing)}.")
        rest = [
            row for row in trunks.values() if row.id not in self._named_trunks() | self.desired.deleted_trunks
        ]
        return Stored(
            customers=self.customers,
            trunks=trunks,
            elsewhere=Elsewhere(
                numbers=elsewhere_numbers,
                usernames=usernames,
                sources=frozenset(source for row in rest for source in row.allow_from),
                trunk_usernames=frozenset(row.username.lower() for row in rest if row.username),
                customer_names=names,
                trunk_names=frozenset(row.name.casefold() for row in rest),
            ),
            blocked=frozenset(await self.session.scalars(select(model.BlockedNumber.number))),
            switches=await switches_of(self.session),
        )

    def _named_trunks(self) -> set[int]:
        return {trunk.id for trunk in self.desired.trunks if trunk.id is not None}

    async def _rows(self) -> None:
        """The customers, and the users who are edited."""
        ids = {customer.id for customer in self.desired.customers if customer.id is not None}
        query = select(model.Customer).where(model.Customer.deleted_at.is_(None))
        for row in await self._matching(query, model.Customer.id, ids):
            self.customers[row.Customer.id] = StoredCustomer(row.Customer)
        if missing := ids - self.customers.keys():
            raise ThereIsNone(f"There is no customer {min(missing)}.")
        users = (
            select(model.User)
            .where(model.User.deleted_at.is_(None))
            .options(
                selectinload(model.User.devices),
                selectinload(model.User.treatments),
                selectinload(model.User.intervals),
            )
        )
        for row in await self._matching(users, model.User.id, self.touched):
            if row.User.customer_id in self.customers:
                self.customers[row.User.customer_id].users[row.User.id] = row.User
        for customer in self.desired.customers:
            named = {user.id for user in customer.users if user.id is not None} | customer.deleted
            known = self.customers[customer.id].users.keys() if customer.id is not None else set()
            if missing := named - known:
                raise ThereIsNone(f"There is no user {min(missing)}.")
        await self._names_by_id()

    async def _names_by_id(self) -> None:
        """What the edited users, and those that they redirect to, go by."""
        rows = [user for customer in self.customers.values() for user in customer.users.values()]
        targets = {each.target_user_id for row in rows for each in row.treatments if each.target_user_id}
        query = select(model.User.id, model.User.email, model.User.extension)
        query = query.where(model.User.deleted_at.is_(None))
        found = await self._matching(query, model.User.id, targets)
        names = {row.id: _goes_by(row) for row in found} | {row.id: _goes_by(row) for row in rows}
        for customer in self.customers.values():
            customer.names_by_id = names

    async def _numbers(self) -> None:
        """All numbers of customers that are edited themselves, and those of edited users."""
        whole = {
            each.id for each in self.desired.customers if each.id is not None and (each.entry or each.gone)
        }
        query = select(model.Number)
        for row in (
            *await self._matching(query, model.Number.customer_id, whole),
            *await self._matching(query, model.Number.user_id, self.touched),
        ):
            self.customers[row.Number.customer_id].numbers[row.Number.number] = row.Number

    async def _numbers_wanted(self) -> frozenset[str]:
        """The numbers that the edit is about; returns those that belong to other customers."""
        strange = set()
        for row in await self._matching(select(model.Number), model.Number.number, self.wanted.numbers):
            number: model.Number = row.Number
            if number.customer_id in self.customers:
                self.customers[number.customer_id].numbers[number.number] = number
            else:
                strange.add(number.number)
        return frozenset(strange)

    async def _others(self) -> None:
        """What users who are not edited hold of what the edit wants, and what the customer is to take from them."""
        columns = select(model.User.id, model.User.customer_id, model.User.email, model.User.extension)
        others = columns.where(model.User.deleted_at.is_(None))
        emails: defaultdict[int, dict[str, str]] = defaultdict(dict)
        extensions: defaultdict[int, dict[str, str]] = defaultdict(dict)
        for each in self.desired.customers:
            # By customer, as the indexes are: half the customers have a user with this extension.
            inside, wanted = others.where(model.User.customer_id == each.id), Wanted.of(Desired((each,)))
            found = (
                *await self._matching(inside, model.User.email, wanted.emails),
                *await self._matching(inside, model.User.extension, wanted.extensions),
            )
            for row in found:
                if row.id in self.touched:
                    continue
                if row.email in wanted.emails:
                    emails[row.customer_id][row.email] = row.email
                    self._target(row, row.email)
                if row.extension not in wanted.extensions:
                    continue
                extensions[row.customer_id][row.extension] = _goes_by(row)
                if row.email is not None:
                    emails[row.customer_id][row.email] = row.email
                self._target(row, row.extension)
        held = {
            number: row.user_id
            for customer in self.customers.values()
            for number, row in customer.numbers.items()
            if row.user_id is not None and row.user_id not in self.touched
        }
        names = {
            row.id: _goes_by(row) for row in await self._matching(others, model.User.id, set(held.values()))
        }
        for customer in self.desired.customers:
            if customer.id is None:
                continue
            stored = self.customers[customer.id]
            mine = {number: names[held[number]] for number in stored.numbers if number in held}
            kept = frozenset(stored.numbers) if customer.entry is None else frozenset(customer.entry.numbers)
            stored.others = Others(
                emails=emails[customer.id],
                extensions=extensions[customer.id],
                numbers={number: who for number, who in mine.items() if number in self.wanted.numbers},
                dropped={number: who for number, who in mine.items() if number not in kept},
                count=await self._count(customer, stored),
                presenting=await self._presenting(customer.id, stored.numbers.keys() - kept),
                with_soft_clients=await self._with_soft_clients(customer),
            )

    async def _count(self, customer: DesiredCustomer, stored: StoredCustomer) -> int:
        """How many users are not edited, where the customer may have so many only."""
        most = stored.row.max_users if customer.entry is None else customer.entry.max_users
        if most is None:
            return 0
        query = select(func.count()).where(
            model.User.customer_id == stored.row.id, model.User.deleted_at.is_(None)
        )
        return (await self.session.execute(query)).scalar_one() - len(stored.users)

    def _target(self, row: Row[Any], called: str) -> None:
        """Somebody who is not edited, whom a redirect may mean by that e-mail or extension."""
        customer, name = self.customers[row.customer_id], _goes_by(row)
        customer.targets[name] = row.id
        customer.names[called] = name

    async def _presenting(self, customer: int, lost: Collection[str]) -> dict[str, str]:
        query = select(*_WHO, model.User.presentation_number).where(
            model.User.customer_id == customer, model.User.deleted_at.is_(None)
        )
        rows = await self._matching(query, model.User.presentation_number, lost)
        return {row.presentation_number: _goes_by(row) for row in rows if row.id not in self.touched}

    async def _with_soft_clients(self, customer: DesiredCustomer) -> tuple[str, ...]:
        if customer.entry is None or not customer.entry.hardware_only:
            return ()
        query = (
            select(*_WHO)
            .join(model.Device, model.Device.user_id == model.User.id)
            .where(model.User.customer_id == customer.id, model.User.deleted_at.is_(None))
            .where(model.Device.kind == SOFT)
            .distinct()
            .order_by(model.User.email, model.User.extension)
        )
        return tuple(_goes_by(row) for row in await self.session.execute(query) if row.id not in self.touched)

    async def _devices(self) -> frozenset[str]:
        """Who holds a username that is wanted; returns those of other customers."""
        query = select(
            func.lower(model.Device.username).label("username"),
            model.User.customer_id,
            *_WHO,
        ).join(model.User, model.User.id == model.Device.user_id)
        strange = set()
        for row in await self._matching(query, func.lower(model.Device.username), self.wanted.usernames):
            if row.customer_id not in self.customers:
                strange.add(row.username)
            elif row.id not in self.touched:
                usernames = self.customers[row.customer_id].others.usernames
                assert isinstance(usernames, dict)
                usernames[row.username] = _goes_by(row)
        return frozenset(strange)

    async def _redirects(self) -> None:
        """Who redirects to users who go, or to numbers that users lose (P7)."""
        users = {each for customer in self.desired.customers for each in customer.deleted}
        numbers = {number for customer in self.desired.customers for number in self._lost(customer)}
        who = (*_WHO, model.User.customer_id, model.User.name)
        live = model.User.deleted_at.is_(None)
        treatments = (
            select(*who, model.Treatment.target_user_id, model.Treatment.target_number)
            .join(model.Treatment, model.Treatment.user_id == model.User.id)
            .where(live)
        )
        permanent = select(*who, model.User.permanent_redirect).where(live)
        for row in await self._matching(treatments, model.Treatment.target_user_id, users):
            self._redirecting(row, row.target_user_id)
        for row in await self._matching(treatments, model.Treatment.target_number, numbers):
            self._redirecting(row, row.target_number)
        for row in await self._matching(permanent, model.User.permanent_redirect, numbers):
            self._redirecting(row, row.permanent_redirect)

    def _redirecting(self, row: Row[Any], target: int | str) -> None:
        """Somebody of another customer, who may redirect to the number too, is nobody's business."""
        if row.customer_id in self.customers:
            found = self.customers[row.customer_id].redirecting[target]
            each = (row.id, in_words(row.name, row.email, row.extension))
            if each not in found:
                found.append(each)

    def _lost(self, customer: DesiredCustomer) -> set[str]:
        """The numbers that edited users of the customer have no longer."""
        if customer.id is None:
            return set()
        stored = self.customers[customer.id]
        had = {
            number
            for number, row in stored.numbers.items()
            if row.user_id is not None and row.user_id in self.touched
        }
        return had.difference(*(user.entry.numbers for user in customer.users))

    async def _names(self) -> frozenset[str]:
        query = select(model.Customer.id, model.Customer.name).where(model.Customer.deleted_at.is_(None))
        return frozenset(
            row.name.casefold() for row in await self.session.execute(query) if row.id not in self.customers
        )
