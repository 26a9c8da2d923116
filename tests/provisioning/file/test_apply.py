from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from provisioning.company.changes import Applied
from provisioning.editing import edit as apply
from provisioning.file.apply import apply_changes, plan_changes
from provisioning.file.company_file import parse_company_file
from provisioning.file.refusal import CompanyFileError
from provisioning.store.errors import StoreError
from provisioning.store.model import Device, Number
from provisioning.store.model import User as UserRow
from provisioning.store.pins import hash_matches
from provisioning.store.store import Store, open_store
from tests.provisioning.changing import changing_settings
from tests.provisioning.companies import EVERY_KEY, customer, user
from tests.provisioning.store.test_bindings import binding
from tests.provisioning.templates import CHEAP

NUMBERS = 'numbers = ["+441632960100", "+441632960101", "+441632960102"]'


async def applied(store: Store, text: str, *, prune: bool = False) -> Applied:
    """Apply, and see that doing so again changes nothing."""
    file = parse_company_file(text, "f")
    planned = await plan_changes(store, file, prune=prune)
    done = await apply_changes(store, file, prune=prune)
    assert done.changes.items == planned.items
    again = await apply_changes(store, file, prune=prune)
    assert (again.changes.items, again.generated) == ((), ())
    assert again.settings_version == done.settings_version == await store.settings_version()
    return done


async def refused(store: Store, text: str, *, prune: bool = False) -> str:
    """The refusal, after seeing that nothing changed."""
    before = await store.directory("ringplan")
    with pytest.raises(CompanyFileError) as error:
        await apply_changes(store, parse_company_file(text, "f"), prune=prune)
    assert await store.directory("ringplan") == before
    return str(error.value)


async def by_email(store: Store) -> dict[str, UserRow]:
    async with store.reading() as session:
        return {row.email.partition("@")[0]: row for row in await session.scalars(select(UserRow))}


async def password(store: Store, username: str) -> str:
    async with store.reading() as session:
        device = (await session.scalars(select(Device).where(Device.username == username))).one()
    return store.key.decrypt(device.password)


async def test_everything_is_stored_and_a_second_time_changes_nothing(store: Store) -> None:
    done = await applied(store, EVERY_KEY)
    assert done.settings_version == 2
    assert [item.subject for item in done.changes.items] == [
        "customer Acme Ltd",
        "user Reception <reception@acme.example> of Acme Ltd",
        "user Workshop <workshop@acme.example> of Acme Ltd",
        "trunk carrier",
        "the platform",
    ]
    assert [item.kind for item in done.changes.items] == ["add"] * 4 + ["change"]
    assert done.changes.items[-1].details == ("Blocked as targets of redirects: none → +441632960888",)
    again = await applied(store, EVERY_KEY)
    assert (again.changes.items, again.settings_version) == ((), 2)


@pytest.mark.behaviour("D8")
async def test_blocked_numbers_stay_until_a_file_names_others(store: Store) -> None:
    target = '[customers.users.busy]\naction = "number"\nnumber = "{}"'
    await applied(store, customer(user("anna", tables=target.format("+441632960777"))))
    blocking = 'blocked_numbers = ["+441632960777", "+441632960778"]\n'
    done = await applied(store, blocking)
    assert [item.subject for item in done.changes.items] == ["the platform"]
    # The redirect that was there already stays, and fails when a call comes; a new one is refused.
    directory = await store.directory("ringplan")
    assert directory.blocked == ("+441632960777", "+441632960778")
    assert directory.users[0].busy.number == "+441632960777"
    with pytest.raises(CompanyFileError, match="is blocked as a target of redirects"):
        await applied(store, customer(user("anna", tables=target.format("+441632960778"))))
    with pytest.raises(CompanyFileError, match="is blocked as a target of redirects"):
        await applied(store, blocking + customer(user("anna", tables=target.format("+441632960778"))))
    await applied(store, customer(user("anna", tables=target.format("+441632960779"))))
    assert (await store.directory("ringplan")).blocked == ("+441632960777", "+441632960778")
    await applied(store, 'blocked_numbers = ["+441632960778"]')
    assert (await store.directory("ringplan")).blocked == ("+441632960778",)
    await applied(store, "blocked_numbers = []")
    assert (await store.directory("ringplan")).blocked == ()


async def test_a_dry_run_writes_nothing(store: Store) -> None:
    assert await plan_changes(store, parse_company_file(EVERY_KEY))
    assert await store.settings_version() == 1
    assert (await store.directory("ringplan")).users == ()


async def test_a_key_that_is_left_out_later_goes_back_to_its_default(store: Store) -> None:
    keys = 'extension = "201"\nmax_calls = 3\nnumbers = ["+441632960101"]'
    out = '[customers.users.out_of_hours]\nenabled = true\nsunday = "unavailable"'
    await applied(store, customer(user("anna", keys, out), keys=NUMBERS))
    done = await applied(store, customer(user("anna", 'extension = "201"'), keys=NUMBERS))
    (change,) = done.changes.items
    assert change.kind == "change"
    assert change.details == (
        "Assigned numbers: +441632960101 → none",
        "Default number: +441632960101 → none",
        "Simultaneous calls: 3 → 1",
        "Out of hours: yes → no",
        "Out of hours, times: Sunday all day → always available",
    )
    (anna,) = (await store.directory("ringplan")).users
    assert (anna.numbers, anna.max_calls, anna.out_of_hours.intervals) == ((), 1, ())


async def test_secrets_that_are_left_out_are_generated_once_and_then_kept(store: Store) -> None:
    text = (
        customer(
            user("anna", 'soft_clients = [{ username = "anna" }]\ndesk_phones = [{ mac = "001565aabbcc" }]')
        )
        + '[[trunks]]\nname = "carrier"\nhost = "192.0.2.1"\nusername = "ringplan"\n'
    )
    done = await applied(store, text)
    made = {(each.kind, each.owner): each.secret for each in done.generated}
    assert made.keys() == {
        ("soft client password", "anna"),
        ("voice portal PIN", "anna@acme.example"),
        ("trunk password", "carrier"),
    }
    assert await password(store, "anna") == made["soft client password", "anna"]
    stored = (await by_email(store))["anna"].pin_hash
    assert hash_matches(CHEAP, stored, made["voice portal PIN", "anna@acme.example"])
    (trunk,) = (await store.directory("ringplan")).trunks
    assert trunk.password == made["trunk password", "carrier"]
    assert not set(made.values()) & set(str(done.changes).split())
    kept = await applied(store, text.replace('"Anna"', '"Anna B"'))
    assert kept.generated == ()
    assert await password(store, "anna") == made["soft client password", "anna"]
    assert (await by_email(store))["anna"].pin_hash == stored


async def test_secrets_that_are_given_are_stored_and_changed_without_being_shown(store: Store) -> None:
    await applied(store, EVERY_KEY)
    changed = EVERY_KEY
    for old, new in (
        ("402917", "530864"),
        ("one password", "new password"),
        ("another password", "third password"),
    ):
        changed = changed.replace(old, new)
    done = await applied(store, changed)
    assert [item.details for item in done.changes.items] == [
        ("Password of reception: changed", "Voice portal PIN: changed"),
        ("Password: changed",),
    ]
    assert done.generated == ()
    assert await password(store, "reception") == "new password"
    assert hash_matches(CHEAP, (await by_email(store))["reception"].pin_hash, "530864")
    assert (await store.directory("ringplan")).trunks[0].password == "third password"


@pytest.mark.behaviour("W3")
async def test_no_secret_lies_in_the_data_directory_in_clear(tmp_path: Path) -> None:
    async with await open_store(tmp_path, CHEAP) as store:
        done = await apply_changes(store, parse_company_file(EVERY_KEY))
    secrets = ["402917", "one password", "another password", *(each.secret for each in done.generated)]
    content = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"reception@acme.example" in content
    assert [secret for secret in secrets if secret.encode() in content] == []
    with closing(sqlite3.connect(tmp_path / "ringplan.db")) as database:
        hashes = [row[0] for row in database.execute("SELECT pin_hash FROM users")]
    assert all(each.startswith("$argon2id$") for each in hashes)


async def test_an_empty_pin_removes_it(store: Store) -> None:
    await applied(store, customer(user("anna", 'voice_portal_pin = "402917"')))
    done = await applied(store, customer(user("anna", 'voice_portal_pin = ""')))
    assert done.changes.items[0].details == ("Voice portal PIN: removed",)
    assert not (await store.directory("ringplan")).users[0].has_pin


async def test_a_trunk_without_username_has_no_password(store: Store) -> None:
    trunk = '[[trunks]]\nname = "carrier"\nhost = "192.0.2.1"\n'
    await applied(store, trunk + 'username = "ringplan"\n')
    await applied(store, trunk)
    assert (await store.directory("ringplan")).trunks[0].password is None


async def test_a_soft_client_under_a_new_name_is_a_new_one_and_the_old_one_is_released(store: Store) -> None:
    client = 'soft_clients = [{{ username = "{}" }}]'
    await applied(store, customer(user("anna", client.format("anna"))))
    (anna,) = (await store.directory("ringplan")).users
    await store.save_bindings([binding("anna", "sip:anna@127.0.0.2", anna.id)])
    done = await applied(store, customer(user("anna", client.format("front"))))
    assert done.changes.items[0].details == ("Soft clients: anna → front", "Password of front: generated")
    assert [each.owner for each in done.generated] == ["front"]
    directory = await store.directory("ringplan")
    assert [account.username for account in directory.accounts] == ["front"]
    assert directory.users[0].id == anna.id
    await applied(store, customer(user("anna", client.format("anna"))))
    assert await store.load_bindings() == (), "what was registered with the old password is forgotten"


async def test_users_may_swap_extensions_numbers_and_usernames(store: Store) -> None:
    def one(name: str, extension: str, number: str, username: str) -> str:
        keys = f'extension = "{extension}"\nnumbers = ["{number}"]\nsoft_clients = [{{ username = "{username}" }}]'
        return user(name, keys)

    a, b = ("201", "+441632960101", "left"), ("202", "+441632960102", "right")
    await applied(store, customer(one("anna", *a), one("bert", *b), keys=NUMBERS))
    old = await password(store, "left")
    done = await applied(store, customer(one("anna", *b), one("bert", *a), keys=NUMBERS))
    directory = await store.directory("ringplan")
    assert [(each.name, each.extension, each.numbers) for each in directory.users] == [
        ("Anna", "202", ("+441632960102",)),
        ("Bert", "201", ("+441632960101",)),
    ]
    assert {(account.username, account.user_id) for account in directory.accounts} == {
        ("right", 1),
        ("left", 2),
    }
    assert {each.owner for each in done.generated} == {"left", "right"}, "a password does not follow a name"
    assert await password(store, "left") != old


async def test_numbers_come_go_and_move_between_customers_of_the_file(store: Store) -> None:
    both = 'numbers = ["+441632960100", "+441632960101"]'
    await applied(store, customer(keys=both) + customer(name="Beta Ltd", keys=""))
    await applied(
        store,
        customer(keys='numbers = ["+441632960100"]')
        + customer(name="Beta Ltd", keys='numbers = ["+441632960101"]'),
    )
    await applied(store, customer(keys=""))
    async with store.reading() as session:
        numbers = [(row.number, row.customer_id) for row in await session.scalars(select(Number))]
    assert numbers == [("+441632960101", 2)]


async def test_the_name_of_a_customer_may_change_its_case(store: Store) -> None:
    await applied(store, customer(user("anna")))
    done = await applied(store, customer(user("anna"), name="ACME Ltd"))
    assert done.changes.items[0].details == ("Name: Acme Ltd → ACME Ltd",)
    assert len((await store.directory("ringplan")).customers) == 1


async def test_customers_trunks_and_users_that_the_file_does_not_name_stay(store: Store) -> None:
    trunk = '[[trunks]]\nname = "carrier"\nhost = "192.0.2.1"\n'
    text = customer(user("anna"), user("bert", 'numbers = ["+441632960100"]')) + trunk
    await applied(store, customer(user("cleo"), name="Beta Ltd", keys="") + text)
    done = await applied(store, customer(user("anna", "max_calls = 2")))
    directory = await store.directory("ringplan")
    assert {each.name for each in directory.users} == {"Anna", "Bert", "Cleo"}
    assert [each.numbers for each in directory.users if each.name == "Bert"] == [("+441632960100",)]
    assert [each.name for each in directory.trunks] == ["carrier"]
    assert done.changes.notes == (
        "not in the file, and kept: Bert <bert@acme.example> of Acme Ltd; --prune deletes them.",
    )


async def test_pruning_deletes_trunks_where_the_file_names_others(store: Store) -> None:
    def trunk(name: str) -> str:
        return f'[[trunks]]\nname = "{name}"\nhost = "192.0.2.1"\nallow_from = ["192.0.2.1"]\n'

    await applied(store, trunk("old"))
    moved = trunk("new")
    assert "belongs to another trunk already" in await refused(store, moved)
    kept = await applied(store, moved.replace("192.0.2.1", "192.0.2.2"))
    assert kept.changes.notes[0] == "trunks not in the file, and kept: old; --prune deletes them."
    await applied(store, customer(user("anna")), prune=True)
    assert len((await store.directory("ringplan")).trunks) == 2
    done = await applied(store, moved, prune=True)
    assert [str(item) for item in done.changes.items][-1] == "- trunk old"
    assert [(each.name, each.host) for each in (await store.directory("ringplan")).trunks] == [
        ("new", "192.0.2.1")
    ]


@pytest.mark.behaviour("P7")
async def test_pruning_deletes_releases_and_lists_who_redirects(store: Store) -> None:
    bert = 'extension = "202"\nnumbers = ["+441632960100"]\nsoft_clients = [{ username = "bert" }]'
    redirect = '[customers.users.busy]\naction = "user"\nuser = "bert@acme.example"'
    by_number = 'permanent_redirect = "+441632960100"'
    text = customer(user("anna", tables=redirect), user("cleo", by_number), user("bert", bert))
    await applied(store, text)
    await store.save_bindings([binding("bert", "sip:bert@127.0.0.2", 3)])
    done = await applied(store, customer(user("anna"), user("cleo")), prune=True)
    gone = done.changes.items[-1]
    assert (gone.kind, gone.subject) == ("delete", "user Bert <bert@acme.example> of Acme Ltd")
    assert gone.details[:4] == (
        "Redirects to this user: Anna <anna@acme.example>",
        "Redirects to this user: Cleo <cleo@acme.example>",
        "Back to the pool: +441632960100",
        "Released: bert",
    )
    row = (await by_email(store))["bert"]
    assert row.deleted_at is not None
    assert datetime.now(UTC) - row.deleted_at < timedelta(minutes=1)
    assert row.pin_hash is None
    again = await applied(store, customer(user("anna", bert), user("cleo")))
    assert [each.owner for each in again.generated] == ["bert"], "what was released can be given out at once"
    await applied(store, customer(user("bert")))
    ids = [each.id for each in (await store.directory("ringplan")).users if each.name == "Bert"]
    assert ids == [4], "somebody new, with a mailbox of their own"


@pytest.mark.behaviour("P7")
async def test_a_redirect_to_a_user_who_is_deleted_is_refused(store: Store) -> None:
    redirect = '[customers.users.busy]\naction = "user"\nuser = "bert@acme.example"'
    text = customer(user("anna", tables=redirect), user("bert"))
    await applied(store, text)
    only_anna = customer(user("anna", tables=redirect))
    await applied(store, only_anna)
    told = await refused(store, only_anna, prune=True)
    assert told.startswith('f:10: busy.user: "bert@acme.example" is no user of Acme Ltd')


async def test_ids_of_users_never_come_twice(store: Store) -> None:
    await applied(store, customer(user("anna")))
    await applied(store, customer(), prune=True)
    async with changing_settings(store) as session:
        await session.delete((await session.scalars(select(UserRow))).one())
    await applied(store, customer(user("bert")))
    assert [each.id for each in (await store.directory("ringplan")).users] == [2]


@pytest.mark.behaviour("P1", "P3")
@pytest.mark.parametrize(
    "keys", ['soft_clients = [{ username = "ANNA" }]', 'desk_phones = [{ mac = "00-15-65-aa-bb-cc" }]']
)
async def test_what_another_customer_has_is_refused_without_naming_it(store: Store, keys: str) -> None:
    mine = 'soft_clients = [{ username = "anna" }]\ndesk_phones = [{ mac = "001565aabbcc" }]'
    await applied(store, customer(user("anna", mine)))
    told = await refused(store, customer(user("bert", keys), name="Beta Ltd", keys=""))
    assert told.startswith("f:7: ")
    assert "already in use on this platform" in told
    assert "Acme" not in told
    told = await refused(store, customer(name="Beta Ltd"))
    assert told == 'f:3: numbers: "+441632960100" is already in use on this platform; choose another'


async def test_a_conflict_with_a_user_whom_the_file_does_not_name_says_who(store: Store) -> None:
    keys = 'extension = "201"\nnumbers = ["+441632960100"]\nsoft_clients = [{ username = "front" }]'
    await applied(store, customer(user("anna", keys)))
    told = (await refused(store, customer(user("bert", keys)))).splitlines()
    assert [line.partition(": ")[0] for line in told] == ["f:7", "f:8", "f:9"]
    assert all("(user anna@acme.example, who is not in this file, has it)" in line for line in told)
    await applied(store, customer(user("bert", keys)), prune=True)


async def test_a_number_that_somebody_kept_still_has_cannot_be_dropped(store: Store) -> None:
    await applied(store, customer(user("anna", 'numbers = ["+441632960100"]')))
    told = await refused(store, customer(keys=""))
    assert told.startswith("f:1: user anna@acme.example, who is not in this file.numbers: ")


async def test_a_trunk_address_of_another_trunk_is_refused(store: Store) -> None:
    trunk = '[[trunks]]\nname = "{}"\nhost = "192.0.2.1"\nallow_from = ["192.0.2.1"]\n'
    await applied(store, trunk.format("one"))
    assert "belongs to another trunk already" in await refused(store, trunk.format("two"))


async def test_a_username_is_a_devices_or_a_trunks(store: Store) -> None:
    trunk = '[[trunks]]\nname = "{}"\nhost = "192.0.2.1"\nusername = "{}"\n'
    await applied(store, trunk.format("one", "Ringplan") + customer(user("cleo"), name="Beta Ltd", keys=""))
    device = customer(user("anna", 'soft_clients = [{ username = "ringplan" }]'))
    assert '"ringplan" is already in use on this platform' in await refused(store, device)
    # The other way round, and with a user of the customer whom the file does not name.
    await applied(store, trunk.format("one", "another") + device)
    assert '"RINGPLAN" is the username of a device' in await refused(store, trunk.format("one", "RINGPLAN"))
    taken = customer(user("bert")) + trunk.format("two", "ringplan")
    assert "is the username of a device" in await refused(store, taken)
    await applied(store, taken, prune=True)


async def test_users_of_the_customer_whom_the_file_does_not_name_can_be_redirected_to(store: Store) -> None:
    await applied(store, customer(user("anna"), user("bert")))
    redirect = '[customers.users.busy]\naction = "user"\nuser = "bert@acme.example"'
    await applied(store, customer(user("anna", tables=redirect)))
    anna, bert = (await store.directory("ringplan")).users
    assert anna.busy.user == bert.id


async def test_a_failure_in_the_middle_changes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(session: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(apply, "bump_version", fail)
    with pytest.raises(RuntimeError):
        await apply_changes(store, parse_company_file(EVERY_KEY))
    directory = await store.directory("ringplan")
    assert (directory.version, directory.customers, directory.trunks) == (1, (), ())


def meanwhile(store: Store, monkeypatch: pytest.MonkeyPatch, times: int) -> Callable[[], int]:
    """Let somebody else change settings after each of the first plans; returns how often it happened."""
    plan, happened = apply._plan, []

    async def and_then(*arguments: object, **options: object) -> object:
        made = await plan(*arguments, **options)  # type: ignore[arg-type]
        if len(happened) < times:
            happened.append(True)
            async with changing_settings(store):
                pass
        return made

    monkeypatch.setattr(apply, "_plan", and_then)
    return lambda: len(happened)


async def test_a_change_by_somebody_else_meanwhile_is_seen(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened = meanwhile(store, monkeypatch, 1)
    done = await apply_changes(store, parse_company_file(EVERY_KEY))
    assert happened() == 1
    assert done.settings_version == await store.settings_version() == 3
    assert len((await store.directory("ringplan")).users) == 2


async def test_changes_by_others_without_end_are_an_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(store, monkeypatch, 1000)
    with pytest.raises(StoreError, match="Apply it again"):
        await apply_changes(store, parse_company_file(EVERY_KEY))
    assert (await store.directory("ringplan")).users == ()


async def test_two_files_at_once_are_both_applied(tmp_path: Path) -> None:
    async with await open_store(tmp_path, CHEAP) as one, await open_store(tmp_path, CHEAP) as other:
        await asyncio.gather(
            apply_changes(one, parse_company_file(customer(user("anna"), keys=""))),
            apply_changes(other, parse_company_file(customer(user("bert"), name="Beta Ltd", keys=""))),
        )
        directory = await one.directory("ringplan")
    assert directory.version == 3
    assert {each.name for each in directory.users} == {"Anna", "Bert"}
