"""The torture messages of RFC 4475 and RFC 5118 on real sockets, from strangers, from a carrier and from phones."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from b2bua.sip.text.message import Response, parse_message
from tests.runtime.carrier import running_carrier
from tests.runtime.node import Node, company, running_node, until
from tests.runtime.phone import answer_to, sdp
from tests.runtime.raw import RawPeer, raw_peer
from tests.sip.torture import CASES
from tests.sip.torture.expectation import ACCEPTED, Answer, Torture

USERS = ("user", "watson", "j.user")
COMPANY = '[[customers]]\nname = "Acme Ltd"\nnumbers = ["+441632960100"]\n' + "".join(
    f'[[customers.users]]\nname = "{name}"\nemail = "{name}@acme.example"\n'
    f'soft_clients = [{{ username = "{name}", password = "{name} secret" }}]\n'
    for name in USERS
)


@asynccontextmanager
async def tortured(relay: Path, text: str = "") -> AsyncIterator[tuple[Node, str]]:
    """A node that is idle before and after, with short timers; and the address of its carrier."""
    tables: dict[str, dict[str, Any]] = {
        "sip": {"t1": 0.1, "t2": 0.1, "t4": 0.1},
        "trunks": {"probe_interval": 600},
    }
    async with running_carrier() as carrier:
        host = carrier.hop.host
        trunk = f'[[trunks]]\nname = "carrier"\nhost = "{host}"\nallow_from = ["{host}"]\n'
        async with running_node(relay, (text or company()) + trunk, **tables) as node:
            agent = node.signalling.agent
            await until(lambda: carrier.count("OPTIONS") and not len(agent.layer), "the trunk's first probe")
            yield node, host
            await until(lambda: not len(agent.layer), "every transaction to end", 10)
            assert (agent.sessions, agent.subscriptions, agent.layer._merged) == (0, 0, {})
            assert node.signalling.list_calls() == []


def probe(peer: RawPeer) -> bytes:
    """What is answered behind everything that was sent before it."""
    return (
        f"OPTIONS sip:probe SIP/2.0\r\nVia: SIP/2.0/{peer.transport} {peer.address}:{peer.port};branch=z9hG4bKprobe\r\n"
        f"From: <sip:probe>;tag=p\r\nTo: <sip:probe>\r\nCall-ID: probe\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    ).encode()


async def played(node: Node, case: Torture, transport: str, address: str = "") -> list[int]:
    """The final answers to one message, each once."""
    async with raw_peer(node.sip, transport, address) as peer:
        peer.send(case.data)
        if transport == "TCP" and case.missing:
            peer.send(b" " * case.missing)
        if transport == "TCP" and case.closes:
            await until(lambda: peer.closed, "the end of the connection")
        elif transport == "TCP" and case.behind is not None:
            # What is left of the second body would swallow a probe.
            await until(lambda: len(codes(peer)) == 2, "two answers")
        else:
            peer.send(probe(peer))
            await until(lambda: any(b"Call-ID: probe" in each for each in peer.heard), "the probe's answer")
        return list(codes(peer).values())


def codes(peer: RawPeer) -> dict[tuple[str, str], int]:
    found = {}
    for data in peer.heard:
        message = parse_message(data)
        assert isinstance(message, Response)
        if message.code >= 200 and message.call_id != "probe":
            found[message.call_id, message.get("cseq") or ""] = message.code
    return found


def expected(case: Torture, transport: str, *, carrier: bool) -> list[int]:
    def code(answer: Answer, method: str) -> list[int]:
        if answer is ACCEPTED:
            return [case.trunk if carrier and method == "INVITE" else 401]
        return [answer] if isinstance(answer, int) else []

    behind = [] if transport == "UDP" or case.behind is None else code(case.behind, "INVITE")
    return code(case.by(transport), case.method) + behind


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize("sender", ["stranger", "carrier"])
async def test_every_message_gets_its_answer_and_leaves_nothing(
    relay_socket: Path, transport: str, sender: str
) -> None:
    found, right = {}, {}
    async with tortured(relay_socket) as (node, carrier):
        for case in CASES:
            right[case.name] = expected(case, transport, carrier=sender == "carrier")
            found[case.name] = await played(node, case, transport, carrier if sender == "carrier" else "")
    assert {name: codes for name, codes in found.items() if codes != right[name]} == {}


REGISTERED = {
    "dblreq": "<sip:j.user@host.example.com>",
    "cparam01": "<sip:+19725552222@gw1.example.net>;unknownparam",
    "cparam02": "<sip:+19725552222@gw1.example.net;unknownparam>",
    "regescrt": "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>",
    "ipv6-good": "<sip:caller@[2001:db8::1]>",
    "port-ambiguous": "<sip:caller@[2001:db8::1]>",
    "port-unambiguous": "<sip:caller@[2001:db8::1]>",
}


async def test_with_credentials_what_is_valid_is_registered(relay_socket: Path) -> None:
    told = {}
    async with tortured(relay_socket, COMPANY) as (node, _):
        for number, case in enumerate(case for case in CASES if case.name in REGISTERED):
            async with raw_peer(node.sip) as peer:
                *_, told[case.name] = await registered(case, peer, number)
    assert told == REGISTERED


async def registered(case: Torture, peer: RawPeer, more: int) -> list[str]:
    """Send a REGISTER, and again with credentials; the contacts in the 200."""
    username = next(user for user in USERS if b"To: sip:%s@" % user.encode() in case.data)
    peer.send(case.data)
    (refused,) = await peer.hears(1)
    challenge = parse_message(refused).get("www-authenticate") or ""
    proof = answer_to(challenge, "REGISTER", case.data.split()[1].decode(), username, f"{username} secret")
    number = int(re.findall(rb"CSeq: (\d+)", case.data)[0])
    again = (
        case.data.replace(b"CSeq: %d" % number, b"CSeq: %d" % (number + 1 + more), 1)
        .replace(b"branch=z9hG4bK", b"branch=z9hG4bK" + case.name.encode(), 1)
        .replace(b"\r\nMax-", f"\r\nAuthorization: {proof}\r\nMax-".encode(), 1)
    )
    peer.send(again)
    await until(lambda: any(each.startswith(b"SIP/2.0 200") for each in peer.heard), case.name)
    answer = next(parse_message(each) for each in peer.heard if each.startswith(b"SIP/2.0 200"))
    return [value.rpartition(";expires=")[0] for value in answer.lines("contact")]


@pytest.mark.behaviour("M9")
async def test_only_carriers_may_call_without_a_contact(node: Node) -> None:
    phone = await node.phone("anna", registered=False)
    uri = f"sip:202@{node.address}"
    phone.send(phone.build("INVITE", uri, call_id="old", body=sdp(phone.address)))
    challenged = await phone.response("401")
    phone.acknowledge(challenged, uri)
    proof = [phone.authorization(challenged, "INVITE", uri)]
    phone.send(phone.build("INVITE", uri, call_id="old", cseq=2, headers=proof, body=sdp(phone.address)))
    refused = await phone.final("INVITE", 2)
    assert (refused.code, refused.reason) == (400, "Missing Contact")
    assert node.signalling.list_calls() == [] and not node.signalling.agent.sessions
