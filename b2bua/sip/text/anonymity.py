"""Callers who are not shown, and callers without a number (RFC 3323, RFC 3325, RFC 5379; BEHAVIOUR A1)."""

from __future__ import annotations

import re

from b2bua.sip.text.address import Address
from b2bua.sip.text.message import Request
from b2bua.sip.text.uri import Uri

ANONYMOUS = Address(Uri("anonymous.invalid", "anonymous"), "Anonymous")
"""RFC 3323 §4.1.1.3."""
UNNUMBERED = Address(Uri("unknown.invalid", "unavailable"))
"""Somebody without a number is not anonymous."""

_WITHHOLDING = {"id", "user", "header"}
_HIDDEN = re.compile(r";\s*privacy\s*=\s*\"?(full|uri)\b", re.IGNORECASE)


def withheld(request: Request) -> bool:
    """Whether a caller asks not to be shown: by Privacy, by From, or as older devices do by Remote-Party-ID."""
    if request.get("privacy") is not None:
        # RFC 3323 §4.2 separates the words by semicolons.
        words = {word.strip().lower() for line in request.lines("privacy") for word in re.split("[;,]", line)}
        if words & _WITHHOLDING:
            return True
    caller = request.from_.uri
    if (caller.user or "").lower() == "anonymous" or caller.host.lower() == "anonymous.invalid":
        return True
    return any(_HIDDEN.search(line) for line in request.lines("remote-party-id"))
