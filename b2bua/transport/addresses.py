"""Which address of ours a peer must write: the bound one, the one its route leads to, or the public one."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network

WILDCARD = "0.0.0.0"


class Addresses:
    """Answers for one socket, or for the relay's ports.

    Peers in `local_networks` see the address that is bound or, where every address is (0.0.0.0), the one from
    which a packet to them would leave. All others see `public`, where there is one: we are behind NAT then.
    """

    def __init__(self, bound: str, public: str | None, local_networks: Iterable[IPv4Network]) -> None:
        self._bound = bound
        self._public = public
        self._networks = tuple(local_networks)
        self.towards = lru_cache(maxsize=4096)(self._towards)

    def _towards(self, peer: str) -> str:
        """Our address as the peer at this IPv4 address must write it."""
        if self._public is not None and not any(IPv4Address(peer) in network for network in self._networks):
            return self._public
        if self._bound != WILDCARD:
            return self._bound
        # Connecting a datagram socket sends nothing: it only asks the kernel for the route.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((peer, 9))
            except OSError:
                return self._public or "127.0.0.1"
            address: str = probe.getsockname()[0]
            return address
