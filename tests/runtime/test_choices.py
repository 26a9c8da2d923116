"""Picked numbers, from the choice to what a carrier is shown, until the client signs off (I1, I2)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from b2bua.registrar.bindings import Removal
from b2bua.runtime.choices import ChoiceError, Choices, pick, shown
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
    pick(node.signalling.devices, "anna", number, asyncio.get_running_loop().time())


@pytest.mark.behaviour("I1")
@pytest.mark.parametrize("reason", list(Removal))
def test_a_lost_connection_is_no_signing_off(reason: Removal) -> None:
    choices = Choices()
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
