"""What a refusal of a request of ours in a dialog ends: that request, its use of the dialog, or the dialog.

The one table. It is RFC 5057 §5.1 with three exceptions, which leave an answered call alone. A peer that refuses a
re-INVITE by 405, 480 or 501 keeps its call as it was (RFC 3261 §14.1).
"""

from __future__ import annotations

from enum import Enum, auto

CONCLUDING = frozenset({"BYE", "CANCEL", "PRACK"})
"""Requests whose failure says nothing about an answered call: what they belong to is over by then."""
DIALOG_ENDING = frozenset({404, 410, 416, 482, 483, 484, 485, 502, 604})
"""The peer's own Contact leads nowhere, or its route goes in a circle: whatever is sent there fails alike."""
USAGE_ENDING = frozenset({408, 481})
"""The peer is silent, or has forgotten what the request is about (RFC 3261 §12.2.1.2)."""


class Ends(Enum):
    """How far a refusal reaches."""

    REQUEST = auto()
    USAGE = auto()
    DIALOG = auto()


def ends(method: str, code: int) -> Ends:
    """What a final response of 300 to 699 to a request with this method ends.

    A subscription ends with any refusal of its NOTIFY (RFC 3265 §3.2.2). RFC 6665 would keep it after some of them,
    but what the peer then knows is anybody's guess.
    """
    if method in CONCLUDING:
        return Ends.REQUEST
    if code in DIALOG_ENDING:
        return Ends.DIALOG
    if method == "NOTIFY" or code in USAGE_ENDING:
        return Ends.USAGE
    return Ends.REQUEST
