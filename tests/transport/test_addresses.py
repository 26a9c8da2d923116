from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from b2bua.transport.addresses import WILDCARD, Addresses

LAN = (IPv4Network("127.0.0.0/8"), IPv4Network("192.168.0.0/16"))


def test_a_peer_in_a_local_network_is_told_the_bound_address() -> None:
    ours = Addresses("127.0.0.9", "203.0.113.5", LAN)
    assert ours.towards("127.0.0.2") == "127.0.0.9"
    assert ours.towards("192.168.4.4") == "127.0.0.9"


def test_a_peer_elsewhere_is_told_the_public_address_if_there_is_one() -> None:
    assert Addresses("127.0.0.9", "203.0.113.5", LAN).towards("198.51.100.7") == "203.0.113.5"
    assert Addresses("127.0.0.9", None, LAN).towards("198.51.100.7") == "127.0.0.9"


@pytest.mark.parametrize("peer", ["127.0.0.2", "127.44.1.1"])
def test_a_wildcard_is_chosen_by_route(peer: str) -> None:
    # On loopback the kernel leaves from the peer's own address, or from the first of the interface.
    told = Addresses(WILDCARD, None, LAN).towards(peer)
    assert told.startswith("127.")
    assert told != WILDCARD


def test_a_wildcard_with_a_public_address_shows_it_to_peers_outside_local_networks() -> None:
    ours = Addresses(WILDCARD, "127.0.0.3", (IPv4Network("127.0.64.0/20"),))
    assert ours.towards("127.0.0.2") == "127.0.0.3", "a phone, from outside"
    assert ours.towards("127.0.64.1") != "127.0.0.3", "a worker on this machine"


def test_a_peer_without_a_route_is_told_the_public_address() -> None:
    assert Addresses(WILDCARD, "203.0.113.5", (IPv4Network("0.0.0.0/0"),)).towards("255.255.255.255") == (
        "203.0.113.5"
    )
