"""The whole node on real sockets: what holds it together, and how it ends."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from b2bua.runtime import settings_watch
from b2bua.runtime import signalling as module
from b2bua.runtime.figures import NodeFigures
from b2bua.runtime.signalling import Signalling
from b2bua.sip.text.transport import Transport
from media.protocol import MessageStored, SessionEnded
from media.scripts.script import Why
from tests.runtime.node import Node, company, running_node, until
from tests.runtime.phone import Phone, converse, sdp
from tests.runtime.raw import raw_peer
from tests.support.addresses import free_port, fresh_address


async def options(phone: Phone, call_id: str) -> int:
    phone.send(phone.build("OPTIONS", f"sip:{phone.service[0]}", call_id=call_id))
    return (await phone.final("OPTIONS", 1)).code


async def test_keepalives_are_ignored(node: Node) -> None:
    phone = await node.phone("anna", registered=False)
    with capture_logs() as logs:
        for data in (b"\r\n\r\n", b"\r\n", b"\0", b"\0\0\0\0\0\0\0\0", b" \r\n" * 9, b""):
            phone.send(data)
        assert await options(phone, "after") == 200
    assert logs == []
    assert [message.first_line for message in phone.heard] == ["SIP/2.0 200 OK"]


async def test_a_stun_keepalive_is_answered_without_a_line_in_the_log(node: Node) -> None:
    question = bytes.fromhex("000100002112a442") + b"transaction!"
    hostile = [question[:19], question + b"x", b"\x01\x01" + question[2:], b"\x00\x01\x00\x08" + question[4:]]
    async with raw_peer(node.sip) as peer:
        with capture_logs() as logs:
            for data in (*hostile, question):
                peer.send(data)
            (answer,) = await peer.hears(1)
        assert logs == []
        assert answer[:20] == bytes.fromhex("0101000c2112a442") + b"transaction!"
        assert answer[20:26] == bytes.fromhex("002000080001")
        assert int.from_bytes(answer[26:28]) ^ 0x2112 == peer.port
        assert IPv4Address(int.from_bytes(answer[28:]) ^ 0x2112A442) == IPv4Address(peer.address)


async def test_a_fault_of_ours_costs_one_message_and_nothing_else(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, bert = await node.phone("anna"), await node.phone("bert")
    answer = await converse(anna, bert, "202")
    phone = await node.phone("carl", registered=False)
    with monkeypatch.context() as patch, capture_logs() as logs:

        def fail(*_: object) -> None:
            raise ZeroDivisionError("a fault")

        patch.setattr(node.signalling.telephony, "on_register", fail)
        phone.send(phone.build("REGISTER", f"sip:{node.address}", call_id="r", to="<sip:carl@x.example>"))
        assert await options(phone, "meanwhile") == 200
        await phone.response("500")
    (fault,) = [one for one in logs if one["event"] == "sip.fault"]
    assert fault["source"] == f"{phone.address}:5060"
    assert fault["exc_info"]
    assert (await phone.register(cseq=5)).code == 200
    anna.hang_up(answer)
    bert.respond(await bert.request("BYE"), 200)
    assert node.work is not None
    assert not node.work.done()


async def test_settings_are_followed_without_being_told(
    relay_socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_watch, "INTERVAL", 0.05)
    async with running_node(relay_socket, company("anna")) as node:
        phone = await node.phone("bert", registered=False)
        assert (await phone.register()).code == 401
        with capture_logs() as logs:
            await node.apply(company("anna", "bert"))
            await until(
                lambda: "settings.changed" in [one["event"] for one in logs], "the settings to be read"
            )
        # A busy machine may stall the loop beside it.
        told = [one for one in logs if one["event"] != "process.stalled"]
        assert [one["event"] for one in told] == ["settings.changed"]
        assert told[0]["by"] == ("operator",)
        assert (await phone.register(cseq=5)).code == 200


async def test_a_database_that_cannot_be_read_is_told_and_read_again(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_watch, "INTERVAL", 0.02)

    async def fail() -> int:
        raise OSError("disk gone")

    with capture_logs() as logs:
        with monkeypatch.context() as patch:
            patch.setattr(node.store, "settings_version", fail)
            await until(lambda: any(one["event"] == "store.read_failed" for one in logs), "the error", 3)
        await node.apply(company("anna"))
        await until(lambda: any(one["event"] == "settings.changed" for one in logs), "the settings", 3)


async def test_peers_outside_the_local_networks_see_the_public_address_of_a_wildcard(
    relay_socket: Path,
) -> None:
    public, port = fresh_address(), free_port("0.0.0.0")
    async with running_node(
        relay_socket,
        sip={"udp": f"0.0.0.0:{port}", "public_address": public, "local_networks": ["10.0.0.0/8"]},
        media={"address": "0.0.0.0", "public_address": public},
    ) as node:
        node.sip = (public, port)
        anna, bert = await node.phone("anna"), await node.phone("bert")
        answer = await converse(anna, bert, "202")
        assert answer.contact is not None
        assert str(answer.contact) == f"sip:{public}:{port}"
        assert f"c=IN IP4 {public}".encode() in answer.body
        invite = next(message for message in bert.heard if message.first_line.startswith("INVITE"))
        assert invite.via.text.startswith(f"SIP/2.0/UDP {public}:{port};")
        assert f"c=IN IP4 {public}".encode() in invite.body
        anna.hang_up(answer)
        bert.respond(await bert.request("BYE"), 200)


@pytest.mark.parametrize("answered", [True, False])
async def test_stopping_ends_calls_on_both_sides_and_leaves_their_records(node: Node, answered: bool) -> None:
    anna, bert = await node.phone("anna"), await node.phone("bert")
    if answered:
        call_id = (await converse(anna, bert, "202")).call_id
    else:
        call_id = await anna.call("202")
        bert.respond(await bert.request("INVITE"), 180)
        await anna.response("180")
    stopping = asyncio.create_task(node.signalling.stop())
    if answered:
        for phone in (anna, bert):
            phone.respond(await phone.request("BYE"), 200)
    else:
        await anna.response("480")
        bert.respond(await bert.request("CANCEL"), 200)
    await asyncio.wait_for(stopping, 3)
    await node.kill()
    await node.signalling.writer.flush()
    found = await node.store.call(call_id)
    assert found is not None
    record, _ = found
    assert (record.outcome, record.hung_up_by) == ("answered" if answered else "ended", "service")


async def test_stopping_waits_for_calls_as_long_as_it_may(relay_socket: Path) -> None:
    async with running_node(relay_socket, calls={"drain": 30}) as node:
        anna, bert = await node.phone("anna"), await node.phone("bert")
        answer = await converse(anna, bert, "202")
        stopping = asyncio.create_task(node.signalling.stop())
        carl = await node.phone("carl")
        uri = f"sip:202@{node.address}"
        carl.send(carl.build("INVITE", uri, call_id="late", headers=[("Contact", carl.contact)]))
        assert (await carl.response("503")).get("retry-after")
        assert not stopping.done()
        anna.hang_up(answer)
        bert.respond(await bert.request("BYE"), 200)
        await asyncio.wait_for(stopping, 3)


async def test_stopping_ends_at_the_limit_with_a_peer_that_says_nothing(
    relay_socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GOODBYE", 0.3)
    async with running_node(relay_socket, calls={"drain": 0.3}) as node:
        anna, bert = await node.phone("anna"), await node.phone("bert")
        await converse(anna, bert, "202")
        began = asyncio.get_running_loop().time()
        await asyncio.wait_for(node.signalling.stop(), 3)
        assert 0.5 < asyncio.get_running_loop().time() - began < 2
        await anna.request("BYE")
        await bert.request("BYE")


async def test_a_message_being_stored_while_the_service_stops_is_in_the_record(node: Node) -> None:
    assert node.media is not None
    anna = await node.phone("anna")
    call_id = await anna.call("203")
    token = (await node.media.asked("reserve"))["session"]
    anna.acknowledge(await anna.response("200"), "")
    stopping = asyncio.create_task(node.signalling.stop())
    anna.respond(await anna.request("BYE"), 200)
    await node.media.worker.request("BYE")
    await until(lambda: not len(node.signalling.book) and not node.signalling.agent.layer.waiting, "the end")
    await asyncio.sleep(0.1)  # what storing takes
    node.media.tell(MessageStored(token, 3, "m-1", 4.0, node.folder / "m-1.wav"))
    node.media.tell(SessionEnded(token, Why.HANGUP))
    await asyncio.wait_for(stopping, 3)
    await node.kill()
    await node.signalling.writer.flush()
    found = await node.store.call(call_id)
    assert found is not None
    assert found[0].message_id == "m-1"


async def test_overload_is_refused_with_503_and_in_progress_calls_go_on(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, bert = await node.phone("anna"), await node.phone("bert")
    answer = await converse(anna, bert, "202")
    carl = await node.phone("carl", registered=False)
    transport = node.signalling.wires._carriers[Transport.UDP]
    monkeypatch.setattr(transport, "_limit", 0)
    carl.send(carl.build("OPTIONS", f"sip:{node.address}", call_id="o"))
    assert (await carl.final("OPTIONS", 1)).code == 503
    counted = {name: values for name, _, _, values in NodeFigures(node.signalling).counters()}
    assert counted["ringplan_messages_refused"]["overload"] == 1
    monkeypatch.setattr(transport, "_limit", 1)
    anna.hang_up(answer)
    bert.respond(await bert.request("BYE"), 200)
    await until(lambda: not len(node.signalling.book), "the end of the call")


async def test_a_node_that_cannot_have_its_port_says_so(node: Node) -> None:
    other = Signalling(node.settings, node.store)
    with pytest.raises(OSError, match=f"SIP cannot listen on {node.address}:5060"):
        await other.begin()


async def test_two_devices_ring_and_the_first_answer_wins(node: Node) -> None:
    anna, bert = await node.phone("anna"), await node.phone("bert")
    second = await node.phone("bert")
    await anna.call("202")
    one, two = await bert.request("INVITE"), await second.request("INVITE")
    second.respond(two, 180)
    bert.respond(one, 200, body=sdp(bert.address))
    anna.acknowledge(await anna.response("200"), "")
    cancel = await second.request("CANCEL")
    assert "cause=200" in (cancel.get("reason") or "")
