"""Which trunk a request comes from: the table made of all trunks' `allow_from`, looked up once a call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network

from b2bua.callplan.settings import Trunk
from b2bua.sip.text.flow import SocketAddress


@dataclass(frozen=True, slots=True)
class Sources:
    """The addresses that carriers call from; made by `sources_of`.

    `networks` holds, from the longest prefix to the shortest, a netmask and the networks with it, as numbers.
    """

    ports: Mapping[SocketAddress, Trunk]
    hosts: Mapping[str, Trunk]
    networks: tuple[tuple[int, Mapping[int, Trunk]], ...]

    def trunk_of(self, source: SocketAddress) -> Trunk | None:
        """The trunk whose call this is: `ip:port` wins over `ip`, and that over the longest prefix."""
        found = self.ports.get(source) or self.hosts.get(source.host)
        if found is not None or not self.networks:
            return found
        a, b, c, d = source.host.split(".")
        address = int(a) << 24 | int(b) << 16 | int(c) << 8 | int(d)
        for mask, networks in self.networks:
            if (found := networks.get(address & mask)) is not None:
                return found
        return None


def sources_of(trunks: Iterable[Trunk]) -> Sources:
    """The table of these trunks. An entry that two of them have belongs to the first."""
    ports: dict[SocketAddress, Trunk] = {}
    hosts: dict[str, Trunk] = {}
    by_mask: dict[int, dict[int, Trunk]] = {}
    for trunk in trunks:
        for entry in trunk.allow_from:
            host, colon, port = entry.partition(":")
            if colon:
                ports.setdefault(SocketAddress(host, int(port)), trunk)
            elif "/" in entry:
                network = IPv4Network(entry)
                same_mask = by_mask.setdefault(int(network.netmask), {})
                same_mask.setdefault(int(network.network_address), trunk)
            else:
                hosts.setdefault(host, trunk)
    return Sources(ports, hosts, tuple(sorted(by_mask.items(), reverse=True)))
