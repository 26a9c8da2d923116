"""Session descriptions (RFC 8866), as far as a call with sound needs them.

A description read from a peer keeps only what is listed here, so nothing else of one side (candidates, keys,
names) can reach the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address
from typing import NamedTuple

from b2bua.sip.sdp.warning import NO_CODEC, NO_SOUND, OTHER, unacceptable
from b2bua.sip.text.errors import BadMessage

MAX_SIZE = 16_384  # bytes
MAX_MEDIA = 32
MAX_FORMATS = 64
MAX_KNOWN = 1024  # characters of what is kept when it was read: longer descriptions are not worth the memory

_MEDIA = re.compile(r"([!-~]{1,64}) +([0-9]{1,5})(?:/[0-9]{1,5})? +([!-~]{1,64})((?: +[!-~]+)*) *\Z")
_RTPMAP = re.compile(r"([0-9]{1,3}) +([A-Za-z0-9\-_.+]{1,32})/([0-9]{1,6})(?:/([0-9]{1,2}))?\s*\Z")
_FMTP = re.compile(r"([0-9]{1,3}) +([ -~]{1,256})\Z")
# RFC 3551 §6: payload types that need no rtpmap, as far as telephones still offer them; all at 8000 Hz.
_STATIC = {0: "PCMU", 3: "GSM", 4: "G723", 8: "PCMA", 9: "G722", 13: "CN", 15: "G728", 18: "G729"}
_PLAIN_RTP = ("RTP/AVP", "RTP/AVPF")
_NOT_SPEECH = ("TELEPHONE-EVENT", "CN", "RED")


class Direction(StrEnum):
    """Which way a stream flows, seen from the one who describes it (RFC 8866 §6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        """Whether the one who describes it sends."""
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        """Whether the one who describes it receives."""
        return self in (Direction.SENDRECV, Direction.RECVONLY)

    def answered_with(self, wish: Direction) -> Direction:
        """Return the direction nearest to `wish` that may answer an offer of this one (RFC 3264 §6.1)."""
        return Direction.of(wish.sends and self.receives, wish.receives and self.sends)

    @classmethod
    def of(cls, sends: bool, receives: bool) -> Direction:
        """Return the direction of one who sends, receives, both or neither."""
        if sends:
            return cls.SENDRECV if receives else cls.SENDONLY
        return cls.RECVONLY if receives else cls.INACTIVE


_DIRECTIONS = {direction.value: direction for direction in Direction}


class Codec(NamedTuple):
    """One payload format: its payload type number, encoding name, clock rate in Hz and format parameters."""

    payload: int
    name: str
    rate: int = 8000
    channels: int = 1
    fmtp: str = ""

    def same_as(self, other: Codec) -> bool:
        """Whether both are the same format, whatever numbers they go by."""
        same_clock = self.rate == other.rate and self.channels == other.channels
        return same_clock and self.name.upper() == other.name.upper()

    @property
    def is_speech(self) -> bool:
        """Whether it can carry a voice by itself."""
        return self.name.upper() not in _NOT_SPEECH


PCMA = Codec(8, "PCMA")
PCMU = Codec(0, "PCMU")
G722 = Codec(9, "G722")
TELEPHONE_EVENT = Codec(101, "telephone-event", fmtp="0-15")
STANDARD_CODECS = (PCMA, PCMU, G722, TELEPHONE_EVENT)


@lru_cache(maxsize=128)
def _speaks(codecs: tuple[Codec, ...]) -> bool:
    return any(codec.is_speech for codec in codecs)


@dataclass(frozen=True, slots=True)
class Media:
    """One m= section: of a stream that a call could use everything, of others only their m= line.

    `address` is IPv4 in dotted form, or `""` for anything else. A stream put on hold by the address 0.0.0.0
    (RFC 2543) keeps that address and has the direction that means the same. `ptime` is in milliseconds.
    """

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    codecs: tuple[Codec, ...] = ()
    address: str = ""
    direction: Direction = Direction.SENDRECV
    ptime: int | None = None

    @property
    def usable(self) -> bool:
        """Whether this is sound over plain RTP that is not switched off, at an address we can reach."""
        return bool(self.address) and _speaks(self.codecs)

    @property
    def on_hold(self) -> bool:
        """Whether the one who describes it does not want to hear us (RFC 3264 §8.4)."""
        return not self.direction.receives

    @property
    def telephone_event(self) -> int | None:
        """The payload type number of DTMF digits at 8 kHz (RFC 4733), or `None`."""
        return next((codec.payload for codec in self.codecs if codec.same_as(TELEPHONE_EVENT)), None)

    def find(self, wanted: Codec) -> Codec | None:
        """Return this stream's codec for a format, with this stream's number for it, or `None`."""
        return next((codec for codec in self.codecs if codec.same_as(wanted)), None)

    def lines(self, session_address: str) -> str:
        """Write the section. It has a `c=` of its own only where its address is not the session's (RFC 8866 §5.7)."""
        lines = [f"m={self.kind} {self.port} {self.protocol} {' '.join(self.formats)}"]
        if self.address and self.address != session_address:
            lines.append(f"c=IN IP4 {self.address}")
        for codec in self.codecs:
            channels = f"/{codec.channels}" if codec.channels > 1 else ""
            lines.append(f"a=rtpmap:{codec.payload} {codec.name}/{codec.rate}{channels}")
            if codec.fmtp:
                lines.append(f"a=fmtp:{codec.payload} {codec.fmtp}")
        if self.ptime:
            lines.append(f"a=ptime:{self.ptime}")
        if self.codecs:
            lines.append(f"a={self.direction}")
        return "\r\n".join(lines)


@dataclass(frozen=True, slots=True)
class Sdp:
    """A session description with a usable audio stream. The origin's user name and address are not kept."""

    session_id: int
    version: int
    media: tuple[Media, ...]

    @property
    def audio(self) -> Media:
        """The first usable audio stream: the one a call uses."""
        for media in self.media:
            if media.usable:
                return media
        raise ValueError("no usable audio stream")

    def encode(self) -> bytes:
        """Return the body of a message."""
        return str(self).encode("ascii")

    def __str__(self) -> str:
        address = self.audio.address
        lines = [
            "v=0",
            f"o=- {self.session_id} {self.version} IN IP4 {address}",
            "s=-",
            f"c=IN IP4 {address}",
            "t=0 0",
        ]
        return "".join(f"{line}\r\n" for line in (*lines, *(stream.lines(address) for stream in self.media)))


def parse_sdp(body: bytes) -> Sdp:
    """Parse a session description. What a call does not depend on may be wrong or missing.

    Raises BadMessage: 400 for one that is malformed or too large; 488 for one without sound that we could
    relay (no audio, only encrypted audio, only IPv6, no codec with a known number).
    """
    if len(body) > MAX_SIZE:
        raise BadMessage(400, "Session description too large")
    lines = body.decode("utf-8", "replace").replace("\r\n", "\n").strip("\n\0 ").split("\n")
    if lines[0].rstrip() != "v=0":
        raise BadMessage(400, "Bad session description")
    session, *sections = _sections(lines)
    if len(sections) > MAX_MEDIA:
        raise BadMessage(400, "Too many media lines")
    session_id, version = _origin(session)
    address = _address(session) or ""
    direction = _direction_of(session)
    media = tuple(_media(section, address, direction) for section in sections)
    if not any(stream.usable for stream in media):
        raise _why_unusable(media)
    return Sdp(session_id, version, media)


def _why_unusable(media: tuple[Media, ...]) -> BadMessage:
    sound = [stream for stream in media if stream.kind == "audio" and stream.port]
    plain = [stream for stream in sound if stream.protocol in _PLAIN_RTP]
    if not sound:
        return unacceptable(NO_SOUND, "No sound is offered")
    if not plain:
        return unacceptable(NO_CODEC, "Only encrypted sound is offered; plain RTP is needed")
    if not any(stream.address for stream in plain):
        return unacceptable(OTHER, "An IPv4 address for the sound is needed")
    return unacceptable(NO_CODEC, "No codec is offered that is known here")


def _sections(lines: list[str]) -> list[list[tuple[str, str]]]:
    """Cut a description into its session part and one part a media line, as pairs of letter and value.

    A line that is none is left out, unless it may be meant as a media line: every one of these has its answer.
    """
    sections: list[list[tuple[str, str]]] = [[]]
    for line in lines:
        if line[:1] == "m":
            if line[1:2] != "=":
                raise BadMessage(400, "Bad media line")
            sections.append([])
        elif line[1:2] != "=":
            continue
        sections[-1].append((line[0], line[2:].rstrip()))
    return sections


def _origin(session: list[tuple[str, str]]) -> tuple[int, int]:
    """The number and version of a session, which stand before its address; 0 for what is no number.

    Nothing depends on them. The user name before them may be missing, or have blanks.
    """
    fields = next((value for letter, value in session if letter == "o"), "").split()
    return (_number(fields[-5]), _number(fields[-4])) if len(fields) >= 5 else (0, 0)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else 0


def _address(section: list[tuple[str, str]]) -> str | None:
    """Return a section's IPv4 address, `""` for anything else, `None` where it says nothing."""
    value = next((value for letter, value in section if letter == "c"), None)
    if value is None:
        return None
    return (_connection if len(value) <= MAX_KNOWN else _connection.__wrapped__)(value)


@lru_cache(maxsize=256)
def _connection(value: str) -> str:
    fields = value.split()
    if len(fields) != 3 or fields[:2] != ["IN", "IP4"]:
        return ""
    try:
        address = IPv4Address(fields[2])
    except AddressValueError:
        return ""
    return "" if address.is_multicast or int(address) == 0xFFFFFFFF else str(address)


def _direction_of(section: list[tuple[str, str]]) -> Direction | None:
    return next(
        (_DIRECTIONS[value] for letter, value in section if letter == "a" and value in _DIRECTIONS), None
    )


def _media(section: list[tuple[str, str]], address: str, direction: Direction | None) -> Media:
    match = _MEDIA.match(section[0][1])
    if match is None or int(match[2]) > 65535:
        raise BadMessage(400, "Bad media line")
    kind, port, protocol, formats = match[1], int(match[2]), match[3], tuple(match[4].split())
    if not formats:
        if port:
            raise BadMessage(400, "Bad media line")
        formats = ("0",)  # a stream that is switched off needs none, but its answer does (RFC 8866 §5.14)
    if len(formats) > MAX_FORMATS:
        raise BadMessage(400, "Too many formats")
    if kind != "audio" or port == 0 or protocol not in _PLAIN_RTP:
        return Media(kind, port, protocol, formats)
    own = _address(section)
    address = address if own is None else own
    direction = _direction_of(section) or direction or Direction.SENDRECV
    if address == "0.0.0.0":
        direction = Direction.of(direction.sends, receives=False)
    attributes = [value for letter, value in section if letter == "a"]
    explained = tuple(value for value in attributes if value.startswith(("rtpmap:", "fmtp:")))
    known = len(match[4]) + sum(map(len, explained)) <= MAX_KNOWN
    codecs = (_codecs if known else _codecs.__wrapped__)(formats, explained)
    return Media(kind, port, protocol, formats, codecs, address, direction, _ptime(attributes))


@lru_cache(maxsize=128)
def _codecs(formats: tuple[str, ...], attributes: tuple[str, ...]) -> tuple[Codec, ...]:
    """Join payload type numbers with their rtpmap and fmtp; numbers that nothing explains are left out."""
    maps: dict[str, re.Match[str]] = {}
    parameters: dict[str, str] = {}
    for attribute in attributes:
        name, _, value = attribute.partition(":")
        if name == "rtpmap" and (match := _RTPMAP.match(value)):
            maps[match[1]] = match
        elif name == "fmtp" and (match := _FMTP.match(value)):
            parameters[match[1]] = match[2]
    codecs = []
    for text in dict.fromkeys(formats):
        payload = _number(text)
        found = maps.get(text)
        if found is not None and payload < 128:
            codecs.append(
                Codec(payload, found[2], int(found[3]), int(found[4] or 1), parameters.get(text, ""))
            )
        elif text.isdigit() and payload in _STATIC:
            codecs.append(Codec(payload, _STATIC[payload], fmtp=parameters.get(text, "")))
    return tuple(codecs)


def _ptime(attributes: list[str]) -> int | None:
    values = [attribute[6:].strip() for attribute in attributes if attribute.startswith("ptime:")]
    milliseconds = _number(values[0]) if values else 0
    return milliseconds if 0 < milliseconds <= 200 else None


def forget_known() -> None:
    """Forget the codecs and the addresses that were read before."""
    for known in (_speaks, _connection, _codecs):
        known.cache_clear()
