"""Everything that can be edited, as it is: read at one version, with few queries."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from provisioning.company.entries import CustomerEntry, TrunkEntry, UserEntry
from provisioning.company.known import known_as
from provisioning.company.switches import Switches
from provisioning.editing.entries import customer_entry, switches_of, trunk_entry, user_entry
from provisioning.editing.reading import read_blocked
from provisioning.store import model
from provisioning.store.store import read_version


@dataclass(frozen=True, slots=True)
class Whole:
    """All customers with their users, and all trunks, without secrets, each in the order of its ids."""

    version: int
    customers: tuple[CustomerEntry, ...]
    trunks: tuple[TrunkEntry, ...]
    blocked: tuple[str, ...]
    switches: Switches


async def read_whole(session: AsyncSession) -> Whole:
    """All of it, as this session sees it."""
    of_customer: defaultdict[int, list[str]] = defaultdict(list)
    of_user: defaultdict[int, list[str]] = defaultdict(list)
    for number in await session.scalars(select(model.Number)):
        of_customer[number.customer_id].append(number.number)
        if number.user_id is not None:
            of_user[number.user_id].append(number.number)
    loaded = (
        selectinload(model.User.devices),
        selectinload(model.User.treatments),
        selectinload(model.User.intervals),
    )
    query = select(model.User).where(model.User.deleted_at.is_(None)).order_by(model.User.id)
    rows = (await session.scalars(query.options(*loaded))).all()
    names = {row.id: known_as(row.email, row.extension, row.id) for row in rows}
    users: defaultdict[int, list[UserEntry]] = defaultdict(list)
    for row in rows:
        users[row.customer_id].append(user_entry(row, of_user[row.id], names))
    customers = select(model.Customer).where(model.Customer.deleted_at.is_(None)).order_by(model.Customer.id)
    return Whole(
        await read_version(session),
        tuple(
            replace(customer_entry(row, of_customer[row.id]), users=tuple(users[row.id]))
            for row in await session.scalars(customers)
        ),
        tuple(map(trunk_entry, await session.scalars(select(model.Trunk).order_by(model.Trunk.id)))),
        (await read_blocked(session)).entry,
        await switches_of(session),
    )
