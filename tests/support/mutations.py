"""SIP messages with faults in them: what broken phones, bad networks and attackers send.

Everything is decided by the `Random` that is given, so a seed repeats a run.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

Mutation = Callable[[bytes, random.Random], bytes]

EOL = b"\r\n"
LARGEST = 60000
"""Bytes of the longest filling: with it a message still fits into one datagram."""
NUMBERS = (b"0", b"-1", b"65536", b"4294967296", b"99999999999999999999", b"1e9", b"\xd9\xa3", b"")
MARKS = (b'"', b"<", b">", b",", b";", EOL, b"\n", b"\r", b"\0", b":", b"%", b"@", b"(", b"\\", b"=", b"[")
INJECTED = (
    b"Via: ,",
    b"Via: SIP/2.0/UDP 255.255.255.255:1;branch=z9hG4bKx",
    b"Contact: ,",
    b"Contact: *",
    b"Contact: <sip:x@255.255.255.255:9>",
    b"Require: ,",
    b"Require: 100rel, nothing-known",
    b"Record-Route: <",
    b"Record-Route: <sip:0.0.0.0:1;lr>",
    b"Route: <sip:127.0.0.1;lr>",
    b"Content-Length: 5",
    b"Content-Type: multipart/mixed;boundary=x",
    b"Content-Encoding: gzip",
    b"Expires: -1",
    b"Max-Forwards: 0",
    b"Session-Expires: 1;refresher=uas",
    b"Replaces: a;to-tag=b;from-tag=c",
    b"Privacy: id;header;user",
    b"RSeq: 0",
    b"RAck: 1 1 INVITE",
    b"Authorization: Digest",
    b'Authorization: Digest username="x", realm=",,", nonce="", uri=sip:, response=',
    "X: é\u2028\u0000".encode(),
)
SDP_LINES = (
    b"m=audio 0 RTP/AVP 8",
    b"m=audio 99999 RTP/AVP 8",
    b"m=audio 4000/3 RTP/AVP 0 8 999",
    b"m=video 4002 RTP/AVP 96",
    b"m=audio 4000 RTP/SAVP 8",
    b"m=audio",
    b"c=IN IP6 ::1",
    b"c=IN IP4 0.0.0.0",
    b"c=IN IP4 224.0.0.1/127",
    b"c=IN IP4 host.example",
    b"a=inactive",
    b"a=sendonly",
    b"a=rtpmap:8 PCMA/0",
    b"a=rtpmap:8 PCMA/8000/8000/8000",
    b"a=ptime:0",
    b"a=fmtp:101",
    b"o=- 99999999999999999999999 -1 IN IP4 x",
    b"t=",
    b"=",
)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Something like the message, with one to three faults in it."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        data = chance.choice(MUTATIONS)(data, chance)
    return data


def bits_flipped(data: bytes, chance: random.Random) -> bytes:
    """Up to eight bits are wrong."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8) if data else 0):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def byte_put_in(data: bytes, chance: random.Random) -> bytes:
    """One byte too many."""
    return _put_in(data, bytes([chance.randrange(256)]), chance)


def bytes_missing(data: bytes, chance: random.Random) -> bytes:
    """A few bytes are missing."""
    where = chance.randrange(len(data) + 1)
    return data[:where] + data[where + chance.choice((1, 2, 10)) :]


def truncated(data: bytes, chance: random.Random) -> bytes:
    """The end is missing; mostly little of it."""
    if chance.random() < 0.7:
        return data[: max(len(data) - chance.randint(1, 40), 0)]
    return data[: chance.randrange(len(data) + 1)]


def mark_put_in(data: bytes, chance: random.Random) -> bytes:
    """A character with a meaning of its own, where it has none."""
    return _put_in(data, chance.choice(MARKS), chance)


def nested(data: bytes, chance: random.Random) -> bytes:
    """Quotes, brackets or comments in each other."""
    opening = chance.choice((b"<", b'"', b"(", b'\\"', b"[", b'"<', b"%"))
    return _put_in(data, opening * chance.choice((2, 50, 2000)), chance)


def filled(data: bytes, chance: random.Random) -> bytes:
    """Something is far too long."""
    size = chance.choice((100, 1400, 5000, 5000, 20000, LARGEST - len(data)))
    return _put_in(data, chance.choice((b"A", b"A", b" ", b"9", b",", b";a=b")) * max(size, 0), chance)[
        :65000
    ]


def number_changed(data: bytes, chance: random.Random) -> bytes:
    """One of its numbers is huge, negative, missing or no number."""
    numbers = list(re.finditer(rb"\d+", data))
    if not numbers:
        return data
    chosen = chance.choice(numbers)
    return data[: chosen.start()] + chance.choice(NUMBERS) + data[chosen.end() :]


def header_repeated(data: bytes, chance: random.Random) -> bytes:
    """A line stands once more, somewhere."""
    return _with_lines(data, lambda lines: lines.insert(_place(lines, chance), chance.choice(lines)))


def header_missing(data: bytes, chance: random.Random) -> bytes:
    """A line is missing."""
    return _with_lines(data, lambda lines: lines.pop(chance.randrange(len(lines))))


def headers_shuffled(data: bytes, chance: random.Random) -> bytes:
    """The headers come in another order."""

    def shuffle(lines: list[bytes]) -> None:
        rest = lines[1:]
        chance.shuffle(rest)
        lines[1:] = rest

    return _with_lines(data, shuffle)


def header_injected(data: bytes, chance: random.Random) -> bytes:
    """A header that should not be there, as a line or in the middle of another."""
    header = chance.choice(INJECTED)
    if chance.random() < 0.5:
        return _put_in(data, EOL + header, chance)
    return _with_lines(data, lambda lines: lines.insert(_place(lines, chance), header))


def header_emptied(data: bytes, chance: random.Random) -> bytes:
    """A header without a value."""

    def empty(lines: list[bytes]) -> None:
        where = chance.randrange(len(lines))
        lines[where] = lines[where].partition(b":")[0] + chance.choice((b":", b": ", b"", b": ,", b":;"))

    return _with_lines(data, empty)


def values_exchanged(data: bytes, chance: random.Random) -> bytes:
    """Two headers have each other's value."""

    def exchange(lines: list[bytes]) -> None:
        if len(lines) < 3:
            return
        one, other = chance.sample(range(1, len(lines)), 2)
        (name, _, value), (other_name, _, other_value) = (lines[at].partition(b":") for at in (one, other))
        lines[one], lines[other] = name + b":" + other_value, other_name + b":" + value

    return _with_lines(data, exchange)


def line_ends_changed(data: bytes, chance: random.Random) -> bytes:
    """Line ends are missing, doubled, or of another kind."""
    ends = [found.start() for found in re.finditer(EOL, data)]
    if not ends:
        return data
    if chance.random() < 0.2:
        return data.replace(EOL, chance.choice((b"\n", b"\r", b"\r\n ", b"\r\n\r\n")))
    where = chance.choice(ends)
    return (
        data[:where]
        + chance.choice((b"", b"\n", b"\r", b"\r\n\r\n", b"\r\n ", b"\r\n\t", b"\n\r"))
        + data[where + 2 :]
    )


def text_broken(data: bytes, chance: random.Random) -> bytes:
    """What is no UTF-8, or no text."""
    return _put_in(
        data,
        chance.choice((b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80" * 9, b"\0")),
        chance,
    )


def length_wrong(data: bytes, chance: random.Random) -> bytes:
    """Content-Length says something else."""
    length = chance.choice((*NUMBERS, str(len(data)).encode(), b"1", b"5, 5", b" 7 ", b"+3"))
    return re.sub(rb"(?i)(Content-Length\s*:)[^\r\n]*", rb"\1 " + length, data)


def sdp_changed(data: bytes, chance: random.Random) -> bytes:
    """Lines of the description are wrong, missing, doubled or in another order; the length is right."""
    head, blank, body = data.partition(EOL + EOL)
    lines = body.split(EOL)
    match chance.randrange(4):
        case 0:
            lines.insert(chance.randrange(len(lines) + 1), chance.choice(SDP_LINES))
        case 1:
            lines.pop(chance.randrange(len(lines)))
        case 2:
            where = chance.randrange(len(lines))
            kind = lines[where][:2]
            alike = [line for line in SDP_LINES if line[:2] == kind]
            lines[where] = chance.choice(alike or SDP_LINES)
        case _:
            chance.shuffle(lines)
    body = EOL.join(lines)
    if chance.random() < 0.2:
        body = body * chance.choice((2, 40))
    head = re.sub(rb"(?i)(Content-Length\s*:)[^\r\n]*", rb"\1 %d" % len(body), head)
    return head + blank + body


MUTATIONS: tuple[Mutation, ...] = (
    bits_flipped,
    byte_put_in,
    bytes_missing,
    truncated,
    mark_put_in,
    nested,
    filled,
    number_changed,
    header_repeated,
    header_missing,
    headers_shuffled,
    header_injected,
    header_emptied,
    values_exchanged,
    line_ends_changed,
    text_broken,
    length_wrong,
    sdp_changed,
)


def streamed(messages: Sequence[bytes], chance: random.Random) -> list[bytes]:
    """The pieces in which a stream of these messages arrives: split, joined, and now and then with rubbish."""
    stream = bytearray()
    for message in messages:
        if chance.random() < 0.1:
            stream += chance.choice(
                (
                    EOL,
                    EOL + EOL,
                    b"\0\0",
                    b" ",
                    b"garbage" + EOL,
                    b"GET / HTTP/1.1" + EOL + EOL,
                    b"\x16\x03\x01",
                )
            )
        stream += message
    pieces = []
    while stream:
        size = chance.choice((1, 7, 100, 1460, len(stream), len(stream)))
        pieces.append(bytes(stream[:size]))
        del stream[:size]
    return pieces


def _put_in(data: bytes, what: bytes, chance: random.Random) -> bytes:
    where = chance.randrange(len(data) + 1)
    return data[:where] + what + data[where:]


def _place(lines: list[bytes], chance: random.Random) -> int:
    return chance.randrange(len(lines) + 1)


def _with_lines(data: bytes, change: Callable[[list[bytes]], object]) -> bytes:
    """Change the lines before the empty one."""
    head, blank, body = data.partition(EOL + EOL)
    lines = head.split(EOL)
    change(lines)
    return EOL.join(lines) + blank + body
