"""Which addresses a webhook may reach: those of the public internet, so that a URL is no way into one's own network."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

SPECIAL = (
    IPv4Network("192.0.0.0/24"),  # IETF protocol assignments
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
    IPv6Network("5f00::/16"),  # segment routing (RFC 9602)
)
"""What Python's `ipaddress` takes for public, in some versions."""


class NotPublic(OSError):
    """A name leads to an address that is not of the public internet."""


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet (IANA's special-purpose registries, RFC 6890).

    Not so: private, loopback, link-local, multicast, reserved and documentation addresses, and IPv6 addresses that
    carry an IPv4 one, whatever that is (mapped, 6to4, Teredo, NAT64).
    """
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if any(address in network for network in SPECIAL):
        return False
    return isinstance(address, IPv4Address) or not (address.is_site_local or address.sixtofour)


async def resolve(host: str, port: int, allow_private: bool) -> tuple[Address, ...]:
    """The addresses of a name or literal, in the resolver's order.

    Raises NotPublic if any of them is not public, unless that is allowed; OSError where there is none.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError(f"{host} is no name") from None
    addresses = tuple(dict.fromkeys(ip_address(entry[4][0]) for entry in found))
    if not allow_private and (private := [str(address) for address in addresses if not is_public(address)]):
        raise NotPublic(
            f"{host} leads to {', '.join(private)}, which is not on the internet: see webhook.allow_private"
        )
    return addresses
