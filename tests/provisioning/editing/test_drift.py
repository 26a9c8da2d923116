"""A company file does not take back unasked what was changed elsewhere since (P9)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from provisioning.company.changes import Applied
from provisioning.editing.edit import Editing
from provisioning.editing.refusals import TakesBack
from provisioning.file.apply import OPERATOR, apply_changes, plan_changes
from provisioning.file.company_file import parse_company_file
from provisioning.file.export import company_text
from provisioning.mailboxes.owners import StoredOwners
from provisioning.store.store import Store
from tests.provisioning.companies import customer, user
from tests.provisioning.editing.people import ACME, ANNA, BERT, CARRIER, NOON, PARTNER

pytestmark = pytest.mark.behaviour("P9")
HEAD = '[[trunks]]\nname = "carrier"\nhost = "192.0.2.1"\n'
FILE = customer(user("anna", 'extension = "201"'), user("bert", 'extension = "202"'), keys="") + HEAD


@pytest.fixture
async def editing(store: Store) -> Editing:
    """What edits the database that FILE made."""
    await apply_changes(store, parse_company_file(FILE))
    return Editing(store, clock=lambda: NOON)


async def apply(store: Store, text: str = FILE, *, overwrite: bool = False, prune: bool = False) -> Applied:
    return await apply_changes(store, parse_company_file(text), overwrite=overwrite, prune=prune)


async def extension(editing: Editing, extension: str, of: int = ANNA) -> None:
    current = await editing.user(PARTNER, of)
    await editing.change_user(PARTNER, of, replace(current.entry, extension=extension), current.version)


async def test_it_stops_and_says_who_changed_what_when_and_by_which_way(
    editing: Editing, store: Store
) -> None:
    await extension(editing, "301")
    before = await store.settings_version()
    told = (
        "2030-06-01 12:00 UTC, pat@partner.example (portal): change user Anna <anna@acme.example> of Acme Ltd: "
        "Extension: 201 → 301"
    )
    changes = await plan_changes(store, parse_company_file(FILE))
    assert changes.takes_back == (told,)
    assert f"Takes back: {told}" in str(changes)
    with pytest.raises(TakesBack) as error:
        await apply(store)
    assert [str(each) for each in error.value.elsewhere] == [told]
    assert await store.settings_version() == before
    assert (await apply(store, overwrite=True)).changes
    assert (await editing.user(PARTNER, ANNA)).entry.extension == "201"
    await apply(store)
    assert not (await plan_changes(store, parse_company_file(FILE.replace("201", "401")))).takes_back


async def test_a_pin_set_by_telephone_is_not_reset(store: Store, tmp_path: Path) -> None:
    text = customer(user("anna", 'voice_portal_pin = "402917"'), keys="")
    await apply(store, text)
    owners = StoredOwners(store, tmp_path, (), lambda: NOON)
    assert await owners.set_pin(ANNA, "530864") is None
    with pytest.raises(TakesBack, match=r"anna@acme.example \(telephone\): .*Voice portal PIN"):
        await apply(store, text)
    assert await store.has_pin(ANNA, "530864")
    await apply(store, text, overwrite=True)
    assert await store.has_pin(ANNA, "402917")


async def test_other_settings_of_the_same_user_may_be_changed(editing: Editing, store: Store) -> None:
    await extension(editing, "301")
    text = FILE.replace('extension = "201"', 'extension = "301"\nmax_calls = 3')
    assert (await apply(store, text)).changes
    # Now the file is known to have been applied since.
    assert (await apply(store)).changes


async def test_applying_a_file_that_changes_nothing_counts_as_applied(editing: Editing, store: Store) -> None:
    await extension(editing, "301")
    assert not (await apply(store, FILE.replace('"201"', '"301"'))).changes
    assert (await apply(store)).changes


async def test_whoever_was_deleted_elsewhere_does_not_come_back_unasked(
    editing: Editing, store: Store
) -> None:
    await editing.delete_user(PARTNER, BERT)
    with pytest.raises(TakesBack, match=r"delete user Bert"):
        await apply(store)
    await editing.delete_trunk(PARTNER, CARRIER)
    with pytest.raises(TakesBack, match=r"delete trunk carrier"):
        await apply(store, HEAD)
    await editing.delete_customer(PARTNER, ACME)
    with pytest.raises(TakesBack, match=r"delete customer Acme Ltd"):
        await apply(store, customer(keys=""))
    assert (await apply(store, overwrite=True)).changes
    assert not (await apply(store)).changes


async def test_whoever_was_added_or_changed_elsewhere_is_not_deleted_unasked(
    editing: Editing, store: Store
) -> None:
    await editing.add_user(PARTNER, ACME, replace((await editing.user(PARTNER, BERT)).entry, **NEW))
    with pytest.raises(TakesBack, match=r"add user Cleo"):
        await apply(store, prune=True)
    text = FILE + '[[trunks]]\nname = "other"\nhost = "192.0.2.2"\n'
    current = await editing.trunk(PARTNER, CARRIER)
    await editing.change_trunk(PARTNER, CARRIER, replace(current.entry, order=7), current.version)
    with pytest.raises(TakesBack, match=r"change trunk carrier: Order: 1 → 7"):
        await apply(store, text)


NEW = {"name": "Cleo", "email": "cleo@acme.example", "extension": "203", "pin": ""}


async def test_blocked_numbers_count_too(editing: Editing, store: Store) -> None:
    await editing.block_numbers(PARTNER, ("+441632960888",), 0)
    assert not (await apply(store)).changes
    with pytest.raises(TakesBack, match="change the platform: Blocked"):
        await apply(store, "blocked_numbers = []\n" + FILE)


async def test_an_exported_file_knows_what_was_changed_before(editing: Editing, store: Store) -> None:
    await extension(editing, "301")
    text = company_text(await editing.whole(OPERATOR))
    await extension(editing, "302", BERT)
    await extension(editing, "303", BERT)
    with pytest.raises(TakesBack) as error:
        await apply(store, text.replace('"301"', '"401"'))
    assert [each.details for each in error.value.elsewhere] == [
        ("Extension: 202 → 302",),
        ("Extension: 302 → 303",),
    ]


async def test_the_version_of_another_database_says_nothing(editing: Editing, store: Store) -> None:
    await extension(editing, "301")
    with pytest.raises(TakesBack):
        await apply(store, "as_of = 1000\n" + FILE)


async def test_a_file_about_another_company_has_nothing_to_do_with_it(editing: Editing, store: Store) -> None:
    await extension(editing, "301")
    await apply(store, customer(user("dora"), name="Beta Ltd", keys=""))
    with pytest.raises(TakesBack):
        await apply(store)
