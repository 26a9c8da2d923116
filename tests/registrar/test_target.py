"""Where a request to a device goes: each row a REGISTER, and the way of the INVITE that follows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from b2bua.registrar.bindings import Binding
from b2bua.registrar.registrar import Limits, register
from b2bua.registrar.target import Target, Ways, target_of
from b2bua.sip.text.address import parse_address
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.message import Request, parse_message
from b2bua.sip.text.transport import Transport

OURS, CARRIER = SocketAddress("192.0.2.1", 5060), "203.0.113.200"
WAYS = Ways({Transport.UDP: OURS, Transport.TCP: OURS}, lambda hop: hop == OURS or hop.host == CARRIER)
UUID = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-001565aabbcc>"'
BACK, LOST = "back", "lost"


def registered(
    contact: str,
    source: str,
    *vias: str,
    path: tuple[str, ...] = (),
    transport: Transport = Transport.UDP,
    ways: Ways = WAYS,
) -> Target | None:
    """The target of a device that registered this contact from there; by TCP its connection is number 7."""
    host, _, port = source.partition(":")
    flow = Flow(transport, OURS, SocketAddress(host, int(port)), 7 if transport.reliable else 0)
    lines = [
        "REGISTER sip:acme.example SIP/2.0",
        *(f"Via: SIP/2.0/{transport.value} {via};branch=z9hG4bK1" for via in vias or (source,)),
        "From: <sip:201@acme.example>;tag=1",
        "To: <sip:201@acme.example>",
        "Call-ID: a",
        "CSeq: 1 REGISTER",
        f"Contact: {contact}",
        *(f"Path: {each}" for each in path),
        "\r\n",
    ]
    request = parse_message("\r\n".join(lines).encode())
    assert isinstance(request, Request)
    (change,) = register(request, "201", flow, (), Limits(), 0.0).changes
    return target_of(change.binding, ways)


def way(target: Target | None, source: str) -> str:
    """A target's way in short: `back`, or transport and address."""
    if target is None:
        return LOST
    flow = target.flow
    if str(flow.remote) == source and flow.connection in (0, 7):
        return BACK
    return f"{flow.transport.value} {flow.remote}"


@pytest.mark.behaviour("P3")
@pytest.mark.parametrize(
    ("contact", "source", "vias", "goes"),
    [
        # A device that says where it is.
        ("<sip:201@198.51.100.7:5060>", "198.51.100.7:5060", (), BACK),
        ("<sip:201@198.51.100.7>", "198.51.100.7:5060", (), BACK),
        # It sends from one port and listens on another.
        (
            "<sip:201@198.51.100.7:5062>",
            "198.51.100.7:40000",
            ("198.51.100.7:5062",),
            "UDP 198.51.100.7:5062",
        ),
        # A script names a device elsewhere, in its own network too.
        ("<sip:201@198.51.100.9:5062>", "198.51.100.7:5060", (), "UDP 198.51.100.9:5062"),
        ("<sip:201@198.51.100.9>", "198.51.100.7:5060", (), "UDP 198.51.100.9:5060"),
        ("<sip:201@198.51.100.9;transport=tcp>", "198.51.100.7:5060", (), "TCP 198.51.100.9:5060"),
        ("<sip:201@192.168.1.9>", "192.168.1.7:5060", (), "UDP 192.168.1.9:5060"),
        ("<sip:201@10.1.0.9>", "192.168.1.7:5060", (), "UDP 10.1.0.9:5060"),
        ("<sip:201@198.51.100.9>", "192.168.1.7:5060", (), "UDP 198.51.100.9:5060"),
        ("<sip:201@127.0.0.9:5070>", "127.0.0.1:5060", (), "UDP 127.0.0.9:5070"),
        # Behind NAT: a private, shared, link-local or loopback address of somewhere else.
        ("<sip:201@192.168.1.10>", "198.51.100.7:41000", ("192.168.1.10:5060;rport",), BACK),
        ("<sip:201@192.168.1.10>", "198.51.100.7:41000", (), BACK),
        ("<sip:201@192.168.1.10>", "100.64.3.4:41000", (), BACK),
        ("<sip:201@100.64.3.4>", "198.51.100.7:41000", (), BACK),
        ("<sip:201@169.254.3.4>", "192.168.1.7:5060", (), BACK),
        ("<sip:201@127.0.0.1>", "198.51.100.7:41000", (), BACK),
        ("<sip:201@127.0.0.9>", "192.168.1.7:5060", (), BACK),
        # Behind NAT, as the nearest Via tells: the address in it is the device's, and not where it came from.
        ("<sip:201@192.168.99.1>", "192.168.1.7:5060", ("192.168.99.1:5060",), BACK),
        ("<sip:201@198.51.100.99>", "198.51.100.7:5060", ("198.51.100.99:5060",), BACK),
        ("<sip:201@198.51.100.7:5060>", "198.51.100.7:41000", ("192.168.1.10:5060",), BACK),
        # Its router's address it knows, but not the port there, as rport tells.
        ("<sip:201@198.51.100.7:5060>", "198.51.100.7:41000", ("198.51.100.7:5060;rport",), BACK),
        # It is behind NAT, but names a device that is not.
        ("<sip:201@203.0.113.9>", "198.51.100.7:41000", ("192.168.1.10:5060;rport",), "UDP 203.0.113.9:5060"),
        # Through a proxy without Path that noted where the request came from; and one that noted nothing.
        (
            "<sip:201@203.0.113.9:5066>",
            "198.51.100.7:5060",
            ("198.51.100.7:5060", "203.0.113.9:5066;received=203.0.113.77"),
            BACK,
        ),
        (
            "<sip:201@203.0.113.9:5066>",
            "198.51.100.7:5060",
            ("198.51.100.7:5060", "203.0.113.9:5066"),
            "UDP 203.0.113.9:5066",
        ),
        # The device asks for its own flow.
        (f"<sip:201@198.51.100.9>;{UUID};reg-id=1", "198.51.100.7:5060", (), BACK),
        ("<sip:201@198.51.100.9;ob>", "198.51.100.7:5060", (), BACK),
        (f"<sip:201@198.51.100.9>;{UUID}", "198.51.100.7:5060", (), "UDP 198.51.100.9:5060"),
        # What cannot be reached as it is named.
        ("<sip:201@phone.example>", "198.51.100.7:5060", (), BACK),
        ("<sip:201@198.51.100.9;transport=tls>", "198.51.100.7:5060", (), BACK),
        ("<sips:201@198.51.100.9>", "198.51.100.7:5060", (), BACK),
        ("<sip:201@[2001:db8::9]>", "198.51.100.7:5060", (), BACK),
        ("<sip:201@0.0.0.0>", "198.51.100.7:5060", (), BACK),
        ("<sip:201@239.0.0.1>", "198.51.100.7:5060", (), BACK),
        ("<sip:201@255.255.255.255>", "198.51.100.7:5060", (), BACK),
        ("<sip:201@999.1.1.1>", "198.51.100.7:5060", (), BACK),
        # Where we listen ourselves, and a carrier, to whom it would be a call of ours.
        ("<sip:201@192.0.2.1:5060>", "198.51.100.7:5060", (), BACK),
        ("<sip:201@192.0.2.1:5070>", "198.51.100.7:5060", (), "UDP 192.0.2.1:5070"),
        (f"<sip:+44900@{CARRIER}>", "198.51.100.7:5060", (), BACK),
    ],
)
def test_where_a_request_goes(contact: str, source: str, vias: tuple[str, ...], goes: str) -> None:
    target = registered(contact, source, *vias)
    assert way(target, source) == goes
    assert target is not None and target.routes == ()
    assert target.uri == contact.partition(">")[0].lstrip("<")


@pytest.mark.parametrize(
    ("contact", "there", "gone"),
    [
        ("<sip:201@198.51.100.7:5060;transport=tcp>", BACK, "TCP 198.51.100.7:5060"),
        ("<sip:201@198.51.100.7>", BACK, "TCP 198.51.100.7:5060"),
        (f"<sip:201@198.51.100.7:5070;transport=tcp;ob>;{UUID};reg-id=1", BACK, "TCP 198.51.100.7:5070"),
        ("<sip:201@198.51.100.7:5060;transport=udp>", BACK, "UDP 198.51.100.7:5060"),
        ("<sip:201@198.51.100.9:5062;transport=tcp>", "TCP 198.51.100.9:5062", "TCP 198.51.100.9:5062"),
        ("<sip:201@198.51.100.9:5062>", "UDP 198.51.100.9:5062", "UDP 198.51.100.9:5062"),
        ("<sip:201@192.168.1.10;transport=tcp>", BACK, LOST),
        ("<sip:201@phone.example;transport=tcp>", BACK, LOST),
        ("<sips:201@198.51.100.7>", BACK, LOST),
        ("<sip:201@192.0.2.1:5060;transport=tcp>", BACK, LOST),
    ],
)
def test_by_a_connection_as_long_as_it_is_there(contact: str, there: str, gone: str) -> None:
    source = "198.51.100.7:41000"
    flow = Flow(Transport.TCP, OURS, SocketAddress("198.51.100.7", 41000), 7)
    binding = _binding(contact, flow)
    assert way(target_of(binding, WAYS), source) == there
    assert way(target_of(binding.without_connection(), WAYS), source) == gone


def test_without_tcp_of_ours_what_registered_by_it_is_lost_and_the_rest_goes_back() -> None:
    udp_only = replace(WAYS, local={Transport.UDP: OURS})
    source = "198.51.100.7:5060"
    assert way(registered("<sip:201@198.51.100.9;transport=tcp>", source, ways=udp_only), source) == BACK
    binding = _binding(
        "<sip:201@198.51.100.7;transport=tcp>",
        Flow(Transport.TCP, OURS, SocketAddress("198.51.100.7", 41000)),
    )
    assert target_of(binding, udp_only) is None


EDGE, INNER = "<sip:tok%40en@203.0.113.5:5070;lr>", "<sip:inner.example;lr>"


@pytest.mark.behaviour("P3")
@pytest.mark.parametrize(
    ("path", "source", "goes"),
    [
        ((EDGE,), "203.0.113.5:5070", BACK),
        ((EDGE,), "203.0.113.5:32000", "UDP 203.0.113.5:5070"),
        ((EDGE, INNER), "203.0.113.6:5060", "UDP 203.0.113.5:5070"),
        ((INNER, EDGE), "203.0.113.6:5060", BACK),
        (("<sip:203.0.113.5;lr;transport=tcp>",), "203.0.113.6:5060", "TCP 203.0.113.5:5060"),
        (("<sip:10.0.0.5;lr>",), "203.0.113.6:5060", BACK),
        (("<sip:192.0.2.1;lr>",), "203.0.113.6:5060", BACK),
        ((f"<sip:{CARRIER};lr>",), "203.0.113.6:5060", BACK),
    ],
)
def test_the_path_says_who_is_next_and_the_contact_who_is_meant(
    path: tuple[str, ...], source: str, goes: str
) -> None:
    contact = f"<sip:201@192.168.1.10;ob>;{UUID};reg-id=1"
    target = registered(contact, source, path=path)
    assert target is not None and way(target, source) == goes
    assert target.uri == "sip:201@192.168.1.10;ob"
    assert target.routes == tuple(("Route", each) for each in path)


def test_what_a_contact_may_have_and_a_request_uri_not_is_left_out() -> None:
    """RFC 3261 §19.1.1, table 1."""
    target = registered("<sip:201@198.51.100.7;method=BYE;x=1?Replaces=a>", "198.51.100.7:5060")
    assert target is not None and target.uri == "sip:201@198.51.100.7;x=1"


def _binding(contact: str, flow: Flow) -> Binding:
    address = parse_address(contact)
    return Binding("201", address.uri, address.params, "a", 1, 100.0, flow)
