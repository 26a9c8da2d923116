"""Accounts that people sign in with, apart from users."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from provisioning.editing.access import Actor, Administrator, Partner, Themselves, Way
from provisioning.editing.account_roles import AccountEntry
from provisioning.editing.accounts import Accounts
from provisioning.editing.edit import Editing
from provisioning.editing.refusals import NotAllowed, Refused, Stale, ThereIsNone
from provisioning.store import model
from provisioning.store.store import Store
from tests.provisioning.editing.people import ACME, ADMIN, ANNA, BERT, BETA, CLEO, NOON, PARTNER

pytestmark = pytest.mark.behaviour("P8")
ANNAS = AccountEntry("Anna", "anna@acme.example", roles=(Themselves(ANNA), Administrator(ACME)))
PASSWORD = "correct horse battery"


@pytest.fixture
def accounts(people: Store) -> Accounts:
    return Accounts(people, clock=lambda: NOON)


async def audit(store: Store) -> list[tuple[str, str, list[str]]]:
    async with store.reading() as session:
        rows = await session.scalars(
            select(model.Audit).where(model.Audit.kind == "account").order_by(model.Audit.id)
        )
        return [(row.actor, row.change, row.details) for row in rows]


async def test_an_account_has_any_number_of_roles(accounts: Accounts) -> None:
    number = await accounts.add(PARTNER, ANNAS)
    current = await accounts.account(PARTNER, number)
    assert current.entry == ANNAS
    actor = await accounts.actor(number, Way.PORTAL)
    assert actor == Actor(
        "anna@acme.example", Way.PORTAL, (Themselves(ANNA), Administrator(ACME)), account=number
    )
    more = replace(ANNAS, roles=(Partner(), Themselves(CLEO)))
    await accounts.change(PARTNER, number, more, current.version)
    assert (await accounts.account(PARTNER, number)).entry.roles == more.roles


async def test_its_email_is_unique_on_the_platform_and_a_users_may_be_the_same(accounts: Accounts) -> None:
    number = await accounts.add(PARTNER, ANNAS)
    with pytest.raises(Refused, match=r'^/email: "anna@acme.example" is already in use on this platform'):
        await accounts.add(PARTNER, replace(ANNAS, roles=(Themselves(CLEO),)))
    other = await accounts.add(PARTNER, replace(ANNAS, email="x@acme.example"))
    with pytest.raises(Refused, match="/email"):
        await accounts.change(PARTNER, other, ANNAS, await version(accounts, other))
    await accounts.change(PARTNER, number, replace(ANNAS, name="Ann"), await version(accounts, number))


async def version(accounts: Accounts, account: int) -> int:
    return (await accounts.account(PARTNER, account)).version


async def test_a_password_is_checked_and_never_kept(accounts: Accounts, people: Store) -> None:
    number = await accounts.add(PARTNER, ANNAS)
    assert await accounts.check_password("anna@acme.example", "") is None
    with pytest.raises(Refused, match="/password: must be 12 to 200 printable characters"):
        await accounts.set_password(PARTNER, number, "short")
    await accounts.set_password(PARTNER, number, PASSWORD)
    assert await accounts.check_password(" Anna@Acme.example", PASSWORD) == number
    assert await accounts.check_password("anna@acme.example", PASSWORD + "x") is None
    assert await accounts.check_password("nobody@acme.example", "") is None
    async with people.reading() as session:
        row = await session.get_one(model.SignInAccount, number)
    assert row.password_hash is not None and row.password_hash.startswith("$argon2id$")
    await accounts.change(PARTNER, number, replace(ANNAS, disabled=True), await version(accounts, number))
    assert await accounts.check_password("anna@acme.example", PASSWORD) is None
    assert await accounts.actor(number, Way.PORTAL) is None


async def test_the_secret_of_a_second_factor_is_encrypted(accounts: Accounts, people: Store) -> None:
    number = await accounts.add(PARTNER, ANNAS)
    assert await accounts.second_factor(number) is None
    await accounts.set_second_factor(PARTNER, number, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    assert await accounts.second_factor(number) == "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    async with people.reading() as session:
        stored = (await session.get_one(model.SignInAccount, number)).second_factor
    assert stored is not None and b"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP" not in stored
    await accounts.set_second_factor(PARTNER, number, None)
    assert await accounts.second_factor(number) is None


@pytest.mark.behaviour("P9")
async def test_every_change_is_recorded_without_secrets(accounts: Accounts, people: Store) -> None:
    before = await people.settings_version()
    number = await accounts.add(PARTNER, replace(ANNAS, roles=(Themselves(ANNA),)))
    await accounts.set_password(PARTNER, number, PASSWORD)
    await accounts.set_password(PARTNER, number, PASSWORD)
    await accounts.set_second_factor(PARTNER, number, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    await accounts.change(PARTNER, number, ANNAS, await version(accounts, number))
    await accounts.change(PARTNER, number, ANNAS, await version(accounts, number))
    await accounts.delete(PARTNER, number)
    user = "user Anna <anna@acme.example> of Acme Ltd"
    assert await audit(people) == [
        ("pat@partner.example", "add", [f"Roles: {user}"]),
        ("pat@partner.example", "change", ["Password: set"]),
        ("pat@partner.example", "change", ["Password: changed"]),
        ("pat@partner.example", "change", ["Second factor: set"]),
        ("pat@partner.example", "change", [f"Roles: {user} → administrator of Acme Ltd, {user}"]),
        ("pat@partner.example", "delete", []),
    ]
    assert await people.settings_version() == before + 6
    with pytest.raises(ThereIsNone):
        await accounts.account(PARTNER, number)


async def test_a_stale_edit_is_refused(accounts: Accounts) -> None:
    number = await accounts.add(PARTNER, ANNAS)
    seen = await version(accounts, number)
    await accounts.change(PARTNER, number, replace(ANNAS, name="Ann"), seen)
    with pytest.raises(Stale, match="Name: Anna → Ann"):
        await accounts.change(PARTNER, number, replace(ANNAS, name="Anne"), seen)


@pytest.mark.behaviour("P1", "P4")
async def test_administrators_look_after_accounts_of_their_customer_alone(accounts: Accounts) -> None:
    mine = await accounts.add(ADMIN, replace(ANNAS, roles=(Themselves(BERT),)))
    for roles in ((Themselves(CLEO),), (Partner(),), (), (Administrator(BETA), Administrator(ACME))):
        with pytest.raises(ThereIsNone, match=r"^There is no account\.$"):
            await accounts.add(ADMIN, replace(ANNAS, email="b@acme.example", roles=roles))
    for role, place in ((Partner(), 1), (Themselves(CLEO), 1), (Administrator(BETA), 1)):
        wanted = replace(ANNAS, roles=(Themselves(BERT), role))
        with pytest.raises(Refused, match=f"/roles/{place}: may be changed by the partner only"):
            await accounts.change(ADMIN, mine, wanted, await version(accounts, mine))
    theirs = await accounts.add(PARTNER, replace(ANNAS, email="c@beta.example", roles=(Themselves(CLEO),)))
    both = await accounts.add(
        PARTNER, replace(ANNAS, email="p@x.example", roles=(Partner(), Administrator(ACME)))
    )
    for strange in (theirs, both, 99):
        with pytest.raises(ThereIsNone, match=rf"^There is no account {strange}\.$"):
            await accounts.account(ADMIN, strange)
        with pytest.raises(ThereIsNone):
            await accounts.set_password(ADMIN, strange, PASSWORD)
    await accounts.delete(ADMIN, mine)


@pytest.mark.behaviour("P4")
async def test_people_change_their_own_name_and_password_and_nothing_else(accounts: Accounts) -> None:
    number = await accounts.add(PARTNER, replace(ANNAS, roles=(Themselves(ANNA),)))
    anna = await accounts.actor(number, Way.PORTAL)
    assert anna is not None
    current = await accounts.account(anna, number)
    await accounts.set_password(anna, number, PASSWORD)
    seen = await version(accounts, number)
    await accounts.change(anna, number, replace(current.entry, name="Ann"), seen)
    for wanted in (
        replace(current.entry, email="x@acme.example"),
        replace(current.entry, roles=(*current.entry.roles, Administrator(ACME))),
    ):
        with pytest.raises(Refused, match="may be changed by an administrator of the customer only"):
            await accounts.change(anna, number, wanted, await version(accounts, number))
    with pytest.raises(NotAllowed):
        await accounts.delete(anna, number)


@pytest.mark.behaviour("P4")
async def test_nobody_of_a_hardware_only_customer_signs_in(accounts: Accounts, editing: Editing) -> None:
    beta = await editing.customer(PARTNER, BETA)
    cleo = await editing.user(PARTNER, CLEO)
    await editing.change_user(PARTNER, CLEO, replace(cleo.entry, soft_clients=()), cleo.version)
    await editing.change_customer(PARTNER, BETA, replace(beta.entry, hardware_only=True), beta.version)
    for role in (Themselves(CLEO), Administrator(BETA)):
        with pytest.raises(Refused, match="/roles/0: is of a hardware-only customer"):
            await accounts.add(PARTNER, replace(ANNAS, roles=(role,)))


@pytest.mark.behaviour("P7")
async def test_roles_end_with_what_they_are_about(accounts: Accounts, editing: Editing) -> None:
    number = await accounts.add(
        PARTNER, replace(ANNAS, roles=(Themselves(BERT), Administrator(ACME), Partner()))
    )
    await editing.delete_user(PARTNER, BERT)
    assert (await accounts.account(PARTNER, number)).entry.roles == (Administrator(ACME), Partner())
    await editing.delete_customer(PARTNER, ACME)
    assert (await accounts.account(PARTNER, number)).entry.roles == (Partner(),)
    with pytest.raises(ThereIsNone, match="no user 2"):
        await accounts.add(PARTNER, replace(ANNAS, email="z@x.example", roles=(Themselves(BERT),)))
