"""A small RTP endpoint: sends a tone, a file or digits in G.711 and keeps every packet it receives.

It stands beside SIPp, which does the signalling alone: the endpoint's port goes into SIPp's SDP, and the
address to send to comes from the SDP that SIPp was given. Its own thread paces the packets, so that a
test may block without the sound breaking up.
"""

from __future__ import annotations

import random
import select
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np

from tests.support import g711
from tests.support.meter import RATE, Sound

FRAME = 160
PTIME = 0.02
EVENTS = "0123456789*#ABCD"
EVENT_FRAMES, EVENT_ENDS = 5, 3
"""A digit lasts five packets of 20 ms, and its last packet is sent three times (RFC 4733 §2.5.1.4)."""


@dataclass(frozen=True)
class Packet:
    """A received RTP packet; `arrival` is monotonic time in seconds, `source` the address it came from."""

    arrival: float
    source: tuple[str, int]
    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def event_payload(digit: str, frame: int) -> bytes:
    """What a digit's packet of this number says, from 1 to `EVENT_FRAMES`, the last being its end (RFC 4733 §2.3)."""
    end = 0x80 if frame == EVENT_FRAMES else 0
    return struct.pack("!BBH", EVENTS.index(digit), end | 10, frame * FRAME)


class RtpEndpoint:
    """An RTP socket on `address` that sends silence, or what it was given, once `remote` is known.

    One that `listens_first` sends nothing before it has heard something.
    """

    def __init__(
        self,
        address: str,
        port: int = 0,
        payload: int = g711.PCMA,
        event: int = 101,
        *,
        listens_first: bool = False,
    ) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind((address, port))
        self.address: str = self._socket.getsockname()[0]
        self.port: int = self._socket.getsockname()[1]
        self.payload = payload
        self.event = event
        self.remote: tuple[str, int] | None = None
        self.muted = False
        self._listens_first = listens_first
        # How late a packet went out at worst, in seconds: the machine was busy, and the far end hears a gap.
        self.worst_delay = 0.0
        self.packets: list[Packet] = []
        self.sent = 0
        self._sound = np.zeros(0, np.int16)
        self._looped = False
        self._position = 0
        self._digits: deque[str] = deque()
        self._ssrc = random.getrandbits(32)
        self._sequence = random.getrandbits(15)
        self._timestamp = random.getrandbits(31)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"rtp {self.address}:{self.port}", daemon=True)
        self._thread.start()

    def play(self, sound: Sound, loop: bool = True) -> None:
        """Send this sound from its start, over and over if `loop`, then silence."""
        samples = (np.clip(sound.samples, -1, 1) * 32767).astype(np.int16)
        whole = -(-len(samples) // FRAME) * FRAME
        if loop and whole != len(samples):
            # Repeat until the frames come out even: a tone must not break where it starts over.
            samples = np.tile(samples, FRAME)
        else:
            samples = np.concatenate((samples, np.zeros(whole - len(samples), np.int16)))
        self._sound, self._looped, self._position = samples, loop, 0

    def send_digits(self, digits: str) -> None:
        """Send RFC 4733 events, one after another."""
        self._digits.extend(digits)

    def close(self) -> None:
        """Stop sending and receiving."""
        self._stopping.set()
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What was heard

    def heard(self, since: float = 0.0) -> Sound:
        """The sound received after monotonic time `since`, each packet in its place.

        The first packet of a sender (SSRC) is placed by its arrival, the following ones by timestamp.
        """
        packets = [p for p in self.packets if p.payload_type in (g711.PCMU, g711.PCMA) and p.arrival >= since]
        if not packets:
            return Sound(np.zeros(0))
        origin = packets[0].arrival
        starts: dict[int, tuple[int, int]] = {}
        placed: list[tuple[int, g711.Samples]] = []
        for packet in packets:
            if packet.ssrc not in starts:
                starts[packet.ssrc] = (round((packet.arrival - origin) * RATE), packet.timestamp)
            place, first = starts[packet.ssrc]
            offset = (packet.timestamp - first + 0x80000000 & 0xFFFFFFFF) - 0x80000000
            if abs(place + offset - (packet.arrival - origin) * RATE) > 2 * RATE:
                # A timestamp that jumps (a talk spurt of another source): placed by arrival again.
                place, offset = round((packet.arrival - origin) * RATE), 0
                starts[packet.ssrc] = (place, packet.timestamp)
            placed.append((max(0, place + offset), g711.decode(packet.payload, packet.payload_type)))
        whole = np.zeros(max(at + len(samples) for at, samples in placed))
        for at, samples in placed:
            whole[at : at + len(samples)] = samples / 32768
        return Sound(whole)

    def digits(self) -> str:
        """The RFC 4733 digits received, each once however many packets brought it."""
        seen: list[tuple[int, int]] = []
        found = ""
        for packet in list(self.packets):
            mark = (packet.ssrc, packet.timestamp)
            if packet.payload_type == self.event and len(packet.payload) >= 4 and mark not in seen:
                seen.append(mark)
                found += EVENTS[packet.payload[0]]
        return found

    def longest_pause(self, since: float = 0.0) -> float:
        """The longest time in seconds between two packets."""
        times = [p.arrival for p in self.packets if p.arrival >= since]
        return max((after - before for before, after in pairwise(times)), default=0.0)

    # The thread

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopping.is_set():
            now = time.monotonic()
            if now >= due:
                due = max(due + PTIME, now - 0.2)
                if self.remote is not None and not self.muted and (self.packets or not self._listens_first):
                    if self.sent:
                        self.worst_delay = max(self.worst_delay, now - due + PTIME)
                    self._send_next(self.remote)
                elif self.sent:
                    # The clock of the sound goes on in silence (RFC 3550 §5.1).
                    self._timestamp = self._timestamp + FRAME & 0xFFFFFFFF
                continue
            ready, _, _ = select.select([self._socket], [], [], due - now)
            if ready:
                self._receive()

    def _receive(self) -> None:
        try:
            data, source = self._socket.recvfrom(2048)
        except OSError:
            return  # an ICMP error for a packet of ours: the other side is gone, which is no news to a test
        if len(data) < 12 or data[0] >> 6 != 2:
            return
        second, sequence, timestamp, ssrc = struct.unpack("!xBHII", data[:12])
        self.packets.append(
            Packet(
                time.monotonic(), source, second & 0x7F, second > 127, sequence, timestamp, ssrc, data[12:]
            )
        )

    def _send_next(self, remote: tuple[str, int]) -> None:
        if self._digits:
            self._send_digit(self._digits[0], remote)
            return
        samples = self._sound[self._position : self._position + FRAME]
        self._position += FRAME
        if self._looped and self._position >= len(self._sound):
            self._position = 0
        if len(samples) < FRAME:
            samples = np.zeros(FRAME, np.int16)
        self._send(remote, self.payload, g711.encode(samples, self.payload), marker=self.sent == 0)
        self._timestamp = self._timestamp + FRAME & 0xFFFFFFFF

    _event_frame = 0

    def _send_digit(self, digit: str, remote: tuple[str, int]) -> None:
        self._event_frame += 1
        last = self._event_frame == EVENT_FRAMES
        event = event_payload(digit, self._event_frame)
        for _ in range(EVENT_ENDS if last else 1):
            self._send(remote, self.event, event, marker=self._event_frame == 1)
        if last:
            self._digits.popleft()
            self._timestamp = self._timestamp + EVENT_FRAMES * FRAME & 0xFFFFFFFF
            self._event_frame = 0

    def _send(self, remote: tuple[str, int], payload_type: int, payload: bytes, marker: bool) -> None:
        header = struct.pack(
            "!BBHII",
            0x80,
            payload_type | (0x80 if marker else 0),
            self._sequence,
            self._timestamp,
            self._ssrc,
        )
        self._sequence = self._sequence + 1 & 0xFFFF
        self.sent += 1
        try:
            self._socket.sendto(header + payload, remote)
        except OSError:
            return  # as in _receive: the port at the other end has closed
