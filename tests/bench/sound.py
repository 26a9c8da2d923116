"""RTP for many calls in one process: every socket sends 50 packets a second of a tone, and counts what it gets."""

from __future__ import annotations

import asyncio
import socket
import struct
from itertools import count

from tests.bench.endpoint import Address
from tests.support import g711, meter

PTIME, FRAME, SLOTS = 0.02, 160, 10
"""A packet every 20 ms; the sockets take turns in ten slots of 2 ms."""


class SoundSocket:
    """One end of a call's sound; silent until it has a `remote`."""

    def __init__(self, address: str, number: int) -> None:
        self.remote: Address | None = None
        self.received = 0
        self.sent = 0
        self._ssrc = number
        self._sequence = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((address, 0))
        self.address: Address = self.socket.getsockname()

    def send(self, payload: bytes) -> None:
        """Send the next packet."""
        if self.remote is None:
            return
        self._sequence += 1
        time = self._sequence * FRAME
        header = struct.pack(
            "!BBHII", 0x80, g711.PCMA, self._sequence & 0xFFFF, time & 0xFFFFFFFF, self._ssrc
        )
        try:
            self.socket.sendto(header + payload, self.remote)
            self.sent += 1
        except OSError:
            self.remote = None  # the other end has closed its port

    def receive(self) -> None:
        """Count a packet that has come."""
        try:
            self.socket.recv(2048)
            self.received += 1
        except OSError:
            return


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
