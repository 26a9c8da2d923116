"""The link to a real relay: sessions, its end and its return, and calls that fell silent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from b2bua.call.ports import Peer
from b2bua.runtime import relay
from b2bua.sip.sdp.description import parse_sdp
from b2bua.sip.text.message import Request, Response
from b2bua.transport.addresses import Addresses
from tests.media.relay.phone import Phone as Listener
from tests.media.relay.process import running_relay
from tests.runtime.node import Node, company, running_node, short_folder, until
from tests.runtime.phone import Phone, converse, sdp
from tests.support.addresses import fresh_address

SMALL = {"media__ports": "20000-20799", "media__sessions": "100"}


def seen(logs: list[Any], event: str) -> bool:
    return any(one["event"] == event for one in logs)


async def test_a_call_opens_a_session_and_gives_it_back_with_figures(node: Node) -> None:
    anna, bert = await node.phone("anna"), await node.phone("bert")
    answer = await converse(anna, bert, "202")
    assert node.signalling.media.relay.sessions == 1
    invite = next(message for message in bert.heard if message.first_line.startswith("INVITE"))
    for body, phone in ((answer.body, bert), (invite.body, anna)):
        assert f"c=IN IP4 {node.address}".encode() in body
        assert phone.address.encode() not in body, "never an address of the other side"
    anna.hang_up(answer)
    await bert.request("BYE")
    await until(lambda: node.signalling.media.relay.sessions == 0, "the session to be given back")


async def test_sounds_are_measured_when_the_relay_is_reached_and_played_once_or_on_and_on() -> None:
    with short_folder() as data:
        address = fresh_address()
        async with running_relay(data, address, **SMALL) as process:
            (data / "tones" / "ringback.0").unlink()
            link = relay.RelayLink(
                *(process.path, data / "tones", Addresses(address, None, ()), 60.0),
                *(lambda: None, lambda: None, lambda session: None),
            )
            assert link.seconds("engaged") == 0.0
            with capture_logs() as logs:
                await asyncio.wait_for(link.connect(), 10)
            running = asyncio.create_task(link.run())
            assert [(one["event"], one["sound"]) for one in logs] == [("relay.sound_missing", "ringback")]
            assert link.seconds("engaged") == 0.75
            assert link.seconds("redirecting") > 2
            assert link.seconds("ringback") == link.seconds("never heard of") == 0.0

            once, on = await Listener.start(), await Listener.start()
            for session, phone in (("once", once), ("on", on)):
                opened = asyncio.Event()
                peer = Peer(phone.address, phone.port)
                link.open(session, peer, lambda ports, now, opened=opened: opened.set())
                await asyncio.wait_for(opened.wait(), 10)
                link.play(session, "engaged", 8, once=session == "once")
            await on.hears_packets(160)
            assert len(once.heard) == 75, "0.75 s, while the other has been started over"
            for session in ("once", "on"):
                closed = asyncio.Event()
                link.close(session, lambda figures, closed=closed: closed.set())
                await asyncio.wait_for(closed.wait(), 10)
            running.cancel()
            await asyncio.wait({running})


def told_port(message: Request | Response) -> int:
    return parse_sdp(message.body).audio.port


async def moved(phone: Phone) -> Request:
    """Take a re-INVITE, answer it, and wait for the ACK."""
    invite = await phone.request("INVITE")
    phone.respond(invite, 200, body=sdp(phone.address, 40100))
    await phone.request("ACK")
    return invite


async def test_calls_have_sound_again_once_the_relay_is_back() -> None:
    with short_folder() as data:
        address = fresh_address()
        async with (
            running_relay(data, address, **SMALL) as first,
            running_node(first.path, company(action="keep-ringing")) as node,
        ):
            anna, bert = await node.phone("anna"), await node.phone("bert")
            carl = await node.phone("carl")
            with capture_logs() as logs:
                answer = await converse(anna, bert, "202")
                offered = next(m for m in bert.heard if m.first_line.startswith("INVITE"))
                first.kill()
                await until(lambda: seen(logs, "relay.gone"), "the end of the relay")
                # Who calls meanwhile waits for the relay; the call in progress has no sound, and stays.
                await anna.call("203")
                async with running_relay(data, address, **SMALL):
                    await until(lambda: seen(logs, "call.rejoined"), "the relay to be found again", 10)
                    to_bert, to_anna = await moved(bert), await moved(anna)
                    await carl.request("INVITE")
                    assert told_port(to_anna) != told_port(answer)
                    assert told_port(to_bert) != told_port(offered)
                    assert node.signalling.media.relay.sessions == 2
                    assert not seen(logs, "call.ended") and not seen(logs, "relay.failed")


async def test_a_relay_that_stays_away_ends_the_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "RELAY_TIMEOUT", 0.5)
    with short_folder() as data:
        address = fresh_address()
        async with running_relay(data, address, **SMALL) as first, running_node(first.path) as node:
            anna, bert = await node.phone("anna"), await node.phone("bert")
            carl = await node.phone("carl")
            with capture_logs() as logs:
                await converse(anna, bert, "202")
                first.kill()
                await until(lambda: seen(logs, "relay.gone"), "the end of the relay")
                for waits in (True, False):
                    await anna.call("203")
                    if waits:
                        await anna.request("BYE")
                        await bert.request("BYE")
                    refused = await anna.response("480")
                    anna.acknowledge(refused, f"sip:203@{node.address}:5060")
                async with running_relay(data, address, **SMALL):
                    await until(lambda: seen(logs, "relay.connected"), "the relay to be found again", 10)
                    await converse(bert, carl, "203")
                    assert node.signalling.media.relay.sessions == 1


async def test_a_call_without_any_sound_is_ended_on_both_sides() -> None:
    with short_folder() as data:
        async with (
            running_relay(data, fresh_address(), media__silence_timeout="1", **SMALL) as process,
            running_node(process.path) as node,
        ):
            anna, bert = await node.phone("anna"), await node.phone("bert")
            with capture_logs() as logs:
                await converse(anna, bert, "202")
                await anna.request("BYE")
                await bert.request("BYE")
            assert len([one for one in logs if one["event"] == "call.silent"]) == 1
