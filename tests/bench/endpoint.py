"""A small SIP socket of our own: it knows when each message left and when the kernel received each.

It shares no code with what it measures, and does only what a call on loopback needs: nothing is sent twice.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import time
from collections.abc import Callable, Iterable

from tests.support.sipp import Message

Address = tuple[str, int]
SO_TIMESTAMPNS = 35
"""The kernel's time of receipt beside each datagram (socket(7)); Python has no name for it."""
_ANCILLARY = socket.CMSG_SPACE(struct.calcsize("@qq"))
_URI = re.compile(r"sip:[^>;\s]+")


class Endpoint:
    """One UDP socket on the running event loop; `hear(message, arrived, source)` gets what comes."""

    def __init__(self, address: Address, hear: Callable[[Message, float, Address], None]) -> None:
        self.address = address
        self._hear = hear
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.setblocking(False)
        self._socket.bind(address)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._readable)

    def send(self, text: str, to: Address) -> float:
        """Send it, and return when, in seconds of the machine's clock."""
        data = text.encode()
        sent = time.time()
        self._socket.sendto(data, to)
        return sent

    def close(self) -> None:
        """Listen no more."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _readable(self) -> None:
        while True:
            try:
                data, ancillary, _, source = self._socket.recvmsg(65535, _ANCILLARY)
            except BlockingIOError:
                return
            seconds, nanoseconds = struct.unpack("@qq", ancillary[0][2])
            self._hear(Message("", True, data.decode()), seconds + nanoseconds / 1e9, source)


def request(
    method: str, uri: str, via: Address, branch: str, headers: Iterable[tuple[str, str]], body: str = ""
) -> str:
    """The text of a request from `via`."""
    lines = [f"{method} {uri} SIP/2.0", f"Via: SIP/2.0/UDP {via[0]}:{via[1]};branch=z9hG4bK{branch}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return _text([*lines, "Max-Forwards: 70"], body)


def response(status: str, to: Message, tag: str, contact: str = "", body: str = "") -> str:
    """The text of a response to a request."""
    lines = [f"SIP/2.0 {status}"]
    for name in ("Via", "Record-Route", "From", "Call-ID", "CSeq"):
        lines += [f"{name}: {value}" for value in to.headers(name)]
    called = to.header("To")
    lines.append(f"To: {called}" if ";tag=" in called else f"To: {called};tag={tag}")
    return _text([*lines, f"Contact: <{contact}>"] if contact else lines, body)


def uri_of(header: str) -> str:
    """The URI in a header such as `"Bob" <sip:bob@192.0.2.1>;tag=1`, without its parameters."""
    found = _URI.search(header)
    return found[0] if found else ""


def sdp(address: str, port: int) -> str:
    """An offer, or an answer, of A-law and telephone events."""
    return (
        f"v=0\r\no=bench 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
        "a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    )


def _text(lines: Iterable[str], body: str) -> str:
    content = ["Content-Type: application/sdp"] if body else []
    return "\r\n".join([*lines, *content, f"Content-Length: {len(body)}", "", body])
