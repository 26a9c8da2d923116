"""What differs between transports, and that nothing takes one that comes later for TCP or UDP."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from b2bua.callplan.settings import TransportName
from b2bua.registrar.target import Ways, target_of
from b2bua.sip.text import transport
from b2bua.sip.text.draft import Draft
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.transport import Transport
from b2bua.sip.text.uri import parse_uri
from tests.registrar.device import FLOW, binding
from tests.sip.messages import PHONE, US
from tests.sip.wire import pair


def planted() -> Transport:
    """A third transport, which is reliable as TCP is, and secure."""
    tls = object.__new__(Transport)
    tls._name_ = tls._value_ = tls.token = "TLS"
    tls.reliable = tls.secure = True
    tls.port, tls.uri_param, tls.service = 5061, "tls", "_sips._tcp"
    return tls


@pytest.fixture
def tls(monkeypatch: pytest.MonkeyPatch) -> Transport:
    """A third transport that URIs may name."""
    found = planted()
    monkeypatch.setitem(transport._NAMED, "TLS", found)
    return found


@pytest.mark.parametrize(("text", "known"), [("udp", Transport.UDP), ("Tcp", Transport.TCP), ("sctp", None)])
def test_a_uri_or_a_setting_names_it_in_any_case(text: str, known: Transport | None) -> None:
    assert Transport.named(text) is known


def test_each_has_a_name_in_the_settings_of_a_carrier() -> None:
    assert {Transport.named(name) for name in get_args(TransportName)} == set(Transport)


def test_only_udp_needs_retransmissions_and_no_name_in_a_uri() -> None:
    assert [each.reliable for each in Transport] == [False, True]
    assert [each.uri_param for each in Transport] == ["", "tcp"]
    assert [each.port for each in Transport] == [5060, 5060]
    assert not any(each.secure for each in Transport)


def test_each_is_known_again_by_its_token() -> None:
    """Snapshots and stored bindings hold the token."""
    assert [Transport.named(each.value) for each in Transport] == list(Transport)


def test_a_later_one_has_its_own_name_and_port(tls: Transport) -> None:
    flow = Flow(tls, US, PHONE, 3)
    assert flow.reliable
    assert parse_uri("sip:a@b;transport=tls").transport is tls
    reopened = flow.reopened(parse_uri(f"sip:a@{PHONE.host};transport=tls"))
    assert reopened == Flow(tls, US, SocketAddress(PHONE.host, 5061))


def test_a_request_to_a_later_one_is_not_sent_by_tcp_for_its_length(tls: Transport) -> None:
    def leads(params: str) -> bool:
        return Draft("INVITE", f"sip:a@192.0.2.7{params}", (), "c").leads_to(SocketAddress("192.0.2.7", 5060))

    assert [leads(params) for params in ("", ";transport=tcp", ";transport=tls", ";transport=udp")] == [
        True,
        True,
        False,
        False,
    ]


def test_a_device_that_names_a_later_one_is_reached_by_it_or_not_by_its_name(tls: Transport) -> None:
    source = FLOW._replace(remote=SocketAddress("198.51.100.7", 5060))
    device = replace(binding("<sip:201@198.51.100.9;transport=tls>", flow=source), behind_nat=False)
    here, there = SocketAddress("198.51.100.1", 5060), SocketAddress("198.51.100.9", 5061)
    ours = {Transport.UDP: here, Transport.TCP: here}

    def way(ways: Ways) -> Flow:
        target = target_of(device, ways)
        assert target is not None
        return target.flow

    assert way(Ways(ours, lambda hop: False)) == device.flow
    assert way(Ways({**ours, tls: here}, lambda hop: False)) == Flow(tls, here, there)


def test_requests_by_a_later_one_say_so_in_via_and_contact(tls: Transport) -> None:
    network, caller, callee = pair(transport=tls)
    caller.call(callee.hop)
    network.run(1.0)
    invite = network.last("INVITE")
    assert invite.via.transport == "TLS"
    assert invite.contact is not None
    assert invite.contact.param("transport") == "tls"
