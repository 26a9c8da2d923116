"""Which number a URI names, form by form (RFC 3966)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2bua.callplan.codes import Codes
from b2bua.callplan.dialling import e164, without_separators
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.uri import parse_uri
from b2bua.trunks.dialled import dialled

NUMBER = "+441632960101"
CODES = Codes(frozenset({"999", "555"}), frozenset({"1571", "*1571"}))


def read(uri: str, country: str = "GB", *domains: str) -> str:
    return dialled(parse_uri(uri), country, domains, CODES)


@pytest.mark.behaviour("I6")
@pytest.mark.parametrize(
    "uri",
    [
        "tel:+441632960101",
        "TEL:+44-1632-960101",
        "tel:+44(1632)960.101",
        "tel:+441632960101;isub=1;ext=201;postd=pp1",
        "tel:+441632960101;phone-context=other.example",
        "tel:01632960101;phone-context=+44",
        "tel:1632-960-101;phone-context=+44",
        "tel:00441632960101;phone-context=+44",
        "tel:960101;phone-context=+44-1632",
        "tel:960101;PHONE-CONTEXT=+44(1632)",
        "sip:+441632960101@acme.example",
        "SIP:+441632960101@ACME.EXAMPLE;USER=PHONE",
        "sips:+441632960101@acme.example;user=phone",
        "sip:%2B44%201632%20960101@acme.example",
        "sip:01632960101;phone-context=+44@acme.example;user=phone",
        "sip:01632960101;Phone-Context=%2B44@acme.example",
        "sip:01632960101@acme.example;user=phone;phone-context=+44",
        "sip:+441632960101;phone-context=+1@acme.example",
        "sip:+441632960101;npdi;rn=+441632960000@acme.example",
        "sip:01632960101;phone-context=acme.example@acme.example;user=phone",
    ],
)
def test_every_form_of_a_number(uri: str) -> None:
    assert e164(without_separators(read(uri)), "GB") == NUMBER


@pytest.mark.parametrize(
    ("uri", "country", "named"),
    [
        ("tel:2025550123;phone-context=+1", "GB", "+12025550123"),
        ("tel:555-0123;phone-context=+1-202", "GB", "+12025550123"),
        ("tel:0612345678;phone-context=+33", "GB", "+33612345678"),
        ("tel:01534 123456".replace(" ", "") + ";phone-context=+44", "JE", "+441534123456"),
        ("tel:101;phone-context=+44", "GB", "101"),
        ("tel:118500;phone-context=+44", "GB", "118500"),
        ("tel:1571;phone-context=+44", "GB", "1571"),
        ("sip:*1571@acme.example", "GB", "*1571"),
        ("sip:14101632960101;phone-context=+44@acme.example", "GB", "141+441632960101"),
        ("sip:2-0-1@acme.example", "GB", "2-0-1"),
        ("sip:201;phone-context=Acme.Example@acme.example", "GB", "201"),
        ("sip:acme.example", "GB", ""),
        # An emergency call goes out whatever stands beside it.
        ("tel:999;phone-context=+1", "GB", "999"),
        ("tel:9-9-9;phone-context=other.example", "GB", "999"),
        ("tel:555;phone-context=other.example;m-new=1", "GB", "555"),
        ("sip:141999;phone-context=other.example@acme.example", "GB", "141999"),
    ],
)
def test_numbers_of_other_places_and_codes(uri: str, country: str, named: str) -> None:
    assert read(uri, country) == named


@pytest.mark.parametrize(
    "uri",
    [
        "tel:201;phone-context=other.example",
        "tel:201;phone-context=+44",
        "tel:1571;phone-context=+1",
        "tel:101;phone-context=+33",
        "tel:911;phone-context=+1",
        "tel:960101;phone-context=+44",
        "tel:906123456;phone-context=+44",
        "tel:0906123456;phone-context=+999",
        "tel:01632960101;phone-context=",
        "tel:01632960101;phone-context",
        "tel:01632960101;phone-context=+",
        "tel:01632960101;phone-context=44",
        "tel:+441632960101;m-new=1",
        "sip:01632960101;phone-context=other.example@acme.example",
        "sip:201;m-new@acme.example",
        "sip:;phone-context=+44@acme.example",
        "sip:01632960101;phone-context=+44%01@acme.example",
    ],
)
def test_what_has_no_meaning_here_is_nobodys(uri: str) -> None:
    named = read(uri)
    assert ";" in named and e164(without_separators(named), "GB") is None


def test_a_domain_that_is_known_is_a_context() -> None:
    assert read("tel:201;phone-context=acme.example", "GB", "ACME.example") == "201"
    assert read("tel:201;phone-context=acme.example", "GB", "") == "201;phone-context=acme.example"


PART = st.text(st.sampled_from('+0149;=-phone-context.%2Bm@acme\x01é"<>'), max_size=40)


@given(PART, PART)
def test_nothing_that_a_uri_may_hold_is_a_fault(user: str, behind: str) -> None:
    for text in (f"sip:{user}@acme.example;{behind}", f"tel:{user};phone-context={behind}"):
        try:
            uri = parse_uri(text)
        except BadMessage:
            continue
        assert isinstance(dialled(uri, "GB", ("acme.example",)), str)
