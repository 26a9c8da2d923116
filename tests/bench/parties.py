"""The two parties of a call on sockets of our own: the carrier or the device that calls, and the phones that ring and
answer.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from secrets import token_hex

from b2bua.sip.auth.challenge import CHALLENGED, Credential, challenges_in
from b2bua.sip.text.message import Response, parse_message
from tests.bench.endpoint import Address, Endpoint, request, response, sdp, uri_of
from tests.support.sipp import Message

CALLER = "+441632960999"
_INDEX = re.compile(r"(\d{1,3})@")


@dataclass(slots=True)
class Call:
    """A call as its caller sees it. Times are the machine's clock; `media` is where its sound goes."""

    number: str
    call_id: str
    rtp: Address
    sent: float = 0.0
    ringing: float = 0.0
    answered: float = 0.0
    final: int = 0
    media: Address | None = None
    over: bool = False
    device: Credential | None = None
    authorization: str = ""
    cseq: int = 1
    peer: str = ""
    contact: str = ""
    routes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Ring:
    """A call as the phone sees it: when its INVITE came, when it sent the 180, where its sound goes."""

    index: int
    invited: float
    alerted: float
    rtp: Address
    media: Address | None


class Carrier:
    """Calls numbers through a service: as a carrier does, or as one of the service's own devices."""

    def __init__(self, address: Address, service: Address) -> None:
        self.calls: dict[str, Call] = {}
        self._service = service
        self._numbers = count(1)
        self._endpoint = Endpoint(address, self._hear)
        self._mark = token_hex(4)

    def dial(self, number: str, rtp: Address, device: Credential | None = None) -> Call:
        """Send an INVITE, with `rtp` as the place for its sound. A `device` answers when it is challenged."""
        call_id = f"{self._mark}-{next(self._numbers)}@{self._endpoint.address[0]}"
        call = self.calls[call_id] = Call(number, call_id, rtp, device=device)
        call.sent = self._invite(call)
        return call

    def hang_up(self, call: Call) -> None:
        """Send a BYE."""
        if call.final == 200 and not call.over:
            call.cseq += 1
            self._endpoint.send(self._request("BYE", call.contact, call), self._service)

    def close(self) -> None:
        """Listen no more."""
        self._endpoint.close()

    def _invite(self, call: Call) -> float:
        return self._endpoint.send(
            self._request("INVITE", self._uri(call), call, sdp(*call.rtp)), self._service
        )

    def _uri(self, call: Call) -> str:
        return f"sip:{call.number}@{self._service[0]}:{self._service[1]}"

    def _request(self, method: str, uri: str, call: Call, body: str = "") -> str:
        user = call.device.username if call.device else CALLER
        here = f"{self._endpoint.address[0]}:{self._endpoint.address[1]}"
        tag = call.call_id.partition("@")[0]
        headers = [
            *(("Route", route) for route in call.routes),
            ("From", f"<sip:{user}@{self._service[0] if call.device else here}>;tag={tag}"),
            ("To", call.peer or f"<{uri}>"),
            ("Call-ID", call.call_id),
            ("CSeq", f"{call.cseq} {method}"),
            ("Contact", f"<sip:{user}@{here}>"),
        ]
        if method == "INVITE" and call.authorization:
            headers.append(("Authorization", call.authorization))
        return request(method, uri, self._endpoint.address, f"{tag}-{call.cseq}-{method}", headers, body)

    def _hear(self, message: Message, arrived: float, source: Address) -> None:
        call = self.calls.get(message.header("Call-ID"))
        if not message.status:
            self._endpoint.send(response("200 OK", message, "carrier"), source)
            if call is not None and message.method == "BYE":
                call.over = True
        elif call is not None and message.method == "BYE":
            call.over = True
        elif call is not None and message.header("CSeq") == f"{call.cseq} INVITE":
            self._answered(call, message, arrived)

    def _answered(self, call: Call, message: Message, arrived: float) -> None:
        if message.status == 180 and not call.ringing:
            call.ringing = arrived
        if message.media is not None:
            call.media = message.media
        if message.status < 200:
            return
        call.peer = message.header("To")
        if message.status == 200:
            call.final = 200
            call.answered = call.answered or arrived
            call.contact = uri_of(message.header("Contact"))
            call.routes = message.headers("Record-Route")[::-1]
            self._endpoint.send(self._request("ACK", call.contact, call), self._service)
            return
        # The ACK of a refusal belongs to the INVITE's transaction (RFC 3261 §17.1.1.3).
        text = self._request("ACK", self._uri(call), call).replace("-ACK\r\n", "-INVITE\r\n")
        self._endpoint.send(text, self._service)
        if call.device and message.status in CHALLENGED and not call.authorization:
            call.authorization = answer(message, call.device, "INVITE", self._uri(call))
            call.peer, call.cseq = "", call.cseq + 1
            self._invite(call)
        else:
            call.final, call.over = message.status, True


def answer(challenged: Message, device: Credential, method: str, uri: str) -> str:
    """A device's answer to the first challenge of a 401."""
    response = parse_message(challenged.text.encode())
    assert isinstance(response, Response)
    return challenges_in(response)[0].answer(device, method, uri, token_hex(8), 1)


class Phones:
    """All the phones, at one address: they ring at once, and answer after `ring` seconds.

    `listen()` makes the place for a call's sound.
    """

    def __init__(self, address: Address, listen: Callable[[], Address], ring: float = 0.1) -> None:
        self.rings: dict[str, Ring] = {}
        self._listen = listen
        self._after = ring
        self._endpoint = Endpoint(address, self._hear)
        self._contact = f"sip:phone@{address[0]}:{address[1]}"
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Listen no more."""
        self._endpoint.close()

    def _hear(self, message: Message, arrived: float, source: Address) -> None:
        if message.status or message.method == "ACK":
            return
        if message.method != "INVITE":
            self._endpoint.send(response("200 OK", message, "phone"), source)
            return
        call_id = message.header("Call-ID")
        if call_id in self.rings:
            return
        tag = f"phone{len(self.rings)}"
        alerted = self._endpoint.send(response("180 Ringing", message, tag, self._contact), source)
        rtp = self._listen()
        index = _INDEX.search(message.first_line)
        self.rings[call_id] = Ring(int(index[1]) if index else -1, arrived, alerted, rtp, message.media)
        answer = response("200 OK", message, tag, self._contact, sdp(*rtp))
        self._loop.call_later(self._after, self._endpoint.send, answer, source)
