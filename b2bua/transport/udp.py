"""SIP over UDP (RFC 3261 §18), by asyncio-dgram.

Its stream reports an error of an earlier packet to whoever sends next, and drops the packet that was to be
sent: sending tries again. Its queue has no bound, and a task that waits for it costs more than the datagram
itself. An inbox of ours is in the queue's place, which has a bound and hands on without a task. Nor does
sending need one: what the kernel does not take at once waits in the stream's transport.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Protocol, cast

import structlog
from asyncio_dgram import TransportClosed
from asyncio_dgram.aio import DatagramServer
from asyncio_dgram.aio import Protocol as DatagramProtocol

from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.transport import Transport
from b2bua.transport import stun
from b2bua.transport.rank import Rank
from b2bua.transport.waiting import Datagram, WaitingRoom

log = structlog.get_logger()

# Linux caps SO_RCVBUF at net.core.rmem_max; SO_RCVBUFFORCE, for root, is not capped (socket(7)).
SO_RCVBUFFORCE = 33
SLICE = 16  # datagrams handled before the event loop may look at anything else
STRANGERS = 4  # of each of their classes, while many wait


class Gate(Protocol):
    """Who decides what is handled first, and what becomes of what cannot wait. Must not raise."""

    def rank(self, data: bytes, flow: Flow) -> Rank | None:
        """The class of a message; `None`: it is dropped without a word."""

    def refuse(self, data: bytes, flow: Flow, rank: Rank) -> tuple[bytes, Flow] | None:
        """The answer to a message that is dropped, and where it goes, if it gets one."""


class _Inbox(asyncio.Queue[Any]):
    """In the place of the stream's queue: hands on at once what the stream's protocol puts in."""

    def __init__(self, arrived: Callable[[bytes, tuple[str, int]], None]) -> None:
        super().__init__()
        self._arrived = arrived

    def put_nowait(self, item: tuple[bytes | None, tuple[str, int]]) -> None:
        """Take a datagram with its source; without data it says that the socket was closed."""
        data, source = item
        if data is not None:
            self._arrived(data, source)


class UdpTransport:
    """One UDP socket. `received` gets each datagram and must not raise; `send` queues one.

    While datagrams wait, those of the lower ranks go first, but never before another of the same source. When
    `limit` of them wait, one more takes the place of one of a higher rank, or is refused itself. Only what
    belongs to something begun by somebody known is queued all the same, until twice the limit waits. A STUN
    binding request, by which a phone keeps its NAT's mapping open, is answered at once and goes no further.
    """

    def __init__(
        self,
        local: SocketAddress,
        received: Callable[[bytes, Flow], None],
        limit: int,
        door: Gate,
    ) -> None:
        self.local = local
        self._received = received
        self._limit = limit
        self._door = door
        self._loop = asyncio.get_running_loop()
        self._stream: DatagramServer | None = None
        self._running = False
        self._room = WaitingRoom()
        self._overloaded = False

    @classmethod
    async def bind(
        cls,
        local: SocketAddress,
        receive_buffer: int,
        received: Callable[[bytes, Flow], None],
        limit: int,
        door: Gate,
    ) -> UdpTransport:
        """Bind a socket; `receive_buffer` is asked of the kernel, in bytes. Raises OSError, such as a port in use."""
        endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            endpoint.setblocking(False)
            endpoint.bind(local)
            _ask_for_buffer(endpoint, receive_buffer)
            transport = cls(SocketAddress(*endpoint.getsockname()), received, limit, door)
            await transport._open(endpoint)
            return transport
        except OSError as error:
            endpoint.close()
            raise OSError(error.errno, f"SIP cannot listen on {local}: {error.strerror}") from error

    def send(self, data: bytes, flow: Flow) -> None:
        """Send a datagram; once the socket is closed, none."""
        assert self._stream is not None
        while True:
            # The stream waits for nothing before the datagram is on its way: one step, and no task for it.
            sending = self._stream.send(data, flow.remote)
            try:
                sending.send(None)
            except StopIteration:
                return
            except TransportClosed:
                return
            except OSError:
                continue  # the error belongs to an earlier packet; this one has not been sent yet
            sending.close()  # it would wait until the kernel takes more
            return

    async def run(self) -> None:
        """Handle what arrives until cancelled; then the socket is closed. What came before waits for this."""
        self._running = True
        if self._room:
            self._loop.call_soon(self._handle)
        try:
            await asyncio.Event().wait()
        finally:
            assert self._stream is not None
            self._stream.close()

    async def _open(self, endpoint: socket.socket) -> None:
        inbox, errors, drained = _Inbox(self._arrived), asyncio.Queue[Exception](), asyncio.Event()
        transport, _ = await self._loop.create_datagram_endpoint(
            lambda: DatagramProtocol(inbox, errors, drained), sock=endpoint
        )
        # Its stub names another type than it uses.
        self._stream = DatagramServer(cast(Any, transport), inbox, errors, drained)

    def _arrived(self, data: bytes, source: tuple[str, int]) -> None:
        flow = Flow(Transport.UDP, self.local, SocketAddress(*source))
        if stun.is_stun(data):
            if (answer := stun.answer(data, flow.remote)) is not None:
                self.send(answer, flow)
        else:
            self._take_in(data, flow)

    def _take_in(self, data: bytes, flow: Flow) -> None:
        rank = self._door.rank(data, flow)
        if rank is None or (len(self._room) >= self._limit and not self._has_room(data, flow, rank)):
            return
        if not self._room and self._running:
            self._loop.call_soon(self._handle)
        self._room.add(Datagram(data, flow, rank))

    def _has_room(self, data: bytes, flow: Flow, rank: Rank) -> bool:
        """Whether a datagram may wait though the limit is reached; somebody is refused then."""
        if not self._overloaded:
            self._overloaded = True
            log.warning("sip.overloaded", waiting=len(self._room))
        # The one that came last: those before it have waited longest.
        if (shed := self._room.shed(rank)) is not None:
            self._refuse(shed.data, shed.flow, shed.rank)
            return True
        if rank is Rank.KNOWN_BEGUN and len(self._room) < 2 * self._limit:
            return True
        self._refuse(data, flow, rank)
        return False

    def _refuse(self, data: bytes, flow: Flow, rank: Rank) -> None:
        if (answer := self._door.refuse(data, flow, rank)) is not None:
            self.send(*answer)

    def _handle(self) -> None:
        # Somebody known may be behind the strangers, in the kernel's buffer: to read on is worth more than they are.
        strangers = STRANGERS if len(self._room) > 2 * SLICE else SLICE
        left = SLICE
        for rank in Rank:
            for _ in range(left if rank.known else min(left, strangers)):
                if (datagram := self._room.take(rank)) is None:
                    break
                left -= 1
                self._received(datagram.data, datagram.flow)
        if self._room:
            self._loop.call_soon(self._handle)
        else:
            self._overloaded = False


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
