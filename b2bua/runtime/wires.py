"""The wires: the transports on one side, on the other the layer that speaks by them and whoever else hears of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Protocol

import structlog

from b2bua.runtime.records.trace import Trace
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.framing import Unframed
from b2bua.sip.text.transport import Transport
from b2bua.sip.transactions.layer import TransactionLayer
from b2bua.transport.addresses import Addresses
from b2bua.transport.tcp import Limits, Receiver, TcpTransport
from b2bua.transport.udp import Gate, UdpTransport
from config.settings import Settings

log = structlog.get_logger()


class Carrier(Protocol):
    """A transport that is open."""

    def send(self, data: bytes, flow: Flow) -> None:
        """Send one message. Never blocks and never raises."""

    async def run(self) -> None:
        """Handle what arrives until cancelled."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """Who hears what arrives."""

    layer: TransactionLayer
    gate: Gate
    """Says who is heard at all."""
    lost: tuple[Callable[[Flow, float], None], ...]
    """Who hears that a connection has gone, in this order."""
    clock: Callable[[], float]

    def received(self, data: bytes, flow: Flow) -> None:
        """A message arrived, or what a phone keeps its NAT binding open with."""
        # Line ends or zero bytes (RFC 5626 §3.5.1).
        if not data.strip(b"\r\n\0 "):
            return
        try:
            self.layer.receive(data, flow, self.clock())
        except Exception:
            # A fault of ours: the message is lost, everything else goes on.
            log.exception("sip.fault", source=str(flow.remote))

    def streamed(self, data: bytes, flow: Flow) -> None:
        """A message arrived by a connection, which is read no faster than it is handled: nothing is put off."""
        if self.gate.rank(data, flow) is not None:
            self.received(data, flow)

    def unframed(self, error: Unframed, flow: Flow) -> None:
        """Nothing can be read from this connection any more."""
        self.layer.refuse(error, error.head, flow)

    def connection_lost(self, flow: Flow) -> None:
        """A connection has gone."""
        now = self.clock()
        for tell in self.lost:
            tell(flow, now)


class Wires:
    """The core's `Wire`. Which transports there are is a setting; each is open once it is bound."""

    def __init__(self, settings: Settings, trace: Trace, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._trace = trace
        self._clock = clock
        listening = {Transport.UDP: settings.sip.udp, Transport.TCP: settings.sip.tcp}
        self.local: Mapping[Transport, SocketAddress] = {
            transport: SocketAddress(*address)
            for transport, address in listening.items()
            if address is not None
        }
        """Where we listen."""
        self._addresses = {
            transport: reached_at(own.host, settings.sip.public_address, settings)
            for transport, own in self.local.items()
        }
        self._carriers: dict[Transport, Carrier] = {}
        self._tcp: TcpTransport | None = None

    @property
    def connections(self) -> int:
        """How many TCP connections there are."""
        return len(self._tcp) if self._tcp is not None else 0

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """What is to be kept running."""
        return tuple(self._carriers.values())

    async def bind(self, hearing: Hearing) -> None:
        """Bind the socket for datagrams; they wait until it runs. Raises OSError, such as a port in use."""
        self._carriers[Transport.UDP] = await UdpTransport.bind(
            self.local[Transport.UDP],
            self._settings.sip.receive_buffer,
            hearing.received,
            self._settings.sip.receive_queue,
            hearing.gate,
        )

    async def listen(self, hearing: Hearing) -> None:
        """Listen for connections, which are heard at once. Raises OSError, such as a port in use."""
        if (own := self.local.get(Transport.TCP)) is None:
            return
        sip = self._settings.sip
        self._tcp = self._carriers[Transport.TCP] = await TcpTransport.listen(
            own,
            Limits(sip.tcp_connections, sip.tcp_connections_per_address, sip.tcp_unauthenticated),
            Receiver(hearing.streamed, hearing.unframed, hearing.connection_lost),
        )

    def send(self, data: bytes, flow: Flow, call_id: str) -> None:
        """Put a message on the wire."""
        self._trace.see(self._clock(), True, call_id, flow.remote, data)
        self._carriers[flow.transport].send(data, flow)

    def stream(self, flow: Flow) -> Flow | None:
        """A connection to the peer of a UDP flow, if we have TCP and it lately did not refuse."""
        return None if self._tcp is None else self._tcp.reach(flow.remote)

    def advertised(self, flow: Flow) -> SocketAddress:
        """Our address as the peer must write it."""
        return SocketAddress(self._addresses[flow.transport].towards(flow.remote.host), flow.local.port)

    def is_ours(self, hop: SocketAddress) -> bool:
        """Whether what is sent there would come to us again."""
        if IPv4Address(hop.host) in self._settings.media.worker_network:
            return True
        return any(
            hop.port == own.port and hop.host in (own.host, self._addresses[transport].towards(hop.host))
            for transport, own in self.local.items()
        )

    def prove(self, flow: Flow) -> None:
        """A request by this flow had valid credentials: its connection may stay."""
        if self._tcp is not None:
            self._tcp.prove(flow)


def reached_at(bound: str, public: str | None, settings: Settings) -> Addresses:
    """Which address of a socket of ours a peer must write."""
    # Workers are on this machine, whatever the networks of the phones.
    return Addresses(bound, public, (*settings.sip.local_networks, settings.media.worker_network))
