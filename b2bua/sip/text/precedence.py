"""What a message is about, by a look at its bytes that costs a microsecond: what is begun goes before what is new."""

from __future__ import annotations

import re

# Methods that begin something unless To has a tag. What belongs to a call has no other way to be refused.
_BEGINNINGS = (b"INVITE ", b"OPTIONS ", b"SUBSCRIBE ", b"NOTIFY ", b"MESSAGE ", b"REFER ", b"PUBLISH ")
_TO_TAG = re.compile(rb"\r\n(?:To|t)[ \t]*:[^\r\n]*;[ \t]*tag[ \t]*=", re.IGNORECASE)


def begins(data: bytes) -> bool:
    """Whether a message begins something new: a request outside any dialog, but for ACK, BYE and CANCEL.

    No proof: whoever claims to be in a dialog that is none is found out later.
    """
    if data.startswith(b"REGISTER "):
        return True
    return data.startswith(_BEGINNINGS) and _TO_TAG.search(data) is None
