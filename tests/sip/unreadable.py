"""Headers that cannot be read, put into the messages that somebody sends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from b2bua.sip.text.flow import Flow

HEADERS = (
    "Via",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Contact",
    "Record-Route",
    "Route",
    "RSeq",
    "RAck",
    "Require",
    "Supported",
    "Expires",
    "Min-Expires",
    "Retry-After",
    "Reason",
    "Content-Type",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Length",
    "Max-Forwards",
    "Event",
    "Subscription-State",
    "Timestamp",
    "Geolocation",
    "Diversion",
    "WWW-Authenticate",
    "Proxy-Authenticate",
    "Warning",
)
VALUES = (
    b"",
    b'"open, x',
    b"<sip:x y>",
    b"<sip:201@h",
    b"<sip:201@h:99999>;tag=\x01",
    b"<mailto:x@y>;q=high",
    b"\xff\xfe,\xfd",
    b';;=;"',
    b",,<,",
    b"99999999999999999999 INVITE",
    b"-1 INVITE",
    b'100rel, "',
    b"multipart/mixed;boundary=",
    b'Digest realm="\xff", nonce="\xfe", qop="auth", algorithm=MD5',
    b'SIP/2.0/UDP h;branch=z9hG4bKx, "',
)


@dataclass(frozen=True)
class Spoiled:
    """What is wrong with a message: a header that has another value, or is there once more, or is missing."""

    header: str
    value: bytes
    how: str

    def of(self, data: bytes) -> bytes:
        """The message with that header."""
        head, end, body = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        name = self.header.encode()
        mine = [line for line in lines[1:] if line.split(b":")[0].lower() == name.lower()]
        others = [line for line in lines if line not in mine]
        line = name + b": " + self.value
        kept = {"replaced": [line], "before": [line, *mine], "behind": [*mine, line], "missing": []}[self.how]
        return b"\r\n".join([others[0], *kept, *others[1:]]) + end + body


spoiled = st.builds(
    Spoiled,
    st.sampled_from(HEADERS),
    st.sampled_from(VALUES),
    st.sampled_from(["replaced", "before", "behind", "missing"]),
)


def spoiling(
    send: Callable[[bytes, Flow, str], None], wrong: Spoiled, first: int, count: int
) -> Callable[[bytes, Flow, str], None]:
    """A wire's `send` that spoils so many messages, from the one with this number on."""
    sent = 0

    def wrapped(data: bytes, flow: Flow, call_id: str) -> None:
        nonlocal sent
        sent += 1
        send(wrong.of(data) if first < sent <= first + count else data, flow, call_id)

    return wrapped
