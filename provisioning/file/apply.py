"""Making the database say what a company file says: shown first, then written in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from b2bua.callplan.situation import Limits
from provisioning.company.changes import Applied, Changes
from provisioning.editing.access import Actor, Partner, Way
from provisioning.editing.desired import Desired
from provisioning.editing.edit import Editing
from provisioning.editing.refusals import Refused
from provisioning.editing.wishes import Wish
from provisioning.file.company_file import CompanyFile
from provisioning.file.names import desired_by
from provisioning.file.refusal import CompanyFileError
from provisioning.store.store import Store

OPERATOR = Actor("operator", Way.FILE, (Partner(),))
"""Whoever may read the data directory, where nobody says by which login."""


async def plan_changes(
    store: Store,
    file: CompanyFile,
    *,
    prune: bool = False,
    limits: Limits | None = None,
    actor: Actor = OPERATOR,
) -> Changes:
    """What `apply_changes` would do. Raises CompanyFileError where the file and the database break a rule."""
    with _told(file):
        return await Editing(store, limits).preview(actor, _wish(file, prune=prune))


async def apply_changes(
    store: Store,
    file: CompanyFile,
    *,
    prune: bool = False,
    overwrite: bool = False,
    limits: Limits | None = None,
    changed: Callable[[], bool] | None = None,
    actor: Actor = OPERATOR,
) -> Applied:
    """Write what the file says, all of it or nothing, and raise settings_version if anything changes.

    Users and trunks that the file does not name go only with `prune`. What was changed elsewhere since a file was last
    applied or exported is taken back only with `overwrite`; else raises TakesBack. Raises CompanyFileError as
    `plan_changes`, and StoreError if others never stop changing settings. `limits` and `changed` are those of Editing.
    """
    with _told(file):
        return await Editing(store, limits, changed).make(
            actor, _wish(file, prune=prune, overwrite=overwrite)
        )


def _wish(file: CompanyFile, *, prune: bool, overwrite: bool = False) -> Wish:
    async def wish(session: AsyncSession) -> Desired:
        return await desired_by(session, file, prune=prune, overwrite=overwrite)

    return wish


@contextmanager
def _told(file: CompanyFile) -> Iterator[None]:
    """Problems with file and line."""
    try:
        yield
    except Refused as refused:
        raise CompanyFileError(file.source, file.lines, refused.problems) from None
