"""A phone that goes on when the service is away: it repeats requests, answers what it is asked, and gives up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import count
from typing import Self

from b2bua.sip.text.compose import Header, render
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.message import Request, Response, parse_message
from tests.runtime.phone import Phone

RTP_PORT = 40000
AGAIN_AFTER = 0.25
ANSWER_WITHIN = 6.0
_branches = count(1)


class Subscriber(Phone):
    """One account at one address. It answers calls where it is told to, and every other request."""

    def __init__(self, username: str, service: tuple[str, int]) -> None:
        super().__init__(username, service)
        self.password = f"{username}-secret"
        self.answers = False
        self.hung_up: set[str] = set()
        """The Call-IDs that the far side ended."""
        self._sequence = 0
        self._waiting: dict[tuple[str, tuple[int, str]], asyncio.Future[Response]] = {}
        self._given_up: set[str] = set()

    @classmethod
    async def at(cls, username: str, service: tuple[str, int], address: str = "") -> Self:
        """Open its socket."""
        return await cls.start(username, service, address)

    @property
    def uri(self) -> str:
        """The service's."""
        return f"sip:{self.service[0]}"

    @property
    def sdp(self) -> bytes:
        """An offer or an answer: PCMA and digits (RFC 4733)."""
        return (
            f"v=0\r\no=- 1 1 IN IP4 {self.address}\r\ns=-\r\nc=IN IP4 {self.address}\r\nt=0 0\r\n"
            f"m=audio {RTP_PORT} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"
        ).encode()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            message = parse_message(data)
            message.check()
        except BadMessage:
            return
        if isinstance(message, Request):
            self._asked(message)
        else:
            self._told(message)

    async def register(self, expires: int = 600, seconds: float = ANSWER_WITHIN) -> Response | None:
        """Register or, with 0, sign off; the final answer, or `None` when none came."""
        own = f"<sip:{self.username}@{self.service[0]}>"
        headers = [("Contact", self.contact), ("Expires", str(expires))]
        return await self._authenticated(
            "REGISTER", self.uri, f"register-{self.address}", headers, to=own, seconds=seconds
        )

    async def dial(self, extension: str, seconds: float = ANSWER_WITHIN) -> Response | None:
        """Call; the final answer, acknowledged, or `None` when none came."""
        uri = f"sip:{extension}@{self.service[0]}:{self.service[1]}"
        call_id = f"torture-{self.new_call_id()}-{self.username}"
        headers = [("Contact", self.contact)]
        answer = await self._authenticated("INVITE", uri, call_id, headers, body=self.sdp, seconds=seconds)
        if answer is None:
            self._given_up.add(call_id)
        return answer

    async def end(self, answer: Response, seconds: float = 3.0) -> Response | None:
        """Hang up the call that was answered so; the answer to that, or `None` when none came."""
        self._sequence += 1
        data = self._bye(answer, self._sequence)
        return await self._ask(data, answer.call_id, (self._sequence, "BYE"), seconds)

    def _bye(self, answer: Response, sequence: int) -> bytes:
        target = answer.contact
        via = f"SIP/2.0/UDP {self.address}:{self.port};branch=z9hG4bKt{next(_branches)};rport"
        names = ("From", "To", "Call-ID")
        return render(
            f"BYE {target} SIP/2.0",
            [
                ("Via", via),
                ("Max-Forwards", "70"),
                *((name, answer.get(name.lower()) or "") for name in names),
                ("CSeq", f"{sequence} BYE"),
            ],
        )

    async def _authenticated(
        self,
        method: str,
        uri: str,
        call_id: str,
        headers: Iterable[Header],
        *,
        to: str | None = None,
        body: bytes = b"",
        seconds: float,
    ) -> Response | None:
        own = list(headers)
        answer = None
        async with asyncio.timeout(seconds + 1):
            for _ in range(2):
                self._sequence += 1
                data = self.build(
                    method, uri, call_id=call_id, cseq=self._sequence, to=to, headers=own, body=body
                )
                answer = await self._ask(data, call_id, (self._sequence, method), seconds)
                if answer is None or answer.code != 401:
                    break
                own = [*headers, self.authorization(answer, method, uri)]
        return answer

    async def _ask(self, data: bytes, call_id: str, cseq: tuple[int, str], seconds: float) -> Response | None:
        answer = self._waiting[call_id, cseq] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                while True:
                    self.send(data)
                    done, _ = await asyncio.wait({answer}, timeout=AGAIN_AFTER)
                    if done:
                        return answer.result()
        except TimeoutError:
            return None
        finally:
            del self._waiting[call_id, cseq]

    def _asked(self, request: Request) -> None:
        match request.method:
            case "ACK":
                return
            case "INVITE" if self.answers or request.to.tag:
                self.respond(request, 200, body=self.sdp)
            case "INVITE":
                self.respond(request, 480)
            case "BYE":
                self.hung_up.add(request.call_id)
                self.respond(request, 200)
            case _:
                self.respond(request, 200)

    def _told(self, response: Response) -> None:
        if response.code < 200:
            return
        waiting = self._waiting.get((response.call_id, response.cseq))
        if response.cseq[1] == "INVITE":
            self.acknowledge(response, self.uri)
            if waiting is None and response.code < 300 and response.call_id in self._given_up:
                self.send(self._bye(response, response.cseq[0] + 1))
        if waiting is not None and not waiting.done():
            waiting.set_result(response)
