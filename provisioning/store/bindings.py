"""Registered contacts on disk, so that a restarted signalling process still finds the phones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, cast

from sqlalchemy import Table, bindparam, delete, select
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession

from provisioning.store import model


@dataclass(frozen=True, slots=True)
class StoredBinding:
    """One contact of one account (RFC 3261 §10.3). `username` and `contact` together are its key.

    `expires_at` is seconds since 1970, `local` and `remote` the addresses of the flow as `ip:port`; `details`
    is any JSON object that the registrar wants back.
    """

    username: str
    contact: str
    user_id: int
    call_id: str
    cseq: int
    expires_at: float
    transport: str
    local: str
    remote: str
    instance: str | None = None
    user_agent: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """What `Store.save_bindings` removes it by."""
        return self.username, self.contact


_COLUMNS = [getattr(model.Binding, column.name) for column in fields(StoredBinding)]
_TABLE = cast(Table, model.Binding.__table__)
# Made once: a statement is hundreds of objects in cycles, and this is written every half second.
_REMOVE = delete(_TABLE).where(
    _TABLE.c.username == bindparam("by_username"), _TABLE.c.contact == bindparam("by_contact")
)


def _replacing() -> Insert:
    statement = insert(_TABLE)
    key = ("username", "contact")
    replace = {
        column.name: statement.excluded[column.name]
        for column in fields(StoredBinding)
        if column.name not in key
    }
    return statement.on_conflict_do_update(index_elements=key, set_=replace)


_WRITE = _replacing()


async def read_bindings(session: AsyncSession) -> tuple[StoredBinding, ...]:
    """All bindings of accounts that still exist and belong to the same user, expired ones included."""
    query = (
        select(*_COLUMNS)
        .join(
            model.Device,
            (model.Device.username == model.Binding.username)
            & (model.Device.user_id == model.Binding.user_id),
        )
        .order_by(model.Binding.username, model.Binding.contact)
    )
    return tuple(StoredBinding(*row) for row in await session.execute(query))


async def write_bindings(
    session: AsyncSession, changed: Iterable[StoredBinding], removed: Iterable[tuple[str, str]]
) -> None:
    """Remove those keys, then add or replace those bindings."""
    if keys := [{"by_username": username, "by_contact": contact} for username, contact in removed]:
        await session.execute(_REMOVE, keys)
    if rows := [asdict(binding) for binding in changed]:
        await session.execute(_WRITE, rows)
