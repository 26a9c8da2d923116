from __future__ import annotations

from collections.abc import Callable

import pytest

from b2bua.callplan.codes import Codes
from provisioning.company.numbers import (
    parse_e164,
    parse_extension,
    parse_target,
)


@pytest.mark.behaviour("P2")
@pytest.mark.parametrize("written", ["+441632960101", "+44 1632 960101", "+44 (1632) 960-101"])
def test_a_number_is_e164_however_it_is_spaced(written: str) -> None:
    assert parse_e164(written) == "+441632960101"


@pytest.mark.behaviour("P2")
@pytest.mark.parametrize(
    "written", ["01632960101", "441632960101", "+0441632960101", "+44163296010x", "+", "+44", ""]
)
def test_other_forms_are_no_number(written: str) -> None:
    with pytest.raises(ValueError, match="plus and country code"):
        parse_e164(written)


def test_a_length_that_no_number_of_the_country_has_is_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        parse_e164("+44163296010123")


@pytest.mark.behaviour("D8")
@pytest.mark.parametrize("written", ["+44906123456", "+440118500", "+441000123456", "+15555550100"])
@pytest.mark.parametrize("parse", [parse_e164, parse_target])
def test_a_number_that_no_plan_allots_is_none(parse: Callable[[str], str], written: str) -> None:
    with pytest.raises(ValueError, match="no numbering plan allots"):
        parse(written)


@pytest.mark.behaviour("D8")
@pytest.mark.parametrize("written", ["999", "112", "18000", "1 8 0 0 0", "+44999", "+44112"])
def test_an_emergency_number_is_no_target(written: str) -> None:
    with pytest.raises(ValueError, match="emergency"):
        parse_target(written)


def test_any_other_number_is_a_target() -> None:
    assert parse_target("+44 1632 960777") == "+441632960777"


@pytest.mark.behaviour("P2")
@pytest.mark.parametrize("extension", ["1", "0", "201", "12345678", "1160", "9990"])
def test_an_extension_is_digits(extension: str) -> None:
    assert parse_extension(extension) == extension


@pytest.mark.behaviour("P2")
@pytest.mark.parametrize(
    ("extension", "why"),
    [
        ("20a", "digits"),
        ("٢٠١", "digits"),
        ("123456789", "digits"),
        ("*10", "digits"),
        ("999", "emergency"),
        ("112", "emergency"),
        ("18000", "emergency"),
        ("101", "service code"),
        ("116123", "service code"),
        ("118500", "service code"),
        ("141", "service code"),
        ("1571", "access code"),
        ("18001", "service code"),
        ("180012", "service code"),
    ],
)
def test_what_is_no_extension(extension: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_extension(extension)


@pytest.mark.behaviour("P2", "W1")
def test_the_platforms_own_codes_are_no_extensions() -> None:
    codes = Codes(frozenset({"911"}), frozenset({"121", "*86"}))
    for extension, why in (("911", "emergency"), ("121", "access code of the voice portal")):
        with pytest.raises(ValueError, match=why):
            parse_extension(extension, codes)
    assert parse_extension("1571", codes) == "1571"
