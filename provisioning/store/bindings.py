"""Registered contacts on disk, so that a restarted signalling process still finds the phones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects.sqlite import insert
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
    if keys := list(removed):
        for key in keys:
            await session.execute(
                delete(model.Binding).where(
                    tuple_(model.Binding.username, model.Binding.contact) == tuple_(*key)
                )
            )
    if rows := [asdict(binding) for binding in changed]:
        statement = insert(model.Binding)
        replace = {
            column.name: statement.excluded[column.name]
            for column in fields(StoredBinding)
            if column.name not in ("username", "contact")
        }
        await session.execute(
            statement.on_conflict_do_update(index_elements=["username", "contact"], set_=replace), rows
        )
