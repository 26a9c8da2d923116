"""Sockets that send bytes as they are and keep what comes, by UDP and by TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from b2bua.sip.text.framing import Framer
from tests.runtime.node import until
from tests.support.addresses import fresh_address


class RawPeer(asyncio.DatagramProtocol, asyncio.Protocol):
    """One UDP socket or one TCP connection; `heard` is what came, on TCP cut into messages."""

    def __init__(self, transport: str) -> None:
        self.transport = transport
        self.heard: list[bytes] = []
        self.closed = False
        self._framer = Framer()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = transport
        self.address, self.port = transport.get_extra_info("sockname")

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append(data)

    def data_received(self, data: bytes) -> None:
        self._framer.feed(data)
        while (message := self._framer.take()) is not None:
            self.heard.append(message)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True

    def send(self, data: bytes) -> None:
        if self.transport == "UDP":
            cast(asyncio.DatagramTransport, self._wire).sendto(data)
        else:
            cast(asyncio.Transport, self._wire).write(data)

    async def hears(self, number: int) -> list[bytes]:
        """What came, once there is so much of it."""
        await until(lambda: len(self.heard) >= number, f"{number} messages")
        return self.heard

    def close(self) -> None:
        self._wire.abort()  # type: ignore[attr-defined]


@asynccontextmanager
async def raw_peer(
    service: tuple[str, int], transport: str = "UDP", address: str = ""
) -> AsyncIterator[RawPeer]:
    """A peer of the service, at this address or one of its own."""
    loop = asyncio.get_running_loop()
    local = (address or fresh_address(), 0)
    peer: RawPeer
    if transport == "UDP":
        _, peer = await loop.create_datagram_endpoint(
            lambda: RawPeer(transport), remote_addr=service, local_addr=local
        )
    else:
        _, peer = await loop.create_connection(lambda: RawPeer(transport), *service, local_addr=local)
    try:
        yield peer
    finally:
        peer.close()
