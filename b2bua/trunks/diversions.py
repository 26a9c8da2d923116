"""How a redirected call is told to have come: Diversion (RFC 5806) and History-Info (RFC 7044, mapped by RFC 7544)."""

from __future__ import annotations

from collections.abc import Sequence

from b2bua.callplan.causes import Cause
from b2bua.callplan.journey import Diversion
from b2bua.callplan.settings import Trunk
from b2bua.sip.address import Address
from b2bua.sip.compose import Header
from b2bua.sip.errors import BadMessage
from b2bua.sip.message import Request
from b2bua.sip.uri import Uri
from b2bua.trunks.numbers import from_trunk, to_trunk

REASONS = {
    Cause.NO_ANSWER: "no-answer",
    Cause.BUSY: "user-busy",
    Cause.UNCONDITIONAL: "unconditional",
    Cause.UNAVAILABLE: "unavailable",
}
_CAUSES = {reason: cause for cause, reason in REASONS.items()}
MOST = 10  # entries read of what a carrier sends


def diversion_headers(
    diversions: Sequence[Diversion], trunk: Trunk, host: str, number: str
) -> tuple[Header, ...]:
    """Both headers for a call to `number` that went through these redirects, the oldest first; none for none.

    Diversion names who redirected, the latest first, each as one redirect. History-Info names who was called in
    turn, from the first on, each with the cause that led to it (RFC 7544 §3.2, with its erratum on the place of
    the cause).
    """
    known = [each for each in diversions if each.number is not None]
    if not known:
        return ()
    latest_first = [
        f"<{_uri(each.number, trunk, host)}>;reason={REASONS[each.cause]};counter=1;privacy=off"
        for each in reversed(known)
    ]
    history = [f"<{_uri(known[0].number, trunk, host)}>;index=1"]
    index = "1"
    for each, target in zip(known, [*[later.number for later in known[1:]], number], strict=True):
        before, index = index, f"{index}.1"
        uri = _uri(target, trunk, host)
        history.append(f"<{uri};cause={int(each.cause)}>;index={index};mp={before}")
    return (("Diversion", ", ".join(latest_first)), ("History-Info", ", ".join(history)))


def incoming_diversions(request: Request, trunk: Trunk) -> tuple[Diversion, ...]:
    """What a carrier says of the redirects before it called us, the oldest first (RFC 5806 §5).

    A header that cannot be read counts as none; a reason that we do not know is taken as unconditional.
    """
    if request.get("diversion") is None:
        return ()
    try:
        found = request.addresses("diversion")[:MOST]
    except BadMessage:
        return ()
    return tuple(_diversion(each, trunk) for each in reversed(found))


def _diversion(address: Address, trunk: Trunk) -> Diversion:
    reason = (address.param("reason") or "").strip('"').lower()
    return Diversion(from_trunk(address.uri.user or "", trunk), _CAUSES.get(reason, Cause.UNCONDITIONAL))


def _uri(number: str | None, trunk: Trunk, host: str) -> Uri:
    return Uri(host, to_trunk(number or "", trunk))
