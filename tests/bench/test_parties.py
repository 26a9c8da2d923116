"""A device that calls answers the challenge once; a refusal ends its call."""

from __future__ import annotations

import asyncio

import pytest

from b2bua.sip.auth.challenge import Credential
from b2bua.sip.auth.digest import Algorithm, ha1, parse_credentials
from tests.bench.endpoint import Address, Endpoint, response, sdp
from tests.bench.parties import Carrier
from tests.support.addresses import fresh_address
from tests.support.sipp import Message

DEVICE = Credential("called-7", "for-loopback-only")
CHALLENGE = 'WWW-Authenticate: Digest realm="bench", nonce="once", qop="auth", algorithm=SHA-256\r\n'


def proven(invite: Message) -> bool:
    """Whether the INVITE carries the device's password for its own Request-URI."""
    given = parse_credentials(invite.header("Authorization") or "None")
    if given is None or f"INVITE {given.uri} SIP/2.0" != invite.first_line:
        return False
    secret = ha1(DEVICE.username, "bench", DEVICE.password, Algorithm.SHA256)
    return given.response == given.expected(secret, "INVITE", Algorithm.SHA256)


@pytest.mark.parametrize(
    ("device", "status", "methods"),
    [
        (DEVICE, 200, ["INVITE 1", "ACK 1", "INVITE 2", "ACK 2", "BYE 3"]),
        (Credential("called-7", "wrong"), 401, ["INVITE 1", "ACK 1", "INVITE 2", "ACK 2"]),
        (None, 401, ["INVITE 1", "ACK 1"]),
    ],
)
async def test_a_challenge_is_answered_once(
    device: Credential | None, status: int, methods: list[str]
) -> None:
    here, there = (fresh_address(), 5060), (fresh_address(), 5060)
    came: list[Message] = []

    def hear(message: Message, _: float, source: Address) -> None:
        came.append(message)
        if message.method == "INVITE" and proven(message):
            there_is = f"sip:service@{there[0]}:{there[1]}"
            service.send(response("200 OK", message, "s", there_is, sdp(there[0], 40000)), source)
        elif message.method == "INVITE":
            refusal = response("401 Unauthorized", message, "s")
            service.send(refusal.replace("Content-Length", f"{CHALLENGE}Content-Length"), source)
        elif message.method == "BYE":
            service.send(response("200 OK", message, "s"), source)

    service, carrier = Endpoint(there, hear), Carrier(here, there)
    try:
        call = carrier.dial("1571", (here[0], 40000), device)
        async with asyncio.timeout(20):
            while not call.final:
                await asyncio.sleep(0.01)
            carrier.hang_up(call)
            while len(came) < len(methods) or not call.over:
                await asyncio.sleep(0.01)
    finally:
        carrier.close()
        service.close()
    assert call.final == status
    assert [f"{each.method} {each.header('CSeq').split()[0]}" for each in came] == methods
    assert len({each.header("Via") for each in came if each.method == "INVITE"}) == len(
        [each for each in came if each.method == "INVITE"]
    )
    if device is not None:
        assert came[0].header("From").startswith(f"<sip:called-7@{there[0]}>")
