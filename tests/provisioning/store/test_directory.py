from __future__ import annotations

from datetime import time

import pytest
from sqlalchemy import Connection, event

from b2bua.callplan.settings import Action, Customer, Interval, Notify, OutOfHours, Treatment, Trunk, User
from provisioning.file.apply import apply_changes
from provisioning.file.company_file import parse_company_file
from provisioning.store.directory import Account
from provisioning.store.secrets import digest_ha1
from provisioning.store.store import Store
from tests.provisioning.companies import EVERY_KEY, customer, user


async def test_an_empty_store_is_an_empty_directory(store: Store) -> None:
    directory = await store.directory("ringplan")
    assert directory.version == 1
    assert (directory.customers, directory.users, directory.accounts, directory.trunks) == ((), (), (), ())


async def test_the_directory_holds_every_setting(store: Store) -> None:
    applied = await apply_changes(store, parse_company_file(EVERY_KEY))
    directory = await store.directory("ringplan")
    assert directory.version == applied.settings_version == await store.settings_version()
    assert directory.customers == (
        Customer(
            1,
            "Acme Ltd",
            numbers=("+441632960100", "+441632960101", "+441632960102"),
            users_override=False,
            emergency_number="+441632960100",
        ),
    )
    assert directory.blocked == ("+441632960888",)
    assert directory.users == (
        User(
            id=1,
            customer=1,
            name="Reception",
            email="reception@acme.example",
            extension="201",
            numbers=("+441632960101",),
            default_number="+441632960101",
            presentation_number="+441632960100",
            timezone="Europe/Paris",
            permanent_redirect="+441632960555",
            has_pin=True,
            not_answered=Treatment(
                Action.NUMBER, 15.0, number="+441632960777", announce=True, present_dialled_number=True
            ),
            busy=Treatment(Action.USER, 5.0, user=2),
            out_of_hours=OutOfHours(
                False,
                (
                    Interval(0, time(12, 30), time(13, 30)),
                    Interval(0, time(17, 30), time(8, 30)),
                    Interval(5, time(0), time(0)),
                    Interval(6, time(0), time(0)),
                ),
            ),
            notify=Notify(missed_call=True, voicemail=True),
        ),
        User(2, 1, "Workshop", "workshop@acme.example", extension="202", has_pin=True),
    )
    (generated,) = (each.secret for each in applied.generated if each.owner == "workshop")
    soft = {account.username: account for account in directory.accounts}
    assert soft["reception"] == Account(
        "reception", 1, "soft", *digest_ha1("reception", "ringplan", "one password")
    )
    assert {name: account.nat for name, account in soft.items()} == {
        "reception": "always",
        "workshop": "auto",
        "001565aabbcc": "never",
    }
    assert soft["workshop"] == Account("workshop", 2, "soft", *digest_ha1("workshop", "ringplan", generated))
    assert (soft["001565aabbcc"].user_id, soft["001565aabbcc"].kind) == (1, "desk")
    assert directory.trunks == (
        Trunk(
            id=1,
            name="carrier",
            host="127.0.0.1:5080",
            transport="udp",
            order=1,
            register=False,
            username="ringplan",
            password="another password",
            allow_from=("127.0.0.1:5080",),
            country="DE",
            number_format="e164",
            identity="screened",
            answer_first=False,
            early_media=True,
            trusted=True,
            anonymous_code=603,
            caller_from="asserted",
            next_trunk_codes=frozenset({404, 480}),
            final_codes=frozenset({503}),
            nat="never",
            ha1_md5=digest_ha1("ringplan", "ringplan", "another password")[0],
            ha1_sha256=digest_ha1("ringplan", "ringplan", "another password")[1],
        ),
    )


async def test_digests_are_for_the_realm_that_is_asked_for(store: Store) -> None:
    await apply_changes(store, parse_company_file(EVERY_KEY))
    one, other = await store.directory("one"), await store.directory("other")
    assert all(a.ha1_md5 != b.ha1_md5 for a, b in zip(one.accounts, other.accounts, strict=True))


async def test_no_secret_shows_when_it_is_printed(store: Store) -> None:
    await apply_changes(store, parse_company_file(EVERY_KEY))
    directory = await store.directory("ringplan")
    shown = repr(directory)
    assert "another password" not in shown
    assert all(account.ha1_sha256 not in shown for account in directory.accounts)


@pytest.mark.behaviour("P7")
async def test_a_deleted_user_is_not_in_it(store: Store) -> None:
    await apply_changes(store, parse_company_file(customer(user("anna"), user("bert"))))
    await apply_changes(store, parse_company_file(customer(user("bert"))), prune=True)
    assert [found.name for found in (await store.directory("ringplan")).users] == ["Bert"]


async def test_a_thousand_users_cost_as_few_queries_as_one(store: Store) -> None:
    queries: list[str] = []
    event.listen(store._engine.sync_engine, "before_cursor_execute", _counter(queries))
    await store.directory("ringplan")
    for_none = len(queries)
    users = (user(f"u{index}", f'soft_clients = [{{ username = "u{index}" }}]') for index in range(1000))
    await apply_changes(store, parse_company_file(customer(*users)))
    queries.clear()
    directory = await store.directory("ringplan")
    assert (len(directory.users), len(directory.accounts)) == (1000, 1000)
    assert len(queries) == for_none < 12


def _counter(queries: list[str]) -> object:
    def count(connection: Connection, cursor: object, statement: str, *rest: object) -> None:
        queries.append(statement)

    return count
