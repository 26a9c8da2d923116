"""A transport that keeps what is written, for testing a protocol without a socket."""

from __future__ import annotations

import asyncio


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.lines.append(bytes(data))

    def close(self) -> None:
        """Nothing is open."""
