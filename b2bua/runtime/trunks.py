"""The ways out for calls: the trunks at their addresses."""

from __future__ import annotations

from b2bua.call.ports import Gateway
from b2bua.runtime.directory import Registered
from b2bua.sip.challenge import Credential
from b2bua.sip.flow import Flow, Hop


class TrunkLink:
    """The `Trunks` of calls."""

    def __init__(self, devices: Registered, udp: Hop, tcp: Hop | None) -> None:
        self._devices = devices
        self._udp = udp
        self._tcp = tcp

    def gateways(self) -> list[Gateway]:
        """All trunks in their order."""
        found = []
        for trunk in self._devices.directory.trunks:
            host, _, port = trunk.host.partition(":")
            remote = Hop(host, int(port or 5060))
            local = self._udp if trunk.transport == "udp" else self._tcp
            if local is None:
                continue
            credential = Credential(trunk.username, trunk.password or "") if trunk.username else None
            flow = Flow(trunk.transport.upper(), local, remote)
            found.append(Gateway(trunk, flow, host, int(port) if port else None, credential))
        return found

    def silent(self, gateway: Gateway) -> None:
        """Nothing."""

    def answered(self, gateway: Gateway) -> None:
        """Nothing."""
