"""Writing messages: nothing that a peer says can end a line of ours."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b2bua.sip.text.compose import reason_phrase, render, reply_flow, response_headers
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.message import Request, parse_message
from b2bua.sip.text.transport import Transport
from tests.sip.messages import FLOW, PHONE, US, request
from tests.support.examples import examples

# What parse_message can hand on: any text, with the stand-ins for bytes that were not UTF-8.
anything = st.text(
    st.characters(exclude_categories=["Cs"]) | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF)
)


def parsed(data: bytes) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def test_render() -> None:
    data = render("BYE sip:a@b SIP/2.0", [("Call-ID", "x"), ("Subject", "é")], b"body")
    assert data == "BYE sip:a@b SIP/2.0\r\nCall-ID: x\r\nSubject: é\r\nContent-Length: 4\r\n\r\nbody".encode()


@pytest.mark.parametrize(
    "evil", ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1", "a\r\n\r\nX", "a\0b", "\n\r"]
)
def test_no_line_end_gets_through(evil: str) -> None:
    for data in (
        render(f"SIP/2.0 400 {evil}", [("Call-ID", "x")]),
        render("SIP/2.0 400 x", [("Call-ID", evil), ("To", "y")]),
    ):
        head, _, body = data.partition(b"\r\n\r\n")
        assert body == b"" and b"\0" not in head
        assert all(b"\r" not in line and b"\n" not in line for line in head.split(b"\r\n"))
        assert head.split(b"\r\n")[1].startswith(b"Call-ID: ")
        assert b"\r\nX-Evil" not in data


@settings(max_examples=examples(60), deadline=None)
@given(anything, st.lists(anything, max_size=5))
def test_any_text_stays_in_its_line(reason: str, values: list[str]) -> None:
    data = render(f"SIP/2.0 400 {reason}", [("X", value) for value in values], b"b")
    head, _, body = data.partition(b"\r\n\r\n")
    assert body == b"b"
    assert len(head.split(b"\r\n")) == len(values) + 2
    assert len(head.decode("utf-8", "surrogateescape").split("\n")) == len(values) + 2


@pytest.mark.parametrize(
    ("code", "phrase"), [(180, "Ringing"), (487, "Request Terminated"), (299, "OK"), (599, "Server Failed")]
)
def test_reason_phrases(code: int, phrase: str) -> None:
    assert reason_phrase(code) == phrase


@pytest.mark.parametrize(
    ("via", "written"),
    [
        # host is the source: nothing to add (RFC 3261 §18.2.1)
        ("SIP/2.0/UDP 192.0.2.9:5060", "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1"),
        # host is not
        ("SIP/2.0/UDP phone.example", "SIP/2.0/UDP phone.example;branch=z9hG4bK1;received=192.0.2.9"),
        # rport: both, always (RFC 3581 §4)
        (
            "SIP/2.0/UDP 192.0.2.9:5060;rport",
            "SIP/2.0/UDP 192.0.2.9:5060;rport=5060;branch=z9hG4bK1;received=192.0.2.9",
        ),
        (
            "SIP/2.0/UDP 10.0.0.1;RPORT ;received=6.6.6.6",
            "SIP/2.0/UDP 10.0.0.1;rport=5060;branch=z9hG4bK1;received=192.0.2.9",
        ),
        # a value of their own is not ours to fill in
        ("SIP/2.0/UDP 192.0.2.9;rport=7", "SIP/2.0/UDP 192.0.2.9;rport=7;branch=z9hG4bK1"),
    ],
)
def test_the_topmost_via_of_a_response(via: str, written: str) -> None:
    headers = response_headers(parsed(request(via=via)), FLOW)
    assert headers[0] == ("Via", written)


def test_all_vias_come_back_in_order() -> None:
    data = request(via="SIP/2.0/UDP a;branch=z9hG4bK0, SIP/2.0/UDP b", headers=(("Via", "SIP/2.0/TCP c"),))
    vias = [value for name, value in response_headers(parsed(data), FLOW) if name == "Via"]
    assert [via.split()[1].partition(";")[0] for via in vias] == ["a", "b", "c"]
    assert vias[0].endswith("received=192.0.2.9") and "received" not in "".join(vias[1:])


@pytest.mark.parametrize(
    ("via", "port"),
    [
        ("SIP/2.0/UDP 192.0.2.9:5070;rport", 5060),  # to the source, as asked
        ("SIP/2.0/UDP 192.0.2.9:5070", 5070),  # to the port in the Via (§18.2.2)
        ("SIP/2.0/UDP 192.0.2.9", 5060),
        ("SIP/2.0/UDP 10.0.0.7:5070", 5060),  # behind a NAT: the source is all that works
    ],
)
def test_where_responses_go(via: str, port: int) -> None:
    flow = Flow(Transport.UDP, US, SocketAddress(PHONE.host, 5060))
    assert reply_flow(parsed(request(via=via)), flow) == Flow(
        Transport.UDP, US, SocketAddress(PHONE.host, port)
    )


def test_over_tcp_responses_go_back_by_the_connection() -> None:
    flow = Flow(Transport.TCP, US, SocketAddress(PHONE.host, 40_000), connection=3)
    assert reply_flow(parsed(request(via="SIP/2.0/TCP 192.0.2.9:5070")), flow) == flow
