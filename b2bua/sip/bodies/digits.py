"""Keys told by SIP INFO: the two bodies that telephones use for it."""

from __future__ import annotations

import re

from b2bua.sip.text.body import Body, Kind

_SIGNAL = re.compile(r"^\s*Signal\s*=\s*([0-9*#A-Da-d]|1[0-5])\s*$", re.MULTILINE | re.IGNORECASE)
_BY_NUMBER = "0123456789*#ABCD"


def digit_of_info(body: Body) -> str | None:
    """Return the key in the body of an INFO, or `None`.

    `application/dtmf-relay` says `Signal=5`, some phones by event number (10 is the star, 11 the hash; RFC 4733
    §3.2); `application/dtmf` is the key alone.
    """
    if (part := body.first(Kind.KEY)) is None:
        return None
    text = part.data.decode("ascii", "replace")
    if part.media_type == "application/dtmf-relay":
        match = _SIGNAL.search(text)
        signal = match[1] if match else ""
    else:
        signal = text.strip()
    if len(signal) == 2 and signal.isascii() and signal.isdigit() and 10 <= int(signal) <= 15:
        return _BY_NUMBER[int(signal)]
    return signal.upper() if len(signal) == 1 and signal.upper() in _BY_NUMBER else None
