"""The Event header, as subscribers write it."""

from __future__ import annotations

import pytest

from b2bua.sip.text.event import EventType, event_type
from b2bua.sip.text.message import Request


@pytest.mark.parametrize(
    ("value", "expected", "written"),
    [
        ("message-summary", EventType("message-summary"), "message-summary"),
        ("Message-Summary", EventType("message-summary"), "message-summary"),
        (" message-summary ; id = 42 ;x", EventType("message-summary", "42"), "message-summary;id=42"),
        ("dialog;sla", EventType("dialog"), "dialog"),
        ("", EventType(""), ""),
        (";;=", EventType(""), ""),
    ],
)
def test_event_types(value: str, expected: EventType, written: str) -> None:
    found = event_type(Request("SUBSCRIBE", "sip:b@x", {"event": value}, b""))
    assert (found, str(found)) == (expected, written)
