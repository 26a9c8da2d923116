"""Addresses for phones and carriers: on loopback, each once, however many a run needs."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from tests.support.addresses import fresh_address, fresh_network


@pytest.mark.behaviour("E5")
def test_every_carrier_that_a_test_calls_is_on_loopback() -> None:
    assert all(ip_address(fresh_address()).is_loopback for _ in range(600))


def test_a_used_up_network_is_followed_by_another() -> None:
    networks = [ip_network(fresh_network()) for _ in range(300)]
    assert len({*networks}) == 300
    assert all(network.is_loopback for network in networks)
    addresses = {ip_address(fresh_address()) for _ in range(600)}
    assert len(addresses) == 600
    assert not any(address in network for address in addresses for network in networks)
