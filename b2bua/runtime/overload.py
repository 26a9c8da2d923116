"""Refusing work under overload (RFC 3261 §21.5.4): a 503 for what would begin something, made without state."""

from __future__ import annotations

from zlib import crc32

from b2bua.sip.compose import reason_phrase, render, reply_flow, response_headers
from b2bua.sip.errors import BadMessage
from b2bua.sip.flow import Flow
from b2bua.sip.message import Request, parse_message
from b2bua.sip.precedence import begins

RETRY_AFTER = 5  # seconds


def refusal(data: bytes, flow: Flow) -> tuple[bytes, Flow] | None:
    """The 503 for a datagram, and where it goes.

    `None` for what belongs to something already begun, which must not be refused, and for what is no SIP.
    """
    if not begins(data):
        return None
    try:
        request = parse_message(data)
        request.check()
        if not isinstance(request, Request) or (request.method != "REGISTER" and request.to.tag is not None):
            return None
        # A repeated request gets the same tag (RFC 3261 §8.2.7).
        to = request.get("to") or ""
        if request.to.tag is None:
            to = f"{to};tag={crc32(data):08x}"
        headers = [*response_headers(request, flow), ("To", to), ("Retry-After", str(RETRY_AFTER))]
        return render(f"SIP/2.0 503 {reason_phrase(503)}", headers), reply_flow(request, flow)
    except BadMessage:
        return None
