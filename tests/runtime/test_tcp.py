"""Phones on TCP: calls by their connections, what becomes of a call or a registration whose connection goes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Self, cast

import pytest
from structlog.testing import capture_logs

from b2bua.sip.text.compose import Header, render
from b2bua.sip.text.framing import PONG, Framer
from b2bua.sip.text.message import parse_message
from tests.runtime.node import Node, running_node, short_folder, until
from tests.runtime.phone import Phone, converse, sdp
from tests.support.addresses import fresh_address


class TcpPhone(Phone, asyncio.Protocol):
    """The phone on a stream. `listening` takes connections at the port in its Contact too."""

    stream: asyncio.Transport | None = None
    listening: asyncio.Server | None = None

    @classmethod
    async def start(
        cls, username: str, service: tuple[str, int], address: str = "", port: int = 5060
    ) -> Self:
        phone = cls(username, service)
        phone.address, phone.port = address or fresh_address(), port
        await phone.connect()
        return phone

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, *self.service, local_addr=(self.address, 0))

    async def listen(self) -> None:
        loop = asyncio.get_running_loop()
        self.listening = await loop.create_server(lambda: self, self.address, self.port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.stream = cast(asyncio.Transport, transport)
        self.framer = Framer()
        self.raw = b""

    def data_received(self, data: bytes) -> None:
        self.raw += data
        self.framer.feed(data)
        while (message := self.framer.take()) is not None:
            self.heard.append(parse_message(message))
            self.unread.append(self.heard[-1])
            self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stream = None

    def send(self, data: bytes) -> None:
        assert self.stream is not None
        self.stream.write(data.replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP"))

    def hang_up_the_line(self) -> None:
        """Lose the connection."""
        assert self.stream is not None
        self.stream.abort()

    def close(self) -> None:
        if self.stream is not None:
            self.stream.abort()
        if self.listening is not None:
            self.listening.close()

    @property
    def contact(self) -> str:
        return f"{super().contact[:-1]};transport=tcp>"


class NattedPhone(TcpPhone):
    """A phone whose Contact is an address that only its router knows."""

    @property
    def contact(self) -> str:
        return f"<sip:{self.username}@192.168.1.7:5060;transport=tcp>"


async def tcp_phone(node: Node, username: str, kind: type[TcpPhone] = TcpPhone) -> TcpPhone:
    """A registered phone on TCP."""
    phone = await kind.start(username, node.sip)
    node.phones.append(phone)
    assert (await phone.register()).code == 200
    phone.respond(await phone.request("NOTIFY"), 200)
    return phone


def contacts(node: Node) -> list[str]:
    return [str(row["contact"]) for row in node.signalling.list_registrations()]


async def lose(node: Node, phone: TcpPhone) -> None:
    """The phone's connection goes, and the service has noticed."""
    tcp = node.signalling.wires._tcp
    assert tcp is not None
    before = len(tcp)
    phone.hang_up_the_line()
    await until(lambda: len(tcp) < before, "the loss to be noticed")


@pytest.mark.parametrize("tcp_calls", [True, False], ids=["tcp-calls-udp", "udp-calls-tcp"])
async def test_everything_of_a_call_goes_by_the_phones_connection(node: Node, tcp_calls: bool) -> None:
    anna, bert = await tcp_phone(node, "anna"), await node.phone("bert")
    caller, callee, dialled = (anna, bert, "202") if tcp_calls else (bert, anna, "201")
    answer = await converse(caller, callee, dialled)
    invite = next(message for message in callee.heard if message.first_line.startswith("INVITE"))
    assert invite.via.transport == ("UDP" if tcp_calls else "TCP")
    for message, tcp in ((answer, tcp_calls), (invite, not tcp_calls)):
        assert message.contact is not None
        assert message.contact.param("transport") == ("tcp" if tcp else None)
        assert message.contact.port == 5060
    caller.hang_up(answer)
    callee.respond(await callee.request("BYE"), 200)
    await until(lambda: not node.signalling.list_calls(), "the end")


async def test_a_ping_is_answered(node: Node) -> None:
    phone = await TcpPhone.start("anna", node.sip)
    node.phones.append(phone)
    phone.send(b"\r\n\r\n")
    await until(lambda: phone.raw == PONG, "the pong")


async def test_a_message_without_a_length_gets_400_and_the_connection_is_closed(node: Node) -> None:
    phone = await TcpPhone.start("anna", node.sip)
    node.phones.append(phone)
    whole = phone.build("OPTIONS", f"sip:{node.address}", call_id="x")
    phone.send(whole.replace(b"Content-Length: 0\r\n", b""))
    refused = await phone.response("400")
    assert (refused.call_id, refused.cseq) == ("x", (1, "OPTIONS"))
    await until(lambda: phone.stream is None, "the connection to be closed")


async def test_garbage_closes_the_connection_and_harms_nobody(node: Node) -> None:
    anna = await tcp_phone(node, "anna")
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 70_000, b"SIP/2.0 200 OK\r\n\r\n"):
        phone = await TcpPhone.start("carl", node.sip)
        node.phones.append(phone)
        phone.send(garbage)
        await until(lambda phone=phone: phone.stream is None, "the connection to be closed")  # type: ignore[misc]
    assert (await anna.register(cseq=5)).code == 200


async def test_only_a_connection_of_somebody_known_may_stay(relay_socket: Path) -> None:
    async with running_node(relay_socket, sip={"tcp_unauthenticated": 0.3}) as node:
        anna = await tcp_phone(node, "anna")
        stranger = await TcpPhone.start("bert", node.sip)
        node.phones.append(stranger)
        assert (await stranger.register(password="wrong")).code == 401
        await until(lambda: stranger.stream is None, "the stranger's connection to be closed")
        bert = await node.phone("bert")
        await converse(bert, anna, "201")


@pytest.mark.parametrize("tcp", ["caller", "callee"])
async def test_a_call_whose_connection_goes_lasts_until_the_other_hangs_up(node: Node, tcp: str) -> None:
    anna, bert = await tcp_phone(node, "anna"), await node.phone("bert")
    if tcp == "caller":
        await converse(anna, bert, "202")
        invite = next(message for message in bert.heard if message.first_line.startswith("INVITE"))
        await lose(node, anna)
        assert node.signalling.list_calls(), "the sound goes on"
        headers: list[Header] = [
            ("Via", f"SIP/2.0/UDP {bert.address}:5060;branch=z9hG4bKbye;rport"),
            ("Max-Forwards", "70"),
            ("From", f"{invite.get('to')};tag=tbert"),
            ("To", invite.get("from") or ""),
            ("Call-ID", invite.call_id),
            ("CSeq", "1 BYE"),
        ]
        bert.send(render(f"BYE {invite.contact} SIP/2.0", headers))
        await bert.response("200")
    else:
        answer = await converse(bert, anna, "201")
        await lose(node, anna)
        assert node.signalling.list_calls(), "the sound goes on"
        bert.hang_up(answer)
    await until(lambda: not node.signalling.list_calls(), "the end of the call", 2)
    await until(lambda: not node.signalling.agent.sessions, "the end of its legs", 2)


async def test_a_caller_whose_connection_goes_while_it_rings_has_given_up(node: Node) -> None:
    anna, bert = await tcp_phone(node, "anna"), await node.phone("bert")
    await anna.call("202")
    bert.respond(await bert.request("INVITE"), 180)
    await anna.response("180")
    anna.hang_up_the_line()
    await bert.request("CANCEL")


async def test_a_phone_that_called_back_by_another_connection_is_called_by_that(node: Node) -> None:
    anna, bert = await tcp_phone(node, "anna"), await node.phone("bert")
    await lose(node, anna)
    await anna.connect()
    assert (await anna.register(cseq=5)).code == 200
    anna.respond(await anna.request("NOTIFY"), 200)
    assert len(contacts(node)) == 2
    await converse(bert, anna, "201")


async def test_the_end_of_a_connection_that_was_replaced_changes_nothing(node: Node) -> None:
    anna, bert = await tcp_phone(node, "anna"), await node.phone("bert")
    old = anna.stream
    assert old is not None
    await anna.connect()
    assert (await anna.register(cseq=5)).code == 200
    anna.respond(await anna.request("NOTIFY"), 200)
    new, tcp = anna.stream, node.signalling.wires._tcp
    assert tcp is not None
    old.abort()
    await until(lambda: len(tcp) == 1, "the loss to be noticed")
    anna.stream = new
    await converse(bert, anna, "201")


async def test_a_phone_whose_connection_has_gone_is_called_at_its_contact_by_a_new_one(node: Node) -> None:
    anna, bert = await tcp_phone(node, "anna"), await node.phone("bert")
    await anna.listen()
    await lose(node, anna)
    answer = await converse(bert, anna, "201")
    assert anna.stream is not None
    bert.hang_up(answer)
    anna.respond(await anna.request("BYE"), 200)
    await until(lambda: not node.signalling.list_calls(), "the end")


async def test_a_phone_that_takes_no_connection_is_unavailable_at_once(node: Node) -> None:
    anna, bert = await tcp_phone(node, "anna"), await node.phone("bert")
    await lose(node, anna)
    with capture_logs() as logs:
        await bert.call("201")
        await until(lambda: any(one["event"] == "call.device_failed" for one in logs), "the failure", 0.9)
    events = {one["event"]: one for one in logs}
    assert events["call.device_failed"]["code"] == 503
    assert events["sip.connection_failed"]["remote"] == f"{anna.address}:5060"


async def test_a_phone_behind_nat_is_signed_off_with_its_connection(node: Node) -> None:
    anna = await tcp_phone(node, "anna", NattedPhone)
    assert len(contacts(node)) == 1
    await lose(node, anna)
    assert contacts(node) == []
    await anna.connect()
    assert (await anna.register(cseq=5)).code == 200
    assert len(contacts(node)) == 1


async def test_after_a_restart_phones_are_called_by_new_connections_or_were_signed_off(
    relay_socket: Path,
) -> None:
    with short_folder() as folder:
        node = Node(folder, relay_socket)
        await node.prepare()
        await node.start()
        try:
            anna = await tcp_phone(node, "anna")
            await tcp_phone(node, "carl", NattedPhone)
            await anna.listen()
            await node.signalling.writer.flush()
            await node.kill()
            assert {row.username for row in await node.store.load_bindings()} == {"anna", "carl"}
            await node.start()
            assert contacts(node) == [anna.contact.strip("<>")]
            bert = await node.phone("bert")
            await converse(bert, anna, "201")
        finally:
            await node.close()


async def test_tcp_can_be_switched_off(relay_socket: Path) -> None:
    async with running_node(relay_socket, sip={"tcp": ""}) as node:
        with pytest.raises(ConnectionRefusedError):
            await TcpPhone.start("anna", node.sip)
        assert (await (await node.phone("anna")).register(cseq=5)).code == 200


LONG_WINDED = {"user_agent": "R" * 900}
"""A setting that makes every INVITE of ours longer than 1,300 bytes."""


class TwoWayPhone(Phone):
    """A phone that registered by UDP and takes connections at its Contact; `stream` hears what comes by one."""

    stream: TcpPhone

    @classmethod
    async def register_at(cls, node: Node, username: str) -> Self:
        phone = await cls.start(username, node.sip)
        phone.stream = TcpPhone(username, node.sip)
        phone.stream.address, phone.stream.port = phone.address, phone.port
        await phone.stream.listen()
        node.phones += [phone, phone.stream]
        assert (await phone.register()).code == 200
        phone.respond(await phone.request("NOTIFY"), 200)
        return phone


async def test_a_long_request_goes_by_tcp_to_a_phone_that_takes_it_and_the_rest_by_udp(
    relay_socket: Path,
) -> None:
    async with running_node(relay_socket, sip=LONG_WINDED) as node:
        anna, bert = await node.phone("anna"), await TwoWayPhone.register_at(node, "bert")
        await anna.call("202")
        invite = await bert.stream.request("INVITE")
        assert invite.via.transport == "TCP"
        assert invite.contact is not None
        assert invite.contact.param("transport") is None, "short requests may come by UDP"
        bert.stream.respond(invite, 200, body=sdp(bert.address))
        answer = await anna.response("200")
        anna.acknowledge(answer, "")
        await bert.stream.request("ACK")
        anna.hang_up(answer)
        bye = await bert.request("BYE")
        assert bye.via.transport == "UDP"
        bert.respond(bye, 200)
        await until(lambda: not node.signalling.list_calls(), "the end")


async def test_a_long_request_to_a_phone_without_tcp_goes_by_udp_at_once_the_second_time(
    relay_socket: Path,
) -> None:
    async with running_node(relay_socket, sip=LONG_WINDED) as node:
        anna, bert = await node.phone("anna"), await node.phone("bert")
        with capture_logs() as logs:
            for _ in range(2):
                answer = await converse(anna, bert, "202")
                invite = next(message for message in bert.heard if message.first_line.startswith("INVITE"))
                assert invite.via.transport == "UDP"
                anna.hang_up(answer)
                bert.respond(await bert.request("BYE"), 200)
                await anna.final("BYE", 3)
        assert [one["event"] for one in logs].count("sip.connection_failed") == 1


async def test_without_tcp_of_ours_long_requests_go_by_udp(relay_socket: Path) -> None:
    async with running_node(relay_socket, sip=LONG_WINDED | {"tcp": ""}) as node:
        anna, bert = await node.phone("anna"), await node.phone("bert")
        await converse(anna, bert, "202")
