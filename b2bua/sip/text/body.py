"""What the body of a message holds, whichever part of it says so (RFC 3261 §7.4, RFC 5621).

A body is one part or a multipart of several. `read_body` is the only reader, for requests and responses alike.
It never raises, and what it reads is bounded. What nobody here knows is left alone.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, a2b_qp
from collections.abc import Iterable
from enum import Enum, auto
from typing import NamedTuple

SDP = "application/sdp"
MAX_PARTS = 16
MAX_DEPTH = 4
"""Multiparts within each other. What lies deeper, or behind `MAX_PARTS`, is not looked at."""

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")
_PARAMETER = re.compile(r';\s*+([A-Za-z-]++)\s*+=\s*+(?:"([^"]*+)"|([^\s;"]++))')


class Kind(Enum):
    """What a part can be to us."""

    SDP = auto()
    LOCATION = auto()  # where the sender is (RFC 6442)
    ISUP = auto()  # a telephone network's own signalling (RFC 3204); nothing here reads it
    KEY = auto()  # a key that was pressed
    PICTURE = auto()  # a wish for a whole picture (RFC 5168)
    MESSAGES = auto()  # how many messages wait (RFC 3842)


_KINDS = {
    SDP: Kind.SDP,
    "application/pidf+xml": Kind.LOCATION,
    "application/isup": Kind.ISUP,
    "application/qsig": Kind.ISUP,
    "application/dtmf-relay": Kind.KEY,
    "application/dtmf": Kind.KEY,
    "application/media_control+xml": Kind.PICTURE,
    "application/simple-message-summary": Kind.MESSAGES,
}


class Part(NamedTuple):
    """One part, or a whole body that is no multipart. `media_type` and `disposition` are in lower case.

    `handling` is `required` or `optional`, or empty where the sender does not say.
    """

    media_type: str
    data: bytes
    disposition: str = ""
    handling: str = ""
    content_id: str = ""

    @property
    def kind(self) -> Kind | None:
        """What it is to us. An SDP for another session than the call's (RFC 3959) is nothing."""
        return None if self.disposition == "early-session" else _KINDS.get(self.media_type)


class Body(NamedTuple):
    """The parts of a body that count, in their order.

    `understood` is False where the sender insists on a part that nobody here knows (RFC 5621 §8): a request
    with such a body deserves 415. A part of a multipart is insisted on only by `handling=required`, a body that
    has nothing we know unless it says `handling=optional` (RFC 3261 §20.11).
    """

    parts: tuple[Part, ...] = ()
    understood: bool = True

    def first(self, kind: Kind) -> Part | None:
        """The first part of a kind, or `None`."""
        for part in self.parts:
            if part.kind is kind:
                return part
        return None

    @property
    def sdp(self) -> bytes | None:
        """The session description, or `None`."""
        part = self.first(Kind.SDP)
        return None if part is None else part.data or None


EMPTY = Body()


def read_body(data: bytes, content_type: str | None, disposition: str | None, encoding: str | None) -> Body:
    """Say what a body holds, by its Content-Type, Content-Disposition and Content-Encoding."""
    if not data:
        return EMPTY
    if encoding is not None and encoding.strip().lower() != "identity":
        # Nothing is unpacked here (RFC 3261 §20.12).
        return Body((), understood=False)
    whole = _part(data, content_type or "", disposition or "", "")
    if whole.kind is Kind.SDP:
        return Body((whole,))
    parts = _Parts().of(whole, content_type or "", MAX_DEPTH)
    insisted = any(part.kind is None and part.handling == "required" for part in parts)
    useful = any(part.kind for part in parts) or all(part.handling == "optional" for part in parts)
    return Body(tuple(parts), useful and not insisted)


def write_multipart(parts: Iterable[Part], boundary: str) -> tuple[str, bytes]:
    """Return the Content-Type and the body that hold these parts. `boundary` is a token that none of them holds."""
    lines: list[bytes] = []
    for part in parts:
        headers = [f"Content-Type: {part.media_type}"]
        if part.content_id:
            headers.append(f"Content-ID: <{part.content_id}>")
        if part.disposition:
            handling = f";handling={part.handling}" if part.handling else ""
            headers.append(f"Content-Disposition: {part.disposition}{handling}")
        lines += [f"--{boundary}".encode(), *(line.encode() for line in headers), b"", part.data]
    lines += [f"--{boundary}--".encode(), b""]
    return f'multipart/mixed;boundary="{boundary}"', b"\r\n".join(lines)


class _Parts:
    """Takes a multipart apart. Counts its parts, those of multiparts within it included."""

    def __init__(self) -> None:
        self._left = MAX_PARTS

    def of(self, part: Part, content_type: str, depth: int) -> list[Part]:
        """The parts that count: of a part that is no multipart, and of one that cannot be read, itself."""
        boundary = _parameters(content_type).get("boundary", "")
        if not part.media_type.startswith("multipart/") or not boundary or not depth:
            return [part]
        children = []
        for piece in _cut(part.data, boundary.encode("utf-8", "surrogateescape"), self._left):
            if not self._left:
                break
            self._left -= 1
            child, its_type = _read_part(piece)
            if part.handling == "optional":
                child = child._replace(handling="optional")
            children.append(self.of(child, its_type, depth - 1))
        if not children:
            return [part]
        if part.media_type == "multipart/alternative":
            # The last one that is understood (RFC 2046 §5.1.4).
            known = [each for each in children if any(leaf.kind for leaf in each)]
            return known[-1] if known else children[-1]
        if part.media_type == "multipart/signed":
            # Behind what is signed comes only the signature.
            return children[0]
        return [leaf for each in children for leaf in each]


def _cut(data: bytes, boundary: bytes, most: int) -> list[bytes]:
    """Cut a multipart at the lines of its boundary (RFC 2046 §5.1.1), into `most` parts at most.

    Without a closing line the last part goes on to the end.
    """
    pieces: list[bytes] = []
    begun = -1
    at = 0
    mark = b"--" + boundary
    while (found := data.find(mark, at)) >= 0 and len(pieces) < most:
        end = data.find(b"\n", found)
        end = len(data) if end < 0 else end
        rest = data[found + len(mark) : end].strip()
        at = end
        if (found and data[found - 1] != 0x0A) or rest not in (b"", b"--"):
            continue
        if begun >= 0:
            pieces.append(data[begun:found].removesuffix(b"\n").removesuffix(b"\r"))
        begun = min(end + 1, len(data))
        if rest:
            return pieces
    if begun >= 0 and len(pieces) < most:
        pieces.append(data[begun:])
    return pieces


def _read_part(piece: bytes) -> tuple[Part, str]:
    """Read one part of a multipart, and return its Content-Type as it came too."""
    if piece[:1] == b"\n" or piece[:2] == b"\r\n":
        head, data = b"", piece.partition(b"\n")[2]
    else:
        match = _END_OF_HEAD.search(piece)
        head, data = (piece, b"") if match is None else (piece[: match.start()], piece[match.end() :])
    headers: dict[str, str] = {}
    for line in _FOLD.sub(" ", head.decode("utf-8", "surrogateescape")).splitlines():
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    content_type = headers.get("content-type", "text/plain")
    content_id = headers.get("content-id", "").strip("<>")
    data = _decoded(data, headers.get("content-transfer-encoding", ""))
    return _part(data, content_type, headers.get("content-disposition", ""), content_id), content_type


def _decoded(data: bytes, encoding: str) -> bytes:
    match encoding.lower():
        case "base64":
            try:
                return a2b_base64(data)
            except Error:
                return b""
        case "quoted-printable":
            return a2b_qp(data)
        case _:
            return data


def _part(data: bytes, content_type: str, disposition: str, content_id: str) -> Part:
    handling = _parameters(disposition).get("handling", "").lower() if disposition else ""
    return Part(_value(content_type), data, _value(disposition), handling, content_id)


def _value(header: str) -> str:
    return header.partition(";")[0].strip().lower()


def _parameters(header: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, quoted, token in _PARAMETER.findall(header):
        found.setdefault(name.lower(), quoted or token)
    return found
