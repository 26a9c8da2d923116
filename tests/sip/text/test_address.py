import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2bua.sip.text.address import Address, parse_address, quote_display, split_list
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.uri import Uri, parse_uri
from tests.sip.text.test_uri import params, uris

displays = st.text(st.characters(codec="utf-8"), max_size=20).map(
    lambda text: "".join(filter(str.isprintable, text))
)
addresses = st.builds(Address, uri=uris, display=displays, params=params)
BOB = Uri("acme.example", "bob")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("<sip:bob@acme.example>", Address(BOB)),
        ("sip:bob@acme.example", Address(BOB)),
        ('"Bob" <sip:bob@acme.example>;tag=1', Address(BOB, "Bob", (("tag", "1"),))),
        ("Bob the Builder <sip:bob@acme.example>", Address(BOB, "Bob the Builder")),
        ("Bob<sip:bob@acme.example> ; tag = 1", Address(BOB, "Bob", (("tag", "1"),))),
        (r'"a \"b\" \\" <sip:bob@acme.example>', Address(BOB, r'a "b" \\'[:-1])),
        ('"a, b; <c>" <sip:bob@acme.example>', Address(BOB, "a, b; <c>")),
        ('""<sip:bob@acme.example>', Address(BOB)),
        ("sip:bob@acme.example;tag=1;x", Address(BOB, "", (("tag", "1"), ("x", None)))),
        (
            "<sip:bob@acme.example;lr>;x=1",
            Address(Uri("acme.example", "bob", params=(("lr", None),)), "", (("x", "1"),)),
        ),
        ('"B\udcf6b\x07" <sip:bob@acme.example>', Address(BOB, "Bb")),
    ],
)
def test_what_an_address_says(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        '<sip:201@192.0.2.4:5060;ob>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-001565aabbcc>";reg-id=1',
        'sip:201@192.0.2.4;+sip.instance="<urn:uuid:00000000-0000-1000-8000-001565aabbcc>";reg-id=1',
    ],
)
def test_a_device_name_survives_with_and_without_brackets(text: str) -> None:
    address = parse_address(text)
    assert address.uri.user == "201"
    assert address.param("+sip.instance") == '"<urn:uuid:00000000-0000-1000-8000-001565aabbcc>"'
    assert address.param("reg-id") == "1"
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<>",
        "<sip:a@b",
        "sip:a@b>",
        '"Bob <sip:a@b>',
        '"Bob\\" <sip:a@b>',
        '"Bob" sip:a@b',
        '"Bob" x <sip:a@b>',
        'Bob "x" <sip:a@b>',
        "<sip:a@b> x",
        "<sip:a@b>;x=\r\ny",
        '<sip:a@b>;x="',
        "<sip:a@b><sip:c@d>",
    ],
)
def test_a_bad_address_is_refused(text: str) -> None:
    with pytest.raises(BadMessage) as refused:
        parse_address(text)
    assert refused.value.code == 400


def test_another_scheme_is_told_apart() -> None:
    with pytest.raises(BadMessage) as refused:
        parse_address("<mailto:bob@acme.example>")
    assert refused.value.code == 416


def test_tags() -> None:
    address = parse_address("<sip:a@b>;x=1;tag=old")
    assert address.tag == "old"
    assert str(address.with_tag("new")) == "<sip:a@b>;x=1;tag=new"
    assert parse_address("<sip:a@b>").tag is None
    assert parse_address("<sip:a@b>;tag=").tag is None


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("", [""]),
        ("a", ["a"]),
        ("a, b ,c", ["a", "b", "c"]),
        (",a,,b,", ["a", "b"]),
        (",", []),
        ('"a,b" <sip:x@y>, <sip:u,v@w>;q=1', ['"a,b" <sip:x@y>', "<sip:u,v@w>;q=1"]),
        (r'"a\",b", c', [r'"a\",b"', "c"]),
        ('sip:a@b;+sip.instance="<urn:1,2>", *', ['sip:a@b;+sip.instance="<urn:1,2>"', "*"]),
    ],
)
def test_lists_are_split_at_their_own_commas(text: str, members: list[str]) -> None:
    assert split_list(text) == members


@pytest.mark.parametrize("text", ['a, "b', "a, <b", 'a, "b\\"'])
def test_an_open_list_is_refused(text: str) -> None:
    with pytest.raises(BadMessage):
        split_list(text)


@given(addresses)
def test_an_address_survives_being_written_and_read(address: Address) -> None:
    assert parse_address(str(address)) == address


@given(st.lists(addresses, min_size=1, max_size=4))
def test_a_list_of_addresses_survives(many: list[Address]) -> None:
    assert [parse_address(each) for each in split_list(", ".join(map(str, many)))] == many


@given(st.text(st.characters(), max_size=40))
def test_a_display_name_cannot_end_its_quotes(display: str) -> None:
    address = parse_address(f"{quote_display(display)} <sip:bob@acme.example>;tag=1")
    assert (address.uri, address.tag) == (BOB, "1")
    assert "\n" not in quote_display(display)


@given(st.text('"\\<>;:,@=sip ab\t\n\udc80', max_size=60) | st.text(st.characters(), max_size=40))
def test_hostile_text_is_read_or_refused(text: str) -> None:
    try:
        for member in split_list(text):
            address = parse_address(member)
            assert parse_address(str(address)) == address
    except BadMessage:
        pass


@pytest.mark.parametrize("evil", ['"', '"\\', "<", '\\"', '""', "<>", ';"', ",", 'a,"', "a;"])
def test_hostile_text_takes_no_more_time_than_its_length(evil: str) -> None:
    text = "a," + evil * (60_000 // len(evil)) + '"<'
    started = time.process_time()
    for read in (split_list, parse_address, parse_uri):
        try:
            read(text)
        except BadMessage:
            continue
    assert time.process_time() - started < 0.5
