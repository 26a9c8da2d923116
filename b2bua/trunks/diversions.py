"""How a redirected call is told to have come: Diversion (RFC 5806) and History-Info (RFC 7044, mapped by RFC 7544)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby, pairwise

from b2bua.callplan.causes import Cause
from b2bua.callplan.journey import Diversion
from b2bua.callplan.settings import Trunk
from b2bua.sip.text.address import Address
from b2bua.sip.text.compose import Header
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.message import Request
from b2bua.sip.text.uri import Uri
from b2bua.trunks.numbers import number_in, to_trunk

REASONS = {
    Cause.NO_ANSWER: "no-answer",
    Cause.BUSY: "user-busy",
    Cause.UNCONDITIONAL: "unconditional",
    Cause.UNAVAILABLE: "unavailable",
}
_BY_REASON = {reason: cause for cause, reason in REASONS.items()}
_BY_CODE = {str(int(cause)): cause for cause in Cause}
_COUNTER = re.compile(r"[0-9]{1,4}")
# RFC 7044 §5.1 hides an entry by a Privacy header inside its URI.
_PRIVATE = re.compile(r"(?i)(?:^|&)privacy=(?!none)")
MOST = 10  # redirects read of what a carrier sends


def diversion_headers(
    diversions: Sequence[Diversion], trunk: Trunk, host: str, number: str
) -> tuple[Header, ...]:
    """Both headers for a call to `number` that went through these redirects, the oldest first; none for none.

    Diversion names who redirected, the latest first, and what it did several times running once, with a
    counter. History-Info names who was called in turn, from the first on, each with the cause that led to it.
    RFC 7544 §3.2 says where the cause stands, with its erratum. Who has no number to be told is left out of
    both.
    """
    known = [(each, len(list(same))) for each, same in groupby(diversions) if each.number is not None]
    if not known:
        return ()
    latest_first = [
        f"<{_uri(each.number, trunk, host)}>;reason={REASONS[each.cause]};counter={count};privacy=off"
        for each, count in reversed(known)
    ]
    history = [f"<{_uri(known[0][0].number, trunk, host)}>;index=1"]
    index = "1"
    targets = [*[later.number for later, _ in known[1:]], number]
    for (each, _), target in zip(known, targets, strict=True):
        before, index = index, f"{index}.1"
        uri = _uri(target, trunk, host)
        history.append(f"<{uri};cause={int(each.cause)}>;index={index};mp={before}")
    return (("Diversion", ", ".join(latest_first)), ("History-Info", ", ".join(history)))


def incoming_diversions(request: Request, trunk: Trunk) -> tuple[Diversion, ...]:
    """What a carrier says of the redirects before it called us, the oldest first, MOST of them at most.

    Diversion is believed before History-Info. A header that cannot be read counts as none, a reason that we do not
    know as unconditional, and a number that is private is told on to nobody.
    """
    found = _diversions(request, trunk) or _history(request, trunk)
    return tuple(found[-MOST:])


def _diversions(request: Request, trunk: Trunk) -> list[Diversion]:
    """RFC 5806 §5: the latest first, each with the times that it happened."""
    found: list[Diversion] = []
    for address in reversed(_addresses(request, "diversion")):
        private = _word(address.param("privacy")) in ("full", "uri")
        reason = _BY_REASON.get(_word(address.param("reason")), Cause.UNCONDITIONAL)
        number = None if private else number_in(address.uri, trunk)
        found += [Diversion(number, reason)] * _count(address.param("counter"))
    return found


def _history(request: Request, trunk: Trunk) -> list[Diversion]:
    """RFC 7044 §5: who was called in turn. A redirect led to each entry that has a cause or names who did it (mp)."""
    entries = _addresses(request, "history-info")
    places = {address.param("index") or "": address for address in entries}
    found: list[Diversion] = []
    for before, address in pairwise(entries):
        code, by = address.uri.param("cause"), address.param("mp")
        if code is not None or by is not None:
            uri = (places.get(by, before) if by else before).uri
            number = None if _PRIVATE.search(uri.headers or "") else number_in(uri, trunk)
            found.append(Diversion(number, _BY_CODE.get(code or "", Cause.UNCONDITIONAL)))
    return found


def _addresses(request: Request, name: str) -> list[Address]:
    if request.get(name) is None:
        return []
    try:
        return request.addresses(name)
    except BadMessage:
        return []


def _word(value: str | None) -> str:
    return (value or "").strip('"').lower()


def _count(counter: str | None) -> int:
    """How often a redirect happened, up to MOST; once where that is not said."""
    digits = _word(counter)
    return min(max(int(digits), 1), MOST) if _COUNTER.fullmatch(digits) else 1


def _uri(number: str | None, trunk: Trunk, host: str) -> Uri:
    return Uri(host, to_trunk(number or "", trunk))
