"""A phone's RTP socket that says exactly what a test wants to be heard, packet by packet."""

from __future__ import annotations

import asyncio
import itertools
import random
import struct
import time
from typing import NamedTuple, Self, cast

from media.relay.peer import Peer
from tests.support.addresses import fresh_address

DEADLINE = 20.0
TRY_AGAIN_AFTER = 0.02


class Heard(NamedTuple):
    """One packet received."""

    arrival: float
    source: tuple[str, int]
    payload_type: int
    timestamp: int
    payload: bytes


class Phone(asyncio.DatagramProtocol):
    """A UDP socket on a loopback address of its own, unless it shares that of another phone."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self._news = asyncio.Event()
        self._sequence = itertools.count(random.getrandbits(12))
        self._timestamp = random.getrandbits(20)
        self._ssrc = random.getrandbits(31)
        self._words = itertools.count(1)

    @classmethod
    async def start(cls, address: str = "") -> Self:
        loop = asyncio.get_running_loop()
        _, phone = await loop.create_datagram_endpoint(cls, local_addr=(address or fresh_address(), 0))
        return phone

    @property
    def address(self) -> str:
        return self._where[0]

    @property
    def port(self) -> int:
        return self._where[1]

    @property
    def peer(self) -> Peer:
        """As its SDP says, truly."""
        return Peer(self.address, self.port)

    @property
    def peer_behind_nat(self) -> Peer:
        """Behind a NAT that has changed the port."""
        return Peer(self.address, 4000, (self.address,))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        host, port = transport.get_extra_info("sockname")
        self._where = (host, port)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        _, payload_type, _, timestamp, _ = struct.unpack("!BBHII", data[:12])
        self.heard.append(Heard(time.monotonic(), addr, payload_type & 0x7F, timestamp, data[12:]))
        self._news.set()

    def say(self, to: tuple[str, int], word: bytes = b"") -> bytes:
        """Send one packet of G.711 length whose payload is told from all others by its beginning."""
        word = word or f"{self.address}:{self.port} {next(self._words)} ".encode()
        header = struct.pack("!BBHII", 0x80, 8, next(self._sequence) & 0xFFFF, self._timestamp, self._ssrc)
        self._timestamp += 160
        self._transport.sendto(header + word.ljust(160, b"\xd5"), to)
        return word

    def has_heard(self, words: bytes) -> bool:
        return any(packet.payload.startswith(words) for packet in self.heard)

    def has_heard_from(self, other: Phone) -> bool:
        return self.has_heard(f"{other.address}:{other.port} ".encode())

    async def hears(self, word: bytes) -> Heard:
        """Wait until this word has been heard."""
        async with asyncio.timeout(DEADLINE):
            while True:
                for packet in self.heard:
                    if packet.payload.startswith(word):
                        return packet
                self._news.clear()
                await self._news.wait()

    async def hears_packets(self, number: int) -> None:
        """Wait until so many packets have been heard."""
        async with asyncio.timeout(DEADLINE):
            while len(self.heard) < number:
                self._news.clear()
                await self._news.wait()


async def speak_until_heard(speaker: Phone, to: tuple[str, int], listener: Phone) -> None:
    """Speak on, as a phone does, until the other one hears it."""
    async with asyncio.timeout(DEADLINE):
        while not listener.has_heard_from(speaker):
            speaker.say(to)
            await asyncio.sleep(TRY_AGAIN_AFTER)
