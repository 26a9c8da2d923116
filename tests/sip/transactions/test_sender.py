"""Requests get their Via here, and whatever is sent leaves by the wire (RFC 3261 §18.1)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from b2bua.sip.text.draft import Draft
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.message import parse_message
from b2bua.sip.text.transport import Transport
from b2bua.sip.transactions.sender import MAGIC, Sender

OURS, PEER = SocketAddress("192.0.2.100", 5060), SocketAddress("192.0.2.9", 5070)
SHOWN = SocketAddress("203.0.113.5", 5080)


class Noted:
    """A wire that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Flow, str]] = []

    def send(self, data: bytes, flow: Flow, call_id: str) -> None:
        self.sent.append((data, flow, call_id))

    def stream(self, flow: Flow) -> Flow | None:
        return None

    def advertised(self, flow: Flow) -> SocketAddress:
        return SHOWN


def bench() -> tuple[Noted, Sender]:
    tokens: Iterator[str] = iter(["one", "two"])
    wire = Noted()
    return wire, Sender(wire, lambda: next(tokens))


def drafted(method: str = "ACK") -> Draft:
    headers = (("From", "<sip:a@x>;tag=1"), ("To", "<sip:b@x>"), ("Call-ID", "c"), ("CSeq", f"1 {method}"))
    return Draft(method, "sip:b@192.0.2.9", headers, "c", b"")


@pytest.mark.parametrize("transport", list(Transport))
def test_a_request_has_our_address_as_the_peer_must_write_it(transport: Transport) -> None:
    _, sender = bench()
    message = parse_message(sender.render(drafted(), Flow(transport, OURS, PEER), MAGIC + "x"))
    assert message.lines("via") == [f"SIP/2.0/{transport.token} 203.0.113.5:5080;branch={MAGIC}x;rport"], (
        "it is the first header, and the only Via"
    )


def test_what_is_transmitted_goes_by_its_flow_with_its_call_id() -> None:
    wire, sender = bench()
    flow = Flow(Transport.UDP, OURS, PEER)
    sender.transmit(b"data", flow, "c")
    assert wire.sent == [(b"data", flow, "c")]


def test_each_request_without_a_transaction_has_a_branch_of_its_own_and_is_returned_as_sent() -> None:
    wire, sender = bench()
    flow = Flow(Transport.UDP, OURS, PEER)
    returned = [sender.send_stateless(drafted(), flow) for _ in range(2)]
    assert returned == [data for data, *_ in wire.sent]
    assert [parse_message(data).via.branch for data in returned] == [MAGIC + "one", MAGIC + "two"]


def test_a_request_without_a_transaction_may_have_its_invites_branch() -> None:
    _, sender = bench()
    data = sender.send_stateless(drafted(), Flow(Transport.UDP, OURS, PEER), MAGIC + "invite")
    assert parse_message(data).via.branch == MAGIC + "invite"
