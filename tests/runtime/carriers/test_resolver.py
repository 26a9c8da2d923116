"""Names to addresses, asked of a real name server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from b2bua.runtime.carriers import resolver as module
from b2bua.runtime.carriers.resolver import Found, ResolveError, Resolver, follow
from b2bua.sip.text.flow import SocketAddress
from b2bua.sip.text.transport import Transport
from config.values import parse_name_servers
from tests.runtime.node import until
from tests.support.nameserver import Mood, NameServer, name_server

HOST = "sip.carrier.example"


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    async with name_server() as running:
        yield running


def asking(*servers: NameServer) -> Resolver:
    return Resolver(parse_name_servers([server.address for server in servers]))


async def test_an_address_is_taken_as_it_is_and_nobody_is_asked(server: NameServer) -> None:
    assert await asking(server).find("192.0.2.1", Transport.UDP) == Found((SocketAddress("192.0.2.1", 5060),))
    assert await asking(server).find("192.0.2.1:5080", Transport.TCP) == Found(
        (SocketAddress("192.0.2.1", 5080),)
    )
    assert server.asked == []


async def test_a_name_with_a_port_has_its_a_records(server: NameServer) -> None:
    server.records[HOST, "A"] = ["192.0.2.2", "192.0.2.1", "192.0.2.2"]
    found = await asking(server).find(f"{HOST}:5080", Transport.UDP)
    assert found == Found((SocketAddress("192.0.2.1", 5080), SocketAddress("192.0.2.2", 5080)), 300)
    assert server.asked == [(HOST, "A")]


async def test_a_name_alone_has_srv_records_by_priority(server: NameServer) -> None:
    server.records[f"_sip._udp.{HOST}", "SRV"] = [
        "20 0 5080 b.carrier.example.",
        "10 0 5070 a.carrier.example.",
    ]
    server.records["a.carrier.example", "A"] = ["192.0.2.1", "192.0.2.2"]
    server.records["b.carrier.example", "A"] = ["192.0.2.1"]
    found = await asking(server).find(HOST, Transport.UDP)
    assert found.hops == (
        SocketAddress("192.0.2.1", 5070),
        SocketAddress("192.0.2.2", 5070),
        SocketAddress("192.0.2.1", 5080),
    )


async def test_tcp_has_srv_records_of_its_own_and_without_any_it_is_port_5060(server: NameServer) -> None:
    server.records[f"_sip._udp.{HOST}", "SRV"] = ["10 0 5070 a.carrier.example."]
    server.records[HOST, "A"] = ["192.0.2.9"]
    assert (await asking(server).find(HOST, Transport.TCP)).hops == (SocketAddress("192.0.2.9", 5060),)
    assert (f"_sip._tcp.{HOST}", "SRV") in server.asked


async def test_weights_spread_and_a_refresh_changes_nothing(server: NameServer) -> None:
    server.records[f"_sip._udp.{HOST}", "SRV"] = [
        "10 90 5060 heavy.carrier.example.",
        "10 10 5060 light.carrier.example.",
        "10 0 5060 last.carrier.example.",
    ]
    for number, name in enumerate(("heavy", "light", "last"), 1):
        server.records[f"{name}.carrier.example", "A"] = [f"192.0.2.{number}"]
    first = []
    for _ in range(60):
        resolver = asking(server)
        found = await resolver.find(HOST, Transport.UDP)
        assert found == await resolver.find(HOST, Transport.UDP)
        first.append(found.hops[0].host)
    assert first.count("192.0.2.1") > 40
    assert first.count("192.0.2.3") < 3


async def test_an_alias_is_followed_and_the_shortest_time_counts(server: NameServer) -> None:
    server.records[HOST, "CNAME"] = ["real.carrier.example."]
    server.records["real.carrier.example", "A"] = ["192.0.2.3"]
    server.ttl = 77
    assert await asking(server).find(HOST, Transport.UDP) == Found((SocketAddress("192.0.2.3", 5060),), 77)


@pytest.mark.parametrize(("ttl", "good_for"), [(0, 5.0), (30, 30.0), (86400, 3600.0)])
async def test_the_time_is_bounded(server: NameServer, ttl: int, good_for: float) -> None:
    server.records[HOST, "A"] = ["192.0.2.1"]
    server.ttl = ttl
    assert (await asking(server).find(HOST, Transport.UDP)).ttl == good_for


async def test_a_target_without_address_is_left_out_and_asked_for_again_soon(server: NameServer) -> None:
    server.records[f"_sip._udp.{HOST}", "SRV"] = [
        "10 0 5060 gone.carrier.example.",
        "20 0 5060 b.carrier.example.",
    ]
    server.records["b.carrier.example", "A"] = ["192.0.2.1"]
    found = await asking(server).find(HOST, Transport.UDP)
    assert found == Found((SocketAddress("192.0.2.1", 5060),), module.RETRY)
    server.records["b.carrier.example", "A"] = ["0.0.0.0", "224.0.0.1"]
    with pytest.raises(ResolveError, match="no target of its SRV records"):
        await asking(server).find(HOST, Transport.UDP)


async def test_a_service_that_is_not_offered(server: NameServer) -> None:
    server.records[f"_sip._udp.{HOST}", "SRV"] = ["0 0 0 ."]
    server.records[HOST, "A"] = ["192.0.2.1"]
    with pytest.raises(ResolveError, match="no SIP by UDP"):
        await asking(server).find(HOST, Transport.UDP)


async def test_a_name_that_is_not_there(server: NameServer) -> None:
    with pytest.raises(ResolveError, match="does not exist"):
        await asking(server).find(HOST, Transport.UDP)
    server.records[HOST, "TXT"] = ['"x"']
    with pytest.raises(ResolveError, match="does not contain an answer"):
        await asking(server).find(HOST, Transport.UDP)


@pytest.mark.parametrize("mood", [Mood.NEVER, Mood.NONSENSE, Mood.FAILING, Mood.LYING])
async def test_a_bad_server_costs_time_and_nothing_else(
    server: NameServer, mood: Mood, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIFETIME", 0.4)
    server.records[HOST, "A"] = ["192.0.2.1"]
    server.mood = mood
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    began = asyncio.get_running_loop().time()
    with pytest.raises(ResolveError):
        await asking(server).find(f"{HOST}:5060", Transport.UDP)
    took = asyncio.get_running_loop().time() - began
    ticking.cancel()
    assert took < 2.0 and ticks + 1 >= took / 0.03, "the event loop went on"


async def test_a_second_server_is_asked_where_the_first_is_dead(server: NameServer) -> None:
    async with name_server() as dead:
        dead.mood = Mood.NEVER
        server.records[HOST, "A"] = ["192.0.2.1"]
        assert (await asking(dead, server).find(f"{HOST}:5060", Transport.UDP)).hops == (
            SocketAddress("192.0.2.1", 5060),
        )
        dead.mood = Mood.FAILING
        assert (await asking(dead, server).find(HOST, Transport.UDP)).hops == (
            SocketAddress("192.0.2.1", 5060),
        )


async def test_the_systems_servers_are_read_anew_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0

    def missing(*arguments: object, **options: object) -> None:
        nonlocal read
        read += 1
        raise module.dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(module.dns.asyncresolver, "Resolver", missing)
    for _ in range(2):
        with pytest.raises(ResolveError, match="no nameservers"):
            await Resolver().find(HOST, Transport.UDP)
    assert read == 2


# Over time


class Follower:
    """Hears what `follow` tells."""

    def __init__(self, resolver: Resolver, text: str = f"{HOST}:5060") -> None:
        self.found: list[tuple[SocketAddress, ...]] = []
        self.failed: list[str] = []
        self.task = asyncio.create_task(
            follow(resolver, text, Transport.UDP, self.found.append, self.failed.append)
        )


async def test_addresses_are_asked_for_again_when_their_time_is_over(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHORTEST", 0.02)
    monkeypatch.setattr(module, "RETRY", 0.02)
    monkeypatch.setattr(module, "LIFETIME", 0.2)
    server.records[HOST, "A"], server.ttl = ["192.0.2.1"], 0
    follower = Follower(asking(server))
    await until(lambda: len(follower.found) > 2, "a refresh")
    server.mood = Mood.NEVER
    await until(lambda: follower.failed, "the failure to be told")
    assert set(follower.found) == {(SocketAddress("192.0.2.1", 5060),)}
    server.mood, server.records[HOST, "A"] = Mood.WELL, ["192.0.2.2"]
    await until(lambda: follower.found[-1] == (SocketAddress("192.0.2.2", 5060),), "the new address")
    assert not follower.task.done()
    follower.task.cancel()
