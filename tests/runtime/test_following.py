"""Settings that send calls on, decided by a whole node with a carrier on real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from b2bua.sip.text.message import Request
from tests.runtime.node import Node, running_node, until
from tests.runtime.phone import Phone, sdp
from tests.support.addresses import fresh_address

CALLER, TARGET = "441632960200", "07700900123"


def company(carrier: str, bert: str, keys: str = "", trunk: str = "") -> str:
    """Anna and Bert with numbers, and a carrier; what Bert has set is given."""
    return f"""
[[customers]]
name = "Acme Ltd"
numbers = ["+441632960101", "+441632960102"]
[[customers.users]]
name = "Anna"
email = "anna@acme.example"
extension = "201"
numbers = ["+441632960101"]
soft_clients = [{{ username = "anna", password = "anna secret" }}]
[[customers.users]]
name = "Bert"
email = "bert@acme.example"
extension = "202"
numbers = ["+441632960102"]
soft_clients = [{{ username = "bert", password = "bert secret" }}]
{keys}
{bert}
[[trunks]]
name = "carrier"
host = "{carrier}"
allow_from = ["{carrier}"]
{trunk}
"""


TO_ANNA = '[customers.users.not_answered]\naction = "user"\nuser = "anna@acme.example"\nafter = 0\n'
TO_MOBILE = '[customers.users.not_answered]\naction = "number"\nnumber = "+447700900123"\nalways = true\n'


@asynccontextmanager
async def with_carrier(
    relay: Path, bert: str = "", keys: str = "", trunk: str = "", **tables: Any
) -> AsyncIterator[tuple[Node, Phone]]:
    address = fresh_address()
    tables = {"trunks": {"probe_interval": 0}, **tables}
    async with running_node(relay, company(address, bert, keys, trunk), **tables) as node:
        carrier = await Phone.start(CALLER, node.sip, address)
        node.phones.append(carrier)
        await until(lambda: node.signalling.trunks.gateways(), "the carrier's address")
        yield node, carrier


def ring_in(carrier: Phone, number: str, *headers: tuple[str, str], from_: str | None = None) -> str:
    """A call from the carrier, which nobody challenges."""
    call_id, uri = carrier.new_call_id(), f"sip:{number}@{carrier.service[0]}"
    own = [("Contact", carrier.contact), *headers]
    carrier.send(
        carrier.build("INVITE", uri, call_id=call_id, headers=own, body=sdp(carrier.address), from_=from_)
    )
    return call_id


async def out_again(carrier: Phone) -> Request:
    """What the carrier is sent; it rings there."""
    invite = await carrier.request("INVITE")
    carrier.respond(invite, 180)
    return invite


@pytest.mark.behaviour("N3")
async def test_a_redirect_to_another_user_rings_there(relay_socket: Path) -> None:
    async with with_carrier(relay_socket, TO_ANNA) as (node, carrier):
        anna, bert = await node.phone("anna"), await node.phone("bert")
        ring_in(carrier, "441632960102")
        invite = await anna.request("INVITE")
        assert invite.from_.uri.user == f"+{CALLER}"
        assert not any(one.first_line.startswith("INVITE") for one in bert.heard)
        anna.respond(invite, 200, body=sdp(anna.address))
        carrier.acknowledge(await carrier.response("200"), "")


@pytest.mark.behaviour("N4", "D3", "D4", "D5")
async def test_a_redirect_elsewhere_tells_the_carrier_its_way(relay_socket: Path) -> None:
    async with with_carrier(relay_socket, TO_MOBILE) as (_, carrier):
        ring_in(carrier, "441632960102", ("Diversion", "<sip:441632960300@c.example>;reason=user-busy"))
        invite = await out_again(carrier)
        assert invite.uri.user == "447700900123"
        assert invite.from_.uri.user == CALLER
        assert "441632960102" in (invite.get("p-asserted-identity") or "")
        entries = [(one.uri.user, one.param("reason")) for one in invite.addresses("diversion")]
        assert entries == [("441632960102", "unconditional"), ("441632960300", "user-busy")]
        way = [(one.uri.user, one.uri.param("cause")) for one in invite.addresses("history-info")]
        assert way == [("441632960300", None), ("441632960102", "486"), ("447700900123", "302")]


@pytest.mark.behaviour("D2", "A3")
async def test_with_the_dialled_number_the_callers_is_nowhere(relay_socket: Path) -> None:
    bert = TO_MOBILE + "present_dialled_number = true\n"
    async with with_carrier(relay_socket, bert) as (_, carrier):
        ring_in(carrier, "441632960102", ("Diversion", "<sip:441632960300@c.example>;reason=user-busy"))
        invite = await out_again(carrier)
        assert invite.from_.uri.user == "441632960102"
        sent = repr((invite.headers, invite.uri_text, invite.body))
        assert CALLER not in sent and "960300" not in sent


@pytest.mark.behaviour("D7")
async def test_a_call_of_ours_that_comes_back_is_a_loop(relay_socket: Path) -> None:
    async with with_carrier(relay_socket, TO_MOBILE) as (_, carrier):
        ring_in(carrier, "441632960102")
        invite = await out_again(carrier)
        back = ring_in(carrier, "441632960102", ("X-Ringplan", invite.get("x-ringplan") or ""))
        assert (await carrier.response("482")).call_id == back
        ring_in(carrier, "441632960102", ("X-Ringplan", "another's"))
        assert (await carrier.request("INVITE")).uri.user == "447700900123"


@pytest.mark.behaviour("D7")
async def test_the_redirected_calls_of_a_user_are_limited(relay_socket: Path) -> None:
    async with with_carrier(relay_socket, TO_MOBILE, calls={"redirected": 1}) as (_, carrier):
        ring_in(carrier, "441632960102")
        await out_again(carrier)
        second = ring_in(carrier, "441632960102")
        refused = await carrier.response("4")
        assert (refused.call_id, refused.code) == (second, 480)


@pytest.mark.behaviour("D8")
async def test_a_phones_302_is_a_redirect_of_its_user(relay_socket: Path) -> None:
    async with with_carrier(relay_socket) as (node, carrier):
        bert = await node.phone("bert")
        ring_in(carrier, "441632960102")
        asked = await bert.request("INVITE")
        bert.send(_moved(bert, asked, f"sip:{TARGET}@{node.address}"))
        invite = await out_again(carrier)
        assert invite.uri.user == "447700900123"
        (entry,) = invite.addresses("diversion")
        assert (entry.uri.user, entry.param("reason")) == ("441632960102", "unconditional")


def _moved(phone: Phone, request: Request, target: str) -> bytes:
    lines = [
        "SIP/2.0 302 Moved Temporarily",
        *(f"Via: {via}" for via in request.values("via")),
        f"From: {request.get('from')}",
        f"To: {request.get('to')};tag=moved",
        f"Call-ID: {request.call_id}",
        f"CSeq: {request.get('cseq')}",
        f"Contact: <{target}>",
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@pytest.mark.behaviour("A1", "A2")
@pytest.mark.parametrize(("trunk", "code"), [("", 433), ("anonymous_code = 403", 403)])
async def test_an_anonymous_caller_hears_why_and_gets_the_trunks_code(
    relay_socket: Path, trunk: str, code: int
) -> None:
    async with with_carrier(relay_socket, "", "reject_anonymous = true", trunk) as (node, carrier):
        bert = await node.phone("bert")
        ring_in(carrier, "441632960102", ("Privacy", "id"))
        refused = await carrier.expect(f"SIP/2.0 {code}", 20)
        assert "cause=24" in (refused.get("reason") or "")
        assert not any(one.first_line.startswith("INVITE") for one in bert.heard)


@pytest.mark.behaviour("E2", "E4")
async def test_a_call_back_after_an_emergency_call_rings_whatever_is_set(relay_socket: Path) -> None:
    async with with_carrier(relay_socket, TO_MOBILE, "suspended = true\nwithhold_number = true") as (
        node,
        carrier,
    ):
        bert = await node.phone("bert")
        ring_in(carrier, "441632960102")
        assert (await carrier.response("480")).code == 480
        await bert.call("999")
        invite = await out_again(carrier)
        assert (invite.uri.user, invite.from_.uri.user) == ("999", "441632960102")
        carrier.respond(invite, 486)
        await bert.response("4")
        anna = await node.phone("anna")
        await anna.call("+441632960102")
        assert (await anna.response("480")).code == 480, "only who was called for help calls back"
        ring_in(carrier, "441632960102")
        assert (await bert.request("INVITE")).from_.uri.user == f"+{CALLER}"


@pytest.mark.behaviour("E2", "E4")
async def test_who_showed_the_companys_emergency_number_is_called_back(relay_socket: Path) -> None:
    """Bert has no number: the one that is shown is Anna's, or nobody's."""
    for shown in ("+441632960101", "+441632960199"):
        async with with_carrier(relay_socket) as (node, carrier):
            text = company(carrier.address, "").replace('numbers = ["+441632960102"]', "numbers = []")
            await node.apply(
                text.replace(
                    'numbers = ["+441632960101", "+441632960102"]',
                    f'numbers = ["+441632960101", "+441632960102", "+441632960199"]\nemergency_number = "{shown}"',
                )
            )
            await node.signalling.reload()
            anna, bert = await node.phone("anna"), await node.phone("bert")
            await bert.call("999")
            invite = await out_again(carrier)
            assert invite.from_.uri.user == shown[1:]
            carrier.respond(invite, 486)
            await bert.response("4")
            ring_in(carrier, shown[1:])
            assert (await bert.request("INVITE")).from_.uri.user == f"+{CALLER}"
            assert not any(one.first_line.startswith("INVITE") for one in anna.heard)


@pytest.mark.behaviour("E1")
async def test_a_customer_makes_so_many_calls_a_minute_and_emergency_calls_besides(
    relay_socket: Path,
) -> None:
    async with with_carrier(relay_socket, calls={"per_minute": 1}) as (node, carrier):
        anna, bert = await node.phone("anna"), await node.phone("bert")
        await anna.call(TARGET)
        await out_again(carrier)
        await bert.call(TARGET)
        refused = await bert.response("503")
        assert "cause=42" in (refused.get("reason") or "")
        await bert.call("112")
        assert (await out_again(carrier)).uri.user == "112"
