"""Message waiting (RFC 3842): what a NOTIFY that lights a phone's lamp says."""

from __future__ import annotations

from dataclasses import dataclass

from b2bua.sip.text.compose import Header

CONTENT_TYPE = "application/simple-message-summary"
UNSOLICITED: tuple[Header, ...] = (
    ("Event", "message-summary"),
    # There is no subscription: phones take it as it comes, and this says that no other will follow from it.
    ("Subscription-State", "terminated;reason=noresource"),
    ("Content-Type", CONTENT_TYPE),
)
"""The headers of a NOTIFY for a phone that has not subscribed."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages a mailbox holds."""

    new: int = 0
    saved: int = 0


def summary(counts: Counts, account: str) -> bytes:
    """The body (RFC 3842 §5.2). `account` is the mailbox's URI; none of our messages is urgent."""
    waiting = "yes" if counts.new else "no"
    return (
        f"Messages-Waiting: {waiting}\r\n"
        f"Message-Account: {account}\r\n"
        f"Voice-Message: {counts.new}/{counts.saved} (0/0)\r\n"
    ).encode()
