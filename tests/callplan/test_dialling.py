"""What was dialled, form by form."""

from __future__ import annotations

from dataclasses import replace

import pytest

from b2bua.callplan.codes import Codes
from b2bua.callplan.dialling import (
    Access,
    CalledUser,
    Destination,
    Dialled,
    Elsewhere,
    Emergency,
    ServiceCode,
    Unknown,
    dial,
    e164,
)
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.settings import Customer
from tests.callplan.company import ACME, NUMBERING, OTHER, RECEPTION


def found(dialled: str, customer: Customer | None, numbering: Numbering) -> Destination:
    return dial(dialled, customer, numbering).destination


RECEPTION_BY_NUMBER = CalledUser(10, "+441632960101")


@pytest.mark.behaviour("P2", "I6")
@pytest.mark.parametrize(
    "dialled",
    [
        "+441632960101",
        "01632960101",
        "00441632960101",
        "01632 960 101",
        "01632-960-101",
        "(01632) 960.101",
        "+44 (0)1632 960101",
        " 01632960101 ",
    ],
)
def test_every_form_of_a_number(dialled: str) -> None:
    assert found(dialled, ACME, NUMBERING) == RECEPTION_BY_NUMBER


@pytest.mark.behaviour("P2", "I6")
def test_an_extension_is_the_callers_customers() -> None:
    assert found("201", ACME, NUMBERING) == CalledUser(10, "201")
    assert found("201", OTHER, NUMBERING) == CalledUser(20, "201")
    assert found("2-0-1", ACME, NUMBERING) == CalledUser(10, "201")
    assert isinstance(found("202", OTHER, NUMBERING), Unknown)


def test_a_number_reaches_another_customers_user() -> None:
    assert found("01632960200", ACME, NUMBERING) == CalledUser(20, "+441632960200")


@pytest.mark.parametrize(
    ("country", "dialled", "number"),
    [
        ("GB", "01632960101", "+441632960101"),
        ("GB", "00441632960101", "+441632960101"),
        ("GB", "0033612345678", "+33612345678"),
        ("FR", "0612345678", "+33612345678"),
        ("FR", "00441632960101", "+441632960101"),
        ("US", "2025550123", "+12025550123"),
        ("US", "12025550123", "+12025550123"),
        ("US", "011441632960101", "+441632960101"),
        ("DK", "20123456", "+4520123456"),
        ("IT", "0612345678", "+390612345678"),
        (None, "+441632960101", "+441632960101"),
        # Not numbers there:
        (None, "01632960101", None),
        ("GB", "1632960101", None),
        ("GB", "441632960101", None),
        ("GB", "0", None),
        ("GB", "00", None),
        ("GB", "+", None),
        ("GB", "+999123456789", None),
        ("GB", "0163", None),
        ("GB", "016329601010000000", None),
    ],
)
def test_e164_by_country(country: str | None, dialled: str, number: str | None) -> None:
    assert e164(dialled, country) == number


def test_a_caller_without_a_customer_reaches_numbers_with_a_plus_only() -> None:
    assert found("+441632960101", None, NUMBERING) == RECEPTION_BY_NUMBER
    assert found("201", None, NUMBERING) == Unknown("201 is not a telephone number in international form")
    assert isinstance(found("01632960101", None, NUMBERING), Unknown)
    assert found("999", None, NUMBERING) == Emergency("999")


@pytest.mark.parametrize(
    ("dialled", "code"),
    [
        ("999", "999"),
        ("112", "112"),
        ("18000", "18000"),
        ("9-9-9", "999"),
        ("141999", "999"),
        ("1470112", "112"),
        ("141 18000", "18000"),
    ],
)
def test_emergency_codes(dialled: str, code: str) -> None:
    assert found(dialled, ACME, NUMBERING) == Emergency(code)


def test_emergency_comes_before_extensions_and_suspension_plays_no_part() -> None:
    trap = Numbering.of((ACME,), (replace(RECEPTION, extension="999"),))
    assert found("999", replace(ACME, suspended=True), trap) == Emergency("999")


@pytest.mark.parametrize("dialled", ["101", "111", "116123", "18001", "1801", "99", "9999", "1411"])
def test_what_is_no_emergency(dialled: str) -> None:
    assert not isinstance(found(dialled, ACME, NUMBERING), Emergency)


@pytest.mark.behaviour("W1")
@pytest.mark.parametrize(
    ("dialled", "code", "withhold"),
    [
        ("1571", "1571", None),
        ("*1571", "*1571", None),
        ("15-71", "1571", None),
        ("1411571", "1571", True),
        ("141*1571", "*1571", True),
        ("14701571", "1571", False),
        ("1470 *1571", "*1571", False),
    ],
)
def test_access_codes(dialled: str, code: str, withhold: bool | None) -> None:
    assert dial(dialled, ACME, NUMBERING) == Dialled(Access(code), withhold)


@pytest.mark.behaviour("W1")
@pytest.mark.parametrize("dialled", ["15711", "571", "**1571", "*1572", "#1571", "1571*", "+1571", "*"])
def test_what_is_no_access_code(dialled: str) -> None:
    assert isinstance(found(dialled, ACME, NUMBERING), Unknown)


@pytest.mark.behaviour("W1")
@pytest.mark.parametrize("dialled", ["1571", "*1571", "141*1571"])
def test_who_is_no_user_has_no_portal(dialled: str) -> None:
    assert isinstance(found(dialled, None, NUMBERING), Unknown)


@pytest.mark.behaviour("W1", "E1")
def test_the_platform_names_its_access_codes_and_emergency_numbers_go_before_them() -> None:
    codes = Codes(access=frozenset({"121", "*86", "999"}))
    assert dial("*86", ACME, NUMBERING, codes).destination == Access("*86")
    assert isinstance(dial("*1571", ACME, NUMBERING, codes).destination, Unknown)
    assert dial("999", ACME, NUMBERING, codes).destination == Emergency("999")
    # Somebody had the extension before the code was chosen.
    taken = Numbering.of((ACME,), (replace(RECEPTION, extension="121"),))
    assert dial("121", ACME, taken, codes).destination == Access("121")


@pytest.mark.behaviour("I6")
@pytest.mark.parametrize(
    "dialled",
    ["101", "105", "111", "159", "116000", "116123", "118500", "1800101632960101", "18001+441632960101"],
)
def test_service_codes_are_kept_unaltered(dialled: str) -> None:
    assert found(dialled, ACME, NUMBERING) == ServiceCode(dialled)


@pytest.mark.parametrize("digits", ["102", "1011", "11612", "1161234", "18001", "18002123", "0101", ""])
def test_what_is_no_service_code(digits: str) -> None:
    assert not isinstance(found(digits, ACME, NUMBERING), ServiceCode)


@pytest.mark.parametrize(
    ("dialled", "why"),
    [
        ("299", "Acme Ltd has no extension 299, and it is not a telephone number"),
        ("reception", "“reception” is neither an extension nor a telephone number"),
        ("", "“” is neither an extension nor a telephone number"),
        ("*1572", "“*1572” is neither an extension nor a telephone number"),
        ("01632\r\n960101", "“01632960101” is neither an extension nor a telephone number"),
        ("٠١٦٣٢٩٦٠١٠١", "“٠١٦٣٢٩٦٠١٠١” is neither an extension nor a telephone number"),
        ("9" * 5000, f"“{'9' * 32}” is neither an extension nor a telephone number"),
        ("141", "Acme Ltd has no extension 141, and it is not a telephone number"),
        # A parameter that nobody took the meaning from (RFC 3966).
        ("201;phone-context=+44", "“201;phone-context=+44” is neither an extension nor a telephone number"),
        ("0906123456", "no numbering plan allots the number +44906123456"),
        ("+440118500", "no numbering plan allots the number +440118500"),
        ("141299", "Acme Ltd has no extension 299, and it is not a telephone number"),
    ],
)
def test_unknown_says_why(dialled: str, why: str) -> None:
    assert found(dialled, ACME, NUMBERING) == Unknown(why)


@pytest.mark.behaviour("I6")
@pytest.mark.parametrize("dialled", ["01632960999", "+441632960999", "00441632960999", "+44 (0)1632 960999"])
def test_a_number_that_nobody_here_has_is_elsewhere(dialled: str) -> None:
    assert found(dialled, ACME, NUMBERING) == Elsewhere("+441632960999")


@pytest.mark.behaviour("D8")
@pytest.mark.parametrize(
    "dialled",
    [
        "0906123456",
        "+44906123456",
        "09061234567890",
        "+440118500",
        "0118500",
        "+44118500",
        "01000123456",
        "0500123456",
        "+15555550100",
        "0012125550",
        "+33012345678",
    ],
)
def test_what_no_plan_allots_is_no_number(dialled: str) -> None:
    assert isinstance(found(dialled, ACME, NUMBERING), Unknown)


def test_a_number_of_the_customers_own_that_is_assigned_to_nobody_is_elsewhere_too() -> None:
    assert found("+441632960102", ACME, NUMBERING) == Elsewhere("+441632960102")


def test_a_caller_who_is_no_user_reaches_nothing_elsewhere() -> None:
    why = "nobody here has the number +441632960999, and only users call elsewhere"
    assert found("+441632960999", None, NUMBERING) == Unknown(why)


def test_an_extension_that_begins_like_a_withholding_code_is_an_extension() -> None:
    tables = Numbering.of((ACME,), (replace(RECEPTION, extension="14123"),))
    assert found("14123", ACME, tables) == CalledUser(10, "14123")


@pytest.mark.behaviour("I4")
@pytest.mark.parametrize(
    ("dialled", "destination", "withhold"),
    [
        ("14101632960101", RECEPTION_BY_NUMBER, True),
        ("141 0163 296 0101", RECEPTION_BY_NUMBER, True),
        ("1470+441632960101", RECEPTION_BY_NUMBER, False),
        ("141201", CalledUser(10, "201"), True),
        ("1470101", ServiceCode("101"), False),
        ("14100441632960999", Elsewhere("+441632960999"), True),
        ("01632960101", RECEPTION_BY_NUMBER, None),
        # An emergency call is never withheld.
        ("141999", Emergency("999"), None),
    ],
)
def test_141_withholds_and_1470_shows(dialled: str, destination: Destination, withhold: bool | None) -> None:
    assert dial(dialled, ACME, NUMBERING) == Dialled(destination, withhold)


def test_from_outside_141_is_no_prefix() -> None:
    assert isinstance(found("141+441632960101", None, NUMBERING), Unknown)


@pytest.mark.behaviour("E1")
def test_a_platform_may_have_more_emergency_numbers() -> None:
    codes = Codes(frozenset({"999", "555"}))
    assert dial("555", ACME, NUMBERING, codes) == Dialled(Emergency("555"))
    assert dial("141555", None, NUMBERING, codes) == Dialled(Emergency("555"))
    assert found("555", ACME, NUMBERING) != Emergency("555")
