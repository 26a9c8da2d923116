"""What is left behind of who changed what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from provisioning.company.parts import SoftClient
from provisioning.editing import edit
from provisioning.editing.access import Way
from provisioning.editing.edit import Editing
from provisioning.editing.refusals import ThereIsNone
from provisioning.file.apply import apply_changes
from provisioning.file.company_file import parse_company_file
from provisioning.mailboxes.owners import StoredOwners
from provisioning.store import model
from provisioning.store.store import Store
from tests.provisioning.companies import EVERY_KEY
from tests.provisioning.editing.people import ACME, ADMIN, ANNA, BERT, NOON, PARTNER


@pytest.mark.behaviour("P9")
async def test_every_way_leaves_who_when_which_way_old_and_new(
    editing: Editing, people: Store, tmp_path: Path
) -> None:
    current = await editing.user(ADMIN, BERT)
    await editing.change_user(ADMIN, BERT, replace(current.entry, extension="209"), current.version)
    owners = StoredOwners(people, tmp_path / "none", (), lambda: NOON)
    assert await owners.set_pin(BERT, "530864") is None
    await editing.delete_user(PARTNER, BERT)
    with pytest.raises(ThereIsNone):
        await editing.history(PARTNER, "user", BERT)
    told = [each for each in await editing.history(PARTNER, "customer", ACME) if each.id == BERT]
    assert [(each.actor, each.way, each.change, each.details) for each in told[1:]] == [
        ("admin@acme.example", Way.API, "change", ("Extension: 202 → 209",)),
        ("bert@acme.example", Way.TELEPHONE, "change", ("Voice portal PIN: set",)),
        ("pat@partner.example", Way.PORTAL, "delete", ("The mailbox is kept for 30 days",)),
    ]
    assert (told[0].way, told[0].change, told[0].kind) == (Way.FILE, "add", "user")
    assert {each.at for each in told[1:]} == {NOON}
    assert [each.version for each in told] == [2, 3, 4, 5]


@pytest.mark.behaviour("P9")
async def test_what_is_new_is_recorded_with_its_id(editing: Editing) -> None:
    told = await editing.history(PARTNER, "customer", ACME)
    assert [(each.kind, each.id) for each in told] == [("customer", 1), ("user", 1), ("user", 2)]
    assert [each.subject for each in await editing.history(PARTNER, "trunk", 1)] == ["trunk carrier"]


@pytest.mark.behaviour("P9")
async def test_no_secret_gets_into_the_audit(store: Store) -> None:
    done = await apply_changes(store, parse_company_file(EVERY_KEY))
    editing = Editing(store)
    current = await editing.user(PARTNER, ANNA)
    clients = (SoftClient("reception", "third password"),)
    entry = replace(current.entry, pin="530864", soft_clients=clients)
    await editing.change_user(PARTNER, ANNA, entry, current.version)
    secrets = ["402917", "530864", "one password", "another password", "third password"]
    async with store.reading() as session:
        rows = [str(list(row)) for row in await session.execute(select(*model.Audit.__table__.c))]
    text = "\n".join(rows)
    assert "Password of reception: changed" in text
    assert [
        secret for secret in (*secrets, *(each.secret for each in done.generated)) if secret in text
    ] == []


@pytest.mark.behaviour("P9")
async def test_a_change_that_is_not_made_is_not_recorded_either(
    editing: Editing, people: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(session: object) -> None:
        raise RuntimeError("the disk is full")

    current = await editing.user(ADMIN, BERT)
    async with people.reading() as session:
        before = await session.scalar(select(func.count()).select_from(model.Audit))
    monkeypatch.setattr(edit, "bump_version", fail)
    with pytest.raises(RuntimeError):
        await editing.change_user(ADMIN, BERT, replace(current.entry, max_calls=4), current.version)
    async with people.reading() as session:
        assert await session.scalar(select(func.count()).select_from(model.Audit)) == before


async def test_who_changed_settings_since_is_known(editing: Editing) -> None:
    before = await editing.store.settings_version()
    assert await editing.store.editors(before) == ()
    for actor, calls in ((ADMIN, 2), (PARTNER, 3), (ADMIN, 4)):
        current = await editing.user(PARTNER, ANNA)
        await editing.change_user(actor, ANNA, replace(current.entry, max_calls=calls), current.version)
    assert await editing.store.editors(before) == (ADMIN.name, PARTNER.name)
    assert await editing.store.editors(before + 2) == (ADMIN.name,)
