"""The body of message waiting."""

from __future__ import annotations

import pytest

from b2bua.sip.bodies.message_summary import CONTENT_TYPE, UNSOLICITED, Counts, summary


@pytest.mark.parametrize(
    ("counts", "waiting", "voice"),
    [
        (Counts(), "no", "0/0"),
        (Counts(2, 1), "yes", "2/1"),
        (Counts(0, 3), "no", "0/3"),
    ],
)
def test_summary(counts: Counts, waiting: str, voice: str) -> None:
    assert summary(counts, "sip:reception@192.0.2.100").decode() == (
        f"Messages-Waiting: {waiting}\r\n"
        "Message-Account: sip:reception@192.0.2.100\r\n"
        f"Voice-Message: {voice} (0/0)\r\n"
    )


def test_unsolicited_headers_name_the_event_and_no_subscription_follows() -> None:
    assert dict(UNSOLICITED)["Event"] == "message-summary"
    assert dict(UNSOLICITED)["Content-Type"] == CONTENT_TYPE
    assert dict(UNSOLICITED)["Subscription-State"].startswith("terminated")
