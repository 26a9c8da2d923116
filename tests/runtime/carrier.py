"""A carrier on real sockets, UDP and TCP: challenges REGISTERs, keeps contacts, answers OPTIONS, or does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from b2bua.sip.auth.digest import Algorithm, Authenticator, Missing, Stale, Verified, ha1
from b2bua.sip.text.address import parse_address
from b2bua.sip.text.compose import Header, render, response_headers
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.framing import PING, Framer
from b2bua.sip.text.message import Request, parse_message
from b2bua.sip.text.transport import Transport
from tests.support.addresses import fresh_address

REALM = "carrier.example"


class Carrier(asyncio.DatagramProtocol):
    """Both transports on one address and port. What arrives is kept in `received`, retransmissions included."""

    def __init__(self, username: str = "ringplan", password: str = "secret") -> None:
        self.username = username
        self.password = password
        self.grants = 600
        self.answers: dict[str, int] = {"OPTIONS": 200}
        """The code for a method; 0 for silence."""
        self.headers: tuple[Header, ...] = ()
        self.rewrites = ""
        """The URI under which it keeps whoever registers, in place of the one it was told."""
        self.contacts: dict[str, str] = {}
        """Contacts that are registered, and the transport each came by."""
        self.received: list[Request] = []
        self.times: list[float] = []
        """When each of them came."""
        self.connections: set[asyncio.StreamWriter] = set()
        self._authenticator = Authenticator(REALM, b"k" * 32, 300)

    # What a digest is checked against.

    @property
    def ha1_md5(self) -> str:
        return ha1(self.username, REALM, self.password, Algorithm.MD5)

    @property
    def ha1_sha256(self) -> str:
        return ha1(self.username, REALM, self.password, Algorithm.SHA256)

    def count(self, method: str) -> int:
        return sum(request.method == method for request in self.received)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.hop = SocketAddress(*transport.get_extra_info("sockname"))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        flow = Flow(Transport.UDP, self.hop, SocketAddress(*addr))
        self._handle(data, flow, lambda answer: self._transport.sendto(answer, addr))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(writer)
        framer = Framer()
        flow = Flow(Transport.TCP, self.hop, SocketAddress(*writer.get_extra_info("peername")), 1)
        try:
            while data := await reader.read(65536):
                framer.feed(data)
                while (message := framer.take()) is not None:
                    if message != PING:
                        self._handle(message, flow, writer.write)
        except ConnectionError:
            pass
        finally:
            self.connections.discard(writer)
            writer.close()

    def cut(self) -> None:
        """Break every connection."""
        for writer in self.connections:
            writer.transport.abort()

    def close(self) -> None:
        self._transport.close()
        self.cut()

    def _handle(self, data: bytes, flow: Flow, send: Callable[[bytes], object]) -> None:
        request = parse_message(data)
        if not isinstance(request, Request):
            return
        self.received.append(request)
        self.times.append(asyncio.get_running_loop().time())
        code, headers = self.answers.get(request.method, 200), self.headers
        if code == 200 and request.method == "REGISTER":
            code, headers = self._register(request, flow)
        if code:
            to = f"{request.get('to')};tag=c"
            send(render(f"SIP/2.0 {code} Because", [*response_headers(request, flow), ("To", to), *headers]))

    def _register(self, request: Request, flow: Flow) -> tuple[int, tuple[Header, ...]]:
        now = asyncio.get_running_loop().time()
        verdict = self._authenticator.check(request, {self.username: self}.get, now)
        if isinstance(verdict, Missing | Stale):
            challenges = self._authenticator.challenge(now, stale=isinstance(verdict, Stale))
            return 401, tuple(("WWW-Authenticate", value) for value in challenges)
        if not isinstance(verdict, Verified):
            return 403, ()
        contact = parse_address(request.get("contact") or "")
        if request.integer("expires", 0) == 0:
            self.contacts.pop(str(contact.uri), None)
            return 200, ()
        self.contacts[str(contact.uri)] = flow.transport
        return 200, (("Contact", f"<{self.rewrites or contact.uri}>;expires={self.grants}"),)


@asynccontextmanager
async def running_carrier(address: str = "", port: int = 5060, **who: str) -> AsyncIterator[Carrier]:
    """A carrier on an address of its own."""
    loop = asyncio.get_running_loop()
    _, carrier = await loop.create_datagram_endpoint(
        lambda: Carrier(**who), local_addr=(address or fresh_address(), port)
    )
    server = await asyncio.start_server(carrier.serve, *carrier.hop)
    try:
        yield carrier
    finally:
        server.close()
        carrier.close()
