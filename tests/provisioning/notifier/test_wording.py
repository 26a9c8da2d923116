from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.message import Caller
from provisioning.notifier.wording import LONGEST_NAME, ShownCaller, clean, shown_caller, shown_number

ANYTHING = st.text(st.characters(exclude_categories=()))


@given(ANYTHING)
def test_what_is_cleaned_is_short_visible_and_on_one_line(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned) <= LONGEST_NAME
    assert {unicodedata.category(character) for character in cleaned if character != " "}.isdisjoint(
        {"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"}
    )
    assert cleaned == " ".join(cleaned.split())
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Ms Outside", "Ms Outside"),
        ("Zoë O’Brien & Söhne", "Zoë O’Brien & Söhne"),
        ("  two\r\nlines\t", "two lines"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("a\u2028b\x00c\x1b[31m", "a b c [31m"),
        ("\udcffx", "x"),
        ("e\u0301", "é"),
        ("x" * 10_000, "x" * 63 + "…"),
        ("", ""),
    ],
)
def test_names(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("number", "country", "shown"),
    [
        ("+441632960998", "GB", "01632 960998"),
        ("+441632960998", "FR", "+44 1632 960998"),
        ("202", "GB", "202"),
        ("*1571", "GB", "*1571"),
        ("+999999", "GB", "+999999"),
        ("+100#0", "GB", ""),
        ("anonymous", "GB", ""),
        ("0123\r\nBcc: x", "GB", ""),
        ("1" * 21, "GB", ""),
        ("\u0661\u0662", "GB", ""),
        ("", "GB", ""),
    ],
)
def test_numbers(number: str, country: str, shown: str) -> None:
    assert shown_number(number, country) == shown


@given(ANYTHING | st.from_regex(r"\+?[0-9*#]{1,21}", fullmatch=True))
def test_whatever_a_number_is_only_what_belongs_to_one_is_shown(number: str) -> None:
    assert set(shown_number(number, "GB")) <= set("0123456789+*#() -")


@pytest.mark.behaviour("A3")
def test_of_a_withheld_caller_nothing_is_shown() -> None:
    caller = Caller(None, None, withheld=True)
    # Somebody might one day make one that holds both.
    object.__setattr__(caller, "number", "+441632960998")
    object.__setattr__(caller, "name", "Ms Outside")
    assert shown_caller(caller, "GB") == ShownCaller("", "", True)


def test_a_name_that_only_repeats_the_number_is_left_out() -> None:
    assert shown_caller(Caller("+441632960998", "+441632960998"), "GB") == ShownCaller("01632 960998")
    assert shown_caller(Caller("202", "202"), "GB") == ShownCaller("202")
    assert shown_caller(Caller("202", "Bob"), "GB") == ShownCaller("202", "Bob")
