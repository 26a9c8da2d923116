"""The UDP transport on real sockets: errors, bursts, overload and the buffer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.transport import Transport
from b2bua.transport import udp
from b2bua.transport.rank import Rank
from b2bua.transport.udp import UdpTransport
from tests.support.addresses import free_port, fresh_address

DEADLINE = 20.0


class Inbox:
    """Where a transport delivers, and its door; `each` is what handling one datagram does."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.shed: list[bytes] = []
        self.ranks: dict[bytes, Rank | None] = {}
        self.each: Callable[[], None] = lambda: None
        self.news = asyncio.Event()

    def received(self, data: bytes, flow: Flow) -> None:
        self.seen.append(data)
        self.each()
        self.news.set()

    def rank(self, data: bytes, flow: Flow) -> Rank | None:
        """By the first word."""
        return self.ranks.get(data.split()[0] if data else b"", Rank.KNOWN_BEGUN)

    def refuse(self, data: bytes, flow: Flow, rank: Rank) -> tuple[bytes, Flow] | None:
        assert rank is self.rank(data, flow)
        self.shed.append(data)
        return (b"refused " + data, flow) if rank in (Rank.KNOWN_NEW, Rank.NEW) else None

    async def holds(self, number: int) -> None:
        async with asyncio.timeout(DEADLINE):
            while len(self.seen) < number:
                self.news.clear()
                await self.news.wait()


@asynccontextmanager
async def running(inbox: Inbox, limit: int = 10_000, buffer: int = 4_194_304) -> AsyncIterator[UdpTransport]:
    transport = await UdpTransport.bind(
        SocketAddress(fresh_address(), 5060), buffer, inbox.received, limit, inbox
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
        SocketAddress(fresh_address(), 5060), 65536, lambda data, flow: flows.append(flow), 10, Inbox()
    )
    task = asyncio.create_task(transport.run())
    with peer_socket() as peer:
        peer.sendto(b"x", transport.local)
        async with asyncio.timeout(DEADLINE):
            while not flows:
                await asyncio.sleep(0.005)
        assert flows == [Flow(Transport.UDP, transport.local, SocketAddress(*peer.getsockname()))]
    task.cancel()
    await asyncio.wait({task})


async def test_an_error_of_one_packet_loses_no_other_in_either_direction() -> None:
    inbox = Inbox()
    async with running(inbox) as transport:
        with peer_socket() as peer:
            closed = FLOW._replace(remote=SocketAddress(fresh_address(), free_port()))
            healthy = FLOW._replace(remote=SocketAddress(*peer.getsockname()))
            for number in range(50):
                transport.send(b"to nobody", closed)
                # Broadcasting is not allowed: the kernel refuses, and the stream reports it to the next caller.
                transport.send(b"refused", FLOW._replace(remote=SocketAddress("255.255.255.255", 5060)))
                transport.send(b"%d" % number, healthy)
                peer.sendto(b"%d" % number, transport.local)
            got = [await asyncio.to_thread(peer.recv, 100) for _ in range(50)]
            await inbox.holds(50)
            assert got == inbox.seen == [b"%d" % number for number in range(50)]
            peer.sendto(b"later", transport.local)
            await inbox.holds(51)


async def test_what_comes_before_it_runs_waits_for_that() -> None:
    inbox = Inbox()
    transport = await UdpTransport.bind(
        SocketAddress(fresh_address(), 5060), 65536, inbox.received, 10, inbox
    )
    with peer_socket() as peer:
        peer.sendto(b"early", transport.local)
        async with asyncio.timeout(DEADLINE):
            while not transport._room:
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert inbox.seen == []
        task = asyncio.create_task(transport.run())
        await inbox.holds(1)
        task.cancel()
        await asyncio.wait({task})
        transport.send(b"too late", FLOW._replace(remote=SocketAddress(*peer.getsockname())))


async def test_sending_does_not_wait_for_a_stream_whose_buffer_is_full() -> None:
    async with running(Inbox()) as transport:
        assert transport._stream is not None
        transport._stream._drained.clear()
        with peer_socket() as peer:
            for number in range(3):
                transport.send(b"%d" % number, FLOW._replace(remote=SocketAddress(*peer.getsockname())))
            assert [await asyncio.to_thread(peer.recv, 100) for _ in range(3)] == [b"0", b"1", b"2"]


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
    flow = Flow(Transport.UDP, SocketAddress("127.0.0.1", 5060), SocketAddress("127.0.0.2", 5060))
    async with running(inbox) as transport:
        for number in range(300):
            transport._take_in(b"%d" % number, flow)
        turns = [0]
        while len(inbox.seen) < 300:
            await asyncio.sleep(0)
            turns.append(len(inbox.seen))
    assert max(later - earlier for earlier, later in pairwise(turns)) <= udp.SLICE


FLOW = Flow(Transport.UDP, SocketAddress("127.0.0.1", 5060), SocketAddress("127.0.0.2", 5060))
RANKS: dict[bytes, Rank | None] = {
    b"known-bye": Rank.KNOWN_BEGUN,
    b"known-invite": Rank.KNOWN_NEW,
    b"bye": Rank.BEGUN,
    b"invite": Rank.NEW,
    b"silenced": None,
}


def flow_of(source: int) -> Flow:
    return FLOW._replace(remote=SocketAddress("127.0.0.3", source))


async def test_what_waits_is_handled_by_rank_and_in_order_of_arrival() -> None:
    inbox = Inbox()
    inbox.ranks = RANKS
    names = [b"invite", b"silenced", b"bye", b"known-invite", b"known-bye"]
    async with running(inbox) as transport:
        for number in range(10):
            for source, name in enumerate(names):
                transport._take_in(b"%s %d" % (name, number), flow_of(source))
        await inbox.holds(40)
    assert inbox.seen == [b"%s %d" % (name, number) for name in names[:1:-1] for number in range(10)] + [
        b"invite %d" % number for number in range(10)
    ]
    assert inbox.shed == []


@pytest.mark.parametrize("known", [b"known-", b""])
async def test_nothing_overtakes_what_its_own_source_sent_before(known: bytes) -> None:
    inbox = Inbox()
    inbox.ranks = RANKS
    sent = [known + each for _ in range(20) for each in (b"invite", b"bye")]
    async with running(inbox) as transport:
        for data in sent:
            transport._take_in(data, FLOW)
        await inbox.holds(len(sent))
    assert inbox.seen == sent


async def test_beyond_the_limit_the_last_of_the_lowest_class_makes_room() -> None:
    inbox = Inbox()
    inbox.ranks = RANKS
    async with running(inbox, limit=6) as transport:
        with capture_logs() as logs:
            for name in (b"invite", b"bye", b"known-invite"):
                for number in range(2):
                    transport._take_in(b"%s %d" % (name, number), FLOW)
            transport._take_in(b"invite 2", FLOW)
            assert inbox.shed == [b"invite 2"], "nobody gives way to one of its own class"
            transport._take_in(b"known-invite 2", FLOW)
            assert inbox.shed == [b"invite 2", b"invite 1"]
            transport._take_in(b"bye 2", FLOW)
            transport._take_in(b"bye 3", FLOW)
            assert inbox.shed[2:] == [b"invite 0", b"bye 3"]
            for number in range(7):
                transport._take_in(b"known-bye %d" % number, FLOW)
            assert inbox.shed[4:] == [
                b"bye 2",
                b"bye 1",
                b"bye 0",
                b"known-invite 2",
                b"known-invite 1",
                b"known-invite 0",
            ]
        assert [one["event"] for one in logs] == ["sip.overloaded"], "said once, not for each message"
        await inbox.holds(7)
    assert inbox.seen == [b"known-bye %d" % number for number in range(7)]


async def test_what_belongs_to_calls_of_the_known_is_kept_to_twice_the_limit() -> None:
    inbox = Inbox()
    async with running(inbox, limit=10) as transport:
        for number in range(25):
            transport._take_in(b"%d" % number, FLOW)
        assert inbox.shed == [b"%d" % number for number in range(20, 25)]
        await inbox.holds(20)
        transport._take_in(b"again", FLOW)
        await inbox.holds(21)


async def test_the_refusal_is_sent_if_there_is_one() -> None:
    inbox = Inbox()
    inbox.ranks = RANKS
    async with running(inbox, limit=0) as transport:
        with peer_socket() as peer:
            for data in (b"bye", b"invite", b"silenced", b"known-invite"):
                peer.sendto(data, transport.local)
            got = [await asyncio.to_thread(peer.recv, 100) for _ in range(2)]
        assert got == [b"refused invite", b"refused known-invite"]
    assert inbox.seen == []


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
        local = SocketAddress(*taken.getsockname())
        with pytest.raises(OSError, match=f"SIP cannot listen on {local}: Address already in use"):
            await UdpTransport.bind(local, 65536, lambda data, flow: None, 10, Inbox())
