"""A phone on a real UDP socket that says exactly what a test wants said, and answers digest challenges."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterable
from itertools import count
from typing import Self, cast

from b2bua.sip.text.compose import Header, render
from b2bua.sip.text.message import Request, Response, parse_message
from tests.support.addresses import fresh_address

DEADLINE = 20.0
HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
_numbers = count(1)
_PARAMETER = re.compile(r'(\w+)="?([^",]+)"?')


def sdp(address: str, port: int = 40000) -> bytes:
    """An offer or an answer of one G.711 codec."""
    return (
        f"v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n"
    ).encode()


def answer_to(challenge: str, method: str, uri: str, username: str, password: str, count: int = 1) -> str:
    """An Authorization value (RFC 7616 §3.4.1, qop=auth), the `count`-th with this challenge's nonce."""
    given = dict(_PARAMETER.findall(challenge.partition(" ")[2]))

    def digest(text: str) -> str:
        return HASHES[given["algorithm"]](text.encode()).hexdigest()

    secret = digest(f"{username}:{given['realm']}:{password}")
    proof = digest(f"{secret}:{given['nonce']}:{count:08x}:c:auth:{digest(f'{method}:{uri}')}")
    return (
        f'Digest username="{username}", realm="{given["realm"]}", nonce="{given["nonce"]}", uri="{uri}", '
        f'response="{proof}", algorithm={given["algorithm"]}, qop=auth, nc={count:08x}, cnonce="c"'
    )


class Phone(asyncio.DatagramProtocol):
    """One socket. What arrives is kept until `expect` takes it."""

    def __init__(self, username: str, service: tuple[str, int]) -> None:
        self.username = username
        self.password = f"{username} secret"
        self.service = service
        self.unread: list[Request | Response] = []
        self.heard: list[Request | Response] = []
        self._news = asyncio.Event()

    @classmethod
    async def start(
        cls, username: str, service: tuple[str, int], address: str = "", port: int = 5060
    ) -> Self:
        loop = asyncio.get_running_loop()
        _, phone = await loop.create_datagram_endpoint(
            lambda: cls(username, service), local_addr=(address or fresh_address(), port)
        )
        return phone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.address, self.port = transport.get_extra_info("sockname")

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = parse_message(data)
        self.unread.append(message)
        self.heard.append(message)
        self._news.set()

    def close(self) -> None:
        self._transport.close()

    @property
    def contact(self) -> str:
        return f"<sip:{self.username}@{self.address}:{self.port}>"

    def send(self, data: bytes) -> None:
        self._transport.sendto(data, self.service)

    async def expect(self, start: str, seconds: float = DEADLINE) -> Request | Response:
        """The first message not yet taken whose first line starts so."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for message in self.unread:
                        if message.first_line.startswith(start):
                            self.unread.remove(message)
                            return message
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            heard = [message.first_line for message in self.heard]
            raise TimeoutError(f"{self.username} waited for {start!r} and heard {heard}") from None

    async def request(self, start: str) -> Request:
        message = await self.expect(start)
        assert isinstance(message, Request)
        return message

    async def response(self, start: str) -> Response:
        message = await self.expect(f"SIP/2.0 {start}")
        assert isinstance(message, Response)
        return message

    def build(
        self,
        method: str,
        uri: str,
        *,
        call_id: str,
        cseq: int = 1,
        to: str | None = None,
        display: str = "",
        headers: Iterable[Header] = (),
        body: bytes = b"",
        tag: str = "f",
        from_: str | None = None,
    ) -> bytes:
        """A request of ours with a branch of its own."""
        own = f"<sip:{self.username}@{self.service[0]}>" if from_ is None else from_
        content = (("Content-Type", "application/sdp"),) if body else ()
        return render(
            f"{method} {uri} SIP/2.0",
            [
                ("Via", f"SIP/2.0/UDP {self.address}:{self.port};branch=z9hG4bK{next(_numbers)};rport"),
                ("Max-Forwards", "70"),
                ("From", f"{display}{own};tag={tag}"),
                ("To", to or f"<{uri}>"),
                ("Call-ID", call_id),
                ("CSeq", f"{cseq} {method}"),
                *headers,
                *content,
            ],
            body,
        )

    def new_call_id(self) -> str:
        return f"call-{next(_numbers)}"

    # Registering

    async def register(
        self,
        *,
        password: str | None = None,
        algorithm: str = "MD5",
        expires: int = 600,
        cseq: int = 1,
        contacts: Iterable[str] = (),
        headers: Iterable[Header] = (),
    ) -> Response:
        """REGISTER, answer the challenge of this algorithm, and return the final response.

        `contacts` stand in place of its own.
        """
        uri = f"sip:{self.service[0]}"
        own = f"<sip:{self.username}@{self.service[0]}>"
        named = [("Contact", contact) for contact in contacts] or [("Contact", self.contact)]
        said: list[Header] = [*named, ("Expires", str(expires)), *headers]
        call_id = f"register-{self.address}"
        self.send(self.build("REGISTER", uri, call_id=call_id, cseq=cseq, to=own, headers=said))
        challenged = await self.response("401")
        said.append(self.authorization(challenged, "REGISTER", uri, password, algorithm))
        self.send(self.build("REGISTER", uri, call_id=call_id, cseq=cseq + 1, to=own, headers=said))
        return await self.final("REGISTER", cseq + 1)

    async def final(self, method: str, cseq: int) -> Response:
        """The final response to the request of this number."""
        async with asyncio.timeout(DEADLINE):
            while True:
                for message in self.unread:
                    if (
                        isinstance(message, Response)
                        and message.code >= 200
                        and message.cseq == (cseq, method)
                    ):
                        self.unread.remove(message)
                        return message
                self._news.clear()
                await self._news.wait()

    def authorization(
        self, challenged: Response, method: str, uri: str, password: str | None = None, algorithm: str = "MD5"
    ) -> Header:
        challenge = next(
            line
            for line in challenged.lines("www-authenticate")
            if f"algorithm={algorithm}" in line.replace('"', "")
        )
        used = self.password if password is None else password
        return "Authorization", answer_to(challenge, method, uri, self.username, used)

    # Calling

    async def call(
        self,
        dialled: str,
        headers: Iterable[Header] = (),
        *,
        display: str = "",
        from_: str | None = None,
        call_id: str = "",
    ) -> str:
        """INVITE with an offer, once challenged and answered; returns the Call-ID."""
        call_id = call_id or self.new_call_id()
        uri = f"sip:{dialled}@{self.service[0]}:{self.service[1]}"
        own: list[Header] = [("Contact", self.contact), *headers]
        offer = sdp(self.address)
        invite = self.build(
            "INVITE", uri, call_id=call_id, headers=own, body=offer, display=display, from_=from_
        )
        self.send(invite)
        challenged = await self.response("401")
        self.acknowledge(challenged, uri)
        own.append(self.authorization(challenged, "INVITE", uri))
        self.send(
            self.build(
                "INVITE",
                uri,
                call_id=call_id,
                cseq=2,
                headers=own,
                body=offer,
                display=display,
                from_=from_,
            )
        )
        return call_id

    def acknowledge(self, final: Response, uri: str) -> None:
        """The ACK of a final response; to a 2xx it goes to the Contact, with a branch of its own."""
        target = str(final.contact) if final.code < 300 and final.contact is not None else uri
        via = f"SIP/2.0/UDP {self.address}:{self.port};branch=z9hG4bK{next(_numbers)};rport"
        if final.code >= 300:
            via = re.sub(r";received=[^;]*|;rport=\d+", "", final.values("via")[0])
        headers = [
            ("Via", via),
            ("Max-Forwards", "70"),
            ("From", final.get("from") or ""),
            ("To", final.get("to") or ""),
            ("Call-ID", final.call_id),
            ("CSeq", f"{final.cseq[0]} ACK"),
        ]
        self.send(render(f"ACK {target} SIP/2.0", headers))

    def cancel(self, provisional: Response, dialled: str) -> None:
        """Give up an INVITE that was not answered yet (RFC 3261 §9.1)."""
        headers = [
            ("Via", re.sub(r";received=[^;]*|;rport=\d+", "", provisional.values("via")[0])),
            ("Max-Forwards", "70"),
            ("From", provisional.get("from") or ""),
            ("To", f"<sip:{dialled}@{self.service[0]}:{self.service[1]}>"),
            ("Call-ID", provisional.call_id),
            ("CSeq", f"{provisional.cseq[0]} CANCEL"),
        ]
        self.send(render(f"CANCEL sip:{dialled}@{self.service[0]}:{self.service[1]} SIP/2.0", headers))

    def hang_up(self, answer: Response, cseq: int = 3) -> None:
        """BYE by the caller in the dialog that this 200 made."""
        assert answer.contact is not None
        headers = [
            ("Via", f"SIP/2.0/UDP {self.address}:{self.port};branch=z9hG4bK{next(_numbers)};rport"),
            ("Max-Forwards", "70"),
            ("From", answer.get("from") or ""),
            ("To", answer.get("to") or ""),
            ("Call-ID", answer.call_id),
            ("CSeq", f"{cseq} BYE"),
        ]
        self.send(render(f"BYE {answer.contact} SIP/2.0", headers))

    def info(self, answer: Response, key: str, cseq: int = 3) -> None:
        """A key by SIP INFO, by the caller in the dialog that this 200 made."""
        assert answer.contact is not None
        headers = [
            ("Via", f"SIP/2.0/UDP {self.address}:{self.port};branch=z9hG4bK{next(_numbers)};rport"),
            ("Max-Forwards", "70"),
            ("From", answer.get("from") or ""),
            ("To", answer.get("to") or ""),
            ("Call-ID", answer.call_id),
            ("CSeq", f"{cseq} INFO"),
            ("Content-Type", "application/dtmf-relay"),
        ]
        body = f"Signal={key}\r\nDuration=160\r\n".encode()
        self.send(render(f"INFO {answer.contact} SIP/2.0", headers, body))

    def respond(self, request: Request, code: int, headers: Iterable[Header] = (), body: bytes = b"") -> None:
        """Answer a request; INVITEs get a Contact."""
        to = request.get("to") or ""
        content = (("Content-Type", "application/sdp"),) if body else ()
        contact = (("Contact", self.contact),) if request.method == "INVITE" else ()
        self.send(
            render(
                f"SIP/2.0 {code} Because",
                [
                    *(("Via", via) for via in request.values("via")),
                    ("From", request.get("from") or ""),
                    ("To", to if "tag=" in to else f"{to};tag=t{self.username}"),
                    ("Call-ID", request.call_id),
                    ("CSeq", request.get("cseq") or ""),
                    *contact,
                    *headers,
                    *content,
                ],
                body,
            )
        )


async def converse(caller: Phone, callee: Phone, dialled: str, headers: Iterable[Header] = ()) -> Response:
    """A call from one to the other, answered; returns the caller's 200."""
    await caller.call(dialled, headers)
    invite = await callee.request("INVITE")
    callee.respond(invite, 200, body=sdp(callee.address))
    answer = await caller.response("200")
    caller.acknowledge(answer, "")
    await callee.request("ACK")
    return answer
