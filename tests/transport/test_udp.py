"""The UDP transport on real sockets: errors, bursts, overload and the buffer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from b2bua.sip.flow import Flow, Hop
from b2bua.transport import udp
from b2bua.transport.udp import UdpTransport
from tests.support.addresses import free_port, fresh_address

DEADLINE = 5.0


class Inbox:
    """Where a transport delivers; `hold` is what handling one datagram does."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.shed: list[bytes] = []
        self.refuses: Callable[[bytes], bool] = lambda data: False
        self.each: Callable[[], None] = lambda: None
        self.news = asyncio.Event()

    def received(self, data: bytes, flow: Flow) -> None:
        self.seen.append(data)
        self.each()
        self.news.set()

    def on_shed(self, data: bytes, flow: Flow) -> bool:
        if self.refuses(data):
            self.shed.append(data)
            return True
        return False

    async def holds(self, number: int) -> None:
        async with asyncio.timeout(DEADLINE):
            while len(self.seen) < number:
                self.news.clear()
                await self.news.wait()


@asynccontextmanager
async def running(inbox: Inbox, limit: int = 10_000, buffer: int = 4_194_304) -> AsyncIterator[UdpTransport]:
    transport = await UdpTransport.bind(
        Hop(fresh_address(), 5060), buffer, inbox.received, limit, inbox.on_shed
    )
    task = asyncio.create_task(transport.run())
    yield transport
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


def peer_socket() -> socket.socket:
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.bind((fresh_address(), 0))
    peer.settimeout(DEADLINE)
    return peer


async def test_a_datagram_comes_with_the_path_it_took() -> None:
    flows = []
    transport = await UdpTransport.bind(
        Hop(fresh_address(), 5060), 65536, lambda data, flow: flows.append(flow), 10, lambda data, flow: False
    )
    task = asyncio.create_task(transport.run())
    with peer_socket() as peer:
        peer.sendto(b"x", transport.local)
        async with asyncio.timeout(DEADLINE):
            while not flows:
                await asyncio.sleep(0.005)
        assert flows == [Flow("UDP", transport.local, Hop(*peer.getsockname()))]
    task.cancel()
    await asyncio.wait({task})


async def test_an_error_of_one_packet_loses_no_other_in_either_direction() -> None:
    inbox = Inbox()
    async with running(inbox) as transport:
        with peer_socket() as peer:
            closed = Hop(fresh_address(), free_port())
            healthy = Hop(*peer.getsockname())
            for number in range(50):
                transport.send(b"to nobody", closed)
                # Broadcasting is not allowed: the kernel refuses, and the stream reports it to the next caller.
                transport.send(b"refused", Hop("255.255.255.255", 5060))
                transport.send(b"%d" % number, healthy)
                peer.sendto(b"%d" % number, transport.local)
            got = [await asyncio.to_thread(peer.recv, 100) for _ in range(50)]
            await inbox.holds(50)
            assert got == inbox.seen == [b"%d" % number for number in range(50)]
            peer.sendto(b"later", transport.local)
            await inbox.holds(51)


async def test_a_burst_while_the_loop_is_busy_arrives_whole_and_in_order() -> None:
    inbox = Inbox()
    async with running(inbox) as transport:
        await asyncio.sleep(0)
        with peer_socket() as peer:
            burst = [b"%04d" % number + b"x" * 500 for number in range(1000)]
            for data in burst:  # nothing yields to the event loop here
                peer.sendto(data, transport.local)
            await inbox.holds(1000)
    assert inbox.seen == burst


async def test_nothing_starves_while_a_burst_is_handled() -> None:
    inbox = Inbox()
    flow = Flow("UDP", Hop("127.0.0.1", 5060), Hop("127.0.0.2", 5060))
    async with running(inbox) as transport:
        for number in range(300):
            transport._take_in(b"%d" % number, flow)
        turns = [0]
        while len(inbox.seen) < 300:
            await asyncio.sleep(0)
            turns.append(len(inbox.seen))
    assert max(later - earlier for earlier, later in pairwise(turns)) <= udp.SLICE


async def test_beyond_the_limit_what_may_be_refused_is_and_the_rest_is_kept_to_a_bound() -> None:
    inbox = Inbox()
    inbox.refuses = lambda data: data.startswith(b"INVITE")
    flow = Flow("UDP", Hop("127.0.0.1", 5060), Hop("127.0.0.2", 5060))
    async with running(inbox, limit=10) as transport:
        with capture_logs() as logs:
            for number in range(10):
                transport._take_in(b"INVITE %d" % number, flow)
            for number in range(10, 15):
                transport._take_in(b"INVITE %d" % number, flow)
                transport._take_in(b"BYE %d" % number, flow)
            for number in range(20, 30):
                transport._take_in(b"BYE %d" % number, flow)
        await inbox.holds(20)
        assert [data.split()[0] for data in inbox.seen] == [b"INVITE"] * 10 + [b"BYE"] * 10
        assert len(inbox.shed) == 5
        assert transport.dropped == 5
        assert [one["event"] for one in logs] == ["sip.overloaded"], "said once, not for each message"
        transport._take_in(b"INVITE again", flow)
        await inbox.holds(21)


async def test_the_buffer_is_asked_for_and_a_smaller_one_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        with capture_logs() as logs:
            udp._ask_for_buffer(endpoint, 300_000)
        assert endpoint.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= 2 * 300_000
        assert logs == []

    class Capped(socket.socket):
        """A kernel that grants no more than 100,000 bytes, and nothing by force."""

        def setsockopt(self, level: int, option: int, value: int) -> None:  # type: ignore[override]
            if option == udp.SO_RCVBUFFORCE:
                raise PermissionError
            super().setsockopt(level, option, min(value, 100_000))

    with Capped(socket.AF_INET, socket.SOCK_DGRAM) as capped, capture_logs() as logs:
        udp._ask_for_buffer(capped, 300_000)
    assert [(one["event"], one["asked"], one["granted"]) for one in logs] == [
        ("sip.buffer_clamped", 300_000, 100_000)
    ]


async def test_a_port_that_is_taken_is_named() -> None:
    with peer_socket() as taken:
        local = Hop(*taken.getsockname())
        with pytest.raises(OSError, match=f"SIP cannot listen on {local}: Address already in use"):
            await UdpTransport.bind(local, 65536, lambda data, flow: None, 10, lambda data, flow: False)
