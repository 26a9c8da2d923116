"""Making the database say what a company file says: shown first, then written in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from argon2 import PasswordHasher

from provisioning.company.changes import Applied, Changes
from provisioning.editing.planning import Plan, UserKey, make_plan
from provisioning.editing.rows import CompanyRows
from provisioning.editing.stored import read_stored
from provisioning.file.company_file import CompanyFile
from provisioning.store.errors import StoreError
from provisioning.store.store import Store, bump_version, read_version

ATTEMPTS = 5


async def plan_changes(store: Store, file: CompanyFile, *, prune: bool = False) -> Changes:
    """What `apply_changes` would do. Raises CompanyFileError where the file and the database break a rule."""
    _, plan = await _plan(store, file, prune=prune)
    return plan.changes()


async def apply_changes(store: Store, file: CompanyFile, *, prune: bool = False) -> Applied:
    """Write what the file says, all of it or nothing, and raise settings_version if anything changes.

    Users and trunks that the file does not name go only with `prune`. Secrets are hashed before the transaction,
    so that it is short; if another one changed settings meanwhile, everything is worked out again. Raises
    CompanyFileError as `plan_changes`, and StoreError if others never stop changing settings.
    """
    for _ in range(ATTEMPTS):
        version, plan = await _plan(store, file, prune=prune)
        if not plan.items:
            return Applied(plan.changes(), (), version)
        hashes = await asyncio.to_thread(_hash_pins, plan.pins, store.hasher)
        async with store.writing() as session:
            if await read_version(session) != version:
                continue
            stored = await read_stored(session, file.customer_names())
            await CompanyRows(session, store.key, stored, plan, hashes).write(file)
            await bump_version(session)
        return Applied(plan.changes(), tuple(plan.generated), version + 1)
    raise StoreError("Settings kept being changed by others while the file was applied. Apply it again.")


async def _plan(store: Store, file: CompanyFile, *, prune: bool) -> tuple[int, Plan]:
    """The plan, and the settings_version that it holds for."""
    async with store.reading() as session:
        version = await read_version(session)
        stored = await read_stored(session, file.customer_names())
        return version, await asyncio.to_thread(make_plan, file, stored, store.key, store.hasher, prune=prune)


def _hash_pins(pins: Mapping[UserKey, str], hasher: PasswordHasher) -> dict[UserKey, str | None]:
    return {user: hasher.hash(pin) if pin else None for user, pin in pins.items()}
