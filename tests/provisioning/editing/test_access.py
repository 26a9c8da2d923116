"""Who may do what: the table, and that Editing asks it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from b2bua.callplan.settings import Notify
from provisioning.company.entries import CustomerEntry, TrunkEntry, UserEntry
from provisioning.company.setting import By
from provisioning.company.switches import Switches
from provisioning.editing.access import (
    LEAST,
    Action,
    Actor,
    Administrator,
    Partner,
    Resource,
    Themselves,
    Way,
    may,
    standing,
)
from provisioning.editing.edit import Editing
from provisioning.editing.refusals import NotAllowed, Refused, ThereIsNone
from tests.provisioning.editing.people import ACME, ADMIN, ANNA, BERT, BERTS, BETA, CLEO, PARTNER

KINDS = ("platform", "trunk", "customer", "user", "account")


def test_the_table_says_something_of_everything() -> None:
    assert LEAST.keys() == {(kind, action) for kind in KINDS for action in Action}


@pytest.mark.behaviour("P1", "P4")
@pytest.mark.parametrize(
    ("role", "resource", "by"),
    [
        (Partner(), Resource("platform"), By.PARTNER),
        (Partner(), Resource("user", BETA, CLEO, hardware_only=True), By.PARTNER),
        (Administrator(ACME), Resource("customer", ACME), By.ADMINISTRATOR),
        (Administrator(ACME), Resource("user", ACME, ANNA), By.ADMINISTRATOR),
        (Administrator(ACME), Resource("user", ACME, ANNA, hardware_only=True), None),
        (Administrator(ACME), Resource("user", BETA, CLEO), None),
        (Administrator(ACME), Resource("customer", None), None),
        (Administrator(ACME), Resource("trunk"), None),
        (Themselves(BERT), Resource("user", ACME, BERT), By.USER),
        (Themselves(BERT), Resource("user", ACME, ANNA), None),
        (Themselves(BERT), Resource("user", ACME, None), None),
        (Themselves(BERT), Resource("customer", ACME), None),
        (Themselves(BERT), Resource("user", ACME, BERT, hardware_only=True), None),
    ],
)
def test_what_somebody_is_to_a_resource(
    role: Partner | Administrator | Themselves, resource: Resource, by: By | None
) -> None:
    assert standing(Actor("x", Way.PORTAL, (role,)), resource) is by
    assert standing(Actor("x", Way.PORTAL, ()), resource) is None
    assert may(Actor("x", Way.PORTAL, (role,)), Action.READ, resource, Switches()) is (by is not None)


def test_the_telephones_of_a_hardware_only_company_know_their_users() -> None:
    bert = Actor("bert", Way.TELEPHONE, (Themselves(BERT),))
    assert may(bert, Action.CHANGE, Resource("user", ACME, BERT, hardware_only=True), Switches())


def test_the_higher_role_counts() -> None:
    both = Actor("x", Way.PORTAL, (Themselves(BERT), Administrator(ACME)))
    assert standing(both, Resource("user", ACME, BERT)) is By.ADMINISTRATOR


def test_a_token_does_what_its_scopes_say_and_its_owner_may() -> None:
    of = Resource("user", ACME, ANNA)
    token = replace(ADMIN, scopes=frozenset({"user:read"}))
    assert may(token, Action.READ, of, Switches())
    assert not may(token, Action.CHANGE, of, Switches())
    assert not may(token, Action.READ, Resource("customer", ACME), Switches())
    token = replace(ADMIN, scopes=frozenset({"user:write", "trunk:write"}))
    assert may(token, Action.DELETE, of, Switches())
    assert not may(token, Action.CHANGE, Resource("trunk"), Switches())


@pytest.mark.behaviour("P1")
async def test_strangers_learn_nothing(editing: Editing) -> None:
    entry = UserEntry("X", "x@acme.example")
    for who in (CLEO, 99):
        with pytest.raises(ThereIsNone) as told:
            await editing.user(ADMIN, who)
        assert str(told.value) == f"There is no user {who}."
        with pytest.raises(ThereIsNone, match=f"^There is no user {who}.$"):
            await editing.change_user(ADMIN, who, entry, 0)
        with pytest.raises(ThereIsNone, match=f"^There is no user {who}.$"):
            await editing.delete_user(ADMIN, who)
    for customer in (BETA, 99):
        with pytest.raises(ThereIsNone, match=f"^There is no customer {customer}.$"):
            await editing.customer(ADMIN, customer)
        with pytest.raises(ThereIsNone):
            await editing.add_user(ADMIN, customer, entry)
        with pytest.raises(ThereIsNone):
            await editing.history(ADMIN, "customer", customer)


@pytest.mark.behaviour("P4")
async def test_nobody_does_more_than_they_may(editing: Editing) -> None:
    with pytest.raises(NotAllowed, match=r"^admin@acme.example may not delete this customer.$"):
        await editing.delete_customer(ADMIN, ACME)
    with pytest.raises(NotAllowed):
        await editing.delete_user(BERTS, BERT)
    for attempt in (
        editing.add_customer(ADMIN, CustomerEntry("New")),
        editing.add_trunk(ADMIN, TrunkEntry("new", "192.0.2.9")),
        editing.blocked_numbers(ADMIN),
        editing.block_numbers(ADMIN, (), 0),
        editing.trunk(ADMIN, 1),
        editing.delete_trunk(ADMIN, 1),
    ):
        with pytest.raises(ThereIsNone):
            await attempt


@pytest.mark.behaviour("P4")
async def test_each_setting_says_who_may_change_it(editing: Editing) -> None:
    current = await editing.user(BERTS, BERT)
    mine = replace(current.entry, notify=Notify(voicemail=True), pin="530864", reject_anonymous=True)
    await editing.change_user(BERTS, BERT, mine, current.version)
    current = await editing.user(BERTS, BERT)
    theirs = replace(current.entry, extension="209", max_calls=9)
    with pytest.raises(Refused) as error:
        await editing.change_user(BERTS, BERT, theirs, current.version)
    assert [(each.pointer(), each.code) for each in error.value.problems] == [
        ("/extension", "access.setting"),
        ("/max_calls", "access.setting"),
    ]
    await editing.change_user(ADMIN, BERT, theirs, current.version)
    company = await editing.customer(ADMIN, ACME)
    with pytest.raises(Refused, match=r"^/suspended: may be changed by the partner only$"):
        await editing.change_customer(ADMIN, ACME, replace(company.entry, suspended=True), company.version)
    await editing.change_customer(PARTNER, ACME, replace(company.entry, suspended=True), company.version)
