"""Whether the address that a peer names leads to it as seen from here, or a NAT stands between."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Literal

Nat = Literal["auto", "always", "never"]
"""What a trunk's or device's setting says: is it behind NAT, is it not, or do its addresses tell?"""

# Networks whose addresses mean another host elsewhere: loopback, private (RFC 1918), shared by a carrier's customers
# (RFC 6598), link-local (RFC 3927). An address in one of them is in reach only from inside the same one.
_REALMS = (
    ("loopback", (IPv4Network("127.0.0.0/8"),)),
    ("private", tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))),
    ("shared", (IPv4Network("100.64.0.0/10"),)),
    ("link-local", (IPv4Network("169.254.0.0/16"),)),
    # This network, multicast and what is reserved: no host has such an address.
    ("nowhere", tuple(map(IPv4Network, ("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4")))),
)
_PUBLIC, _NOWHERE = "public", "nowhere"


def behind_nat(named: str, source: str, nat: Nat) -> bool:
    """Whether the source of a peer's packets, and not the address it names, leads to it."""
    return nat == "always" or (nat == "auto" and not in_reach(named, source))


def in_reach(named: str, source: str) -> bool:
    """Whether this is an address that means the same host to us as to whoever is at `source`.

    `source` is an IPv4 address as seen here. No host name is in reach: somebody would have to look it up.
    """
    realm = _realm(named)
    return realm != _NOWHERE and realm in (_PUBLIC, _realm(source))


@lru_cache(maxsize=4096)
def _realm(host: str) -> str:
    try:
        address = IPv4Address(host)
    except AddressValueError:
        return _NOWHERE
    return next((name for name, networks in _REALMS if any(address in each for each in networks)), _PUBLIC)
