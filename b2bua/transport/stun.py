"""STUN binding requests on the SIP port (RFC 5389, RFC 5626 §4.4.2): how a phone keeps its NAT's mapping open.

The answer tells the phone the address that it is seen at. It holds nothing else, so that it is hardly longer than
the question: who forges a source gains nothing by it.
"""

from __future__ import annotations

import struct

from b2bua.sip.text.flow import SocketAddress

MAGIC = b"\x21\x12\xa4\x42"
HEADER = 20  # bytes
REQUEST, SUCCESS, ERROR = 0x0001, 0x0101, 0x0111
XOR_MAPPED_ADDRESS, ERROR_CODE, UNKNOWN_ATTRIBUTES = 0x0020, 0x0009, 0x000A
IPV4 = 1
# RFC 5389 §18.2: what it defines for requests is understood, and ignored: nobody has to sign in for his own address.
UNDERSTOOD = frozenset({0x0006, 0x0008, 0x0014, 0x0015})
OPTIONAL = 0x8000  # attributes from here on may be ignored
MOST_NAMED = 4  # unknown attributes in an answer

_TAG = struct.Struct("!HH")  # type and length: of a message, and of an attribute


def is_stun(data: bytes) -> bool:
    """Whether a datagram is STUN, which no SIP message begins like (RFC 5389 §6, RFC 5626 §8)."""
    return data[:1] <= b"\x3f" and data[4:8] == MAGIC


def answer(data: bytes, source: SocketAddress) -> bytes | None:
    """The answer to a binding request from this address; `None` for everything else.

    An error names attributes that would have to be understood and are not (420, RFC 5389 §7.3.1).
    """
    if len(data) < HEADER or len(data) % 4:
        return None
    kind, length = _TAG.unpack_from(data)
    if kind != REQUEST or length != len(data) - HEADER:
        return None
    attributes = _attributes(data)
    if attributes is None:
        return None
    if unknown := [each for each in attributes if each < OPTIONAL and each not in UNDERSTOOD]:
        return _message(ERROR, data, _refusal(unknown[:MOST_NAMED]))
    return _message(SUCCESS, data, _mapped(source))


def _attributes(data: bytes) -> list[int] | None:
    """The types of the attributes, or `None` where they do not fill the message exactly."""
    types, at = [], HEADER
    while at < len(data):
        kind, length = _TAG.unpack_from(data, at)
        types.append(kind)
        at += _TAG.size + length + -length % 4
    return types if at == len(data) else None


def _mapped(source: SocketAddress) -> bytes:
    """An address, hidden from routers that rewrite what looks like one (§15.2)."""
    port = source.port ^ int.from_bytes(MAGIC[:2])
    address = bytes(a ^ b for a, b in zip(map(int, source.host.split(".")), MAGIC, strict=True))
    return _TAG.pack(XOR_MAPPED_ADDRESS, 8) + struct.pack("!xBH", IPV4, port) + address


def _refusal(unknown: list[int]) -> bytes:
    named = struct.pack(f"!{len(unknown)}H", *unknown)
    return (
        _TAG.pack(ERROR_CODE, 4)
        + bytes((0, 0, 4, 20))
        + _TAG.pack(UNKNOWN_ATTRIBUTES, len(named))
        + named.ljust(len(named) + -len(named) % 4, b"\0")
    )


def _message(kind: int, request: bytes, attributes: bytes) -> bytes:
    return _TAG.pack(kind, len(attributes)) + request[4:HEADER] + attributes
