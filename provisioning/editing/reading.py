"""One user, customer or trunk as it is, to be shown and edited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from provisioning.company.entries import CustomerEntry, TrunkEntry, UserEntry
from provisioning.company.known import known_as
from provisioning.company.switches import Switches
from provisioning.editing.audit import version_of
from provisioning.editing.entries import customer_entry, switches_of, trunk_entry, user_entry
from provisioning.editing.refusals import ThereIsNone
from provisioning.store import model

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Current(Generic[Entry]):
    """What is stored, without secrets, and its version, which whoever edits it hands back as `seen`."""

    id: int
    entry: Entry
    version: int
    customer: int | None = None
    """The id of the customer that it is, or belongs to."""
    hardware_only: bool = False
    """Whether that customer is."""


async def read_user(session: AsyncSession, user: int) -> Current[UserEntry]:
    """The user. Raises ThereIsNone, also for one who was deleted."""
    query = select(model.User).where(model.User.id == user, model.User.deleted_at.is_(None))
    loaded = selectinload(model.User.devices), selectinload(model.User.treatments)
    row = await session.scalar(query.options(*loaded, selectinload(model.User.intervals)))
    if row is None:
        raise ThereIsNone(f"There is no user {user}.")
    numbers = await session.scalars(select(model.Number.number).where(model.Number.user_id == user))
    targets = {each.target_user_id for each in row.treatments if each.target_user_id}
    found = await session.execute(
        select(model.User.id, model.User.email, model.User.extension).where(
            model.User.id.in_(targets), model.User.deleted_at.is_(None)
        )
    )
    of = await session.get_one(model.Customer, row.customer_id)
    names = {target.id: known_as(target.email, target.extension, target.id) for target in found}
    entry = user_entry(row, numbers, names)
    version = await version_of(session, "user", user)
    return Current(user, entry, version, row.customer_id, of.hardware_only)


async def read_customer(session: AsyncSession, customer: int) -> Current[CustomerEntry]:
    """The customer without its users. Raises ThereIsNone, also for one that was deleted."""
    row = await session.get(model.Customer, customer)
    if row is None or row.deleted_at is not None:
        raise ThereIsNone(f"There is no customer {customer}.")
    query = select(model.Number.number).where(model.Number.customer_id == customer)
    entry = customer_entry(row, await session.scalars(query))
    version = await version_of(session, "customer", customer)
    return Current(customer, entry, version, customer, row.hardware_only)


async def read_trunk(session: AsyncSession, trunk: int) -> Current[TrunkEntry]:
    """The trunk. Raises ThereIsNone."""
    row = await session.get(model.Trunk, trunk)
    if row is None:
        raise ThereIsNone(f"There is no trunk {trunk}.")
    return Current(trunk, trunk_entry(row), await version_of(session, "trunk", trunk))


async def read_blocked(session: AsyncSession) -> Current[tuple[str, ...]]:
    """The numbers that nobody's calls are redirected to: what the platform itself has to set."""
    query = select(model.BlockedNumber.number).order_by(model.BlockedNumber.number)
    numbers = tuple(await session.scalars(query))
    return Current(0, numbers, await version_of(session, "platform", None))


async def read_switches(session: AsyncSession) -> Current[Switches]:
    """What the partner lets users and administrators change: set of the platform too."""
    return Current(0, await switches_of(session), await version_of(session, "platform", None))


async def users_of(session: AsyncSession, customer: int) -> frozenset[int]:
    """The ids of all users of a customer."""
    query = select(model.User.id).where(model.User.customer_id == customer, model.User.deleted_at.is_(None))
    return frozenset(await session.scalars(query))


async def customer_names(session: AsyncSession) -> dict[int, str]:
    """The names of all customers, by id."""
    query = select(model.Customer.id, model.Customer.name).where(model.Customer.deleted_at.is_(None))
    return {row.id: row.name for row in await session.execute(query)}


async def trunk_names(session: AsyncSession) -> dict[int, str]:
    """The names of all trunks, by id."""
    return {row.id: row.name for row in await session.execute(select(model.Trunk.id, model.Trunk.name))}
