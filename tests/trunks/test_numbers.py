"""Numbers as carriers write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2bua.callplan.settings import Trunk
from b2bua.trunks.numbers import from_trunk, to_trunk

OURS = "+441632960101"


def trunk(number_format: str = "e164", country: str = "GB") -> Trunk:
    return Trunk(1, "carrier", "192.0.2.1", number_format=number_format, country=country)  # type: ignore[arg-type]


FORMATS = pytest.mark.parametrize("number_format", ["e164", "plus", "national"])


@pytest.mark.parametrize(
    ("number_format", "country", "number", "written"),
    [
        ("e164", "GB", OURS, "441632960101"),
        ("plus", "GB", OURS, OURS),
        ("national", "GB", OURS, "01632960101"),
        ("national", "GB", "+447700900123", "07700900123"),
        ("national", "GB", "+493012345678", "00493012345678"),
        ("national", "DE", OURS, "00441632960101"),
        ("national", "DE", "+493012345678", "03012345678"),
        ("national", "IT", "+390612345678", "0612345678"),
        ("national", "US", "+12125550100", "12125550100"),
        ("national", "US", OURS, "011441632960101"),
        ("national", "BR", OURS, OURS),
        ("national", "GB", "+", "+"),
        ("national", "GB", "+9991234567", "+9991234567"),
    ],
)
def test_numbers_towards_a_trunk(number_format: str, country: str, number: str, written: str) -> None:
    assert to_trunk(number, trunk(number_format, country)) == written


@FORMATS
@pytest.mark.parametrize(
    "code", ["999", "112", "18000", "101", "105", "111", "159", "116123", "1800101632960101"]
)
def test_emergency_and_service_codes_stay_as_they_are(number_format: str, code: str) -> None:
    assert to_trunk(code, trunk(number_format)) == code


@FORMATS
@pytest.mark.parametrize(
    "text",
    [
        "441632960101",
        OURS,
        "01632960101",
        "00441632960101",
        "+44 (1632) 960-101",
        "01632.960.101",
    ],
)
def test_each_format_is_understood_whatever_the_trunk_has(number_format: str, text: str) -> None:
    assert from_trunk(text, trunk(number_format)) == OURS


@FORMATS
@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "anonymous",
        "unavailable",
        "999",
        "101",
        "1632960101",
        "44",
        "+44163296010x",
        "²³",
        "+" + "1" * 40,
    ],
)
def test_what_is_no_number(number_format: str, text: str) -> None:
    assert from_trunk(text, trunk(number_format)) is None


def test_where_national_numbers_begin_with_any_digit_the_trunks_format_decides() -> None:
    # In the US 2125550100 is dialled as it is, and +212 is another country.
    assert from_trunk("2125550100", trunk("national", "US")) == "+12125550100"
    assert from_trunk("12125550100", trunk("national", "US")) == "+12125550100"
    assert from_trunk("441632960101", trunk("e164", "US")) == OURS
    assert from_trunk("011441632960101", trunk("national", "US")) == OURS


@FORMATS
@pytest.mark.parametrize("country", ["GB", "DE", "US", "IT", "AU", "BR", "FR"])
@pytest.mark.parametrize(
    "number", [OURS, "+447700900123", "+493012345678", "+12125550100", "+390612345678", "+33612345678"]
)
def test_what_we_write_we_read_again(number_format: str, country: str, number: str) -> None:
    carrier = trunk(number_format, country)
    assert from_trunk(to_trunk(number, carrier), carrier) == number


@given(st.text(max_size=40))
def test_nothing_that_is_sent_raises(text: str) -> None:
    for number_format in ("e164", "plus", "national"):
        found = from_trunk(text, trunk(number_format))
        assert found is None or found.startswith("+")
        to_trunk(text, trunk(number_format))
