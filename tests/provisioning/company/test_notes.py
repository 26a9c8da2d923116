from __future__ import annotations

import pytest

from provisioning.company.notes import notes_on
from provisioning.company.rules import in_file
from provisioning.file.company_file import parse_company_file
from tests.provisioning.companies import customer, user


def notes(text: str) -> list[str]:
    file = parse_company_file(text)
    return list(notes_on(file.customers, in_file(file.customers)))


def redirect(occasion: str, target: str) -> str:
    return f'[customers.users.{occasion}]\naction = "user"\nuser = "{target}@acme.example"'


NUMBERED = 'numbers = ["+441632960100"]\nextension = "201"\nsoft_clients = [{ username = "anna" }]'
TO_NUMBER = '[customers.users.{}]\naction = "number"\nnumber = "{}"\n'
ALWAYS = TO_NUMBER.format("not_answered", "+441632960777") + "always = true"


@pytest.mark.parametrize(
    ("keys", "tables"),
    [
        ("", '[customers.users.not_answered]\naction = "voicemail"'),
        ("", redirect("not_answered", "bert")),
        ("", TO_NUMBER.format("busy", "+441632960777")),
        ("", "[customers.users.out_of_hours]\nenabled = true"),
        ('permanent_redirect = "+441632960777"', ""),
        ("reject_anonymous = true", ""),
        ("notify = { voicemail = true }", ""),
        ("", ALWAYS),
    ],
)
def test_settings_that_act_have_no_note(keys: str, tables: str) -> None:
    assert notes(customer(user("anna", f"{NUMBERED}\n{keys}", tables), user("bert"))) == []


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ('desk_phones = [{ mac = "001565aabbcc" }]', "desk phones"),
    ],
)
def test_settings_that_do_not_act_yet_are_told_in_one_line(keys: str, what: str) -> None:
    assert notes(customer(user("anna", f"{NUMBERED}\n{keys}"), user("bert"))) == [
        f"stored, and in force from a later version on: {what} (Anna)."
    ]


BUSY = TO_NUMBER.format("busy", "+441632960778")


@pytest.mark.behaviour("R4", "R6")
@pytest.mark.parametrize(
    ("keys", "tables", "told"),
    [
        (
            'permanent_redirect = "+441632960777"',
            BUSY + "[customers.users.out_of_hours]\nenabled = true",
            "Anna: the permanent redirect to +441632960777 takes every call first, "
            "so line busy, out of hours never acts.",
        ),
        (
            "",
            ALWAYS + "\n" + BUSY,
            "Anna: the redirect of not answered, which is marked always, takes every call first, "
            "so line busy never acts.",
        ),
        (
            "",
            '[customers.users.not_answered]\naction = "voicemail"\n' + BUSY + "always = true",
            "Anna: the redirect of line busy, which is marked always, takes every call first, "
            "so not answered never acts.",
        ),
    ],
)
def test_what_never_acts_is_pointed_out(keys: str, tables: str, told: str) -> None:
    assert notes(customer(user("anna", f"{NUMBERED}\n{keys}", tables))) == [told]


@pytest.mark.behaviour("N4")
@pytest.mark.parametrize("occasion", ["not_answered", "busy", "out_of_hours"])
def test_a_mobile_as_target_is_pointed_out(occasion: str) -> None:
    to_mobile = TO_NUMBER.format(occasion, "+447700900123") + (
        "enabled = true" if occasion == "out_of_hours" else ""
    )
    (told,) = notes(customer(user("anna", NUMBERED, to_mobile)))
    assert told.startswith("redirected to a mobile: Anna. The mobile's own voicemail")


@pytest.mark.behaviour("R11")
def test_delays_that_no_caller_waits_for_are_pointed_out() -> None:
    def chain(second: int) -> list[str]:
        return notes(
            customer(
                user("anna", tables=redirect("not_answered", "bert") + "\nafter = 90"),
                user(
                    "bert", tables=f'[customers.users.not_answered]\naction = "voicemail"\nafter = {second}'
                ),
            )
        )

    assert chain(80) == []
    (told,) = chain(81)
    assert told.startswith("Anna: the delays on the way of a call that nobody answers come to 171 seconds")


@pytest.mark.behaviour("E2", "I5")
def test_who_has_no_number_is_pointed_out() -> None:
    phone = 'soft_clients = [{ username = "anna" }]'
    (emergency,) = notes(customer(user("anna", phone)))
    assert emergency.startswith("in an emergency Anna of Acme Ltd cannot be called back")
    number = 'numbers = ["+441632960100"]\nemergency_number = "+441632960100"'
    assert notes(customer(user("anna", phone), keys=number)) == []
    (fails,) = notes(customer(user("anna", 'permanent_redirect = "+441632960777"')))
    assert fails.startswith("without a number: Anna of Acme Ltd.")


@pytest.mark.behaviour("D7")
def test_a_circle_of_redirects_is_told_by_user_and_by_number() -> None:
    number = '[customers.users.busy]\naction = "number"\nnumber = "+441632960100"'
    circle = customer(
        user("anna", 'numbers = ["+441632960100"]', redirect("not_answered", "bert")),
        user("bert", tables=number),
    )
    (told,) = notes(circle)
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
    assert notes(chain) == []
