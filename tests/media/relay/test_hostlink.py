"""Learning and forgetting between signalling and the relay process, and the order in which it is told."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from media.relay.client import Peer, RelayClient
from media.relay.errors import RelayError, RelayGone
from media.relay.hostlink import Hello, HostLink
from media.relay.peer import Address
from media.relay.roster import Roster, make
from tests.media.relay.wire import Wire

HELLO = Hello(Path("/"), "fd:6", Address("127.0.0.1", 20000), 10, 60, 240)
PHONE = Peer("192.0.2.1", 4000, ("192.0.2.1",))
WORKER = Peer("127.0.64.1", 4002)


def connected() -> tuple[HostLink, Wire]:
    link, wire = HostLink(lambda: None), Wire()
    link.connection_made(wire)
    return link, wire


def answer(**fields: object) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def test_what_was_forgotten_is_not_found() -> None:
    link, _ = connected()
    heard: list[object] = []
    number = link.learn(20002, ("192.0.2.1",), lambda error: heard.append(("armed", error)), heard.append)
    link.data_received(answer(id=number, armed=True))
    link.forget(number, lambda: heard.append("forgotten"))
    link.data_received(answer(id=number, address=["192.0.2.1", 5000]))  # it was on its way
    link.data_received(answer(id=number, forgotten=True))
    assert heard == [("armed", None), "forgotten"]


def test_a_port_that_cannot_be_listened_on() -> None:
    link, _ = connected()
    heard: list[RelayError | None] = []
    number = link.learn(20002, ("192.0.2.1",), heard.append, lambda _: None)
    link.data_received(answer(id=number, failed="no such port"))
    assert [str(error) for error in heard] == ["no such port"]


def test_when_the_relay_goes_all_who_wait_are_told() -> None:
    link, _ = connected()
    heard: list[object] = []
    link.learn(20002, ("192.0.2.1",), lambda error: heard.append(type(error)), heard.append)
    link.forget(99, lambda: heard.append("forgotten"))
    link.connection_lost(None)
    link.learn(20002, ("192.0.2.1",), lambda error: heard.append(type(error)), heard.append)
    assert heard == [RelayGone, "forgotten", RelayGone]


async def test_a_switch_is_done_only_when_the_port_is_relayed_again() -> None:
    """Until the host has let go of the far port, what the worker sends would not reach the caller."""
    client = RelayClient(HELLO, Roster(make(10)), lambda: None, lambda _: None)
    commands, host = Wire(), Wire()
    client._pipeline.connection_made(commands)
    client._host.connection_made(host)
    done: list[object] = []

    async def told() -> None:
        await asyncio.sleep(0)  # commands go out and callbacks come by call_soon
        await asyncio.sleep(0)

    client.open("r1", WORKER, done.append)
    await told()
    client._pipeline.data_received(b"20002 && 20004\n")
    await told()
    client.connect_far("r1", PHONE, done.append)
    await told()
    client._pipeline.data_received(b"20004\n")
    client._host.data_received(answer(id=1, armed=True))
    await told()
    assert len(done) == 2

    client.connect_far("r1", WORKER, done.append)
    await told()
    assert json.loads(host.lines[-1]) == {"do": "forget", "id": 1}
    assert commands.lines[-1].startswith(b"La r1 127.0.64.1 4002 ")
    client._pipeline.data_received(b"20004\n")
    await told()
    assert len(done) == 2
    client._host.data_received(answer(id=1, forgotten=True))
    await told()
    assert done[2:] == [None]
    client.disconnect()
