from __future__ import annotations

import pytest

from provisioning.company_file import parse_company_file
from provisioning.company_rules import in_file
from provisioning.notes import notes_on
from tests.provisioning.company import customer, user


def notes(text: str) -> list[str]:
    file = parse_company_file(text)
    return list(notes_on(file.customers, in_file(file.customers)))


def redirect(occasion: str, target: str) -> str:
    return f'[customers.users.{occasion}]\naction = "user"\nuser = "{target}@acme.example"'


def test_settings_that_act_have_no_note() -> None:
    acting = (
        '[customers.users.not_answered]\naction = "voicemail"\n[customers.users.busy]\naction = "voicemail"'
    )
    keys = 'extension = "201"\nsoft_clients = [{ username = "anna" }]'
    assert notes(customer(user("anna", keys, acting))) == []


@pytest.mark.parametrize(
    ("keys", "tables", "what"),
    [
        ("", redirect("not_answered", "bert"), "redirects"),
        ("", '[customers.users.busy]\naction = "number"\nnumber = "+441632960777"', "redirects"),
        ("", "[customers.users.out_of_hours]\nenabled = true", "out of hours"),
        ('permanent_redirect = "+441632960777"', "", "permanent redirect"),
        ("reject_anonymous = true", "", "reject anonymous calls"),
        ("notify = { voicemail = true }", "", "notifications"),
        ('desk_phones = [{ mac = "001565aabbcc" }]', "", "desk phones"),
    ],
)
def test_settings_that_do_not_act_yet_are_told_in_one_line(keys: str, tables: str, what: str) -> None:
    assert notes(customer(user("anna", keys, tables), user("bert"))) == [
        f"stored, and in force from a later version on: {what} (Anna)."
    ]


@pytest.mark.behaviour("D7")
def test_a_circle_of_redirects_is_told_by_user_and_by_number() -> None:
    number = '[customers.users.busy]\naction = "number"\nnumber = "+441632960100"'
    circle = customer(
        user("anna", 'numbers = ["+441632960100"]', redirect("not_answered", "bert")),
        user("bert", tables=number),
    )
    (_, told) = notes(circle)
    assert "anna@acme.example → bert@acme.example → anna@acme.example" in told.replace(
        "bert@acme.example → anna@acme.example → bert@acme.example",
        "anna@acme.example → bert@acme.example → anna@acme.example",
    )


def test_a_chain_is_no_circle() -> None:
    chain = customer(
        user("anna", tables=redirect("busy", "bert")),
        user("bert", tables=redirect("busy", "cleo")),
        user("cleo"),
    )
    assert len(notes(chain)) == 1
