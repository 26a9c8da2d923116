"""Editing: the one way to change a setting, whoever asks and by whichever way.

What is wanted becomes a desired state; access, versions and rules judge it; a plan says in words what changes; one
short transaction writes rows, audit and settings_version. PINs are hashed before it begins, and if others changed
settings meanwhile, everything is worked out anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from argon2 import PasswordHasher

from b2bua.callplan.situation import Limits
from provisioning.company.changes import Applied, Changes, Generated
from provisioning.company.entries import CustomerEntry, TrunkEntry, UserEntry
from provisioning.company.switches import Switches
from provisioning.editing import wishes
from provisioning.editing.access import Actor, Resource
from provisioning.editing.audit import AuditEntry, changes_since, customer_changes, record, version_of
from provisioning.editing.desired import Desired, Kind
from provisioning.editing.drift import remember, scopes, taken_back
from provisioning.editing.permission import demand_all, demand_read
from provisioning.editing.planning import Plan, judge, make_plan
from provisioning.editing.reading import (
    Current,
    customer_names,
    read_blocked,
    read_customer,
    read_switches,
    read_trunk,
    read_user,
    trunk_names,
)
from provisioning.editing.refusals import Stale, TakesBack
from provisioning.editing.rows import Rows
from provisioning.editing.stored import read_stored
from provisioning.editing.targets import by_one_name
from provisioning.editing.whole import Whole, read_whole
from provisioning.editing.wishes import Wish
from provisioning.store.errors import StoreError
from provisioning.store.secrets import generate_password
from provisioning.store.store import Store, bump_version, read_version

ATTEMPTS = 5


def utc_now() -> datetime:
    """The time of day, for the audit."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, the desired state that it makes, and the settings_version that it holds for."""

    version: int
    desired: Desired
    plan: Plan
    takes_back: tuple[AuditEntry, ...] = ()
    """What a company file would undo."""

    def changes(self) -> Changes:
        """What to show."""
        return replace(self.plan.changes(), takes_back=tuple(map(str, self.takes_back)))


class Editing:
    """Reads and changes settings for an actor. Every change raises what `refusals` has, and changes nothing then."""

    def __init__(
        self,
        store: Store,
        limits: Limits | None = None,
        changed: Callable[[], bool] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`limits` are the platform's. `changed` tells call handling, in a thread: whether it follows now."""
        self.store = store
        self.limits = limits or Limits()
        self._changed = changed
        self._clock = clock

    async def user(self, actor: Actor, user: int) -> Current[UserEntry]:
        """A user as they are."""
        async with self.store.reading() as session:
            current = await read_user(session, user)
        of = Resource("user", current.customer, user, current.hardware_only)
        demand_read(actor, of)
        return current

    async def add_user(self, actor: Actor, customer: int, entry: UserEntry) -> Applied:
        """Add a user to a customer."""
        return await self.make(actor, wishes.add_user(customer, entry))

    async def change_user(self, actor: Actor, user: int, entry: UserEntry, seen: int) -> Applied:
        """Change a user whose version is still `seen`."""
        return await self.make(actor, wishes.change_user(user, entry, seen))

    async def delete_user(self, actor: Actor, user: int, seen: int | None = None) -> Applied:
        """Delete a user: numbers to the pool, devices released, the mailbox kept for a while (P7)."""
        return await self.make(actor, wishes.delete_user(user, seen))

    async def set_pin(self, actor: Actor, user: int, pin: str) -> Applied:
        """Give a user another PIN, empty for none, and unlock the voice portal."""
        return await self.make(actor, wishes.set_pin(user, pin))

    async def new_password(self, actor: Actor, user: int, username: str) -> Applied:
        """Generate another password for a user's soft client; it is in the result, and shown only there."""
        password = generate_password()
        made = await self.make(actor, wishes.set_password(user, username, password))
        return replace(made, generated=(Generated("soft client password", username, password),))

    async def customer(self, actor: Actor, customer: int) -> Current[CustomerEntry]:
        """A customer as it is, without its users."""
        async with self.store.reading() as session:
            current = await read_customer(session, customer)
        demand_read(actor, Resource("customer", customer, None, current.hardware_only))
        return current

    async def add_customer(self, actor: Actor, entry: CustomerEntry) -> Applied:
        """Add a customer, without users."""
        return await self.make(actor, wishes.add_customer(entry))

    async def change_customer(self, actor: Actor, customer: int, entry: CustomerEntry, seen: int) -> Applied:
        """Change a customer whose version is still `seen`; its users stay as they are."""
        return await self.make(actor, wishes.change_customer(customer, entry, seen))

    async def delete_customer(self, actor: Actor, customer: int, seen: int | None = None) -> Applied:
        """Delete a customer with all its users; its numbers are free."""
        return await self.make(actor, wishes.delete_customer(customer, seen))

    async def trunk(self, actor: Actor, trunk: int) -> Current[TrunkEntry]:
        """A trunk as it is."""
        demand_read(actor, Resource("trunk"))
        async with self.store.reading() as session:
            return await read_trunk(session, trunk)

    async def add_trunk(self, actor: Actor, entry: TrunkEntry) -> Applied:
        """Add a trunk."""
        return await self.make(actor, wishes.add_trunk(entry))

    async def change_trunk(self, actor: Actor, trunk: int, entry: TrunkEntry, seen: int) -> Applied:
        """Change a trunk whose version is still `seen`."""
        return await self.make(actor, wishes.change_trunk(trunk, entry, seen))

    async def delete_trunk(self, actor: Actor, trunk: int, seen: int | None = None) -> Applied:
        """Delete a trunk."""
        return await self.make(actor, wishes.delete_trunk(trunk, seen))

    async def blocked_numbers(self, actor: Actor) -> Current[tuple[str, ...]]:
        """The numbers that nobody's calls are redirected to."""
        demand_read(actor, Resource("platform"))
        async with self.store.reading() as session:
            return await read_blocked(session)

    async def block_numbers(self, actor: Actor, numbers: tuple[str, ...], seen: int) -> Applied:
        """Block exactly these numbers, if those that are blocked are still what was `seen`."""
        return await self.make(actor, wishes.block_numbers(numbers, seen))

    async def switches(self, actor: Actor) -> Current[Switches]:
        """What the partner lets users and administrators change themselves (P8)."""
        demand_read(actor, Resource("platform"))
        async with self.store.reading() as session:
            return await read_switches(session)

    async def set_switches(self, actor: Actor, switches: Switches, seen: int) -> Applied:
        """Set these, if the platform's settings are still what was `seen`."""
        return await self.make(actor, wishes.set_switches(switches, seen))

    async def customer_names(self, actor: Actor) -> dict[int, str]:
        """The names of all customers by id, for the partner."""
        demand_read(actor, Resource("platform"))
        async with self.store.reading() as session:
            return await customer_names(session)

    async def trunk_names(self, actor: Actor) -> dict[int, str]:
        """The names of all trunks by id."""
        demand_read(actor, Resource("trunk"))
        async with self.store.reading() as session:
            return await trunk_names(session)

    async def whole(self, actor: Actor) -> Whole:
        """All customers, users and trunks, for the partner."""
        demand_read(actor, Resource("platform"))
        async with self.store.reading() as session:
            return await read_whole(session)

    async def history(self, actor: Actor, kind: Kind, subject: int | None) -> tuple[AuditEntry, ...]:
        """Who changed what of a user, customer or trunk, oldest first; of a customer with all its users."""
        if kind == "user" and subject is not None:
            await self.user(actor, subject)
        elif kind == "customer" and subject is not None:
            await self.customer(actor, subject)
        else:
            demand_read(actor, Resource(kind))
        async with self.store.reading() as session:
            if kind == "customer" and subject is not None:
                return await customer_changes(session, subject)
            return await changes_since(session, 0, kind, subject)

    async def preview(self, actor: Actor, wish: Wish) -> Changes:
        """What `make` would do, in words. Raises what it would raise."""
        return (await _plan(self.store, self.limits, actor, wish)).changes()

    async def make(self, actor: Actor, wish: Wish) -> Applied:
        """Make it so, all of it or nothing, and tell call handling if anything changed.

        Raises EditError as the class says, and StoreError if others never stop changing settings.
        """
        made = await self._make(actor, wish)
        if made.changes and self._changed is not None:
            return replace(made, in_force=await asyncio.to_thread(self._changed))
        return made

    async def _make(self, actor: Actor, wish: Wish) -> Applied:
        for _ in range(ATTEMPTS):
            ready = await _plan(self.store, self.limits, actor, wish)
            desired, plan = ready.desired, ready.plan
            if ready.takes_back and not (desired.file and desired.file.overwrite):
                raise TakesBack(ready.takes_back)
            if not plan.items:
                if desired.file is not None:
                    async with self.store.writing() as session:
                        await remember(session, scopes(desired), ready.version)
                return Applied(ready.changes(), (), ready.version)
            hashes = await asyncio.to_thread(_hash_pins, plan.pins, self.store.hasher)
            async with self.store.writing() as session:
                if await read_version(session) != ready.version:
                    continue
                now, stored = self._clock(), await read_stored(session, desired)
                rows = Rows(session, self.store.key, stored, plan, hashes, now)
                await rows.write(desired)
                record(session, actor, now, ready.version + 1, rows.recorded())
                await bump_version(session)
                if desired.file is not None:
                    await remember(session, {*scopes(desired), *rows.named(desired)}, ready.version + 1)
            return Applied(ready.changes(), tuple(plan.generated), ready.version + 1)
        raise StoreError("Settings kept being changed by others meanwhile. Apply it again.")


async def _plan(store: Store, limits: Limits, actor: Actor, wish: Wish) -> Prepared:
    """Work out and judge what a wish changes."""
    async with store.reading() as session:
        version = await read_version(session)
        desired = await wish(session)
        stored = await read_stored(session, desired)
        desired = by_one_name(desired, stored)
        demand_all(actor, desired, stored)
        if (seen := desired.seen) and await version_of(session, seen.kind, seen.id) > seen.version:
            raise Stale(await changes_since(session, seen.version, seen.kind, seen.id))
        judge(desired, stored, limits.codes)
        plan = await asyncio.to_thread(make_plan, desired, stored, store.key, store.hasher)
        elsewhere = await taken_back(session, desired, plan, version)
    return Prepared(version, desired, plan, elsewhere)


def _hash_pins(pins: Mapping[int, str], hasher: PasswordHasher) -> dict[int, str | None]:
    return {user: hasher.hash(pin) if pin else None for user, pin in pins.items()}
