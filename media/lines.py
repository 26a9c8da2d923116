"""JSON lines over a stream, for asyncio: each line one JSON object, UTF-8, at most 1 MiB."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

LONGEST_LINE = 1 << 20
"""Bytes. A SIP message of 64 KiB may be one Call-ID, of which JSON makes six times as much."""


class JsonLines(asyncio.Protocol):
    """One end of a line. `received` gets each object, `opened` and `closed` are called when
    the stream is up and when it is gone, once each.

    A peer that sends anything else than JSON objects is cut off.
    """

    def __init__(
        self,
        received: Callable[[dict[str, Any]], None],
        closed: Callable[[], None],
        opened: Callable[[], None] | None = None,
    ) -> None:
        self._received = received
        self._closed = closed
        self._opened = opened
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The stream is open."""
        # uvloop's transports are not asyncio's by class, only by what they do.
        self._transport = cast(asyncio.Transport, transport)
        if self._opened:
            self._opened()

    def data_received(self, data: bytes) -> None:
        """Hand on every whole line."""
        self._buffer += data
        *lines, rest = bytes(self._buffer).split(b"\n")
        self._buffer = bytearray(rest)
        if len(rest) > LONGEST_LINE:
            self.close()
            return
        for line in lines:
            try:
                value = json.loads(line)
            except ValueError:
                self.close()
                return
            if not isinstance(value, dict):
                self.close()
                return
            self._received(value)

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream is closed, by whichever end."""
        self._transport = None
        self._closed()

    @property
    def open(self) -> bool:
        """Whether lines can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, value: dict[str, Any]) -> None:
        """Send one object; a closed line sends nothing."""
        if self._transport is not None:
            self._transport.write(json.dumps(value).encode() + b"\n")

    def finish(self) -> None:
        """Tell the other end that nothing more will be sent; it may still send."""
        if self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()

    def close(self) -> None:
        """Close the stream after what is still to be written."""
        if self._transport is not None:
            self._transport.close()
