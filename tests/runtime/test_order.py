"""What one source sends is handled in its order, on real sockets and with the event loop that the service has.

uvloop takes all datagrams that are there before anything is handled; asyncio's own loop takes one at a time.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import uvloop

from b2bua.sip.text.compose import Header
from b2bua.sip.text.message import Request
from tests.runtime.node import Node, running_node
from tests.runtime.phone import Phone, answer_to, sdp

CALLS = 30


async def withdraw(phone: Phone, number: int, challenge: str) -> dict[str, int]:
    """A CANCEL right behind its INVITE; the final answer to each."""
    uri = f"sip:202@{phone.service[0]}:{phone.service[1]}"
    proof = answer_to(challenge, "INVITE", uri, phone.username, phone.password, count=number)
    headers: list[Header] = [("Contact", phone.contact), ("Authorization", proof)]
    invite = phone.build("INVITE", uri, call_id=f"call-{number}", headers=headers, body=sdp(phone.address))
    cancel = invite.replace(b"INVITE", b"CANCEL").partition(b"Contact:")[0] + b"Content-Length: 0\r\n\r\n"
    phone.send(invite)
    phone.send(cancel)
    cancelled = await phone.final("CANCEL", 1)
    ended = await phone.final("INVITE", 1)
    phone.acknowledge(ended, uri)
    return {"CANCEL": cancelled.code, "INVITE": ended.code}


async def withdraw_all(node: Node, known: bool) -> None:
    """Many calls that are withdrawn at once, from a phone that has registered or one that nobody knows yet."""
    bert, anna = await node.phone("bert"), await node.phone("anna", registered=known)
    uri = f"sip:202@{anna.service[0]}:{anna.service[1]}"
    anna.send(anna.build("INVITE", uri, call_id="first", headers=[("Contact", anna.contact)]))
    challenged = await anna.response("401")
    anna.acknowledge(challenged, uri)
    challenge = challenged.get("www-authenticate") or ""
    for number in range(1, CALLS + 1):
        assert await withdraw(anna, number, challenge) == {"CANCEL": 200, "INVITE": 487}, f"call {number}"
    rung = [message for message in bert.heard if isinstance(message, Request) and message.method == "INVITE"]
    assert rung == [], "nobody's phone rang for a call that was withdrawn before it began"
    assert node.signalling.list_calls() == []


@pytest.mark.parametrize("known", [True, False], ids=["registered", "never seen before"])
def test_a_cancel_right_behind_its_invite_cancels_it(relay_socket: Path, known: bool) -> None:
    async def main() -> None:
        async with running_node(relay_socket) as node:
            await withdraw_all(node, known)

    uvloop.run(main())
