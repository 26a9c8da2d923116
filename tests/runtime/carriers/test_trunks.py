"""Trunks on real sockets, with carriers and a name server of our own."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from b2bua.runtime import metrics
from b2bua.runtime.carriers import resolver as resolving
from b2bua.runtime.carriers.trunk_line import TrunkLine
from b2bua.runtime.figures import NodeFigures
from b2bua.sip.text.transport import Transport
from b2bua.trunks import registration
from tests.runtime.carrier import Carrier, running_carrier
from tests.runtime.node import Node, company, running_node, until
from tests.runtime.test_metrics import scrape
from tests.support.addresses import fresh_address
from tests.support.nameserver import Mood, NameServer, name_server


def trunk(host: object, name: str = "carrier", **keys: Any) -> str:
    """A trunk in the company file; without other keys one that registers."""
    values = {"register": True, "username": "ringplan", "password": "secret", **keys}
    lines = (
        f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}"
        for key, value in values.items()
    )
    return f'[[trunks]]\nname = "{name}"\nhost = "{host}"\n' + "\n".join(lines) + "\n"


def watched(host: object, name: str = "carrier", **keys: Any) -> str:
    """A trunk that does not register."""
    return trunk(host, name, register=False, **keys)


@asynccontextmanager
async def node_with(relay: Path, *trunks: str, interval: float = 0.1, **tables: Any) -> AsyncIterator[Node]:
    sip = {"t1": 0.1, **tables.pop("sip", {})}
    text = company() + "".join(trunks)
    async with running_node(relay, text, trunks={"probe_interval": interval}, sip=sip, **tables) as node:
        yield node


@pytest.fixture
async def carrier() -> AsyncIterator[Carrier]:
    async with running_carrier() as running:
        yield running


@pytest.fixture
async def other() -> AsyncIterator[Carrier]:
    async with running_carrier() as running:
        yield running


@pytest.fixture
async def names() -> AsyncIterator[NameServer]:
    async with name_server() as running:
        yield running


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "SHORTEST", 0.1)
    monkeypatch.setattr(registration, "FIRST_PAUSE", 0.2)
    monkeypatch.setattr(registration, "GOODBYE", 0.3)
    monkeypatch.setattr(resolving, "SHORTEST", 0.05)
    monkeypatch.setattr(resolving, "RETRY", 0.1)
    monkeypatch.setattr(resolving, "LIFETIME", 0.3)


def listed(node: Node, name: str = "carrier") -> dict[str, Any]:
    """What is shown of a trunk; nothing while the node is still starting."""
    found = [one for one in node.signalling.trunks.listed() if one["name"] == name]
    return found[0] if found else defaultdict(lambda: None)


def order(node: Node) -> list[str]:
    """The addresses that a call would try now."""
    return [str(gateway.flow.remote) for gateway in node.signalling.trunks.gateways()]


def events(logs: list[Any]) -> list[str]:
    return [one["event"] for one in logs if one["event"].startswith("trunk.")]


# Registration


async def test_it_registers_with_digest_and_refreshes_at_half_the_time(
    relay_socket: Path, carrier: Carrier
) -> None:
    carrier.grants = 1
    with capture_logs() as logs:
        async with node_with(relay_socket, trunk(carrier.hop.host), interval=0) as node:
            await until(lambda: carrier.contacts, "the registration")
            assert carrier.contacts == {f"sip:ringplan@{node.address}:5060": Transport.UDP}
            first, second = carrier.received[:2]
            assert (first.cseq[0], second.cseq[0]) == (1, 2) and first.call_id == second.call_id
            assert first.uri_text == f"sip:{carrier.hop.host}"
            assert str(second.to) == f"<sip:ringplan@{carrier.hop.host}>"
            assert second.from_.uri == second.to.uri
            await until(lambda: carrier.count("REGISTER") >= 4, "two refreshes")
            assert "nc=00000003" in (carrier.received[3].get("authorization") or "")
            assert listed(node)["state"] == "up" and 0 < listed(node)["registered_for"] <= 1
    assert events(logs) == ["trunk.resolved", "trunk.registered"], "a refresh is not worth a line"


async def test_what_is_granted_to_a_contact_that_was_rewritten_on_the_way_counts(
    relay_socket: Path, carrier: Carrier
) -> None:
    carrier.grants, carrier.rewrites = 1, "sip:ringplan@198.51.100.7:61000;rinstance=1"
    with capture_logs() as logs:
        async with node_with(relay_socket, trunk(carrier.hop.host), interval=0) as node:
            await until(lambda: carrier.count("REGISTER") >= 4, "two refreshes, each within a second")
            assert 0 < listed(node)["registered_for"] <= 1
    assert events(logs) == ["trunk.resolved", "trunk.contact_rewritten", "trunk.registered"]
    rewritten = next(one for one in logs if one["event"] == "trunk.contact_rewritten")
    assert (rewritten["contact"], rewritten["seconds"]) == (carrier.rewrites, 1)


async def test_a_refused_registration_is_told_and_tried_again(relay_socket: Path, carrier: Carrier) -> None:
    carrier.password = "another"
    with capture_logs() as logs:
        async with node_with(relay_socket, trunk(carrier.hop.host), interval=0) as node:
            await until(lambda: "trunk.registration_failed" in events(logs), "the failure")
            failure = next(one for one in logs if one["event"] == "trunk.registration_failed")
            assert (failure["trunk"], failure["code"]) == ("carrier", 403)
            assert listed(node)["problem"] == "registration failed (403)"
            assert listed(node)["registered_for"] is None
            assert "secret" not in str(logs)
            carrier.password = "secret"
            await until(lambda: carrier.contacts, "the next attempt")
            await until(lambda: listed(node)["problem"] is None, "the good news")


async def test_stopping_ends_the_registration(relay_socket: Path, carrier: Carrier) -> None:
    async with node_with(relay_socket, trunk(carrier.hop.host)) as node:
        await until(lambda: carrier.contacts, "the registration")
        await asyncio.wait_for(node.signalling.stop(), 2)
        assert carrier.contacts == {} and node.signalling.trunks.gateways() == ()
        await node.signalling.trunks.stop()


async def test_stopping_waits_for_a_dead_carrier_no_longer_than_it_must(
    relay_socket: Path, carrier: Carrier
) -> None:
    async with node_with(relay_socket, trunk(carrier.hop.host)) as node:
        await until(lambda: carrier.contacts, "the registration")
        carrier.answers["REGISTER"] = 0
        began = asyncio.get_running_loop().time()
        await node.signalling.trunks.stop()
        assert asyncio.get_running_loop().time() - began < 1.0


# Changes of the directory


async def test_only_what_changed_is_started_again(
    relay_socket: Path, carrier: Carrier, other: Carrier
) -> None:
    both = trunk(carrier.hop.host), trunk(other.hop.host, "other", order=2)
    async with node_with(relay_socket, *both, interval=0) as node:
        await until(lambda: carrier.contacts and other.contacts, "both registrations")
        assert order(node) == [str(carrier.hop), str(other.hop)]
        seen = len(carrier.received), len(other.received)
        swapped = (
            trunk(carrier.hop.host, order=3),
            trunk(other.hop.host, "other", order=2, identity="passthrough"),
        )
        await node.apply(company() + "".join(swapped))
        await node.signalling.reload()
        assert order(node) == [str(other.hop), str(carrier.hop)]
        assert node.signalling.trunks.gateways()[0].trunk.identity == "passthrough"
        assert (len(carrier.received), len(other.received)) == seen
        carrier.password = "new"
        changed = trunk(carrier.hop.host, order=3, password="new"), swapped[1]
        await node.apply(company() + "".join(changed))
        await node.signalling.reload()
        await until(lambda: carrier.count("REGISTER") > seen[0] + 2 and carrier.contacts, "the new password")
        assert len(other.received) == seen[1]
        registers = [
            (one.call_id, one.get("expires")) for one in carrier.received if one.method == "REGISTER"
        ]
        old, new = registers[0][0], registers[-1][0]
        assert old != new
        assert registers.index((new, "3600")) > max(
            place for place, entry in enumerate(registers) if entry[0] == old
        ), "the old registration ends before the new one begins: both have one Contact"


async def test_a_new_registration_waits_for_the_end_of_the_old_one(
    relay_socket: Path, carrier: Carrier
) -> None:
    async with node_with(relay_socket, trunk(carrier.hop.host), interval=0) as node:
        await until(lambda: carrier.contacts, "the registration")
        carrier.answers["REGISTER"] = 0
        (known,) = node.signalling.devices.directory.trunks
        node.signalling.trunks.follow([replace(known, password="new")])
        await until(lambda: len({one.call_id for one in carrier.received}) == 2, "the new registration")
        ending = next(place for place, one in enumerate(carrier.received) if one.get("expires") == "0")
        beginning = next(
            place for place, one in enumerate(carrier.received) if one.call_id != carrier.received[0].call_id
        )
        waited = carrier.times[beginning] - carrier.times[ending]
        assert waited > 0.9 * registration.GOODBYE, "both have one Contact"


async def test_a_trunk_that_is_gone_is_watched_no_more(
    relay_socket: Path, carrier: Carrier, other: Carrier
) -> None:
    both = watched(carrier.hop.host), watched(other.hop.host, "other", order=2)
    async with node_with(relay_socket, *both) as node:
        await until(lambda: carrier.count("OPTIONS") > 1, "probes")
        node.signalling.trunks.follow(node.signalling.devices.directory.trunks[1:])
        seen = other.count("OPTIONS")
        await until(lambda: other.count("OPTIONS") > seen + 1, "probes of the other")
        before = carrier.count("OPTIONS")
        await until(lambda: other.count("OPTIONS") > seen + 4, "more probes of the other")
        assert carrier.count("OPTIONS") == before


async def test_a_trunk_that_is_gone_leaves_and_one_that_is_new_comes(
    relay_socket: Path, carrier: Carrier, other: Carrier
) -> None:
    async with node_with(relay_socket, trunk(carrier.hop.host), interval=0) as node:
        await until(lambda: carrier.contacts, "the registration")
        reading = node.signalling.devices.directory.trunks
        node.signalling.trunks.follow([])
        assert order(node) == []
        await until(lambda: not carrier.contacts, "the end of the registration")
        node.signalling.trunks.follow(reading)
        await until(lambda: carrier.contacts, "the new registration")


async def test_a_fault_of_ours_costs_one_trunk_and_no_other(
    relay_socket: Path, carrier: Carrier, other: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = TrunkLine.start

    def fail(self: TrunkLine) -> None:
        if self.trunk.name == "carrier":
            raise ZeroDivisionError("a fault")
        start(self)

    monkeypatch.setattr(TrunkLine, "start", fail)
    with capture_logs() as logs:
        both = trunk(carrier.hop.host), trunk(other.hop.host, "other", order=2)
        async with node_with(relay_socket, *both) as node:
            await until(lambda: other.contacts, "the other trunk")
            assert order(node) == [str(other.hop)]
    (fault,) = [one for one in logs if one["event"] == "trunk.fault"]
    assert fault["trunk"] == "carrier" and fault["exc_info"]


async def test_a_register_that_cannot_be_written_is_a_failure_like_any_other(
    relay_socket: Path, carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    with capture_logs() as logs:
        async with node_with(relay_socket, watched(carrier.hop.host), interval=0) as node:
            await until(lambda: order(node), "the address")
            request = node.signalling.agent.request

            def fail(*arguments: Any, **options: Any) -> None:
                raise ZeroDivisionError("a fault")

            monkeypatch.setattr(node.signalling.agent, "request", fail)
            await node.apply(company() + trunk(carrier.hop.host))
            await node.signalling.reload()
            await until(lambda: "trunk.registration_failed" in events(logs), "the failure")
            monkeypatch.setattr(node.signalling.agent, "request", request)
            await until(lambda: carrier.contacts, "the next attempt")


# Health


async def test_probes_say_who_is_there_and_calls_try_the_others_last(
    relay_socket: Path, carrier: Carrier, other: Carrier
) -> None:
    both = watched(carrier.hop.host), watched(other.hop.host, "other", order=2)
    with capture_logs() as logs:
        async with node_with(relay_socket, *both) as node:
            await until(lambda: carrier.count("OPTIONS") and other.count("OPTIONS"), "probes")
            probe = carrier.received[0]
            assert probe.uri_text == f"sip:{carrier.hop.host}" and probe.get("authorization") is None
            assert order(node) == [str(carrier.hop), str(other.hop)]
            carrier.answers["OPTIONS"] = 503
            await until(lambda: listed(node)["state"] == "down", "the refusal")
            assert order(node) == [str(other.hop), str(carrier.hop)]
            carrier.answers["OPTIONS"] = 404
            await until(lambda: listed(node)["state"] == "up", "an answer")
            assert order(node) == [str(carrier.hop), str(other.hop)]
            other.answers["OPTIONS"] = 0
            await until(lambda: listed(node, "other")["state"] == "down", "the silence")
            address = fresh_address()
            metrics.serve(NodeFigures(node.signalling), address, 9160)
            figures = await scrape(address)
            assert figures['ringplan_trunk_up{trunk="carrier"}'] == 1
            assert figures['ringplan_trunk_up{trunk="other"}'] == 0
            assert not any("trunk_registered{" in name for name in figures)
            other.answers["OPTIONS"] = 200
            await until(lambda: listed(node, "other")["state"] == "up", "the end of the silence")
    told = [(one["event"], one["trunk"]) for one in logs if one["event"] in ("trunk.up", "trunk.down")]
    assert told == [
        ("trunk.down", "carrier"),
        ("trunk.up", "carrier"),
        ("trunk.down", "other"),
        ("trunk.up", "other"),
    ]


async def test_a_call_that_met_silence_makes_a_trunk_suspect_until_it_answers(
    relay_socket: Path, carrier: Carrier, other: Carrier
) -> None:
    both = watched(carrier.hop.host), watched(other.hop.host, "other", order=2)
    async with node_with(relay_socket, *both, interval=30) as node:
        trunks = node.signalling.trunks
        await until(lambda: carrier.count("OPTIONS") == other.count("OPTIONS") == 1, "the first probes")
        first = trunks.gateways()[0]
        await asyncio.sleep(0.05)
        carrier.answers["OPTIONS"] = 0
        trunks.silent(first)
        assert order(node) == [str(other.hop), str(carrier.hop)] and listed(node)["state"] == "suspect"
        await until(lambda: carrier.count("OPTIONS") > 1, "a probe at once")
        trunks.answered(first)
        assert order(node) == [str(carrier.hop), str(other.hop)]
        node.signalling.trunks.follow([])
        trunks.silent(first)  # of a call that began before


async def test_without_an_interval_there_are_no_probes(relay_socket: Path, carrier: Carrier) -> None:
    async with node_with(relay_socket, trunk(carrier.hop.host), interval=0):
        await until(lambda: carrier.contacts, "the registration")
        assert carrier.count("OPTIONS") == 0


# Names


async def test_a_name_is_several_gateways_and_follows_dns(
    relay_socket: Path, carrier: Carrier, other: Carrier, names: NameServer
) -> None:
    names.ttl = 0
    names.records["_sip._udp.sip.carrier.example", "SRV"] = [
        "1 0 5060 a.carrier.example.",
        "2 0 5060 b.carrier.example.",
    ]
    names.records["a.carrier.example", "A"] = [carrier.hop.host]
    names.records["b.carrier.example", "A"] = [other.hop.host]
    sip = {"dns_servers": [names.address]}
    with capture_logs() as logs:
        async with node_with(relay_socket, trunk("sip.carrier.example"), sip=sip, interval=0) as node:
            await until(lambda: carrier.contacts, "the registration at the first address")
            assert order(node) == [str(carrier.hop), str(other.hop)]
            gateway = node.signalling.trunks.gateways()[0]
            assert (gateway.host, gateway.port) == ("sip.carrier.example", None)
            assert gateway.credential is not None and gateway.credential.username == "ringplan"
            assert carrier.received[0].uri_text == "sip:sip.carrier.example" and not other.received
            names.mood = Mood.NEVER
            await until(lambda: "trunk.unresolved" in events(logs), "the failure")
            assert order(node) == [str(carrier.hop), str(other.hop)], "what was known stays in force"
            assert listed(node)["problem"]
            names.records["_sip._udp.sip.carrier.example", "SRV"] = ["1 0 5060 b.carrier.example."]
            names.mood = Mood.WELL
            await until(lambda: other.contacts, "the registration at the address that is left")
            assert order(node) == [str(other.hop)] and listed(node)["problem"] is None
    assert events(logs).count("trunk.unresolved") == 1


async def test_a_trunk_without_an_address_waits_for_it_and_costs_the_others_nothing(
    relay_socket: Path, carrier: Carrier, other: Carrier, names: NameServer
) -> None:
    both = trunk("sip.carrier.example:5060"), trunk(other.hop.host, "other", order=2)
    async with node_with(relay_socket, *both, sip={"dns_servers": [names.address]}) as node:
        await until(lambda: other.contacts, "the other trunk")
        await until(lambda: listed(node)["problem"], "the failure")
        assert order(node) == [str(other.hop)] and listed(node)["state"] == "down"
        names.records["sip.carrier.example", "A"] = [carrier.hop.host]
        await until(lambda: carrier.contacts, "the registration")
        assert order(node) == [str(carrier.hop), str(other.hop)]


async def test_a_silent_address_is_left_for_the_next(
    relay_socket: Path, carrier: Carrier, other: Carrier, names: NameServer
) -> None:
    names.records["_sip._udp.sip.carrier.example", "SRV"] = [
        "1 0 5060 a.carrier.example.",
        "2 0 5060 b.carrier.example.",
    ]
    names.records["a.carrier.example", "A"] = [carrier.hop.host]
    names.records["b.carrier.example", "A"] = [other.hop.host]
    carrier.answers = {"REGISTER": 0, "OPTIONS": 0}
    sip = {"dns_servers": [names.address], "t1": 0.1}
    async with node_with(relay_socket, trunk("sip.carrier.example"), sip=sip) as node:
        await until(lambda: other.contacts, "the registration at the second address", 15)
        assert order(node) == [str(other.hop), str(carrier.hop)]
        assert [one["state"] for one in listed(node)["addresses"]] == ["down", "up"]
        assert listed(node)["state"] == "up"


# TCP


async def test_tcp_registers_by_a_connection_and_again_at_once_when_that_breaks(
    relay_socket: Path, carrier: Carrier
) -> None:
    async with node_with(relay_socket, trunk(carrier.hop, transport="tcp"), interval=0) as node:
        await until(lambda: carrier.contacts, "the registration")
        assert carrier.contacts == {f"sip:ringplan@{node.address}:5060;transport=tcp": Transport.TCP}
        assert len(carrier.connections) == 1
        seen = carrier.count("REGISTER")
        carrier.cut()
        await until(lambda: carrier.count("REGISTER") > seen, "another registration")
        await until(lambda: len(carrier.connections) == 1, "one connection")
        (gateway,) = node.signalling.trunks.gateways()
        assert gateway.flow.transport is Transport.TCP and gateway.flow.connection == 0


async def test_a_port_where_nobody_listens_is_down(relay_socket: Path) -> None:
    async with node_with(relay_socket, watched(fresh_address(), transport="tcp")) as node:
        await until(lambda: listed(node)["state"] == "down", "the refused connection")
        assert len(order(node)) == 1, "down, but never left out"


async def test_tcp_that_is_switched_off_is_said_so(relay_socket: Path, carrier: Carrier) -> None:
    text = trunk(carrier.hop.host, transport="tcp")
    async with node_with(relay_socket, text, sip={"tcp": ""}) as node:
        await until(lambda: listed(node)["problem"], "the problem")
        assert "sip.tcp" in listed(node)["problem"] and order(node) == []
