"""Keys told by SIP INFO: the two bodies that telephones use for it."""

from __future__ import annotations

import re

_SIGNAL = re.compile(r"^\s*Signal\s*=\s*([0-9*#A-Da-d]|1[0-5])\s*$", re.MULTILINE | re.IGNORECASE)
_BY_NUMBER = "0123456789*#ABCD"


def digit_of_info(content_type: str, body: bytes) -> str | None:
    """Return the key in an INFO body, or `None`.

    `application/dtmf-relay` says `Signal=5`, some phones by event number (10 is the star, 11 the hash; RFC 4733
    §3.2); `application/dtmf` is the key alone.
    """
    text = body.decode("ascii", "replace")
    if content_type == "application/dtmf-relay":
        match = _SIGNAL.search(text)
        signal = match[1] if match else ""
    elif content_type == "application/dtmf":
        signal = text.strip()
    else:
        return None
    if len(signal) == 2 and signal.isascii() and signal.isdigit() and 10 <= int(signal) <= 15:
        return _BY_NUMBER[int(signal)]
    return signal.upper() if len(signal) == 1 and signal.upper() in _BY_NUMBER else None
