"""Whose call it is, by where it comes from."""

from __future__ import annotations

import pytest

from b2bua.callplan.settings import Trunk
from b2bua.sip.text.flow import SocketAddress
from b2bua.trunks.sources import sources_of


def trunk(number: int, *allow_from: str) -> Trunk:
    return Trunk(number, f"carrier {number}", "sip.carrier.example", allow_from=allow_from)


TRUNKS = (
    trunk(1, "0.0.0.0/0"),
    trunk(2, "192.0.2.0/24", "198.51.100.0/25"),
    trunk(3, "192.0.2.128/25"),
    trunk(4, "192.0.2.130"),
    trunk(5, "192.0.2.130:5080", "192.0.2.131:5060"),
    trunk(6, "192.0.2.132/32"),
    trunk(7),
)
TABLE = sources_of(TRUNKS)


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("203.0.113.9", 5060, 1),
        ("192.0.2.1", 5060, 2),
        ("192.0.2.127", 5060, 2),
        ("198.51.100.127", 5060, 2),
        ("198.51.100.128", 5060, 1),
        ("192.0.2.128", 5060, 3),
        ("192.0.2.130", 5060, 4),
        ("192.0.2.130", 5080, 5),
        ("192.0.2.131", 5060, 5),
        ("192.0.2.131", 5061, 3),
        ("192.0.2.132", 1, 6),
        ("255.255.255.255", 65535, 1),
    ],
)
def test_the_most_specific_entry_wins(host: str, port: int, expected: int) -> None:
    for table in (TABLE, sources_of(reversed(TRUNKS))):
        found = table.trunk_of(SocketAddress(host, port))
        assert found is not None and found.id == expected


@pytest.mark.parametrize("host", ["192.0.2.1", "10.0.0.1"])
def test_an_address_that_no_trunk_names_belongs_to_nobody(host: str) -> None:
    assert (
        sources_of([trunk(1, "192.0.2.2", "192.0.2.1:5061", "172.16.0.0/12")]).trunk_of(
            SocketAddress(host, 5060)
        )
        is None
    )
    assert sources_of([]).trunk_of(SocketAddress(host, 5060)) is None


def test_of_two_trunks_with_one_entry_the_first_has_it() -> None:
    for entry in ("192.0.2.1", "192.0.2.1:5060", "192.0.2.0/24"):
        found = sources_of([trunk(1, entry), trunk(2, entry)]).trunk_of(SocketAddress("192.0.2.1", 5060))
        assert found is not None and found.id == 1
