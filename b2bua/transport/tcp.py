"""SIP over TCP (RFC 3261 §18): connections, each one a flow with a number of its own.

A flow whose connection is 0 means any connection to its address: the one we opened, or one that is opened now.
A peer is read no faster than it is handled, and one that does not read what it is sent is cut off.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import cast

import structlog

from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.framing import PING, PONG, Framer, Unframed
from b2bua.sip.text.transport import Transport
from b2bua.transport.unreachable import Unreachable

log = structlog.get_logger()

MAX_UNSENT = 262144  # bytes that may wait for a peer to read them
CONNECT_LIMIT = 5.0  # seconds until a connection of ours counts as failed
HASTE = 0.5  # the same where UDP would do as well
SLICE = 16  # messages of one connection handled before the event loop may look at anything else
# Seconds after which a peer that does not acknowledge what it was sent is gone, and between looks at a silent
# one (tcp(7)); the kernel's own limits are a quarter of an hour and two hours.
UNACKNOWLEDGED = 30
SILENT, PROBE, PROBES = 120, 15, 4


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections peers may open, in all and from one address; seconds until one must be proven."""

    total: int
    per_address: int
    unproven: float


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who hears what happens on the connections. None of these may raise."""

    message: Callable[[bytes, Flow], None]
    """Gets each whole message."""
    unframed: Callable[[Unframed, Flow], None]
    """Gets what no message can be cut out of, before its connection is closed."""
    lost: Callable[[Flow], None]
    """Gets each flow that is dead. It is never called from inside `send`."""


class Connection(asyncio.Protocol):
    """One connection, opened by a peer or by us (`remote` is given then)."""

    def __init__(self, owner: TcpTransport, remote: SocketAddress | None = None) -> None:
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None
        self._unsent: list[bytes] = []
        self._deadline: asyncio.TimerHandle | None = None
        self._over = False
        self.ours = remote is not None
        if remote is not None:
            self.flow = owner.new_flow(remote)

    def send(self, data: bytes) -> None:
        """Send now, or once the connection is there."""
        if self._transport is None:
            self._unsent.append(data)
        elif not self._transport.is_closing():
            self._transport.write(data)

    def prove(self) -> None:
        """The peer is known: the connection may stay."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def cut(self, reason: str) -> None:
        """End the connection at once, whatever is still to be sent."""
        self._over = True
        if self._transport is not None and not self._transport.is_closing():
            log.warning("sip.connection_cut", source=str(self.flow.remote), reason=reason)
            self._transport.abort()

    def close(self) -> None:
        """End the connection once everything is sent."""
        self._over = True
        if self._transport is not None:
            self._transport.close()

    # What asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected: take it in, or refuse it where there are too many."""
        stream = cast(asyncio.Transport, transport)
        if not self.ours:
            self.flow = self._owner.new_flow(SocketAddress(*stream.get_extra_info("peername")))
            if not self._owner.admit(self):
                self._over = True
                stream.abort()
                return
            self._deadline = self._loop.call_later(
                self._owner.limits.unproven, self.cut, "no authenticated request"
            )
        self._transport = stream
        _notice_dead_peers(stream.get_extra_info("socket"))
        stream.set_write_buffer_limits(MAX_UNSENT)
        for data in self._unsent:
            stream.write(data)
        self._unsent.clear()

    def data_received(self, data: bytes) -> None:
        """Bytes arrived."""
        if not self._over:
            self._framer.feed(data)
            self._handle()

    def pause_writing(self) -> None:
        """More than MAX_UNSENT bytes wait."""
        self.cut("peer does not read")

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._over = True
        self.prove()
        self._owner.forget(self)

    def _handle(self) -> None:
        assert self._transport is not None
        try:
            for _ in range(SLICE):
                if self._over:
                    return
                message = self._framer.take()
                if message is None:
                    self._transport.resume_reading()
                    return
                if message == PING:
                    self.send(PONG)
                else:
                    self._owner.receiver.message(message, self.flow)
        except Unframed as error:
            self._over = True
            try:
                self._owner.receiver.unframed(error, self.flow)
            finally:
                self.close()
            return
        # More than one slice: nothing more is read until it is handled.
        self._transport.pause_reading()
        self._loop.call_soon(self._handle)


class TcpTransport:
    """All connections, and the socket on which peers open them."""

    _server: asyncio.Server

    def __init__(self, local: SocketAddress, limits: Limits, receiver: Receiver) -> None:
        self.local = local
        self.limits = limits
        self.receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._numbers = count(1)
        self._connections: dict[int, Connection] = {}
        self._ours: dict[SocketAddress, Connection] = {}
        self._per_address: Counter[str] = Counter()
        self._opening: set[asyncio.Task[None]] = set()
        self._unreachable = Unreachable()
        self._full = False
        self._closed = False

    def __len__(self) -> int:
        return len(self._connections)

    @classmethod
    async def listen(cls, local: SocketAddress, limits: Limits, receiver: Receiver) -> TcpTransport:
        """Listen for connections. Raises OSError, such as a port in use."""
        transport = cls(local, limits, receiver)
        try:
            transport._server = await transport._loop.create_server(
                lambda: Connection(transport), *local, backlog=1024
            )
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise OSError(error.errno, f"SIP cannot listen on {local} (TCP): {why}") from error
        return transport

    def send(self, data: bytes, flow: Flow) -> None:
        """Send by the flow's connection; where that has gone, the flow is reported lost."""
        if flow.connection:
            connection = self._connections.get(flow.connection)
        else:
            connection = self._ours.get(flow.remote) or self._open(flow.remote)
        if connection is None:
            self._loop.call_soon(self._lost, flow)
        else:
            connection.send(data)

    def reach(self, remote: SocketAddress) -> Flow | None:
        """A flow to a peer that may or may not take connections; `None` where it lately did not."""
        if remote not in self._ours:
            if self._unreachable.holds(remote, self._loop.time()):
                return None
            self._open(remote, HASTE)
        return Flow(Transport.TCP, self.local, remote)

    def prove(self, flow: Flow) -> None:
        """Somebody we know sent a request by this flow."""
        if (connection := self._connections.get(flow.connection)) is not None:
            connection.prove()

    async def run(self) -> None:
        """Serve until cancelled; then all connections are closed, and nothing is reported lost any more."""
        try:
            await self._loop.create_future()
        finally:
            self._closed = True
            self._server.close()
            for task in self._opening:
                task.cancel()
            for connection in list(self._connections.values()):
                connection.close()

    # What connections ask

    def new_flow(self, remote: SocketAddress) -> Flow:
        """A flow to this peer by a connection of its own."""
        return Flow(Transport.TCP, self.local, remote, next(self._numbers))

    def admit(self, connection: Connection) -> bool:
        """Take in a connection that a peer opened, unless there are too many."""
        host = connection.flow.remote.host
        crowded = self._per_address[host] >= self.limits.per_address
        if crowded or len(self._connections) >= self.limits.total:
            if not self._full:
                self._full = True
                log.warning(
                    "sip.connections_exhausted",
                    source=host,
                    reason="from one address" if crowded else "in all",
                )
            return False
        self._per_address[host] += 1
        self._connections[connection.flow.connection] = connection
        return True

    def forget(self, connection: Connection) -> None:
        """A connection has ended, or could not be opened."""
        flow = connection.flow
        if self._connections.pop(flow.connection, None) is None:
            return
        self._full = False
        if connection.ours:
            self._ours.pop(flow.remote, None)
            self._lost(flow._replace(connection=0))
        else:
            host = flow.remote.host
            self._per_address[host] -= 1
            if not self._per_address[host]:
                del self._per_address[host]
        self._lost(flow)

    def _lost(self, flow: Flow) -> None:
        if not self._closed:
            self.receiver.lost(flow)

    def _open(self, remote: SocketAddress, limit: float = CONNECT_LIMIT) -> Connection:
        connection = self._ours[remote] = Connection(self, remote)
        self._connections[connection.flow.connection] = connection
        task = self._loop.create_task(self._connect(connection, limit))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return connection

    async def _connect(self, connection: Connection, limit: float) -> None:
        remote = connection.flow.remote
        try:
            async with asyncio.timeout(limit):
                # From 0.0.0.0 the kernel chooses by the route.
                await self._loop.create_connection(
                    lambda: connection, *remote, local_addr=(self.local.host, 0)
                )
        except OSError as error:  # TimeoutError is one
            log.info("sip.connection_failed", remote=str(remote), reason=str(error) or "no answer")
            self._unreachable.add(remote, self._loop.time())
            self.forget(connection)


def _notice_dead_peers(endpoint: socket.socket) -> None:
    for level, option, value in (
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, SILENT),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, PROBE),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, PROBES),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED * 1000),
    ):
        endpoint.setsockopt(level, option, value)
