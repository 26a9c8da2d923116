"""Refusing work under overload (RFC 3261 §21.5.4): a 503 for what would begin something, made without state."""

from __future__ import annotations

from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.message import Request, parse_message
from b2bua.sip.text.precedence import begins
from b2bua.sip.transactions import stateless

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
    except BadMessage:
        return None
    return stateless.refusal(request, flow, 503, (("Retry-After", str(RETRY_AFTER)),))
