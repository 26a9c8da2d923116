"""Writing a plan: the rows of the customers and trunks that a company file names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from provisioning.company.entries import CustomerEntry, TrunkEntry, UserEntry
from provisioning.editing.planning import Plan, UserKey, kept_devices
from provisioning.editing.stored import DESK, SOFT, Stored
from provisioning.file.company_file import CompanyFile
from provisioning.store import model
from provisioning.store.pin_attempts import forget_attempts
from provisioning.store.secrets import SecretKey, generate_password

_CUSTOMER_COLUMNS = (
    "name",
    "country",
    "timezone",
    "hardware_only",
    "suspended",
    "users_override",
    "emergency_number",
)
_USER_COLUMNS = (
    "name",
    "email",
    "extension",
    "default_number",
    "presentation_number",
    "timezone",
    "suspended",
    "reject_anonymous",
    "withhold_number",
    "permanent_redirect",
    "max_calls",
    "out_of_hours_enabled",
)
_TREATMENT_COLUMNS = ("action", "after", "announce", "present_dialled_number", "always")
_TRUNK_COLUMNS = (
    "name",
    "host",
    "transport",
    "order",
    "register",
    "username",
    "country",
    "number_format",
    "identity",
    "answer_first",
    "early_media",
    "trusted",
    "anonymous_code",
    "caller_from",
    "nat",
)


class CompanyRows:
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
        hashes: Mapping[UserKey, str | None],
    ) -> None:
        self.session = session
        self.key = key
        self.stored = stored
        self.plan = plan
        self.hashes = hashes

    async def write(self, file: CompanyFile) -> None:
        """Make the rows say what the file says; the caller commits."""
        for customer in file.customers:
            await self._release(customer)
        await self.session.flush()
        customers = [(entry, self._customer(entry)) for entry in file.customers]
        await self.session.flush()
        users = [self._users(entry, row) for entry, row in customers]
        await self.session.flush()
        await self._unlock(file, users)
        owners: dict[str, int] = {}
        for (entry, _), rows in zip(customers, users, strict=True):
            for user in entry.users:
                self._treatments(user, rows)
                self._intervals(user, rows[user.email])
                self._devices(user, rows[user.email])
            owners |= self._owners(entry, rows)
        await self._numbers(customers, owners)
        for name in self.plan.deleted_trunks:
            await self.session.delete(self.stored.trunks[name])
        await self.session.flush()
        for trunk in file.trunks:
            self._trunk(trunk)
        if file.blocked_numbers is not None:
            await self._blocked(frozenset(file.blocked_numbers))

    async def _release(self, customer: CustomerEntry) -> None:
        """Take back extensions, devices and their bindings from whom they no longer belong to."""
        known = self.stored.customers.get(customer.name.casefold())
        named = {user.email: user for user in customer.users}
        gone = []
        for row in known.users.values() if known else ():
            user = named.get(row.email)
            if row.id in self.plan.deleted:
                self._delete(row)
                kept = {}
            elif user is None:
                continue
            else:
                if row.extension != user.extension:
                    row.extension = None
                kept = kept_devices(user, row)
            gone += [device.username for device in row.devices if device.username not in kept]
            row.devices[:] = kept.values()
        if gone:
            await self.session.execute(delete(model.Binding).where(model.Binding.username.in_(gone)))

    @staticmethod
    def _delete(row: model.User) -> None:
        """Leave only what the mailbox needs, and what redirects to the user still point at (P7, D9)."""
        row.deleted_at = datetime.now(UTC)
        row.extension = row.default_number = row.presentation_number = row.permanent_redirect = None
        row.pin_hash = None
        row.treatments.clear()
        row.intervals.clear()

    def _customer(self, entry: CustomerEntry) -> model.Customer:
        known = self.stored.customers.get(entry.name.casefold())
        row = known.row if known else model.Customer()
        for column in _CUSTOMER_COLUMNS:
            setattr(row, column, getattr(entry, column))
        row.allowed_classes = sorted(set(entry.allowed_classes))
        self.session.add(row)
        return row

    def _users(self, customer: CustomerEntry, of: model.Customer) -> dict[str, model.User]:
        """The rows of all users that the customer has from now on, by e-mail."""
        known = self.stored.customers.get(customer.name.casefold())
        rows = {
            email: row
            for email, row in (known.users.items() if known else ())
            if row.id not in self.plan.deleted
        }
        for user in customer.users:
            row = rows.get(user.email)
            if row is None:
                row = rows[user.email] = model.User(
                    customer_id=of.id, devices=[], treatments=[], intervals=[]
                )
                self.session.add(row)
            for column in _USER_COLUMNS:
                setattr(row, column, getattr(user, column))
            row.notify_missed_call = user.notify.missed_call
            row.notify_voicemail = user.notify.voicemail
            where = (customer.name.casefold(), user.email)
            if where in self.hashes:
                row.pin_hash = self.hashes[where]
        return rows

    async def _unlock(self, file: CompanyFile, users: Sequence[Mapping[str, model.User]]) -> None:
        """Whoever has another PIN now, or none, starts without failures (W4)."""
        await forget_attempts(
            self.session,
            [
                row.id
                for customer, rows in zip(file.customers, users, strict=True)
                for email, row in rows.items()
                if (customer.name.casefold(), email) in self.hashes
            ],
        )

    @staticmethod
    def _treatments(user: UserEntry, rows: Mapping[str, model.User]) -> None:
        stored = {treatment.occasion: treatment for treatment in rows[user.email].treatments}
        for occasion, entry in user.treatments().items():
            treatment = stored.get(occasion)
            if treatment is None:
                treatment = model.Treatment(occasion=occasion)
                rows[user.email].treatments.append(treatment)
            for column in _TREATMENT_COLUMNS:
                setattr(treatment, column, getattr(entry, column))
            treatment.target_user_id = rows[entry.user].id if entry.user else None
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
                row.devices.append(
                    model.Device(
                        kind=SOFT,
                        username=client.username,
                        vendor="",
                        password=self._password(client.username),
                        nat=client.nat,
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

    @staticmethod
    def _owners(customer: CustomerEntry, rows: Mapping[str, model.User]) -> dict[str, int]:
        """User ids by number: as the file assigns them, and as they are for users whom it does not name."""
        named = {user.email: user.numbers for user in customer.users}
        return {
            number: row.id
            for email, row in rows.items()
            for number in (named[email] if email in named else [stored.number for stored in row.numbers])
        }

    async def _numbers(
        self, customers: Sequence[tuple[CustomerEntry, model.Customer]], owners: Mapping[str, int]
    ) -> None:
        """Give each number its customer and user; those that no customer has any longer are dropped."""
        stored = {
            number.number: number for known in self.stored.customers.values() for number in known.row.numbers
        }
        for entry, customer in customers:
            for number in entry.numbers:
                row = stored.pop(number, None)
                if row is None:
                    row = model.Number(number=number)
                    self.session.add(row)
                row.customer_id = customer.id
                row.user_id = owners.get(number)
        for unused in stored.values():
            await self.session.delete(unused)

    async def _blocked(self, numbers: frozenset[str]) -> None:
        gone = self.stored.blocked - numbers
        await self.session.execute(delete(model.BlockedNumber).where(model.BlockedNumber.number.in_(gone)))
        self.session.add_all(model.BlockedNumber(number=number) for number in numbers - self.stored.blocked)

    def _trunk(self, entry: TrunkEntry) -> None:
        name = entry.name.casefold()
        row = self.stored.trunks.get(name) or model.Trunk()
        for column in _TRUNK_COLUMNS:
            setattr(row, column, getattr(entry, column))
        row.allow_from = sorted(entry.allow_from)
        row.next_trunk_codes = sorted(set(entry.next_trunk_codes))
        row.final_codes = sorted(set(entry.final_codes))
        if name in self.plan.trunk_passwords:
            row.password = self.key.encrypt(self.plan.trunk_passwords[name])
        elif entry.username is None:
            row.password = None
        self.session.add(row)
