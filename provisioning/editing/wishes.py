"""What somebody wants to edit, as the desired state that comes of it.

A wish is worked out in the session in which the edit is planned, and again if others changed settings meanwhile.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from provisioning.company.entries import CustomerEntry, TrunkEntry, UserEntry
from provisioning.company.parts import SoftClient
from provisioning.company.switches import Switches
from provisioning.editing.desired import Desired, DesiredCustomer, DesiredTrunk, DesiredUser, Kind, Seen
from provisioning.editing.reading import read_customer, read_trunk, read_user, users_of
from provisioning.editing.refusals import ThereIsNone

Wish = Callable[[AsyncSession], Awaitable[Desired]]


def add_user(customer: int, entry: UserEntry) -> Wish:
    """A new user of the customer."""

    async def wish(session: AsyncSession) -> Desired:
        return Desired((DesiredCustomer(customer, users=(DesiredUser(None, entry),)),))

    return wish


def change_user(user: int, entry: UserEntry, seen: int | None = None) -> Wish:
    """The user with these settings. `seen` is the version that the edit began with."""

    async def wish(session: AsyncSession) -> Desired:
        customer = (await read_user(session, user)).customer
        users = (DesiredUser(user, entry),)
        return Desired((DesiredCustomer(customer, users=users),), seen=_seen("user", user, seen))

    return wish


def delete_user(user: int, seen: int | None = None) -> Wish:
    """The user gone (P7)."""

    async def wish(session: AsyncSession) -> Desired:
        customer = (await read_user(session, user)).customer
        gone = DesiredCustomer(customer, deleted=frozenset((user,)))
        return Desired((gone,), seen=_seen("user", user, seen))

    return wish


def set_pin(user: int, pin: str) -> Wish:
    """The user with another PIN for the voice portal; empty for none."""

    async def wish(session: AsyncSession) -> Desired:
        current = await read_user(session, user)
        users = (DesiredUser(user, replace(current.entry, pin=pin), pin_anew=True),)
        return Desired((DesiredCustomer(current.customer, users=users),))

    return wish


def set_password(user: int, username: str, password: str) -> Wish:
    """One of the user's soft clients with another password. Raises ThereIsNone for a client that is not theirs."""

    async def wish(session: AsyncSession) -> Desired:
        current = await read_user(session, user)
        clients = current.entry.soft_clients
        if username not in {client.username for client in clients}:
            raise ThereIsNone(f"There is no soft client {username} of user {user}.")
        changed = tuple(
            SoftClient(username, password) if client.username == username else client for client in clients
        )
        users = (DesiredUser(user, replace(current.entry, soft_clients=changed)),)
        return Desired((DesiredCustomer(current.customer, users=users),))

    return wish


def add_customer(entry: CustomerEntry) -> Wish:
    """A new customer, without users."""

    async def wish(session: AsyncSession) -> Desired:
        return Desired((DesiredCustomer(None, entry),))

    return wish


def change_customer(customer: int, entry: CustomerEntry, seen: int | None = None) -> Wish:
    """The customer with these settings; its users stay as they are."""

    async def wish(session: AsyncSession) -> Desired:
        return Desired((DesiredCustomer(customer, entry),), seen=_seen("customer", customer, seen))

    return wish


def delete_customer(customer: int, seen: int | None = None) -> Wish:
    """The customer gone, with all its users and numbers."""

    async def wish(session: AsyncSession) -> Desired:
        await read_customer(session, customer)
        gone = DesiredCustomer(customer, deleted=await users_of(session, customer), gone=True)
        return Desired((gone,), seen=_seen("customer", customer, seen))

    return wish


def add_trunk(entry: TrunkEntry) -> Wish:
    """A new trunk."""

    async def wish(session: AsyncSession) -> Desired:
        return Desired(trunks=(DesiredTrunk(None, entry),))

    return wish


def change_trunk(trunk: int, entry: TrunkEntry, seen: int | None = None) -> Wish:
    """The trunk with these settings."""

    async def wish(session: AsyncSession) -> Desired:
        return Desired(trunks=(DesiredTrunk(trunk, entry),), seen=_seen("trunk", trunk, seen))

    return wish


def delete_trunk(trunk: int, seen: int | None = None) -> Wish:
    """The trunk gone."""

    async def wish(session: AsyncSession) -> Desired:
        await read_trunk(session, trunk)
        return Desired(deleted_trunks=frozenset((trunk,)), seen=_seen("trunk", trunk, seen))

    return wish


def block_numbers(numbers: tuple[str, ...], seen: int | None = None) -> Wish:
    """Exactly these numbers blocked as targets of redirects."""

    async def wish(session: AsyncSession) -> Desired:
        return Desired(blocked=numbers, seen=_seen("platform", None, seen))

    return wish


def set_switches(switches: Switches, seen: int | None = None) -> Wish:
    """The partner's switches like this."""

    async def wish(session: AsyncSession) -> Desired:
        return Desired(switches=switches, seen=_seen("platform", None, seen))

    return wish


def _seen(kind: Kind, subject: int | None, version: int | None) -> Seen | None:
    return None if version is None else Seen(kind, subject, version)
