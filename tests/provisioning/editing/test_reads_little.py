"""An edit reads what it is about, by indexes, whoever else is on the platform."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from provisioning.company.parts import SoftClient
from provisioning.editing import wishes
from provisioning.editing.edit import Editing
from provisioning.file.apply import plan_changes
from provisioning.file.company_file import parse_company_file
from provisioning.store.store import Store
from tests.provisioning.companies import customer, user
from tests.provisioning.editing.people import ACME, ANNA, PARTNER

LARGE = ("users", "numbers", "devices", "treatments", "intervals", "audit", "sign_in_roles", "applied_files")
"""The tables that grow with the users of the platform."""


@contextmanager
def queries(store: Store) -> Iterator[list[tuple[str, Any]]]:
    found: list[tuple[str, Any]] = []

    def note(_1: Any, _2: Any, statement: str, parameters: Any, _3: Any, _4: Any) -> None:
        if statement.startswith("SELECT"):
            found.append((statement, parameters))

    engine = store._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def scans(store: Store, found: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    """What SQLite would read from end to end, and for which query."""
    told = []
    async with store.reading() as session:
        connection = await session.connection()
        for statement, parameters in found:
            plan = await connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, tuple(parameters))
            told += [
                (row[3], statement)
                for row in plan
                if row[3].startswith("SCAN") and row[3].split()[1] in LARGE
            ]
    return told


@pytest.mark.behaviour("P7")
async def test_an_edit_reads_no_table_of_users_from_end_to_end(editing: Editing) -> None:
    anna = await editing.user(PARTNER, ANNA)
    acme = await editing.customer(PARTNER, ACME)
    more = replace(
        anna.entry,
        extension="209",
        numbers=(),
        default_number=None,
        soft_clients=(*anna.entry.soft_clients, SoftClient("another")),
    )
    with queries(editing.store) as found:
        await editing.user(PARTNER, ANNA)
        await editing.preview(PARTNER, wishes.change_user(ANNA, more, anna.version))
        await editing.preview(PARTNER, wishes.delete_user(ANNA, anna.version))
        less = replace(acme.entry, numbers=acme.entry.numbers[:2], max_users=9)
        await editing.preview(PARTNER, wishes.change_customer(ACME, less, acme.version))
        await plan_changes(
            editing.store, parse_company_file(customer(user("cleo"), name="Beta Ltd", keys=""))
        )
    assert len(found) > 40
    assert await scans(editing.store, found) == []
