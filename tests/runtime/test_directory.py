from __future__ import annotations

import pytest

from b2bua.callplan.steps import Voicemail
from b2bua.registrar.location import Location
from b2bua.runtime.directory import Directory, LiveDevices
from provisioning.file.apply import apply_changes
from provisioning.file.company_file import parse_company_file
from provisioning.store.store import Store
from tests.provisioning.conftest import store
from tests.runtime.node import Node, company

__all__ = ["store"]


async def reading(store: Store, text: str) -> Directory:
    await apply_changes(store, parse_company_file(text), prune=True)
    return Directory(await store.directory("ringplan"))


async def test_users_and_accounts_are_found_by_every_name(store: Store) -> None:
    directory = await reading(store, company("anna", "bert"))
    account = directory.account("anna")
    assert account is not None
    user = directory.user(account.user_id)
    assert user is not None
    assert user.email == "anna@acme.example"
    assert [account.username for account in directory.accounts(user.id)] == ["anna"]
    assert directory.account("nobody") is None
    assert directory.user(999) is None
    assert list(directory.accounts(999)) == []


async def test_only_accounts_that_changed_lose_their_registrations(store: Store) -> None:
    before = await reading(store, company())
    assert before.changed_accounts(await reading(store, company())) == []
    later = await reading(store, company().replace('"bert secret"', '"another one"'))
    assert before.changed_accounts(later) == ["bert"]
    text = company("anna", "bert", keys='timezone = "Europe/Paris"').replace('"bert secret"', '"another one"')
    assert later.changed_accounts(await reading(store, text)) == ["carl"], "he is gone"


@pytest.mark.behaviour("M5")
async def test_a_device_keeps_its_registration_when_its_addresses_are_no_longer_believed(
    store: Store,
) -> None:
    before = await reading(store, company("anna"))
    later = await reading(store, company("anna").replace('"anna secret"', '"anna secret", nat = "always"'))
    assert [account.nat for directory in (before, later) for account in directory.accounts(1)] == [
        "auto",
        "always",
    ]
    assert before.changed_accounts(later) == []


async def test_a_user_without_registered_device_has_none(store: Store) -> None:
    directory = await reading(store, company("anna"))
    registered = LiveDevices(directory, Location(), {}, lambda hop: False)
    account = directory.account("anna")
    assert account is not None
    assert registered.of_user(account.user_id, 0.0) == []
    assert registered.of_user(999, 0.0) == []


@pytest.mark.behaviour("R10")
async def test_an_edit_changes_the_next_call_and_never_one_in_progress(node: Node) -> None:
    assert node.media is not None
    anna, bert = await node.phone("anna"), await node.phone("bert")
    await anna.call("202")
    ringing = await bert.request("INVITE")
    bert.respond(ringing, 180)
    await anna.response("180")
    # Bert's action is voicemail after a second; from now on it is to ring on.
    await node.apply(company(action="keep-ringing"))
    await node.signalling.reload()
    await bert.request("CANCEL")
    assert (await node.media.asked("reserve"))["occasion"] == "no-answer"
    carl = await node.phone("carl")
    # The first call is in bert's mailbox and leaves his line free.
    call_id = await carl.call("202")
    await bert.request("INVITE")
    plans = {call.journal.call_id: call.plan.steps for call in node.signalling.book}
    assert len(plans) == 2
    assert not any(isinstance(step, Voicemail) for step in plans.pop(call_id))
    assert any(isinstance(step, Voicemail) for step in next(iter(plans.values())))
