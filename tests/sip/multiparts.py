"""Bodies as telephones and carriers send them: multiparts with a description somewhere in them."""

from __future__ import annotations

from collections.abc import Iterable

LOCATION = b'<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:anna@ringplan.example"/>'
ISUP = bytes(range(1, 60))
TYPES = {
    "sdp": "application/sdp",
    "location": "application/pidf+xml",
    "isup": "application/isup;version=itu-t92+",
}


def part(data: bytes, content_type: str, *headers: str) -> bytes:
    """One part of a multipart, with its headers."""
    lines = [f"Content-Type: {content_type}"] if content_type else []
    return "\r\n".join([*lines, *headers, "", ""]).encode() + data


def mixed(*parts: bytes, boundary: str = "unique-1", kind: str = "mixed") -> tuple[str, bytes]:
    """A multipart's Content-Type and body."""
    body = b"".join(b"--" + boundary.encode() + b"\r\n" + each + b"\r\n" for each in parts)
    return f"multipart/{kind};boundary={boundary}", body + f"--{boundary}--\r\n".encode()


def beside(sdp: bytes, others: Iterable[str] = ("isup",)) -> tuple[str, bytes]:
    """A description behind parts of other kinds."""
    data = {"location": LOCATION, "isup": ISUP}
    return mixed(*(part(data[other], TYPES[other]) for other in others), part(sdp, TYPES["sdp"]))


def with_body(message: bytes, content_type: str, body: bytes) -> bytes:
    """A message with this body in the place of its own."""
    head = message.partition(b"\r\n\r\n")[0].split(b"\r\n")
    kept = [line for line in head if not line.lower().startswith((b"content-type:", b"content-length:"))]
    more = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}".encode()
    return b"\r\n".join([*kept, more, b"", body])
