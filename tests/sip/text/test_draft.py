"""Requests before they are sent, and the ACK and CANCEL that go with them."""

from __future__ import annotations

import pytest

from b2bua.sip.text.draft import Draft

INVITE = Draft(
    "INVITE",
    "sip:bob@example.com",
    (
        ("Max-Forwards", "20"),
        ("Route", "<sip:p1;lr>"),
        ("Route", "<sip:p2;lr>"),
        ("From", "<sip:a@b>;tag=1"),
        ("To", "<sip:c@d>"),
        ("Call-ID", "id"),
        ("CSeq", "7 INVITE"),
        ("Contact", "<sip:a@x>"),
        ("Content-Type", "application/sdp"),
    ),
    "id",
    b"sdp",
)


def test_number_and_headers() -> None:
    assert INVITE.number == 7
    assert INVITE.header("From") == "<sip:a@b>;tag=1"
    with pytest.raises(StopIteration):
        INVITE.header("Expires")


@pytest.mark.parametrize("method", ["ACK", "CANCEL"])
def test_companions_have_the_route_and_number_of_their_invite(method: str) -> None:
    draft = INVITE.companion(method, "<sip:c@d>;tag=2", (("Reason", "SIP;cause=200"),))
    assert draft == Draft(
        method,
        "sip:bob@example.com",
        (
            ("Max-Forwards", "70"),
            ("Route", "<sip:p1;lr>"),
            ("Route", "<sip:p2;lr>"),
            ("From", "<sip:a@b>;tag=1"),
            ("To", "<sip:c@d>;tag=2"),
            ("Call-ID", "id"),
            ("CSeq", f"7 {method}"),
            ("Reason", "SIP;cause=200"),
        ),
        "id",
    )
