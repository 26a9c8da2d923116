"""Messages written by hand, as a phone at 192.0.2.9 would send them."""

from __future__ import annotations

from collections.abc import Iterable

from b2bua.sip.text.compose import Header, render
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.transport import Transport

US = SocketAddress("192.0.2.2", 5060)
PHONE = SocketAddress("192.0.2.9", 5060)
FLOW = Flow(Transport.UDP, US, PHONE)


def request(
    method: str = "INVITE",
    *,
    uri: str = "sip:201@192.0.2.2",
    via: str = "SIP/2.0/UDP 192.0.2.9:5060",
    branch: str = "z9hG4bK1",
    from_tag: str = "f1",
    to_tag: str = "",
    call_id: str = "call-1",
    cseq: int = 1,
    cseq_method: str = "",
    contact: str = "<sip:202@192.0.2.9:5060>",
    headers: Iterable[Header] = (),
    body: bytes = b"",
    version: str = "SIP/2.0",
) -> bytes:
    """A request; everything that a test may want to be otherwise is an argument. No `contact`: none is sent."""
    to = f"<sip:201@ringplan.example>{f';tag={to_tag}' if to_tag else ''}"
    content = (("Content-Type", "application/sdp"),) if body else ()
    return render(
        f"{method} {uri} {version}",
        [
            ("Via", f"{via};branch={branch}" if branch else via),
            ("Max-Forwards", "70"),
            ("From", f'"Bob" <sip:202@ringplan.example>;tag={from_tag}'),
            ("To", to),
            ("Call-ID", call_id),
            ("CSeq", f"{cseq} {cseq_method or method}"),
            *((("Contact", contact),) if contact else ()),
            *content,
            *headers,
        ],
        body,
    )


def response_to(
    data: bytes, code: int, to_tag: str = "", headers: Iterable[Header] = (), body: bytes = b""
) -> bytes:
    """A response to a request of ours, as the far end would write it."""
    from b2bua.sip.text.message import parse_message

    message = parse_message(data)
    to = (message.get("to") or "") + (f";tag={to_tag}" if to_tag else "")
    content = (("Content-Type", "application/sdp"),) if body else ()
    return render(
        f"SIP/2.0 {code} Because",
        [
            *(("Via", via) for via in message.values("via")),
            ("From", message.get("from") or ""),
            ("To", to),
            ("Call-ID", message.call_id),
            ("CSeq", message.get("cseq") or ""),
            *content,
            *headers,
        ],
        body,
    )
