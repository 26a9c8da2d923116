"""rtp_io's notification socket: a line for each session that ended by silence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from media.relay.commands import SILENCE


class Notifications(asyncio.Protocol):
    """Calls `silent` with the id of each session that ended because neither side sent anything."""

    def __init__(self, silent: Callable[[str], None], on_lost: Callable[[], None]) -> None:
        self._silent = silent
        self._on_lost = on_lost
        self._transport: asyncio.BaseTransport | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the socket is ready."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """asyncio: notifications, perhaps not whole."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            text = line.decode("ascii")
            if text.startswith(SILENCE):  # else the rest of a line that an earlier client began
                self._silent(text.removeprefix(SILENCE))

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the relay's end is closed."""
        self._on_lost()

    def close(self) -> None:
        """Let go of the socket."""
        if self._transport is not None:
            self._transport.close()
