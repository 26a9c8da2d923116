"""What a company file would take back of what was changed elsewhere since it was last applied or exported (P9).

The database remembers for each customer, each trunk and the platform at which settings_version a file that names it
was last applied; an exported file says itself which version it shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from provisioning.editing.audit import AuditEntry, changes_since, customer_changes, deletions
from provisioning.editing.desired import Desired, Kind
from provisioning.editing.planning import Plan, Planned
from provisioning.store import model

Scope = tuple[Kind, int | None]
"""What a file knows as a whole: a customer with its users, a trunk or the platform, by id."""


async def taken_back(
    session: AsyncSession, desired: Desired, plan: Plan, version: int
) -> tuple[AuditEntry, ...]:
    """The changes by other ways that the plan would undo, oldest first; `version` is the present one."""
    if desired.file is None:
        return ()
    planned: defaultdict[Scope, list[Planned]] = defaultdict(list)
    for each in plan.items:
        planned[_scope(each)].append(each)
    known = await _applied(session, {_key(scope) for scope in planned})
    # A version that is still to come is that of another database.
    exported = desired.file.as_of if desired.file.as_of <= version else 0
    found: list[AuditEntry] = []
    for scope, items in planned.items():
        entries = await _since(session, scope, max(exported, known.get(_key(scope), 0)))
        found += _undone(entries, items)
    return tuple(sorted(found, key=lambda entry: entry.version))


def scopes(desired: Desired) -> Iterator[Scope]:
    """What the file says all of, as far as it is there already; `("trunk", None)` is which trunks there are."""
    yield from (("customer", each.id) for each in desired.customers if each.id is not None)
    if desired.trunks:
        yield "trunk", None
    yield from (("trunk", each.id) for each in desired.trunks if each.id is not None)
    if desired.blocked is not None or desired.switches is not None:
        yield "platform", None


async def remember(session: AsyncSession, applied: Iterable[Scope], version: int) -> None:
    """Keep that a file was applied, and at which version."""
    for kind, subject in applied:
        await session.merge(model.AppliedFile(kind=kind, subject_id=subject or 0, version=version))


async def _applied(session: AsyncSession, keys: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], int]:
    rows = [await session.get(model.AppliedFile, key) for key in sorted(keys)]
    return {(row.kind, row.subject_id): row.version for row in rows if row is not None}


def _key(scope: Scope) -> tuple[str, int]:
    return scope[0], scope[1] or 0


def _scope(planned: Planned) -> Scope:
    """A new customer or trunk has no id yet."""
    if planned.customer is not None:
        return "customer", planned.customer.id
    return planned.kind, planned.subject_id


async def _since(session: AsyncSession, scope: Scope, version: int) -> Sequence[AuditEntry]:
    """What was changed of it after that version: never by a file, which would have been remembered."""
    kind, subject = scope
    if subject is None and kind != "platform":
        return await deletions(session, kind, version)
    if kind == "customer" and subject is not None:
        return await customer_changes(session, subject, version)
    return await changes_since(session, version, kind, subject)


def _undone(entries: Sequence[AuditEntry], planned: Sequence[Planned]) -> Iterator[AuditEntry]:
    for entry in entries:
        if any(_undoes(each, entry) for each in planned):
            yield entry


def _undoes(planned: Planned, entry: AuditEntry) -> bool:
    """Whether the change concerns what the entry changed: the same setting, or what was added or deleted as a whole."""
    change = planned.change
    if change.kind == "add":
        return entry.change == "delete" and entry.subject == change.subject
    if (planned.kind, planned.subject_id) != (entry.kind, entry.id):
        return False
    whole = change.kind == "delete" or entry.change == "add"
    return whole or not _labels(change.details).isdisjoint(_labels(entry.details))


def _labels(details: Sequence[str]) -> set[str]:
    """The settings that the lines of a change are about."""
    return {detail.partition(":")[0] for detail in details}
