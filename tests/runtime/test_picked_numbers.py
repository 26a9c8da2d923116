"""Picked numbers, from the choice to what a carrier is shown, until the client signs off (I1, I2)."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from b2bua.registrar.bindings import Removal
from b2bua.runtime.identity import ChoiceError, shown
from b2bua.runtime.picked_numbers import PickedNumbers
from tests.runtime.node import Node, running_node, until
from tests.runtime.phone import Phone
from tests.support.addresses import fresh_address

FIRST, SECOND, HOT = "+441632960101", "+441632960102", "+449098790001"


def company(carrier: str, keys: str = "") -> str:
    return f"""
[[customers]]
name = "Acme Ltd"
numbers = ["{FIRST}", "{SECOND}", "{HOT}"]
{keys}
[[customers.users]]
name = "Anna"
email = "anna@acme.example"
extension = "201"
numbers = ["{FIRST}", "{SECOND}", "{HOT}"]
soft_clients = [{{ username = "anna", password = "anna secret" }}]
[[trunks]]
name = "carrier"
host = "{carrier}"
allow_from = ["{carrier}"]
"""


def picked(node: Node, number: str | None) -> None:
    node.signalling.registrations.pick("anna", number, asyncio.get_running_loop().time())


@pytest.mark.behaviour("I1")
@pytest.mark.parametrize("reason", list(Removal))
def test_a_lost_connection_is_no_signing_off(reason: Removal) -> None:
    choices = PickedNumbers()
    choices.pick("anna", SECOND)
    choices.removed("anna", reason)
    kept = reason in (Removal.UNREACHABLE, Removal.REPLACED)
    assert choices.of("anna") == (SECOND if kept else None)


@pytest.mark.behaviour("I1", "I2")
async def test_the_picked_number_is_shown_until_the_client_signs_off(relay_socket: Path) -> None:
    address = fresh_address()
    async with running_node(relay_socket, company(address), trunks={"probe_interval": 0}) as node:
        carrier = await Phone.start("441632960200", node.sip, address)
        node.phones.append(carrier)
        await until(lambda: node.signalling.trunks.gateways(), "the carrier's address")
        devices = node.signalling.devices
        with pytest.raises(ChoiceError, match="anna is not registered"):
            picked(node, SECOND)
        anna = await node.phone("anna")
        picked(node, SECOND)
        assert shown(devices, "anna") == (SECOND, True, (FIRST, SECOND, HOT))
        await anna.call("01632960999")
        invite = await carrier.request("INVITE")
        assert invite.from_.uri.user == SECOND[1:]
        assert FIRST[1:] in (invite.get("p-asserted-identity") or "")
        carrier.respond(invite, 486)
        await anna.register(expires=0, cseq=10)
        assert shown(devices, "anna") == (FIRST, False, (FIRST, SECOND, HOT))


@pytest.mark.behaviour("I1", "I2", "I3")
async def test_what_cannot_be_picked(relay_socket: Path) -> None:
    address = fresh_address()
    async with running_node(relay_socket, company(address)) as node:
        await node.phone("anna")
        with pytest.raises(ChoiceError, match="not a number of Anna"):
            picked(node, "+441632960999")
        with pytest.raises(ChoiceError, match="cannot be shown"):
            picked(node, HOT)
        with pytest.raises(ChoiceError, match="Nobody has the SIP username bert"):
            shown(node.signalling.devices, "bert")
        picked(node, SECOND)
        picked(node, None)
        assert not shown(node.signalling.devices, "anna").picked
    async with running_node(relay_socket, company(address, "users_override = false")) as node:
        await node.phone("anna")
        with pytest.raises(ChoiceError, match="does not let users pick"):
            picked(node, SECOND)


# Over a restart


async def kept(node: Node) -> list[str | None]:
    """What stands with each binding on disk, once everything is there."""
    await node.signalling.writer.flush()
    return [binding.details.get("picked") for binding in await node.store.load_bindings()]


def number_shown(node: Node) -> tuple[str | None, bool]:
    return shown(node.signalling.devices, "anna")[:2]


@pytest.mark.behaviour("I1")
async def test_signalling_that_dies_takes_no_choice_along(relay_socket: Path) -> None:
    async with running_node(relay_socket, company(fresh_address())) as node:
        anna = await node.phone("anna")
        assert await kept(node) == [None]
        picked(node, SECOND)
        assert await kept(node) == [SECOND]
        for cseq in (10, 20):
            await node.kill()
            await node.start()
            assert number_shown(node) == (SECOND, True)
            await anna.register(cseq=cseq)
            assert await kept(node) == [SECOND], "a refresh is no new sign-on"
        await anna.register(expires=0, cseq=30)
        assert await kept(node) == [] and number_shown(node) == (FIRST, False)
        await node.kill()
        await node.start()
        await anna.register(cseq=40)
        assert number_shown(node) == (FIRST, False) and await kept(node) == [None]


@pytest.mark.behaviour("I1")
async def test_a_choice_that_was_taken_back_is_gone_from_the_disk(relay_socket: Path) -> None:
    async with running_node(relay_socket, company(fresh_address())) as node:
        await node.phone("anna")
        picked(node, SECOND)
        assert await kept(node) == [SECOND]
        picked(node, None)
        assert await kept(node) == [None]
        await node.kill()
        await node.start()
        assert number_shown(node) == (FIRST, False)


@pytest.mark.behaviour("I1")
@pytest.mark.parametrize("why", ["it ended meanwhile", "another password"])
async def test_a_registration_that_does_not_come_back_brings_no_choice(relay_socket: Path, why: str) -> None:
    text = company(fresh_address())
    async with running_node(relay_socket, text) as node:
        await node.phone("anna")
        picked(node, SECOND)
        assert await kept(node) == [SECOND]
        await node.kill()
        if why == "another password":
            await node.apply(text.replace("anna secret", "another secret"))
        else:
            (binding,) = await node.store.load_bindings()
            await node.store.save_bindings([replace(binding, expires_at=time.time() - 1)])
        await node.start()
        assert number_shown(node) == (FIRST, False) and await kept(node) == []


@pytest.mark.behaviour("I1")
async def test_a_client_whose_connection_died_with_signalling_comes_back_to_its_choice(
    relay_socket: Path,
) -> None:
    """Behind a NAT only the client can open another connection, so there is no binding until it does."""
    async with running_node(relay_socket, company(fresh_address())) as node:
        await node.phone("anna")
        picked(node, SECOND)
        assert await kept(node) == [SECOND]
        await node.kill()
        (binding,) = await node.store.load_bindings()
        await node.store.save_bindings([replace(binding, transport="TCP", remote="192.0.2.7:40000")])
        await node.start()
        assert node.signalling.list_registrations() == [] and number_shown(node) == (SECOND, True)
        anna = await node.phone("anna")
        assert await kept(node) == [SECOND]
        await anna.register(expires=0, cseq=20)
        assert number_shown(node) == (FIRST, False)
