"""The two parties of a call on sockets of our own: the carrier that calls, and the phones that ring and answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from secrets import token_hex

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
    """Calls numbers through a service."""

    def __init__(self, address: Address, service: Address) -> None:
        self.calls: dict[str, Call] = {}
        self._service = service
        self._numbers = count(1)
        self._endpoint = Endpoint(address, self._hear)
        self._own = f"sip:{CALLER}@{address[0]}:{address[1]}"
        self._mark = token_hex(4)

    def dial(self, number: str, rtp: Address) -> Call:
        """Send an INVITE, with `rtp` as the place for its sound."""
        call_id = f"{self._mark}-{next(self._numbers)}@{self._endpoint.address[0]}"
        call = self.calls[call_id] = Call(number, call_id, rtp)
        uri = f"sip:{number}@{self._service[0]}:{self._service[1]}"
        text = self._request("INVITE", uri, call, 1, sdp(*rtp))
        call.sent = self._endpoint.send(text, self._service)
        return call

    def hang_up(self, call: Call) -> None:
        """Send a BYE."""
        if call.final == 200 and not call.over:
            self._endpoint.send(self._request("BYE", call.contact, call, 2), self._service)

    def close(self) -> None:
        """Listen no more."""
        self._endpoint.close()

    def _request(self, method: str, uri: str, call: Call, cseq: int, body: str = "") -> str:
        headers = [
            *(("Route", route) for route in call.routes),
            ("From", f"<{self._own}>;tag={call.call_id.partition('@')[0]}"),
            ("To", call.peer or f"<{uri}>"),
            ("Call-ID", call.call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", f"<{self._own}>"),
        ]
        branch = f"{call.call_id.partition('@')[0]}-{method}"
        return request(method, uri, self._endpoint.address, branch, headers, body)

    def _hear(self, message: Message, arrived: float, source: Address) -> None:
        call = self.calls.get(message.header("Call-ID"))
        if not message.status:
            self._endpoint.send(response("200 OK", message, "carrier"), source)
            if call is not None and message.method == "BYE":
                call.over = True
        elif call is not None and message.method == "BYE":
            call.over = True
        elif call is not None and message.method == "INVITE":
            self._answered(call, message, arrived)

    def _answered(self, call: Call, message: Message, arrived: float) -> None:
        if message.status == 180 and not call.ringing:
            call.ringing = arrived
        if message.media is not None:
            call.media = message.media
        if message.status < 200:
            return
        call.final = message.status
        call.peer = message.header("To")
        if message.status == 200:
            call.answered = call.answered or arrived
            call.contact = uri_of(message.header("Contact"))
            call.routes = message.headers("Record-Route")[::-1]
            self._endpoint.send(self._request("ACK", call.contact, call, 1), self._service)
        else:
            # The ACK of a refusal belongs to the INVITE's transaction (RFC 3261 §17.1.1.3).
            call.over = True
            uri = f"sip:{call.number}@{self._service[0]}:{self._service[1]}"
            text = self._request("ACK", uri, call, 1).replace("-ACK\r\n", "-INVITE\r\n")
            self._endpoint.send(text, self._service)


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
