from __future__ import annotations

from dataclasses import replace

from provisioning.file.apply import apply_changes
from provisioning.file.company_file import parse_company_file
from provisioning.store.bindings import StoredBinding
from provisioning.store.store import Store
from tests.provisioning.companies import customer, user


def binding(username: str, contact: str, user_id: int = 1) -> StoredBinding:
    return StoredBinding(
        username=username,
        contact=contact,
        user_id=user_id,
        call_id="register-1@127.0.0.1",
        cseq=7,
        expires_at=1_900_000_000.5,
        transport="udp",
        local="127.0.0.1:5060",
        remote="127.0.0.2:5062",
        instance="<urn:uuid:00000000-0000-1000-8000-000000000001>",
        user_agent="a phone",
        details={"q": 0.5, "path": ["<sip:127.0.0.9;lr>"]},
    )


async def two_users(store: Store) -> None:
    file = customer(
        user("one", 'soft_clients = [{ username = "one" }]'),
        user("two", 'soft_clients = [{ username = "two" }]'),
    )
    await apply_changes(store, parse_company_file(file))


async def test_bindings_come_back_as_they_were_saved(store: Store) -> None:
    await two_users(store)
    saved = (
        binding("one", "sip:a@127.0.0.2"),
        binding("one", "sip:b@127.0.0.2"),
        binding("two", "sip:c@127.0.0.3", 2),
    )
    await store.save_bindings(saved)
    assert await store.load_bindings() == saved


async def test_a_binding_is_replaced_by_its_key_and_others_are_removed(store: Store) -> None:
    await two_users(store)
    old, gone = binding("one", "sip:a@127.0.0.2"), binding("one", "sip:b@127.0.0.2")
    await store.save_bindings([old, gone])
    version = await store.settings_version()
    new = replace(old, cseq=8, instance=None, details={})
    await store.save_bindings([new], [gone.key, ("one", "sip:never@127.0.0.2")])
    assert await store.load_bindings() == (new,)
    assert await store.settings_version() == version


async def test_nothing_to_save_is_no_error(store: Store) -> None:
    await store.save_bindings([])
    assert await store.load_bindings() == ()


async def test_bindings_of_accounts_that_are_gone_or_moved_do_not_come_back(store: Store) -> None:
    await two_users(store)
    await store.save_bindings([binding("nobody", "sip:a@127.0.0.2"), binding("one", "sip:a@127.0.0.2", 2)])
    assert await store.load_bindings() == ()
