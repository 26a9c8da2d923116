"""RTP for many calls in one process: every socket sends 50 packets a second of a tone, or digits, and counts what it
gets."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import deque
from itertools import count

import numpy as np

from tests.bench.endpoint import Address
from tests.support import g711, meter
from tests.support.rtp import EVENT_ENDS, EVENT_FRAMES, event_payload

PTIME, FRAME, SLOTS = 0.02, 160, 10
"""A packet every 20 ms; the sockets take turns in ten slots of 2 ms."""
EVENT = 101
"""The payload number of telephone events in `tests.bench.endpoint.sdp`."""
HEADER = 12
BETWEEN_DIGITS = 3
"""Packets of a tone between two digits."""
QUIET = bytes(
    np.flatnonzero(np.abs(g711.decode(bytes(range(256)), g711.PCMA).astype(np.int32)) < 256).tolist()
)
"""The A-law octets below -42 dB of the loudest: silence, and the noise of a quiet recording."""
LOUD_SAMPLES = 16
"""So many others make a packet audible."""


def audible(payload: bytes) -> bool:
    """Whether somebody would hear this packet of A-law."""
    return len(payload.translate(None, QUIET)) >= LOUD_SAMPLES


class SoundSocket:
    """One end of a call's sound; silent until it has a `remote`. Times are those of the monotonic clock."""

    def __init__(self, address: str, number: int) -> None:
        self.remote: Address | None = None
        self.received = 0
        self.sent = 0
        self._ssrc = number
        self._sequence = 0
        self._timestamp = 0
        self._digits: deque[tuple[str, asyncio.Future[float]]] = deque()
        self._frame = 0
        self._hearing: asyncio.Future[float] | None = None
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((address, 0))
        self.address: Address = self.socket.getsockname()

    def send(self, payload: bytes) -> None:
        """Send the next packet: of a digit if there is one, else this sound."""
        if self.remote is None:
            return
        if self._digits and self._frame >= 0:
            self._send_digit(self.remote, *self._digits[0])
            return
        self._frame = min(0, self._frame + 1)
        self._send(self.remote, g711.PCMA, payload)
        self._timestamp += FRAME

    async def key(self, digits: str) -> float:
        """Send RFC 4733 events; when the first packet of the last one left."""
        loop = asyncio.get_running_loop()
        left: list[asyncio.Future[float]] = [loop.create_future() for _ in digits]
        self._digits.extend(zip(digits, left, strict=True))
        return await left[-1]

    async def hear(self) -> float:
        """Wait for the next packet that is audible; when it came."""
        self._hearing = asyncio.get_running_loop().create_future()
        return await self._hearing

    def receive(self) -> None:
        """Count a packet that has come."""
        try:
            packet = self.socket.recv(2048)
        except OSError:
            return
        self.received += 1
        if self._hearing is not None and audible(packet[HEADER:]):
            if not self._hearing.done():
                self._hearing.set_result(time.monotonic())
            self._hearing = None

    def _send_digit(self, remote: Address, digit: str, left: asyncio.Future[float]) -> None:
        self._frame += 1
        last = self._frame == EVENT_FRAMES
        for _ in range(EVENT_ENDS if last else 1):
            self._send(remote, EVENT, event_payload(digit, self._frame), marker=self._frame == 1)
        if self._frame == 1 and not left.done():
            left.set_result(time.monotonic())
        if last:
            self._digits.popleft()
            self._timestamp += EVENT_FRAMES * FRAME
            self._frame = -BETWEEN_DIGITS

    def _send(self, remote: Address, payload_type: int, payload: bytes, marker: bool = False) -> None:
        self._sequence += 1
        header = struct.pack(
            "!BBHII",
            0x80,
            payload_type | (0x80 if marker else 0),
            self._sequence & 0xFFFF,
            self._timestamp & 0xFFFFFFFF,
            self._ssrc,
        )
        try:
            self.socket.sendto(header + payload, remote)
            self.sent += 1
        except OSError:
            self.remote = None  # the other end has closed its port


class Sound:
    """All sockets, and the task that lets them speak. Made on a running event loop."""

    def __init__(self) -> None:
        self.sockets: dict[Address, SoundSocket] = {}
        self._loop = asyncio.get_running_loop()
        self._numbers = count(1)
        self._payload = _frame()
        self._task = self._loop.create_task(self._speak())

    def open(self, address: str) -> Address:
        """Make a socket on an address, and return where it is."""
        end = SoundSocket(address, next(self._numbers))
        self.sockets[end.address] = end
        self._loop.add_reader(end.socket, end.receive)
        return end.address

    @property
    def received(self) -> int:
        """Packets received by all sockets."""
        return sum(end.received for end in self.sockets.values())

    @property
    def sent(self) -> int:
        """Packets sent by all sockets."""
        return sum(end.sent for end in self.sockets.values())

    def close(self) -> None:
        """Be silent, and close all sockets."""
        self._task.cancel()
        for end in self.sockets.values():
            self._loop.remove_reader(end.socket)
            end.socket.close()

    async def _speak(self) -> None:
        due = self._loop.time()
        for slot in count():
            for end in list(self.sockets.values())[slot % SLOTS :: SLOTS]:
                end.send(self._payload)
            due += PTIME / SLOTS
            await asyncio.sleep(due - self._loop.time())


def _frame() -> bytes:
    samples = meter.tone(400, seconds=PTIME).samples
    return g711.encode((samples * 32767).astype("int16"), g711.PCMA)
