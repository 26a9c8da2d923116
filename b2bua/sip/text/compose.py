"""Writing messages: every byte we send is put together here, from values that cannot carry a line end."""

from __future__ import annotations

import re
from collections.abc import Iterable

from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.message import Request
from b2bua.sip.text.via import is_via

Header = tuple[str, str]

REASONS = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    433: "Anonymity Disallowed",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    600: "Busy Everywhere",
    603: "Decline",
}

_CLASSES = ("", "Progress", "OK", "Redirected", "Request Failed", "Server Failed", "Declined")
_COPIED = (("From", "from"), ("Call-ID", "call-id"), ("CSeq", "cseq"))
_BREAKS = re.compile(r"[\r\n\0]+")


def render(start: str, headers: Iterable[Header], body: bytes = b"") -> bytes:
    """Put a message together; Content-Length is added. Line ends inside a line become spaces."""
    lines = [start, *[f"{name}: {value}" for name, value in headers], f"Content-Length: {len(body)}"]
    text = "\r\n".join(lines)
    if not text.count("\r") == text.count("\n") == len(lines) - 1 or "\0" in text:
        text = "\r\n".join([_BREAKS.sub(" ", line) for line in lines])
    return f"{text}\r\n\r\n".encode("utf-8", "surrogateescape") + body


def reason_phrase(code: int) -> str:
    """The standard phrase for a status code; the class's plain name for one that is not in the table."""
    return REASONS.get(code) or _CLASSES[code // 100]


def reply_flow(request: Request, flow: Flow) -> Flow:
    """Where the responses to a request that came by `flow` go (RFC 3261 §18.2.2, RFC 3581 §4).

    To where it came from if it asks for that with `rport`, and also if it was sent from behind a NAT, which the
    port in its Via says nothing about; else to the port in its Via.
    """
    via = request.via
    port = via.port or flow.transport.port
    if flow.reliable or via.rport or via.host != flow.remote.host or port == flow.remote.port:
        return flow
    return flow._replace(remote=SocketAddress(flow.remote.host, port))


def response_headers(request: Request, flow: Flow) -> list[Header]:
    """The headers that every response copies from its request, To excepted (RFC 3261 §8.2.6.2).

    The topmost Via gets `received` where its host is not the source address, and `rport` filled in (§18.2.1,
    RFC 3581 §4). A header that the request does not have is left out.
    """
    top = request.via.answered(flow.remote.host, flow.remote.port)
    others = request.values("via")[1:]
    copied = [("Via", top), *[("Via", other) for other in others if is_via(other)]]
    for name, key in _COPIED:
        if value := request.get(key):
            copied.append((name, value))
    return copied
