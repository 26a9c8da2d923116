"""A caller for the tests: a small SIP user agent client with RTP in G.711; and measuring of sound."""

from __future__ import annotations

import asyncio
import re
import secrets
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
RATE = 8000
FRAME = 160
DEADLINE = 45.0


def _alaw_value(code: int) -> int:
    code ^= 0x55
    segment, mantissa = (code >> 4) & 7, code & 15
    value = (mantissa << 4) + 8 if segment == 0 else ((mantissa << 4) + 0x108) << (segment - 1)
    return value if code & 0x80 else -value


def _ulaw_value(code: int) -> int:
    code = ~code & 0xFF
    value = ((((code & 15) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84
    return -value if code & 0x80 else value


DECODED = {
    8: np.array([_alaw_value(code) for code in range(256)], dtype=np.int16),
    0: np.array([_ulaw_value(code) for code in range(256)], dtype=np.int16),
}


def decode(payload: bytes, codec: int) -> Samples:
    """G.711 to samples; `codec` is the RTP payload type, 8 for PCMA and 0 for PCMU."""
    return DECODED[codec][np.frombuffer(payload, dtype=np.uint8)]


def encode(samples: Samples, codec: int) -> bytes:
    """Samples to G.711, each to the nearest code."""
    order = np.argsort(DECODED[codec], kind="stable")
    levels = DECODED[codec][order].astype(np.int32)
    above = np.clip(np.searchsorted(levels, samples), 1, 255)
    nearer = np.where(samples - levels[above - 1] < levels[above] - samples, above - 1, above)
    return order[nearer].astype(np.uint8).tobytes()


def tone(frequency: float, seconds: float, amplitude: int = 8000) -> Samples:
    """A sine of whole samples at 8 kHz."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.int16)


def wav_samples(path: Path) -> Samples:
    """The samples of a WAV file with a 44-byte header."""
    return np.frombuffer(path.read_bytes()[44:], dtype="<i2").astype(np.int16)


def main_frequency(samples: Samples) -> float:
    """The strongest frequency in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE / len(samples))


def quiet_stretches(samples: Samples, below: float = 500.0) -> list[float]:
    """Lengths in seconds of every stretch of 10 ms blocks that is quieter than `below` (RMS)."""
    blocks = samples[: len(samples) // 80 * 80].reshape(-1, 80).astype(float)
    quiet = np.sqrt((blocks**2).mean(axis=1)) < below
    edges = np.flatnonzero(np.diff(np.concatenate(([0], quiet.astype(int), [0]))))
    return [float(end - start) / 100 for start, end in zip(edges[::2], edges[1::2], strict=True)]


def find(heard: Samples, expected: Samples) -> tuple[float, int]:
    """Where `expected` is most alike in `heard`: normalised cross-correlation (1.0 is the same sound), index."""
    if len(heard) < len(expected):
        return 0.0, 0
    size = 1 << (len(heard) + len(expected)).bit_length()
    wanted = expected.astype(float)
    got = heard.astype(float)
    product = np.fft.irfft(np.fft.rfft(got, size) * np.conj(np.fft.rfft(wanted, size)), size)
    lags = len(heard) - len(expected) + 1
    energy = np.cumsum(np.concatenate(([0.0], got**2)))
    window = np.sqrt(np.maximum(energy[len(expected) :] - energy[:lags], 1.0))
    alike = product[:lags] / (window * np.sqrt((wanted**2).sum()))
    best = int(np.argmax(alike))
    return float(alike[best]), best


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or waits as a zombie for whoever has to take note of its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def until(condition: Callable[[], bool], seconds: float = DEADLINE) -> None:
    """Wait for a condition that has no event of its own; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def within(awaitable: Awaitable[object], seconds: float = DEADLINE) -> None:
    """Wait for something that must happen; fails after `seconds`."""
    await asyncio.wait_for(awaitable, seconds)


class _Sound(asyncio.DatagramProtocol):
    """The RTP socket: sends a loop of sound every 20 ms, keeps what it hears by sequence number."""

    def __init__(self, codec: int) -> None:
        self.codec = codec
        self.remote: tuple[str, int] | None = None
        self.speech: Samples | None = None
        self.packets: dict[int, bytes] = {}
        self.digits: list[tuple[int, int, int]] = []
        self._sequence = secrets.randbelow(1000)
        self._timestamp = secrets.randbelow(1 << 30)
        self._source = secrets.randbits(32)
        self._position = 0

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport
        self._task = asyncio.create_task(self._pump())

    def connection_lost(self, exc: Exception | None) -> None:
        self._task.cancel()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data[1] & 0x7F == self.codec:
            self.packets[struct.unpack("!H", data[2:4])[0]] = data[12:]

    def _send(self, payload_type: int, payload: bytes, timestamp: int) -> None:
        head = struct.pack(
            "!BBHII",
            *(0x80, payload_type, self._sequence & 0xFFFF, timestamp & 0xFFFFFFFF, self._source),
        )
        self._sequence += 1
        self.transport.sendto(head + payload, self.remote)

    async def _pump(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += FRAME / RATE
            await asyncio.sleep(due - loop.time())
            if self.remote is None:
                continue
            if self.digits:
                code, count, timestamp = self.digits.pop(0)
                timestamp = timestamp or self._timestamp
                end = count >= 5
                event = struct.pack("!BBH", code, 0x0A | (0x80 if end else 0), FRAME * min(count + 1, 6))
                self._send(101, event, timestamp)
                if count < 7:  # the end is sent three times (RFC 4733 §2.5.1.4)
                    self.digits.insert(0, (code, count + 1, timestamp))
            elif self.speech is not None:
                taken = np.take(
                    self.speech, range(self._position, self._position + FRAME), mode="wrap"
                ).astype(np.int16)
                self._position += FRAME
                self._send(self.codec, encode(taken, self.codec), self._timestamp)
            self._timestamp += FRAME


class Caller(asyncio.DatagramProtocol):
    """One call of a user agent client. `await Caller.call(...)`, then look at `status`."""

    sound: _Sound
    _peer: tuple[str, int]

    def __init__(self, codec: int) -> None:
        self.status = 0
        self.ended = asyncio.Event()
        self.codec = codec
        self._final = asyncio.Event()
        self._call_id = f"{secrets.token_hex(8)}@caller.example"
        self._tag = secrets.token_hex(4)
        self._remote_tag = ""
        self._cseq = 1

    @classmethod
    async def call(
        cls, address: str, port: int, token: str, speech: Samples | None = None, codec: int = 8
    ) -> Caller:
        """Send an INVITE with this X-Session and wait for its final answer."""
        loop = asyncio.get_running_loop()
        _, self = await loop.create_datagram_endpoint(lambda: cls(codec), local_addr=("127.0.0.1", 0))
        _, self.sound = await loop.create_datagram_endpoint(
            lambda: _Sound(codec), local_addr=("127.0.0.1", 0)
        )
        self.sound.speech = speech
        self._peer = (address, port)
        rtp = self.sound.transport.get_extra_info("sockname")[1]
        name = "PCMA" if codec == 8 else "PCMU"
        sdp = (
            f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {rtp} RTP/AVP {codec} 101\r\na=rtpmap:{codec} {name}/8000\r\n"
            f"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n"
        )
        self._request("INVITE", self._branch(), f"X-Session: {token}\r\n", sdp)
        await within(self._final.wait())
        return self

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    @staticmethod
    def _branch() -> str:
        return f"z9hG4bK{secrets.token_hex(8)}"

    def _request(self, method: str, branch: str, extra: str = "", body: str = "") -> None:
        host, port = self.transport.get_extra_info("sockname")
        uri = f"sip:deposit@{self._peer[0]}:{self._peer[1]}"
        tag = f";tag={self._remote_tag}" if self._remote_tag else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self.transport.sendto(
            (
                f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch={branch}\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:caller@{host}>;tag={self._tag}\r\nTo: <{uri}>{tag}\r\n"
                f"Call-ID: {self._call_id}\r\nCSeq: {self._cseq} {method}\r\n"
                f"Contact: <sip:caller@{host}:{port}>\r\n{extra}{kind}"
                f"Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode(),
            self._peer,
        )

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        text = data.decode()
        if text.startswith("BYE "):
            kept = [line for line in text.split("\r\n") if re.match(r"(?i)(via|from|to|call-id|cseq):", line)]
            answer = "\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""])
            self.transport.sendto(answer.encode(), addr)
            self.sound.remote = None
            self.ended.set()
        elif text.startswith("SIP/2.0") and re.search(r"(?im)^cseq: *\d+ invite", text):
            self._answered(int(text[8:11]), text)

    def _answered(self, status: int, text: str) -> None:
        if status < 200:
            return
        if found := re.search(r"(?im)^to:.*;tag=([^\s;>]+)", text):
            self._remote_tag = found[1]
        self._request("ACK", self._branch() if status < 300 else _branch_of(text))
        self.status = status
        if status < 300:
            address, port = re.search(r"c=IN IP4 (\S+)", text), re.search(r"m=audio (\d+)", text)
            assert address
            assert port
            self.sound.remote = (address[1], int(port[1]))
        self._final.set()

    def say(self, speech: Samples | None) -> None:
        """Send this sound in a loop from now on; None sends nothing at all."""
        self.sound.speech = speech

    def press(self, digit: str) -> None:
        """Send one RFC 4733 digit: eight packets, the end three times."""
        self.sound.digits.append(("0123456789*#".index(digit), 0, 0))

    def hang_up(self) -> None:
        """Send BYE."""
        self._cseq += 1
        self._request("BYE", self._branch())
        self.sound.remote = None

    def heard(self) -> Samples:
        """Everything heard so far, in order of sequence numbers; a lost packet is silence."""
        if not self.sound.packets:
            return np.zeros(0, dtype=np.int16)
        first, last = min(self.sound.packets), max(self.sound.packets)
        silence = encode(np.zeros(FRAME, dtype=np.int16), self.codec)
        return decode(
            b"".join(self.sound.packets.get(number, silence) for number in range(first, last + 1)),
            self.codec,
        )

    def close(self) -> None:
        """Let go of the sockets."""
        self.sound.transport.close()
        self.transport.close()


def _branch_of(text: str) -> str:
    found = re.search(r"branch=([^\s;,]+)", text)
    assert found
    return found[1]
