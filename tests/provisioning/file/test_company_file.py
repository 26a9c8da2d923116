from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from b2bua.callplan.settings import Action, Interval, Notify
from provisioning.company.entries import CustomerEntry, TrunkEntry, UserEntry
from provisioning.company.parts import DeskPhone, SoftClient, TreatmentEntry
from provisioning.file.company_file import parse_company_file, read_company_file
from provisioning.file.refusal import CompanyFileError
from tests.provisioning.companies import EVERY_KEY, customer, user


def problems(text: str) -> list[str]:
    with pytest.raises(CompanyFileError) as refused:
        parse_company_file(text, "acme.toml")
    assert str(refused.value) == "\n".join(refused.value.problems)
    return list(refused.value.problems)


def replaced(old: str, new: str) -> str:
    assert EVERY_KEY.count(old) == 1
    return EVERY_KEY.replace(old, new)


def test_every_key_is_read() -> None:
    file = parse_company_file(EVERY_KEY)
    assert file.customers == (
        CustomerEntry(
            name="Acme Ltd",
            country="GB",
            timezone="Europe/London",
            numbers=("+441632960100", "+441632960101", "+441632960102"),
            allowed_classes=("internal", "national", "mobile"),
            users_override=False,
            emergency_number="+441632960100",
            users=(
                UserEntry(
                    name="Reception",
                    email="reception@acme.example",
                    extension="201",
                    numbers=("+441632960101",),
                    default_number="+441632960101",
                    presentation_number="+441632960100",
                    timezone="Europe/Paris",
                    pin="402917",
                    permanent_redirect="+441632960555",
                    notify=Notify(missed_call=True, voicemail=True),
                    not_answered=TreatmentEntry(
                        Action.NUMBER,
                        after=15.0,
                        number="+441632960777",
                        announce=True,
                        present_dialled_number=True,
                    ),
                    busy=TreatmentEntry(Action.USER, after=5.0, user="workshop@acme.example"),
                    unavailable=(
                        Interval(0, time(12, 30), time(13, 30)),
                        Interval(0, time(17, 30), time(8, 30)),
                        Interval(5, time(0), time(0)),
                        Interval(6, time(0), time(0)),
                    ),
                    soft_clients=(SoftClient("reception", "one password", nat="always"),),
                    desk_phones=(DeskPhone("001565aabbcc", "yealink", nat="never"),),
                ),
                UserEntry(
                    "Workshop",
                    "workshop@acme.example",
                    extension="202",
                    soft_clients=(SoftClient("workshop"),),
                ),
            ),
        ),
    )
    assert file.trunks == (
        TrunkEntry(
            "carrier",
            "127.0.0.1:5080",
            username="ringplan",
            password="another password",
            allow_from=("127.0.0.1:5080",),
            country="DE",
            trusted=True,
            anonymous_code=603,
            caller_from="asserted",
            next_trunk_codes=(404, 480),
            final_codes=(503,),
            nat="never",
        ),
    )
    assert file.blocked_numbers == ("+441632960888",)


def test_left_out_keys_mean_the_defaults_of_the_behaviour() -> None:
    file = parse_company_file(customer(user("anna", 'numbers = ["+441632960100"]')))
    (company,) = file.customers
    (anna,) = company.users
    assert file.blocked_numbers is None, "those of the platform stay as they are"
    assert (company.country, company.timezone) == ("GB", "Europe/London")
    assert set(company.allowed_classes) == {"internal", "national", "mobile"}
    assert anna.default_number == "+441632960100", "the first of the user's numbers"
    assert anna.not_answered == TreatmentEntry(Action.KEEP_RINGING, after=20.0)
    assert anna.busy == TreatmentEntry(Action.ENGAGED_TONE)
    assert anna.out_of_hours == TreatmentEntry(Action.VOICEMAIL)
    assert (anna.max_calls, anna.pin, anna.extension, anna.out_of_hours_enabled) == (1, None, None, False)


@pytest.mark.behaviour("N5")
def test_the_delay_of_an_action_is_20_seconds_when_not_answered_and_none_otherwise() -> None:
    tables = "\n".join(
        f'[customers.users.{occasion}]\naction = "voicemail"'
        for occasion in ("not_answered", "busy", "out_of_hours")
    )
    (company,) = parse_company_file(customer(user("anna", tables=tables))).customers
    assert [entry.after for entry in company.users[0].treatments().values()] == [20.0, 0.0, 0.0]


def test_an_empty_file_says_nothing() -> None:
    file = parse_company_file("# nothing yet\n")
    assert (file.customers, file.trunks) == ((), ())


def test_all_problems_come_at_once_each_with_its_line_and_key() -> None:
    text = """\
colour = "red"
[[customers]]
name = "Acme Ltd"
country = "UK"
numbers = [
  "+441632960100",
  "01632960101",
]
  [[customers.users]]
  name = "Reception"
  extention = "201"
  voice_portal_pin = "123456"
  soft_clients = [
    { username = "has space" },
    { username = "reception", pass = "x" },
  ]
    [customers.users.not_answered]
    action = "forward"
    after = 121
    [customers.users.out_of_hours]
    always = true
    sunday = ["09:00-09:00"]
  [[customers.users]]
  name = "Workshop"
  email = "workshop@acme.example"
  extension = "999"
  max_calls = 0
[[trunks]]
name = "carrier"
host = "127.0.0.1:99999"
register = true
allow_from = ["127.0.0.1/8"]
"""
    assert problems(text) == [
        "acme.toml:1: colour: is not a known key; known here: blocked_numbers, as_of, customers, trunks, permissions",
        'acme.toml:4: country: "UK" is not a country code of two capital letters, such as "GB"',
        'acme.toml:7: numbers: "01632960101" must be a number with plus and country code, '
        'such as "+441632960101"',
        "acme.toml:9: email: is missing, and there is no extension: a user is known by one of them",
        'acme.toml:11: extention: is not a known key; did you mean "extension"?',
        "acme.toml:12: voice_portal_pin: is a run of digits; choose another",
        'acme.toml:14: soft_clients.username: "has space" is not a username: 1 to 64 letters, digits and '
        ". _ ~ + -, beginning with a letter or digit",
        'acme.toml:15: soft_clients.pass: is not a known key; did you mean "password"?',
        'acme.toml:18: not_answered.action: must be one of "keep-ringing", "voicemail", "user", "number", '
        'not "forward"',
        "acme.toml:19: not_answered.after: must be 0 to 120 seconds, not 121",
        "acme.toml:21: out_of_hours.always: is not a known key; known here: enabled, monday, tuesday, "
        "wednesday, thursday, friday, saturday, sunday, action, after, user, number, announce, "
        "present_dialled_number",
        'acme.toml:22: out_of_hours.sunday: "09:00-09:00" ends when it starts; for the whole day write '
        '"unavailable" for the day',
        'acme.toml:26: extension: "999" is an emergency number; choose another extension',
        "acme.toml:27: max_calls: must be a whole number from 1 to 100, not 0",
        'acme.toml:30: host: "127.0.0.1:99999" has no port from 1 to 65535 after the colon',
        "acme.toml:31: register: needs a username to register with",
        'acme.toml:32: allow_from: "127.0.0.1/8" names a host inside the network; write 127.0.0.0/8',
    ]


def test_rules_between_values_are_told_together_with_wrong_values() -> None:
    text = replaced('extension = "202"', 'extension = "201"').replace("max_calls = 1", "max_calls = true")
    assert problems(text) == [
        "acme.toml:27: max_calls: must be a whole number from 1 to 100, not true",
        'acme.toml:55: extension: "201" is the extension of two users of this customer',
    ]


def test_one_mistake_is_told_once() -> None:
    assert len(problems(replaced('number = "+441632960777"', 'number = "01632960777"'))) == 1
    assert len(problems(replaced('action = "user"', 'action = "usr"'))) == 1


@pytest.mark.behaviour("W3")
@pytest.mark.parametrize("secret", ["111111", "40291", "960101", "fourtwonine"])
def test_a_refused_pin_is_never_repeated(secret: str) -> None:
    (problem,) = problems(replaced("402917", secret))
    assert problem.startswith("acme.toml:23: voice_portal_pin: ")
    assert secret not in problem


def test_a_wrong_password_is_never_repeated() -> None:
    (problem,) = problems(replaced('"one password"', "20304050"))
    assert problem.startswith("acme.toml:29: soft_clients.password: ")
    assert "20304050" not in problem


def test_secrets_do_not_show_when_entries_are_printed() -> None:
    shown = repr(parse_company_file(EVERY_KEY))
    for secret in ("402917", "one password", "another password"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("name = \n", 1, "not valid TOML"),
        ('a = 1\nb = "open\nc = 3\n', 2, "not valid TOML"),
        ("a = 1\na = 2\n", 2, "overwrite"),
        ("a = [1,\n2,\n", 3, "end of the file"),
    ],
)
def test_text_that_is_no_toml_is_refused_with_its_line(text: str, line: int, why: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith(f"acme.toml:{line}: ")
    assert why in problem


def test_a_file_is_read_by_its_path_and_named_in_errors(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(EVERY_KEY)
    assert read_company_file(path).customers[0].name == "Acme Ltd"
    path.write_bytes(b'a = 1\nb = "\xff"\n')
    with pytest.raises(CompanyFileError, match=rf"^{path}:2: must be UTF-8 text$"):
        read_company_file(path)
    with pytest.raises(FileNotFoundError):
        read_company_file(tmp_path / "none.toml")


@pytest.mark.parametrize("key", ["customers", "trunks"])
def test_what_should_be_a_list_of_tables(key: str) -> None:
    assert problems(f"{key} = 5\n") == [f"acme.toml:1: {key}: must be a list in [ ]"]
    assert problems(f"{key} = [5]\n") == ["acme.toml:1: must be a table of keys and values"]


def test_a_span_that_is_given_twice_counts_once() -> None:
    text = replaced('monday = ["12:30-13:30", "17:30-08:30"]', 'monday = ["12:30-13:30", "12:30-13:30"]')
    spans = parse_company_file(text).customers[0].users[0].unavailable
    assert [span for span in spans if span.weekday == 0] == [Interval(0, time(12, 30), time(13, 30))]
