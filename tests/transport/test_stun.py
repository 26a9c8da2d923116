"""STUN on the SIP port: what a binding request gets, and that nothing else gets anything."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b2bua.sip.text.flow import SocketAddress
from b2bua.transport import stun
from tests.support.examples import examples

SOURCE = SocketAddress("192.0.2.1", 32853)
# The identifier and the mapped address of RFC 5769 §2.2.
ID = bytes.fromhex("b7e7a701bc34d686fa87dfae")
MAPPED = bytes.fromhex("002000080001a147e112a643")


def stun_request(attributes: bytes = b"", kind: int = stun.REQUEST, length: int | None = None) -> bytes:
    size = len(attributes) if length is None else length
    return struct.pack("!HH", kind, size) + stun.MAGIC + ID + attributes


def attribute(kind: int, value: bytes = b"") -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


@pytest.mark.parametrize(
    "attributes",
    [
        b"",
        attribute(0x8022, b"a phone"),
        attribute(0x8028, b"sum!"),
        attribute(0x0006, b"name") + attribute(0x0008, bytes(20)),
    ],
    ids=["bare", "software", "fingerprint", "credentials"],
)
def test_a_binding_request_is_told_its_address(attributes: bytes) -> None:
    answer = stun.answer(stun_request(attributes), SOURCE)
    assert answer == struct.pack("!HH", 0x0101, 12) + stun.MAGIC + ID + MAPPED


def test_what_would_have_to_be_understood_is_named() -> None:
    asked = attribute(0x0003, bytes(4)) + attribute(0x8022, b"x") + attribute(0x0024)
    answer = stun.answer(stun_request(asked), SOURCE)
    refusal = attribute(0x0009, b"\0\0\x04\x14") + attribute(0x000A, b"\x00\x03\x00\x24")
    assert answer == struct.pack("!HH", 0x0111, len(refusal)) + stun.MAGIC + ID + refusal


def test_one_unknown_attribute_is_padded() -> None:
    answer = stun.answer(stun_request(attribute(0x0003)), SOURCE)
    assert answer is not None and answer.endswith(b"\x00\x0a\x00\x02\x00\x03\x00\x00")


@pytest.mark.parametrize(
    "data",
    [
        stun_request(kind=0x0101),
        stun_request(kind=0x0111),
        stun_request(kind=0x0011),
        stun_request(kind=0x0003),
        stun_request(length=4),
        stun_request(attributes=b"abcd", length=0),
        stun_request(attributes=b"\x80\x22\xff\xff"),
        stun_request(attributes=b"\x80\x22\x00\x01\x00"),
        stun_request()[:19],
        stun_request()[:8],
    ],
)
def test_everything_else_is_dropped(data: bytes) -> None:
    assert stun.is_stun(data)
    assert stun.answer(data, SOURCE) is None


@pytest.mark.parametrize(
    "data", [b"", b"\0\0\0\0", b"\r\n\r\n", b"OPTIONS sip:a@b SIP/2.0", b"SIP/" + stun.MAGIC + b"x" * 20]
)
def test_what_is_no_stun(data: bytes) -> None:
    assert not stun.is_stun(data)


attributes = st.lists(st.builds(attribute, st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=12)


@settings(max_examples=examples(100), deadline=None)
@given(attributes.map(b"".join), st.sampled_from([0x0001, 0x0101, 0x0011]), st.binary(max_size=6))
def test_no_question_gets_an_answer_much_longer_than_itself(given: bytes, kind: int, cut: bytes) -> None:
    data = stun_request(given, kind) + cut
    answer = stun.answer(data, SOURCE)
    assert answer is None or (kind == stun.REQUEST and len(answer) <= len(data) + 12)


@settings(max_examples=examples(100), deadline=None)
@given(st.binary(max_size=200), st.integers(0, 200))
def test_damaged_requests_never_raise(noise: bytes, at: int) -> None:
    whole = stun_request(attribute(0x0003, bytes(8)) * 3)
    data = whole[:4] + stun.MAGIC + (whole[8:at] + noise + whole[at:])
    stun.answer(data, SOURCE)
    stun.answer(noise, SOURCE)
