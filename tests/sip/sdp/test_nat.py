"""Whether a peer can be reached at the address that it names."""

from __future__ import annotations

import pytest

from b2bua.sip.sdp.nat import Nat, behind_nat

PUBLIC, ELSEWHERE = "198.51.100.7", "203.0.113.9"


@pytest.mark.behaviour("M5")
@pytest.mark.parametrize(
    ("said", "source", "hidden"),
    [
        (PUBLIC, PUBLIC, False),
        (PUBLIC, ELSEWHERE, False),  # a carrier's gateway beside its SIP server
        (PUBLIC, "10.0.0.1", False),  # its SIP server is reached by a tunnel
        (PUBLIC, "127.0.0.1", False),  # a proxy on this machine
        ("10.0.0.5", PUBLIC, True),
        ("10.255.255.255", PUBLIC, True),
        ("11.0.0.0", PUBLIC, False),
        ("172.15.255.255", PUBLIC, False),
        ("172.16.0.0", PUBLIC, True),
        ("172.31.255.255", PUBLIC, True),
        ("172.32.0.0", PUBLIC, False),
        ("192.168.1.20", PUBLIC, True),
        ("192.169.0.1", PUBLIC, False),
        ("100.63.255.255", PUBLIC, False),
        ("100.64.0.0", PUBLIC, True),
        ("100.127.255.255", PUBLIC, True),
        ("100.128.0.0", PUBLIC, False),
        ("169.254.3.4", PUBLIC, True),
        ("127.0.0.1", PUBLIC, True),
        ("127.0.0.1", "192.168.1.20", True),
        ("169.254.3.4", "192.168.1.20", True),
        ("192.168.1.20", "100.64.3.4", True),  # a house behind its provider's NAT (RFC 6598 §1)
        ("192.168.1.20", "192.168.1.20", False),
        ("192.168.1.20", "10.0.0.1", False),  # two networks of one company
        ("100.64.0.9", "100.64.3.4", False),
        ("169.254.3.4", "169.254.9.9", False),
        ("127.0.0.8", "127.0.0.1", False),
        ("239.1.2.3", PUBLIC, True),  # nobody's address
    ],
)
def test_by_itself_an_address_misleads_only_outside_its_kind_of_network(
    said: str, source: str, hidden: bool
) -> None:
    assert behind_nat(said, source, "auto") is hidden


@pytest.mark.behaviour("M5")
@pytest.mark.parametrize(("nat", "hidden"), [("always", True), ("never", False)])
@pytest.mark.parametrize("said", [PUBLIC, ELSEWHERE, "192.168.1.20"])
def test_the_setting_decides_whatever_the_addresses_are(said: str, nat: Nat, hidden: bool) -> None:
    assert behind_nat(said, PUBLIC, nat) is hidden
