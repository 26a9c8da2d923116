"""The TCP transport on real sockets: flows, keep-alive, limits, peers that do not read, connections of ours."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import uvloop
from structlog.testing import capture_logs

from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.framing import Unframed
from b2bua.sip.text.transport import Transport
from b2bua.transport import tcp
from b2bua.transport.tcp import Limits, Receiver, TcpTransport
from b2bua.transport.unreachable import Unreachable
from tests.support.addresses import fresh_address

DEADLINE = 20.0
MESSAGE = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n"
GENEROUS = Limits(100, 100, 60.0)


Run = Callable[[Coroutine[Any, Any, None]], None]
on_both_loops = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
"""For what is the loops' business, where they differ: buffers and pauses."""


class Inbox:
    """What a transport told."""

    def __init__(self) -> None:
        self.seen: list[tuple[bytes, Flow]] = []
        self.refused: list[Unframed] = []
        self.lost: list[Flow] = []
        self.transport: TcpTransport | None = None
        self.answers = b""

    def message(self, data: bytes, flow: Flow) -> None:
        self.seen.append((data, flow))
        if self.answers:
            assert self.transport is not None
            self.transport.send(self.answers, flow)

    def unframed(self, error: Unframed, flow: Flow) -> None:
        self.refused.append(error)
        assert self.transport is not None
        self.transport.send(b"refused", flow)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(inbox: Inbox, limits: Limits = GENEROUS) -> AsyncIterator[TcpTransport]:
    receiver = Receiver(inbox.message, inbox.unframed, inbox.lost.append)
    transport = inbox.transport = await TcpTransport.listen(
        SocketAddress(fresh_address(), 5060), limits, receiver
    )
    task = asyncio.create_task(transport.run())
    yield transport
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def connect(
    transport: TcpTransport, address: str = ""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*transport.local, local_addr=(address or fresh_address(), 0))


async def end_of(reader: asyncio.StreamReader) -> bytes:
    """Everything until the other side closes."""
    async with asyncio.timeout(DEADLINE):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def test_each_connection_is_a_flow_of_its_own_and_answers_go_back_by_it() -> None:
    inbox = Inbox()
    async with running(inbox) as transport:
        one, two = await connect(transport), await connect(transport)
        one[1].write(MESSAGE)
        await until(lambda: len(inbox.seen) == 1)
        two[1].write(MESSAGE[:10])
        one[1].write(MESSAGE)
        await until(lambda: len(inbox.seen) == 2)
        two[1].write(MESSAGE[10:])
        await until(lambda: len(inbox.seen) == 3)
        flows = [flow for _, flow in inbox.seen]
        assert flows[0] == flows[1] != flows[2]
        assert flows[0].remote == one[1].get_extra_info("sockname")
        assert (flows[0].transport, flows[0].local) == (Transport.TCP, transport.local)
        transport.send(b"second", flows[2])
        transport.send(b"first", flows[0])
        assert await one[0].readexactly(5) == b"first"
        assert await two[0].readexactly(6) == b"second"


async def test_a_ping_gets_a_pong() -> None:
    inbox = Inbox()
    async with running(inbox) as transport:
        reader, writer = await connect(transport)
        writer.write(b"\r\n\r\n")
        assert await asyncio.wait_for(reader.readexactly(2), DEADLINE) == b"\r\n"
        writer.write(MESSAGE + b"\r\n\r\n" + MESSAGE)
        assert await asyncio.wait_for(reader.readexactly(2), DEADLINE) == b"\r\n"
        await until(lambda: len(inbox.seen) == 2)


async def test_what_cannot_be_framed_is_refused_and_the_connection_closed() -> None:
    inbox = Inbox()
    async with running(inbox) as transport:
        reader, writer = await connect(transport)
        writer.write(MESSAGE + b"BYE sip:a@b SIP/2.0\r\n\r\n" + MESSAGE)
        assert await end_of(reader) == b"refused"
        assert [data for data, _ in inbox.seen] == [MESSAGE], "nothing after it is believed"
        assert [error.code for error in inbox.refused] == [400]
        await until(lambda: inbox.lost)
        assert inbox.lost == [inbox.seen[0][1]]
        assert len(transport) == 0


@on_both_loops
def test_a_burst_is_handled_in_slices_in_order(run: Run) -> None:
    run(_burst())


async def _burst() -> None:
    inbox = Inbox()
    async with running(inbox) as transport:
        _, writer = await connect(transport)
        burst = [b"%04d sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n" % number for number in range(2000)]
        writer.write(b"".join(burst))
        sizes = [0]
        async with asyncio.timeout(DEADLINE):
            while len(inbox.seen) < 2000:
                await asyncio.sleep(0)
                sizes.append(len(inbox.seen))
        assert [data for data, _ in inbox.seen] == burst
        assert max(b - a for a, b in pairwise(sizes)) < len(burst) / 4, "the loop had its turns between"


@on_both_loops
def test_a_peer_is_read_no_faster_than_it_is_handled(run: Run) -> None:
    run(_eager_peer())


async def _eager_peer() -> None:
    inbox = Inbox()
    most_waiting = 0
    stream = MESSAGE * 60_000  # ten times what a loop reads at once

    def message(data: bytes, flow: Flow) -> None:
        nonlocal most_waiting
        inbox.message(data, flow)
        (connection,) = transport._connections.values()
        most_waiting = max(most_waiting, len(connection._framer._buffer))

    async with running(inbox) as transport:
        transport.receiver = replace(transport.receiver, message=message)
        with socket.socket() as peer:
            peer.bind((fresh_address(), 0))
            peer.connect(transport.local)
            writing = asyncio.create_task(asyncio.to_thread(peer.sendall, stream))
            async with asyncio.timeout(30):
                while len(inbox.seen) < 60_000:
                    await asyncio.sleep(0)
            await writing
    assert most_waiting < len(stream) / 4


async def test_a_connection_that_nobody_known_uses_is_closed_in_time_and_a_proven_one_stays() -> None:
    inbox = Inbox()
    async with running(inbox, Limits(10, 10, 0.2)) as transport:
        proven, stranger = await connect(transport), await connect(transport)
        proven[1].write(MESSAGE)
        await until(lambda: inbox.seen)
        transport.prove(inbox.seen[0][1])
        with capture_logs() as logs:
            began = asyncio.get_running_loop().time()
            stranger[1].write(MESSAGE * 3)
            await end_of(stranger[0])
        assert asyncio.get_running_loop().time() - began < 1
        assert [(one["event"], one["reason"]) for one in logs] == [
            ("sip.connection_cut", "no authenticated request")
        ]
        transport.send(b"still here", inbox.seen[0][1])
        assert await asyncio.wait_for(proven[0].readexactly(10), DEADLINE) == b"still here"


async def test_there_are_limits_for_one_address_and_for_all() -> None:
    inbox = Inbox()
    async with running(inbox, Limits(3, 2, 60.0)) as transport:
        crowd = fresh_address()
        first = await connect(transport, crowd)
        second = await connect(transport, crowd)
        await until(lambda: len(transport) == 2)
        with capture_logs() as logs:
            for _ in range(3):
                assert await end_of((await connect(transport, crowd))[0]) == b""
        assert [(one["event"], one["reason"]) for one in logs] == [
            ("sip.connections_exhausted", "from one address")
        ]
        elsewhere = await connect(transport)
        await until(lambda: len(transport) == 3)
        assert await end_of((await connect(transport))[0]) == b""
        first[1].close()
        await until(lambda: len(transport) == 2)
        again = await connect(transport, crowd)
        again[1].write(MESSAGE)
        await until(lambda: inbox.seen)
        for _, writer in (second, elsewhere, again):
            writer.close()
        await until(lambda: len(transport) == 0)
        assert not transport._per_address, "nothing is kept of addresses that are gone"


@on_both_loops
def test_a_peer_that_does_not_read_is_cut_off_and_others_are_served(run: Run) -> None:
    run(_deaf_peer())


async def _deaf_peer() -> None:
    inbox = Inbox()
    inbox.answers = b"x" * 20_000
    async with running(inbox) as transport:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.bind((fresh_address(), 0))
            deaf.connect(transport.local)
            deaf.settimeout(DEADLINE)
            with capture_logs() as logs:
                async with asyncio.timeout(DEADLINE):
                    while not inbox.lost:
                        try:
                            await asyncio.to_thread(deaf.sendall, MESSAGE)
                        except ConnectionError:
                            break
                await until(lambda: inbox.lost)
            assert [(one["event"], one["reason"]) for one in logs] == [
                ("sip.connection_cut", "peer does not read")
            ]
        reader, writer = await connect(transport)
        writer.write(MESSAGE)
        assert len(await asyncio.wait_for(reader.readexactly(20_000), DEADLINE)) == 20_000


async def test_a_flow_whose_connection_has_gone_is_reported_lost_but_not_from_inside_send() -> None:
    inbox = Inbox()
    async with running(inbox) as transport:
        _, writer = await connect(transport)
        writer.write(MESSAGE)
        await until(lambda: inbox.seen)
        flow = inbox.seen[0][1]
        writer.close()
        await until(lambda: inbox.lost == [flow])
        transport.send(b"too late", flow)
        assert inbox.lost == [flow]
        await until(lambda: inbox.lost == [flow, flow])


async def test_a_flow_without_a_connection_opens_one_and_uses_it_again() -> None:
    inbox = Inbox()
    arrived: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer)
        while data := await reader.read(1000):
            arrived.append(data)

    peers: list[asyncio.StreamWriter] = []
    async with running(inbox, Limits(100, 100, 0.2)) as transport:
        there = SocketAddress(fresh_address(), 5060)
        server = await asyncio.start_server(serve, *there)
        flow = Flow(Transport.TCP, transport.local, there)
        transport.send(b"one ", flow)
        transport.send(b"two ", flow)
        await until(lambda: b"".join(arrived) == b"one two ")
        assert peers[0].get_extra_info("peername")[0] == transport.local.host
        await asyncio.sleep(0.3)  # longer than a stranger's connection may be unproven
        transport.send(b"three ", flow)
        await until(lambda: b"".join(arrived) == b"one two three ")
        assert len(peers) == 1
        peers[0].write(MESSAGE)
        await until(lambda: inbox.seen)
        numbered = inbox.seen[0][1]
        assert numbered._replace(connection=0) == flow
        peers[0].close()
        await until(lambda: inbox.lost)
        assert set(inbox.lost) == {flow, numbered}
        transport.send(b"again ", flow)
        await until(lambda: len(peers) == 2)
        server.close()


async def test_where_nobody_listens_the_flow_is_lost_at_once() -> None:
    inbox = Inbox()
    async with running(inbox) as transport:
        flow = Flow(Transport.TCP, transport.local, SocketAddress(fresh_address(), 5060))
        with capture_logs() as logs:
            transport.send(b"hello?", flow)
            await until(lambda: flow in inbox.lost)
        assert [one["event"] for one in logs] == ["sip.connection_failed"]
        assert len(transport) == 0


async def test_the_end_of_the_service_is_no_loss() -> None:
    inbox = Inbox()
    async with running(inbox) as transport:
        reader, writer = await connect(transport)
        writer.write(MESSAGE)
        await until(lambda: inbox.seen)
    assert await end_of(reader) == b""
    await until(lambda: len(transport) == 0)
    assert inbox.lost == []


async def test_a_port_that_is_taken_is_named() -> None:
    async with running(Inbox()) as transport:
        inbox = Inbox()
        receiver = Receiver(inbox.message, inbox.unframed, inbox.lost.append)
        with pytest.raises(OSError, match=r"SIP cannot listen on .*:5060 \(TCP\): Address already in use"):
            await TcpTransport.listen(transport.local, GENEROUS, receiver)


async def test_a_peer_that_takes_no_connection_is_not_tried_again_for_minutes() -> None:
    inbox = Inbox()
    async with running(inbox) as transport:
        there = SocketAddress(fresh_address(), 5060)
        flow = transport.reach(there)
        assert flow == Flow(Transport.TCP, transport.local, there)
        transport.send(b"hello?", flow)
        await until(lambda: flow in inbox.lost)
        assert transport.reach(there) is None
        # Whoever has no other way tries all the same.
        transport.send(b"hello?", flow)
        await until(lambda: inbox.lost.count(flow) == 2)


async def test_a_peer_that_says_nothing_at_all_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "HASTE", 0.1)
    inbox = Inbox()
    with socket.socket() as deaf:
        # A listener whose backlog is full answers no SYN.
        deaf.bind((fresh_address(), 0))
        deaf.listen(0)
        there = SocketAddress(*deaf.getsockname())
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(there)
        async with running(inbox) as transport:
            began = asyncio.get_running_loop().time()
            flow = transport.reach(there)
            assert flow is not None
            transport.send(b"hello?", flow)
            await until(lambda: flow in inbox.lost)
            assert asyncio.get_running_loop().time() - began < 2
            assert transport.reach(there) is None
        for one in waiting:
            one.close()


async def test_a_connection_that_is_there_is_used_for_what_is_long() -> None:
    inbox = Inbox()
    arrived: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            arrived.append(data)

    async with running(inbox) as transport:
        there = SocketAddress(fresh_address(), 5060)
        server = await asyncio.start_server(serve, *there)
        for _ in range(2):
            flow = transport.reach(there)
            assert flow is not None
            transport.send(b"long", flow)
        await until(lambda: b"".join(arrived) == b"longlong")
        assert len(transport) == 1
        server.close()


def test_of_many_peers_that_cannot_be_reached_the_latest_are_remembered() -> None:
    book = Unreachable()
    peers = [SocketAddress("192.0.2.9", port) for port in range(1, 1102)]
    for peer in peers:
        book.add(peer, 10.0)
    assert not book.holds(peers[0], 11.0)
    assert book.holds(peers[-1], 309.0)
    assert not book.holds(peers[-1], 311.0)
