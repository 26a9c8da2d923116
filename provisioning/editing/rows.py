"""Writing a plan: the rows of what is edited, in one transaction. Nobody but `editing` may import this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete
from sqlalchemy.ext.asyncio import AsyncSession

from provisioning.company.entries import UserEntry
from provisioning.company.setting import columns_of
from provisioning.editing.audit import Recorded
from provisioning.editing.desired import Desired, DesiredCustomer, DesiredTrunk, DesiredUser, Kind
from provisioning.editing.entries import DESK, SOFT, treatment_entry
from provisioning.editing.planning import Plan, Planned, kept_devices
from provisioning.editing.stored import Stored
from provisioning.store import model
from provisioning.store.base import Base
from provisioning.store.pin_attempts import forget_attempts
from provisioning.store.secrets import SecretKey, generate_password

_TREATMENT_COLUMNS = ("action", "after", "announce", "present_dialled_number", "always")


class Rows:
    """The rows of one transaction.

    What is unique is first released everywhere and only then given out anew, so that two users may swap
    extensions or usernames.
    """

    def __init__(
        self,
        session: AsyncSession,
        key: SecretKey,
        stored: Stored,
        plan: Plan,
        hashes: Mapping[int, str | None],
        now: datetime,
    ) -> None:
        """`hashes` are those of the plan's PINs, by the `id()` of the DesiredUser."""
        self.session = session
        self.key = key
        self.stored = stored
        self.plan = plan
        self.hashes = hashes
        self.now = now
        self._customers: dict[int, model.Customer] = {}
        self._users: dict[int, model.User] = {}
        self._trunks: dict[int, model.Trunk] = {}

    async def write(self, desired: Desired) -> None:
        """Make the rows say what is desired; the caller commits."""
        for customer in desired.customers:
            await self._release(customer)
        await self.session.flush()
        for customer in desired.customers:
            self._customers[id(customer)] = self._customer(customer)
        await self.session.flush()
        for customer in desired.customers:
            for user in customer.users:
                self._users[id(user)] = self._user(user, self._customers[id(customer)])
        await self.session.flush()
        await forget_attempts(
            self.session, [self._users[user].id for user in self.hashes if user in self._users]
        )
        for customer in desired.customers:
            targets = self._targets(customer)
            for user in customer.users:
                row = self._users[id(user)]
                self._treatments(user, row, targets, customer)
                self._intervals(user.entry, row)
                self._devices(user.entry, row)
        await self._numbers(desired)
        for trunk in desired.deleted_trunks & self.stored.trunks.keys():
            await self.session.delete(self.stored.trunks[trunk])
        await self.session.flush()
        for each in desired.trunks:
            self._trunks[id(each)] = self._trunk(each)
        if desired.blocked is not None:
            await self._blocked(frozenset(desired.blocked))
        if desired.switches is not None:
            await self.session.merge(model.PermissionSwitches(id=1, **asdict(desired.switches)))
        await self.session.flush()

    def recorded(self) -> Iterator[Recorded]:
        """The plan's changes with the ids of what they changed, once it is written."""
        for planned in self.plan.items:
            customer = None if planned.customer is None else self._customers[id(planned.customer)].id
            yield Recorded(planned.change, planned.kind, self._id(planned, customer), customer)

    def named(self, desired: Desired) -> Iterator[tuple[Kind, int]]:
        """The ids of all customers and trunks that were named, new ones among them, once it is written."""
        yield from (("customer", self._customers[id(each)].id) for each in desired.customers)
        yield from (("trunk", self._trunks[id(each)].id) for each in desired.trunks)

    def _id(self, planned: Planned, customer: int | None) -> int | None:
        match planned.of:
            case DesiredUser():
                return self._users[id(planned.of)].id
            case DesiredTrunk():
                return self._trunks[id(planned.of)].id
        return customer if planned.kind == "customer" else planned.id

    async def _release(self, customer: DesiredCustomer) -> None:
        """Take back extensions, devices and their bindings from whom they no longer belong to."""
        known = self.stored.of(customer)
        if known is None:
            return
        named = {user.id: user.entry for user in customer.users}
        gone = []
        if customer.gone:
            await self._forget_roles(model.SignInRole.customer_id == known.row.id)
        for row in known.users.values():
            entry = named.get(row.id)
            kept: dict[str, model.Device] = {}
            if entry is None:
                await self._forget_roles(model.SignInRole.user_id == row.id)
                self._delete(row)
            else:
                if row.extension != entry.extension:
                    row.extension = None
                if row.email != entry.email:
                    # Nobody's, until all who are to have another one have given theirs up.
                    row.email = None
                kept = kept_devices(entry, row)
            gone += [device.username for device in row.devices if device.username not in kept]
            row.devices[:] = kept.values()
        if gone:
            await self.session.execute(delete(model.Binding).where(model.Binding.username.in_(gone)))

    async def _forget_roles(self, of: ColumnElement[bool]) -> None:
        """Accounts are no longer this user, or administrator of this customer."""
        await self.session.execute(delete(model.SignInRole).where(of))

    def _delete(self, row: model.User) -> None:
        """Leave only what the mailbox needs, and what redirects to the user still point at (P7, D9)."""
        row.deleted_at = self.now
        row.extension = row.default_number = row.presentation_number = row.permanent_redirect = None
        row.pin_hash = None
        row.treatments.clear()
        row.intervals.clear()

    def _customer(self, customer: DesiredCustomer) -> model.Customer:
        known, entry = self.stored.of(customer), customer.entry
        row = known.row if known else model.Customer()
        if customer.gone:
            row.deleted_at = self.now
        elif entry is not None:
            _copy(entry, row)
            row.allowed_classes = sorted(set(entry.allowed_classes))
            self.session.add(row)
        return row

    def _user(self, user: DesiredUser, of: model.Customer) -> model.User:
        known = self.stored.customers.get(of.id)
        if user.id is None or known is None:
            row = model.User(customer_id=of.id, devices=[], treatments=[], intervals=[])
            self.session.add(row)
        else:
            row = known.users[user.id]
        _copy(user.entry, row)
        row.notify_missed_call = user.entry.notify.missed_call
        row.notify_voicemail = user.entry.notify.voicemail
        if id(user) in self.hashes:
            row.pin_hash = self.hashes[id(user)]
        return row

    def _targets(self, customer: DesiredCustomer) -> dict[str, int]:
        """The ids of those whom users of the customer may redirect to, by e-mail."""
        known = self.stored.of(customer)
        others = known.targets if known is not None else {}
        return others | {user.entry.known_as: self._users[id(user)].id for user in customer.users}

    def _treatments(
        self, user: DesiredUser, row: model.User, targets: Mapping[str, int], customer: DesiredCustomer
    ) -> None:
        known = self.stored.of(customer)
        rows = {treatment.occasion: treatment for treatment in row.treatments}
        for occasion, entry in user.entry.treatments().items():
            treatment = rows.get(occasion)
            if treatment is None:
                treatment = model.Treatment(occasion=occasion)
                row.treatments.append(treatment)
            elif (
                entry.user is None
                and known is not None
                and entry == treatment_entry(treatment, known.names_by_id)
            ):
                # One whose target was deleted keeps it: it is still to fail as such (D9).
                continue
            for column in _TREATMENT_COLUMNS:
                setattr(treatment, column, getattr(entry, column))
            treatment.target_user_id = targets[entry.user] if entry.user else None
            treatment.target_number = entry.number

    @staticmethod
    def _intervals(user: UserEntry, row: model.User) -> None:
        wanted = {(span.weekday, span.start, span.end) for span in user.unavailable}
        stored = {(span.weekday, span.start, span.end): span for span in row.intervals}
        for gone in stored.keys() - wanted:
            row.intervals.remove(stored[gone])
        for weekday, start, end in wanted - stored.keys():
            row.intervals.append(model.Interval(weekday=weekday, start=start, end=end))

    def _devices(self, user: UserEntry, row: model.User) -> None:
        kept = {device.username: device for device in row.devices}
        for client in user.soft_clients:
            if client.username not in kept:
                password = self._password(client.username)
                row.devices.append(
                    model.Device(
                        kind=SOFT, username=client.username, vendor="", password=password, nat=client.nat
                    )
                )
                continue
            kept[client.username].nat = client.nat
            if client.username in self.plan.passwords:
                kept[client.username].password = self._password(client.username)
        for phone in user.desk_phones:
            if phone.mac in kept:
                kept[phone.mac].vendor = phone.vendor
                kept[phone.mac].nat = phone.nat
            else:
                # Nobody types a desk phone's password: it goes into the phone's own configuration file.
                password = self.key.encrypt(generate_password())
                row.devices.append(
                    model.Device(
                        kind=DESK, username=phone.mac, vendor=phone.vendor, password=password, nat=phone.nat
                    )
                )

    def _password(self, username: str) -> bytes:
        return self.key.encrypt(self.plan.passwords[username])

    async def _numbers(self, desired: Desired) -> None:
        """Give each number its customer and user; those that no customer has any longer are dropped."""
        rows = {
            number: row for each in self.stored.customers.values() for number, row in each.numbers.items()
        }
        owners = {
            number: self._users[id(user)].id
            for customer in desired.customers
            for user in customer.users
            for number in user.entry.numbers
        }
        touched = desired.touched()
        unused = set()
        for customer in desired.customers:
            known = self.stored.of(customer)
            had = set(known.numbers) if known is not None else set()
            if customer.gone:
                unused |= had
                continue
            of = self._customers[id(customer)].id
            has = had if customer.entry is None else set(customer.entry.numbers)
            unused |= had - has
            for number in has:
                row = rows.get(number)
                if row is None:
                    row = model.Number(number=number)
                    self.session.add(row)
                if row.customer_id != of or row.user_id in touched or number in owners:
                    row.user_id = owners.get(number)
                row.customer_id = of
        kept = {number for each in desired.customers if each.entry for number in each.entry.numbers}
        for number in unused - kept:
            await self.session.delete(rows[number])

    async def _blocked(self, numbers: frozenset[str]) -> None:
        gone = self.stored.blocked - numbers
        await self.session.execute(delete(model.BlockedNumber).where(model.BlockedNumber.number.in_(gone)))
        self.session.add_all(model.BlockedNumber(number=number) for number in numbers - self.stored.blocked)

    def _trunk(self, trunk: DesiredTrunk) -> model.Trunk:
        row = model.Trunk() if trunk.id is None else self.stored.trunks[trunk.id]
        _copy(trunk.entry, row)
        row.allow_from = sorted(trunk.entry.allow_from)
        row.next_trunk_codes = sorted(set(trunk.entry.next_trunk_codes))
        row.final_codes = sorted(set(trunk.entry.final_codes))
        if id(trunk) in self.plan.trunk_passwords:
            row.password = self.key.encrypt(self.plan.trunk_passwords[id(trunk)])
        elif trunk.entry.username is None:
            row.password = None
        self.session.add(row)
        return row


def _copy(entry: Any, row: Base) -> None:
    """The settings that columns of the same name keep."""
    for column in columns_of(type(entry)):
        setattr(row, column, getattr(entry, column))
