"""Who is told: the user as the database knows it when something is sent."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from provisioning.store import model
from provisioning.store.store import Store


@dataclass(frozen=True, slots=True)
class Recipient:
    """A user. `country` (ISO 3166-1 alpha-2) is where numbers are written without its code; `zone` is the user's."""

    user: int
    name: str
    email: str | None
    country: str
    zone: ZoneInfo


async def read_recipient(store: Store, user: int) -> Recipient | None:
    """The user with this id; None for one who was deleted."""
    async with store.reading() as session:
        row = await session.get(model.User, user)
        if row is None or row.deleted_at is not None:
            return None
        customer = await session.get_one(model.Customer, row.customer_id)
    zone = ZoneInfo(row.timezone or customer.timezone)
    return Recipient(row.id, row.name, row.email, customer.country, zone)
