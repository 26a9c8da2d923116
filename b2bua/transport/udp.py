"""SIP over UDP (RFC 3261 §18), by asyncio-dgram.

Its stream reports an error of an earlier packet to whoever calls it next, and drops the packet that was to be
sent: both directions try again. Sending is a queue that one task empties, so that the core never waits.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import cast

import asyncio_dgram
import structlog
from asyncio_dgram.aio import DatagramServer

from b2bua.sip.flow import Flow, Hop

log = structlog.get_logger()

# Linux caps SO_RCVBUF at net.core.rmem_max; SO_RCVBUFFORCE, for root, is not capped (socket(7)).
SO_RCVBUFFORCE = 33


class UdpTransport:
    """One UDP socket. `received` gets each datagram; `send` queues one."""

    def __init__(self, stream: DatagramServer, received: Callable[[bytes, Flow], None]) -> None:
        self._stream = stream
        self._received = received
        self._outbox: deque[tuple[bytes, Hop]] = deque()
        self._waiting = asyncio.Event()
        host, port = stream.sockname
        self.local = Hop(host, port)

    @classmethod
    async def bind(
        cls, local: Hop, receive_buffer: int, received: Callable[[bytes, Flow], None]
    ) -> UdpTransport:
        """Bind a socket; `receive_buffer` is asked of the kernel, in bytes. Raises OSError, such as a port in use."""
        endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            endpoint.setblocking(False)
            endpoint.bind(local)
            _ask_for_buffer(endpoint, receive_buffer)
            stream = await asyncio_dgram.from_socket(endpoint)
            assert isinstance(stream, DatagramServer)
            return cls(stream, received)
        except OSError:
            endpoint.close()
            raise

    def send(self, data: bytes, remote: Hop) -> None:
        """Queue a datagram."""
        self._outbox.append((data, remote))
        self._waiting.set()

    async def run(self) -> None:
        """Receive and send until cancelled, or until the socket is closed."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_all())
            tasks.create_task(self._receive_all())

    def close(self) -> None:
        """Close the socket."""
        self._stream.close()

    async def _receive_all(self) -> None:
        stream, local, received = self._stream, self.local, self._received
        while True:
            try:
                data, source = await stream.recv()
            except OSError:
                continue  # an ICMP error for something sent before; its transaction times out by itself
            host, port = cast(tuple[str, int], source)  # IPv4: the stream's type allows for other families
            received(data, Flow("UDP", local, Hop(host, port)))

    async def _send_all(self) -> None:
        stream, outbox, waiting = self._stream, self._outbox, self._waiting
        while True:
            while outbox:
                data, remote = outbox[0]
                try:
                    await stream.send(data, remote)
                except OSError:
                    continue  # the error belongs to an earlier packet; this one has not been sent yet
                outbox.popleft()
            waiting.clear()
            await waiting.wait()


def _ask_for_buffer(endpoint: socket.socket, size: int) -> None:
    """Ask for a receive buffer that holds a burst while the loop is busy, and say so when it is less."""
    try:
        endpoint.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)
    except PermissionError:
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
    # The kernel doubles what it grants, for its own bookkeeping (socket(7)).
    granted = endpoint.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
    if granted < size:
        log.warning("sip.buffer_clamped", asked=size, granted=granted)
