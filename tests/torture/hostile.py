"""Phones that misbehave: what they say is nearly right, over UDP and TCP, in calls and outside of them.

Each has an account, so that its messages reach everything that stands behind the digest. It remembers the
dialogs that came of it, as the service names them, and leaves them in the end as it should.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from itertools import count
from typing import Self, cast

from b2bua.sip.text.compose import Header, render
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.message import Request, Response, parse_message
from tests.runtime.phone import answer_to
from tests.support.addresses import fresh_address
from tests.support.mutations import mutated, streamed

PORT = 5060
USES_OF_A_NONCE = 20
TRIES = 5
FINALS = (100, 180, 183, 200, 200, 200, 302, 404, 486, 500, 603, 699)
_numbers = count(1)


class Hostile(asyncio.DatagramProtocol):
    """One account at one address. `target` is whom it calls."""

    def __init__(
        self, username: str, service: tuple[str, int], target: list[str], chance: random.Random
    ) -> None:
        self.username, self.service, self.target, self.chance = username, service, target, chance
        self.password = f"{username}-secret"
        self.sent = 0
        self.received = 0
        self.reconnections = 0
        self.dialogs = 0
        self.past = 0
        """How many requests were read behind the digest: with credentials that hold, or in a dialog."""
        self.faults: list[str] = []
        """What the service sent that is no SIP."""
        self._challenge = ""
        self._uses = 0
        self._invites: list[bytes] = []
        # By Call-ID and the service's tag: the headers of a request of ours inside the dialog, and where it goes.
        self._dialogs: dict[tuple[str, str], tuple[str, str, str, int]] = {}
        self._stream: asyncio.StreamWriter | None = None
        self._reader: asyncio.Task[None] | None = None

    @classmethod
    async def at(
        cls, username: str, service: tuple[str, int], target: list[str], chance: random.Random
    ) -> Self:
        """Open its socket."""
        loop = asyncio.get_running_loop()
        _, phone = await loop.create_datagram_endpoint(
            lambda: cls(username, service, target, chance), local_addr=(fresh_address(), PORT)
        )
        return phone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.address, self.port = transport.get_extra_info("sockname")

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._heard(data, "UDP")

    # What it sends

    def act(self) -> None:
        """Send one mutated message, by UDP."""
        self._send(self._faulty(self._message("UDP")))

    async def act_on_stream(self, size: int) -> None:
        """Send some messages by TCP, in a stream that may be broken; reconnect when it was ended."""
        messages = []
        for _ in range(size):
            message = self._message("TCP")
            # Mostly only what does not break the framing, or the first message would be the last.
            messages.append(message if self.chance.random() < 0.3 else self._faulty(message))
        self.sent += size
        pieces = streamed(messages, self.chance)
        try:
            if self._stream is None or self._stream.is_closing():
                await self._connect()
            assert self._stream is not None
            for piece in pieces:
                self._stream.write(piece)
                await self._stream.drain()
                if self.chance.random() < 0.02:
                    self._stream.transport.abort()
        except OSError:
            self._stream = None

    async def leave(self) -> None:
        """End every dialog as the service knows it, and the connection."""
        while self._dialogs:
            (call_id, _), (ours, theirs, target, number) = self._dialogs.popitem()
            bye = self._request("BYE", target, call_id, number + 1, "UDP", ours=ours, theirs=theirs)
            self._transport.sendto(bye, self.service)
            await asyncio.sleep(0.005)
        if self._reader is not None:
            self._reader.cancel()
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _faulty(self, message: bytes) -> bytes:
        """The message with faults, mostly such as are met only behind the digest, if it would get there without."""
        data = mutated(message, self.chance)
        if self._is_past(message) and self.chance.random() < 0.8:
            tries = (self._but_for_credentials(message) for _ in range(TRIES))
            data = next(filter(self._is_past, tries), data)
        self.past += self._is_past(data)
        return data

    def _but_for_credentials(self, message: bytes) -> bytes:
        """The message with faults that leave its credentials alone."""
        before, name, rest = message.partition(b"Authorization: ")
        if not name:
            return mutated(message, self.chance)
        credentials, _, after = rest.partition(b"\r\n")
        start, end, headers = mutated(before + after, self.chance).partition(b"\r\n")
        return b"".join((start, end, name, credentials, b"\r\n", headers))

    def _is_past(self, data: bytes) -> bool:
        """Whether the service reads it as somebody's whom it knows."""
        try:
            message = parse_message(data)
            message.check()
            if not isinstance(message, Request):
                return False
            # The digest is over the method and this copy of the Request-URI.
            signed = f'uri="{message.uri_text}"' in (message.get("authorization") or "")
            return signed or (message.call_id, message.to.tag or "") in self._dialogs
        except BadMessage:
            return False

    def _message(self, transport: str) -> bytes:
        """A message that is right: of a call, of a registration, or of a dialog that there is."""
        kind = self.chance.choice(
            ("INVITE", "INVITE", "INVITE", "INVITE", "REGISTER", "REGISTER", "REGISTER", "OPTIONS", "CANCEL", "dialog",
             "dialog", "dialog", "dialog", "dialog", "answer", "ACK", "SUBSCRIBE", "PRACK")
        )  # fmt: skip
        if kind == "dialog" and self._dialogs:
            name = self.chance.choice(list(self._dialogs)[-50:])
            call_id, (ours, theirs, target, number) = name[0], self._dialogs[name]
            method = self.chance.choice(("INVITE", "INVITE", "INFO", "ACK", "BYE", "UPDATE", "OPTIONS"))
            self._dialogs[name] = (ours, theirs, target, number + 1)
            return self._request(method, target, call_id, number + 1, transport, ours=ours, theirs=theirs)
        if kind == "answer" and self._invites:
            return self._response(self.chance.choice(self._invites), self.chance.choice(FINALS))
        if kind == "CANCEL" and self._invites:
            data = self._invites[-1]
            return data.replace(b"INVITE", b"CANCEL")
        if kind in ("dialog", "answer", "CANCEL"):
            kind = "INVITE"
        uri = f"sip:{self.service[0]}" if kind == "REGISTER" else self._called()
        return self._request(kind, uri, f"hostile-{next(_numbers)}-{self.username}", 1, transport)

    def _called(self) -> str:
        return f"sip:{self.chance.choice(self.target)}@{self.service[0]}:{self.service[1]}"

    def _request(
        self,
        method: str,
        uri: str,
        call_id: str,
        number: int,
        transport: str,
        ours: str = "",
        theirs: str = "",
    ) -> bytes:
        own = f"<sip:{self.username}@{self.service[0]}>"
        headers: list[Header] = [
            ("Via", f"SIP/2.0/{transport} {self.address}:{PORT};branch=z9hG4bKh{next(_numbers)};rport"),
            ("Max-Forwards", "70"),
            ("From", ours or f'"Mallory" {own};tag=h{next(_numbers)}'),
            ("To", theirs or (own if method == "REGISTER" else f"<{uri}>")),
            ("Call-ID", call_id),
            ("CSeq", f"{number} {method}"),
            ("Contact", f"<sip:{self.username}@{self.address}:{PORT};transport={transport.lower()}>"),
            ("Supported", "100rel, timer, replaces"),
            ("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, NOTIFY, PRACK, UPDATE"),
        ]
        if method == "REGISTER":
            headers.append(("Expires", self.chance.choice(("60", "1", "0", "600"))))
        if method in ("INVITE", "REGISTER") and not theirs and self._challenge:
            headers.append(("Authorization", self._authorization(method, uri)))
        body = b""
        if method in ("INVITE", "UPDATE"):
            headers.append(("Content-Type", "application/sdp"))
            body = self._sdp()
        elif method == "INFO":
            headers.append(("Content-Type", "application/dtmf-relay"))
            body = b"Signal=5\r\nDuration=100\r\n"
        return render(f"{method} {uri} SIP/2.0", headers, body)

    def _authorization(self, method: str, uri: str) -> str:
        self._uses += 1
        if self._uses > USES_OF_A_NONCE:
            self._challenge, self._uses = "", 0
            return "Digest"
        return answer_to(self._challenge, method, uri, self.username, self.password, self._uses)

    def _sdp(self) -> bytes:
        way = self.chance.choice(("sendrecv", "sendrecv", "sendonly", "inactive", "recvonly"))
        return (
            f"v=0\r\no=- {next(_numbers)} 1 IN IP4 {self.address}\r\ns=-\r\nc=IN IP4 {self.address}\r\n"
            "t=0 0\r\nm=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
            f"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na={way}\r\n"
        ).encode()

    def _response(self, data: bytes, code: int, body: bytes = b"") -> bytes:
        request = parse_message(data)
        to = request.get("to") or ""
        headers = [
            *(("Via", via) for via in request.values("via")),
            *(("Record-Route", route) for route in request.values("record-route")),
            ("From", request.get("from") or ""),
            ("To", to if "tag=" in to else f"{to};tag=m{next(_numbers)}"),
            ("Call-ID", request.call_id),
            ("CSeq", request.get("cseq") or ""),
            ("Contact", f"<sip:{self.username}@{self.address}:{PORT}>"),
            ("Require", "100rel"),
            ("RSeq", "1"),
        ][: 99 if code == 183 else -2]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        return render(f"SIP/2.0 {code} Whatever", headers, body)

    def _send(self, data: bytes) -> None:
        self.sent += 1
        if data:
            self._transport.sendto(data, self.service)

    # What it hears

    def _heard(self, data: bytes, transport: str) -> None:
        self.received += 1
        try:
            message = parse_message(data)
        except BadMessage as error:
            self.faults.append(f"{error}: {data[:300]!r}")
            return
        try:
            message.check()
        except BadMessage:
            return  # an answer that repeats the bad headers of its request
        if isinstance(message, Response):
            self._answered(message)
        else:
            self._asked(message, data, transport)

    def _answered(self, response: Response) -> None:
        """Take a challenge, or remember a dialog and acknowledge it."""
        if response.code == 401 and not self._challenge:
            self._challenge, self._uses = response.lines("www-authenticate")[0], 0
        if response.cseq[1] != "INVITE" or response.code < 200:
            return
        ours, theirs = response.get("from") or "", response.get("to") or ""
        if response.code < 300 and response.contact is not None:
            target = str(response.contact)
            self._remember(response.call_id, response.to.tag, ours, theirs, target, response.cseq[0])
            if self.chance.random() < 0.9:
                ack = self._request(
                    "ACK", target, response.call_id, response.cseq[0], "UDP", ours=ours, theirs=theirs
                )
                self._transport.sendto(ack, self.service)

    def _asked(self, request: Request, data: bytes, transport: str) -> None:
        """Answer what the service asks: calls in many ways, the rest with 200, half of all that with faults."""
        if request.method == "ACK":
            # Its tags are those that the service took from the answer, faults included.
            ours, theirs = request.get("to") or "", request.get("from") or ""
            self._remember(request.call_id, request.from_.tag, ours, theirs, str(request.uri), 0)
            return
        answers = [self._response(data, 200)]
        if request.method == "INVITE":
            self._invites = [*self._invites[-20:], data]
            codes = self.chance.choice(
                ((200,), (180, 200), (183, 200), (180, 486), (100,), (603,), (302,), (200, 200))
            )
            answers = [
                self._response(data, code, self._sdp() if code in (183, 200) else b"") for code in codes
            ]
        for answer in answers:
            if self.chance.random() < 0.5:
                answer = mutated(answer, self.chance)
            self.sent += 1
            if transport == "UDP":
                self._transport.sendto(answer, self.service)
            elif self._stream is not None and not self._stream.is_closing():
                self._stream.write(answer)

    def _remember(
        self, call_id: str, tag: str | None, ours: str, theirs: str, target: str, number: int
    ) -> None:
        if (call_id, tag or "") not in self._dialogs:
            self.dialogs += 1
            self._dialogs[call_id, tag or ""] = (ours, theirs, target, number)

    async def _connect(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
        self.reconnections += 1
        reader, self._stream = await asyncio.open_connection(*self.service, local_addr=(self.address, 0))
        self._reader = asyncio.create_task(self._listen(reader))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Cut what comes at its Content-Length, which the service always writes."""
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")
                if not head:
                    continue
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                self._heard(head + await reader.readexactly(length), "TCP")


class HostileCarrier(Hostile):
    """A trunk, known by its address: whatever can be read comes from somebody known."""

    def _is_past(self, data: bytes) -> bool:
        try:
            message = parse_message(data)
            message.check()
        except BadMessage:
            return False
        return isinstance(message, Request)
