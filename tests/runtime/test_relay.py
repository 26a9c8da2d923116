"""The link to a real relay: sessions, its end and its return, and calls that fell silent."""

from __future__ import annotations

from typing import Any

from structlog.testing import capture_logs

from tests.media.relay.process import RelayProcess, running_relay
from tests.runtime.node import Node, running_node, short_folder, until
from tests.runtime.phone import converse
from tests.support.addresses import fresh_address

SMALL = {"media__ports": "20000-20799", "media__sessions": "100"}


def seen(logs: list[Any], event: str) -> bool:
    return any(one["event"] == event for one in logs)


async def test_a_call_opens_a_session_and_gives_it_back_with_figures(node: Node) -> None:
    anna, bert = await node.phone("anna"), await node.phone("bert")
    answer = await converse(anna, bert, "202")
    assert node.signalling.relay.sessions == 1
    invite = next(message for message in bert.heard if message.first_line.startswith("INVITE"))
    for body, phone in ((answer.body, bert), (invite.body, anna)):
        assert f"c=IN IP4 {node.address}".encode() in body
        assert phone.address.encode() not in body, "never an address of the other side"
    anna.hang_up(answer)
    await bert.request("BYE")
    await until(lambda: node.signalling.relay.sessions == 0, "the session to be given back")


async def test_a_relay_that_was_restarted_is_found_again() -> None:
    with short_folder() as data:
        address = fresh_address()
        async with running_relay(data, address, **SMALL) as first, running_node(first.path) as node:
            anna, bert = await node.phone("anna"), await node.phone("bert")
            with capture_logs() as logs:
                await converse(anna, bert, "202")
                first.kill()
                # Without a relay nothing is heard: the call ends, on both sides.
                await anna.request("BYE")
                await bert.request("BYE")
                await until(lambda: seen(logs, "relay.gone"), "the end of the relay")
                await anna.call("202")
                refused = await anna.response("480")
                anna.acknowledge(refused, f"sip:202@{node.address}:5060")
                async with running_relay(data, address, **SMALL) as second:
                    await until(lambda: seen(logs, "relay.connected"), "the relay to be found again", 10)
                    await converse(bert, anna, "201")
                    assert node.signalling.relay.sessions == 1
                    assert isinstance(second, RelayProcess)


async def test_a_call_without_any_sound_is_ended_on_both_sides() -> None:
    with short_folder() as data:
        async with (
            running_relay(data, fresh_address(), media__silence_timeout="1", **SMALL) as relay,
            running_node(relay.path) as node,
        ):
            anna, bert = await node.phone("anna"), await node.phone("bert")
            with capture_logs() as logs:
                await converse(anna, bert, "202")
                await anna.request("BYE")
                await bert.request("BYE")
            assert len([one for one in logs if one["event"] == "call.silent"]) == 1
