"""Who is to be called instead, as a 3xx response says it in its Contacts (RFC 3261 §8.1.3.4, §20.10)."""

from __future__ import annotations

import re

from b2bua.sip.text.address import Address, parse_address
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.message import Response
from b2bua.sip.text.uri import Uri

MOVED = (300, 301, 302)
MOST_TARGETS = 5
"""As many are followed at the most."""
_Q = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z")


def targets_of(response: Response) -> tuple[Uri, ...]:
    """The URIs to call instead, the best first; none where the response is no redirect or cannot be read.

    A Contact without `q`, or with one that is no number, counts as 1. One that cannot be read is left out.
    """
    if response.code not in MOVED:
        return ()
    try:
        values = response.values("contact")
    except BadMessage:
        return ()
    contacts = [address for value in values if (address := _address(value)) is not None]
    contacts.sort(key=_q, reverse=True)
    return tuple(address.uri for address in contacts[:MOST_TARGETS])


def _address(value: str) -> Address | None:
    try:
        return parse_address(value)
    except BadMessage:
        return None


def _q(address: Address) -> float:
    text = address.param("q") or ""
    return float(text) if _Q.match(text) else 1.0
