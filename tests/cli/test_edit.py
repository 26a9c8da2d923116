"""`ringplan user|customer|trunk add|change|delete`: one thing edited, with the words and rules of `apply`."""

from __future__ import annotations

import os
import pwd
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from b2bua.cli import console
from provisioning.editing.access import Way
from tests.cli.conftest import Run

pytestmark = [pytest.mark.usefixtures("company"), pytest.mark.behaviour("P9")]


def test_a_user_is_added_with_what_is_generated(ringplan: Run) -> None:
    ran = ringplan(
        "user",
        "add",
        "acme ltd",
        "name=Lift",
        "extension=304",
        'soft_clients=[{username="lift"}]',
        "max_calls=2",
    )
    assert ran.code == 0, ran.err
    assert "+ user Lift (extension 304) of Acme Ltd" in ran.out
    assert "Simultaneous calls: 2" in ran.out
    assert "soft client password of lift: " in ran.out and "voice portal PIN of 304: " in ran.out
    assert "Saved; in force when call handling is back." in ran.out
    assert 'name = "Lift"\n  extension = "304"\n  max_calls = 2' in ringplan("export").out


def test_a_user_is_changed_in_what_is_named_alone(ringplan: Run) -> None:
    before = ringplan("export").out
    settings = ("not_answered.action=user", "not_answered.user=301", "suspended=true", "numbers=")
    dry = ringplan("user", "change", "302", *settings, "--dry-run")
    assert (
        "Not answered: voicemail after 7 s → redirect to another user, ann@acme.example, after 7 s" in dry.out
    )
    assert "Suspended: no → yes" in dry.out and "Assigned numbers: +441632960202 → none" in dry.out
    assert "Nothing was written: --dry-run." in dry.out
    assert ringplan("export").out == before
    assert ringplan("user", "change", "302", *settings).code == 0
    after = ringplan("export").out
    assert 'user = "ann@acme.example"' in after and "suspended = true" in after
    assert 'numbers = ["+441632960202"]' not in after
    undone = ('not_answered={action="voicemail", after=7}', "suspended=", 'numbers=["+441632960202"]')
    assert ringplan("user", "change", "ben@acme.example", *undone).code == 0
    assert ringplan("export").out.splitlines()[1:] == before.splitlines()[1:]


def test_a_user_is_deleted(ringplan: Run) -> None:
    ran = ringplan("user", "delete", "ben@acme.example")
    assert "- user Ben <ben@acme.example> of Acme Ltd" in ran.out
    assert ringplan("user", "delete", "302").err == "ringplan: There is no user 302.\n"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("user", "change", "301", "extension=302"), '/extension: "302" is the extension of two users'),
        (("user", "change", "301", "max_calls=0"), "/max_calls: must be a whole number from 1 to 100, not 0"),
        (("user", "change", "301", "max_call=2"), '/max_call: is not a known key; did you mean "max_calls"?'),
        (("user", "change", "301", "busy.after=x"), '/busy/after: must be 0 to 120 seconds, not "x"'),
        (("user", "change", "301", "extension"), "extension: KEY=VALUE is allowed"),
        (("user", "change", "399", "max_calls=2"), "There is no user 399."),
        (("user", "add", "Beta", "name=X"), "There is no customer Beta."),
        (
            ("customer", "change", "acme ltd", 'users=[{name="X"}]'),
            "users is not set here: users are edited one by",
        ),
        (("customer", "change", "acme ltd", "users="), "with ringplan user add, change and delete."),
        (("customer", "add", "name=Beta", "users.name=X"), "users is not set here"),
        (("customer", "change", "acme ltd", "was=Acme"), "was is a key of the company file alone"),
        (("user", "change", "301", "was=ann@acme.example"), "was is a key of the company file alone"),
        (("trunk", "add", "name=x", "host=192.0.2.1", "was=y"), "was is a key of the company file alone"),
        (("customer", "add", "country=GB"), '"name" is missing'),
        (("trunk", "delete", "carrier"), "There is no trunk carrier."),
    ],
)
def test_what_may_not_be_is_refused_in_a_sentence(
    ringplan: Run, arguments: tuple[str, ...], why: str
) -> None:
    before = ringplan("export").out
    ran = ringplan(*arguments)
    assert ran.code == 1
    assert why in ran.err
    assert ringplan("export").out == before


def test_customers_and_trunks(ringplan: Run) -> None:
    assert "+ customer Beta Ltd" in ringplan("customer", "add", "name=Beta Ltd", "timezone=Europe/Paris").out
    changed = ringplan("customer", "change", "Acme Ltd", "max_users=2")
    assert "Users at most: any number → 2" in changed.out
    assert (
        "may have 2 users, and would have 3"
        in ringplan("user", "add", "Acme Ltd", "name=X", "extension=309").err
    )
    assert "- customer Beta Ltd" in ringplan("customer", "delete", "beta ltd").out
    added = ringplan("trunk", "add", "name=carrier", "host=192.0.2.1", 'allow_from=["192.0.2.1"]')
    assert "+ trunk carrier" in added.out
    assert "Order: 1 → 2" in ringplan("trunk", "change", "carrier", "order=2").out
    assert "- trunk carrier" in ringplan("trunk", "delete", "carrier").out
    exported = ringplan("export").out
    assert (
        "max_users = 2" in exported and "carrier" not in exported and 'email = "ann@acme.example"' in exported
    )


def audit(company: Path) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(company / "ringplan.db")) as database:
        return database.execute("SELECT actor, way, subject FROM audit ORDER BY id DESC LIMIT 1").fetchall()


def test_the_audit_names_the_login(
    ringplan: Run, company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("LOGNAME", "somebody")  # which anybody may set
    assert ringplan("user", "change", "301", "max_calls=3").code == 0
    ((actor, way, _),) = audit(company)
    assert (actor, way) == (f"operator:{login}", "command line")
    file = tmp_path / "more.toml"
    file.write_text('[[customers]]\nname = "Beta Ltd"\n')
    assert ringplan("apply", str(file)).code == 0
    assert audit(company) == [(f"operator:{login}", "file", "customer Beta Ltd")]


@pytest.mark.parametrize(("user", "known"), [(0, "alice"), (1000, "bob"), (1001, "1001")])
def test_behind_sudo_the_person_is_named(user: int, known: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def entry(number: int) -> pwd.struct_passwd:
        names = {0: "root", 1000: "bob"}
        return pwd.struct_passwd((names[number], "x", number, number, "", "/", "/bin/sh"))

    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setattr(os, "getuid", lambda: user)
    monkeypatch.setattr(pwd, "getpwuid", entry)
    assert console.operator(Way.COMMAND).name == f"operator:{known}"
