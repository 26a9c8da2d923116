"""rtp_io's command socket: one line out, one line back, in order.

What is sent in one turn of the event loop goes out in one write: each write wakes the relay.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

from media.relay.errors import RelayGone

WINDOW = 64
"""Most replies left unread at a time: rtp_io silently loses replies beyond some 270."""

Reply = Callable[[str | RelayGone], None]


class Pipeline(asyncio.Protocol):
    """Sends commands without waiting for the replies of those before, at most WINDOW ahead."""

    def __init__(
        self, on_lost: Callable[[], None], call_soon: Callable[[Callable[[], None]], object]
    ) -> None:
        self._on_lost = on_lost
        self._call_soon = call_soon
        self._transport: asyncio.WriteTransport | None = None
        self._buffer = b""
        self._sent: deque[Reply] = deque()
        self._waiting: deque[tuple[str, Reply]] = deque()

    def send(self, line: str, reply: Reply) -> None:
        """Send one command; `reply` gets its answer, or RelayGone."""
        if self._transport is None:
            reply(RelayGone())
        else:
            if not self._waiting:
                self._call_soon(self._send_waiting)
            self._waiting.append((line, reply))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the socket is ready."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """asyncio: replies, perhaps not whole."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._sent.popleft()(line.decode("ascii"))
        self._send_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the relay's end is closed; whoever still waits hears RelayGone."""
        self._transport = None
        replies = [*self._sent, *(reply for _, reply in self._waiting)]
        self._sent.clear()
        self._waiting.clear()
        for reply in replies:
            reply(RelayGone())
        self._on_lost()

    def close(self) -> None:
        """Let go of the socket."""
        if self._transport is not None:
            self._transport.close()

    def _send_waiting(self) -> None:
        lines = []
        while self._waiting and len(self._sent) < WINDOW:
            line, reply = self._waiting.popleft()
            self._sent.append(reply)
            lines.append(f"{line}\n")
        if lines and self._transport is not None:
            self._transport.write("".join(lines).encode("ascii"))
