"""The company file that is written from the database says what the database says."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from provisioning.company.entries import CustomerEntry, TrunkEntry
from provisioning.company.switches import Switches
from provisioning.editing.access import Actor, Administrator, Way
from provisioning.editing.edit import Editing
from provisioning.editing.refusals import ThereIsNone
from provisioning.editing.whole import Whole
from provisioning.file.apply import OPERATOR, apply_changes
from provisioning.file.company_file import parse_company_file
from provisioning.file.export import company_text, customer_text
from provisioning.file.refusal import CompanyFileError
from provisioning.store.store import Store, open_store
from tests.provisioning.companies import EVERY_KEY, customer, user
from tests.provisioning.file.random_companies import platforms
from tests.provisioning.templates import CHEAP
from tests.support.examples import examples


async def exported(store: Store) -> str:
    return company_text(await Editing(store).whole(OPERATOR))


async def through_an_empty_database(text: str, folder: Path) -> str:
    async with await open_store(folder, CHEAP) as store:
        await apply_changes(store, parse_company_file(text))
        return await exported(store)


def settings_of(text: str) -> str:
    """The file without the version that it shows."""
    first, _, rest = text.partition("\n")
    assert first.startswith("as_of = ")
    return rest


@pytest.mark.behaviour("P9")
@settings(max_examples=examples(8), deadline=None, suppress_health_check=list(HealthCheck))
@given(platforms())
def test_export_apply_export_is_the_identity(
    platform: tuple[tuple[CustomerEntry, ...], tuple[TrunkEntry, ...], tuple[str, ...]],
) -> None:
    customers, trunks, blocked = platform
    written = company_text(Whole(1, customers, trunks, blocked, Switches()))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        first = asyncio.run(through_an_empty_database(written, Path(one)))
        assert settings_of(first) == settings_of(written)
        assert settings_of(asyncio.run(through_an_empty_database(first, Path(other)))) == settings_of(first)


@pytest.mark.behaviour("P9")
async def test_what_was_exported_changes_nothing(store: Store) -> None:
    await apply_changes(store, parse_company_file(EVERY_KEY))
    done = await apply_changes(store, parse_company_file(await exported(store)), prune=True)
    assert not done.changes
    assert not done.generated


async def test_there_are_no_secrets_in_it(store: Store) -> None:
    await apply_changes(store, parse_company_file(EVERY_KEY))
    text = await exported(store)
    for secret in ("402917", "one password", "another password", "argon2"):
        assert secret in EVERY_KEY or secret == "argon2"
        assert secret not in text
    assert "voice_portal_pin" not in text


async def test_that_there_is_no_pin_and_no_default_number_is_said(store: Store) -> None:
    keys = 'numbers = ["+441632960100"]\ndefault_number = ""\nvoice_portal_pin = ""'
    await apply_changes(store, parse_company_file(customer(user("anna", keys))))
    text = await exported(store)
    assert '  default_number = ""\n' in text
    assert '  voice_portal_pin = ""\n' in text


async def test_the_order_is_its_own(store: Store, tmp_path: Path) -> None:
    one = customer(user("bert", 'voice_portal_pin = ""'), user("anna", 'voice_portal_pin = ""'), keys="")
    other = customer(name="aardvark", keys='numbers = ["+441632960105", "+441632960104"]')
    await apply_changes(store, parse_company_file(one + other))
    text = await exported(store)
    assert text.index("aardvark") < text.index("Acme") < text.index("anna@") < text.index("bert@")
    assert 'numbers = ["+441632960104", "+441632960105"]' in text


async def test_one_customer_alone_leaves_all_else_alone(store: Store) -> None:
    await apply_changes(store, parse_company_file(EVERY_KEY + customer(name="Beta Ltd", keys="")))
    whole = await Editing(store).whole(OPERATOR)
    text = customer_text(whole, whole.customers[1])
    assert parse_company_file(text).blocked_numbers is None
    assert [each.name for each in parse_company_file(text).customers] == ["Beta Ltd"]
    assert not parse_company_file(text).trunks


def test_a_name_of_two_lines_is_refused() -> None:
    with pytest.raises(CompanyFileError, match="must be on one line"):
        parse_company_file(company_text(Whole(1, (CustomerEntry("Acme\nLtd"),), (), (), Switches())))


async def test_nobody_but_the_partner_gets_all(store: Store) -> None:
    with pytest.raises(ThereIsNone):
        await Editing(store).whole(Actor("a", Way.PORTAL, (Administrator(1),)))
