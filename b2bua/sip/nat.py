"""Whether what a peer says of its own address can be true as seen from here, or a NAT stands between."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from typing import Literal

Nat = Literal["auto", "always", "never"]
"""What a trunk's or device's setting says: is it behind NAT, is it not, or do its addresses tell?"""

_KINDS = {
    "loopback": (IPv4Network("127.0.0.0/8"),),
    "link-local": (IPv4Network("169.254.0.0/16"),),
    "private": (IPv4Network("10.0.0.0/8"), IPv4Network("172.16.0.0/12"), IPv4Network("192.168.0.0/16")),
    "shared": (IPv4Network("100.64.0.0/10"),),
}
"""Networks that exist many times over: RFC 1122 §3.2.1.3, 3927, 1918 and 6598."""


def behind_nat(said: str, source: str, nat: Nat) -> bool:
    """Whether the source of a peer's packets, and not the address it names, leads to it.

    `said` and `source` are IPv4 addresses in dotted form; `source` is the one seen here. By itself an address
    misleads only where it belongs to such a network and the peer's packets come from outside of it.
    Raises ValueError for what is not an IPv4 address.
    """
    if nat != "auto":
        return nat == "always"
    kind = _kind(said)
    return kind is not None and kind != _kind(source)


@lru_cache(maxsize=4096)
def _kind(address: str) -> str | None:
    """The kind of network that an address is only valid in; `None` for a public one."""
    number = IPv4Address(address)
    return next(
        (kind for kind, networks in _KINDS.items() if any(number in network for network in networks)), None
    )
