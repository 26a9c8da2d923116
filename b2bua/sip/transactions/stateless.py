"""Refusals without a transaction (RFC 3261 §8.2.7): the same request gets the same answer, and nothing is kept."""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

from b2bua.sip.text.compose import Header, reason_phrase, render, reply_flow, response_headers
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.message import Request

_NAMES = ("via", "from", "to", "call-id", "cseq")


def tag_of(request: Request) -> str:
    """The To tag of every answer to this request that is given without a transaction."""
    named = "|".join(request.get(name) or "" for name in _NAMES)
    return f"{crc32(named.encode('utf-8', 'surrogateescape')):08x}"


def refusal(
    request: Request, flow: Flow, code: int, headers: Iterable[Header] = ()
) -> tuple[bytes, Flow] | None:
    """A refusal and the flow that it goes by, for a request that came by `flow`.

    `None` for an ACK, which is never answered (RFC 3261 §17), and where the Via shows no way back. The request need
    not be sound; what it does not have, the answer has not either.
    """
    if "ACK" in (request.method, (request.get("cseq") or "")[-3:]):
        return None
    try:
        copied, back = response_headers(request, flow), reply_flow(request, flow)
    except BadMessage:
        return None
    if to := request.get("to"):
        copied.append(("To", to if "tag=" in to.lower() else f"{to};tag={tag_of(request)}"))
    return render(f"SIP/2.0 {code} {reason_phrase(code)}", [*copied, *headers]), back
