"""Who changed which setting, when, by which way, from what to what: written with the change, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from provisioning.company.changes import Change
from provisioning.editing.access import Actor, Way
from provisioning.editing.desired import Kind
from provisioning.store import model


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change of one customer, user or trunk, or of the platform.

    `version` is the settings_version that it made, and with that the version of its subject until the next entry.
    Secrets are told as set, changed, generated or removed, never shown.
    """

    at: datetime
    version: int
    actor: str
    way: Way
    kind: Kind
    id: int | None
    customer: int | None
    change: Literal["add", "change", "delete"]
    subject: str
    details: tuple[str, ...]

    def __str__(self) -> str:
        """`2030-06-01 12:00 UTC, anna@acme.example (portal): change user …: Extension: 201 → 202`."""
        what = "; ".join(self.details)
        told = f"{self.change} {self.subject}" + (f": {what}" if what else "")
        return f"{self.at:%Y-%m-%d %H:%M} UTC, {self.actor} ({self.way}): {told}"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A change with the ids of what it changed."""

    change: Change
    kind: Kind
    id: int | None
    customer: int | None


def record(
    session: AsyncSession, actor: Actor, at: datetime, version: int, changes: Iterable[Recorded]
) -> None:
    """Add what was changed to the transaction that changes it."""
    session.add_all(
        model.Audit(
            at=at,
            version=version,
            actor=actor.name,
            way=str(actor.way),
            kind=each.kind,
            subject_id=each.id,
            customer_id=each.customer,
            change=each.change.kind,
            subject=each.change.subject,
            details=list(each.change.details),
        )
        for each in changes
    )


async def version_of(session: AsyncSession, kind: Kind, subject: int | None) -> int:
    """The settings_version at which this was changed last; 0 where nobody has since changes are recorded."""
    query = select(func.max(model.Audit.version)).where(model.Audit.kind == kind)
    return await session.scalar(query.where(model.Audit.subject_id.is_not_distinct_from(subject))) or 0


async def changes_since(
    session: AsyncSession, version: int, kind: Kind, subject: int | None
) -> tuple[AuditEntry, ...]:
    """What was changed of this after that version, oldest first."""
    query = (
        select(model.Audit)
        .where(model.Audit.kind == kind, model.Audit.subject_id.is_not_distinct_from(subject))
        .where(model.Audit.version > version)
        .order_by(model.Audit.id)
    )
    return tuple(map(_entry, await session.scalars(query)))


async def customer_changes(session: AsyncSession, customer: int, since: int = 0) -> tuple[AuditEntry, ...]:
    """What was changed of a customer and its users after that version, oldest first."""
    query = select(model.Audit).where(model.Audit.customer_id == customer, model.Audit.version > since)
    return tuple(map(_entry, await session.scalars(query.order_by(model.Audit.id))))


async def deletions(session: AsyncSession, kind: Kind, since: int) -> tuple[AuditEntry, ...]:
    """Which customers or trunks were deleted after that version, oldest first."""
    query = select(model.Audit).where(model.Audit.kind == kind, model.Audit.change == "delete")
    query = query.where(model.Audit.version > since).order_by(model.Audit.id)
    return tuple(map(_entry, await session.scalars(query)))


def _entry(row: model.Audit) -> AuditEntry:
    return AuditEntry(
        row.at,
        row.version,
        row.actor,
        Way(row.way),
        row.kind,  # type: ignore[arg-type] # one of ours
        row.subject_id,
        row.customer_id,
        row.change,  # type: ignore[arg-type] # one of ours
        row.subject,
        tuple(row.details),
    )
