"""Where one message of a stream ends and the next begins (RFC 3261 §18.3, RFC 5626 §4.4.1): by Content-Length."""

from __future__ import annotations

import re

from b2bua.sip.text.errors import BadMessage

MAX_HEAD = 65536  # bytes of start line and headers
MAX_BODY = 65536  # bytes
END = b"\r\n\r\n"
PING = END
PONG = b"\r\n"

_FOLD = re.compile(rb"\r\n[ \t]+")
_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:([^\r\n]*)", re.IGNORECASE)


class Unframed(BadMessage):
    """What cannot be told apart from what follows it: the stream is of no more use.

    `head` is as much as can be answered; the code is 0 where there is nobody to answer.
    """

    def __init__(self, code: int, reason: str, head: bytes) -> None:
        super().__init__(code, reason)
        self.head = head


class Framer:
    """Cuts one stream. `feed` takes what arrived, `take` returns what is whole."""

    __slots__ = ("_buffer", "_needed", "_searched")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._needed = 0  # size of the message that the buffer begins with, once that is known

    def feed(self, data: bytes) -> None:
        """Add what arrived."""
        self._buffer += data

    def take(self) -> bytes | None:
        """Return the next message, or `PING`, which wants a `PONG`; `None` while nothing is whole.

        Raises Unframed (0 for headers without an end, 400 without one good Content-Length, 513 for a body that
        is too long).
        """
        buffer = self._buffer
        if not self._needed:
            # Line ends before a start line mean nothing (RFC 3261 §7.5), but two together are a ping.
            while buffer.startswith(PONG):
                if buffer.startswith(PING):
                    del buffer[: len(PING)]
                    return PING
                if PING.startswith(buffer):
                    return None
                del buffer[: len(PONG)]
            if not self._measure():
                return None
        if len(buffer) < self._needed:
            return None
        message = bytes(buffer[: self._needed])
        del buffer[: self._needed]
        self._needed = self._searched = 0
        return message

    def _measure(self) -> bool:
        """Whether it is known where the message ends."""
        buffer = self._buffer
        end = buffer.find(END, self._searched, MAX_HEAD)
        if end < 0:
            if len(buffer) >= MAX_HEAD:
                raise Unframed(0, "No end of headers", bytes(buffer[:MAX_HEAD]))
            self._searched = max(len(buffer) - len(END) + 1, 0)
            return False
        head = bytes(buffer[: end + len(END)])
        lengths = _LENGTH.findall(_FOLD.sub(b" ", head))
        if len(lengths) != 1:
            raise Unframed(400, "Repeated Content-Length" if lengths else "Missing Content-Length", head)
        text = lengths[0].strip()
        if not (text.isdigit() and len(text) <= 10):
            raise Unframed(400, "Bad Content-Length", head)
        if (size := int(text)) > MAX_BODY:
            raise Unframed(513, "Message Too Large", head)
        self._needed = len(head) + size
        return True
