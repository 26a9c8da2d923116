"""Names in the file, ids in the database."""

from __future__ import annotations

import pytest

from provisioning.store.store import Store
from tests.provisioning.companies import customer, user
from tests.provisioning.file.test_apply import applied

CLIENT = 'soft_clients = [{ username = "anna" }]\nvoice_portal_pin = "402917"'
TRUNK = '[[trunks]]\nname = "{}"\nhost = "192.0.2.1"\nusername = "ringplan"\n'


async def test_what_a_file_renames_stays_what_it_is(store: Store) -> None:
    await applied(store, customer(user("anna", CLIENT), keys="") + TRUNK.format("old"))
    before = await store.directory("ringplan")
    renamed = (
        customer(
            user("anya", CLIENT + '\nwas = "Anna@acme.example"'), name="Acme Group", keys='was = "Acme Ltd"'
        )
        + TRUNK.format("new")
        + 'was = "old"\n'
    )
    done = await applied(store, renamed)
    assert [(item.kind, item.details) for item in done.changes.items] == [
        ("change", ("Name: Acme Ltd → Acme Group",)),
        ("change", ("Full name: Anna → Anya", "E-mail: anna@acme.example → anya@acme.example")),
        ("change", ("Name: old → new",)),
    ]
    assert done.generated == ()
    after = await store.directory("ringplan")
    assert [each.id for each in after.users] == [each.id for each in before.users]
    assert after.accounts == before.accounts
    assert await store.has_pin(1, "402917")
    assert after.trunks[0].password == before.trunks[0].password


@pytest.mark.parametrize("prune", [False, True])
async def test_a_former_name_says_nothing_where_the_present_one_is_known(store: Store, prune: bool) -> None:
    await applied(store, customer(user("anna"), user("bert"), keys=""))
    done = await applied(
        store, customer(user("anna", 'was = "bert@acme.example"'), user("bert"), keys=""), prune=prune
    )
    assert done.changes.items == ()


async def test_a_former_name_that_nobody_has_is_somebody_new(store: Store) -> None:
    await applied(store, customer(user("anna", 'was = "bert@acme.example"'), name="New", keys='was = "Old"'))
    assert [each.email for each in (await store.directory("ringplan")).users] == ["anna@acme.example"]
