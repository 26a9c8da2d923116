"""Keys in INFO bodies, as telephones write them."""

from __future__ import annotations

import pytest

from b2bua.sip.bodies.digits import digit_of_info
from b2bua.sip.text.body import read_body

RELAY = "application/dtmf-relay"
PLAIN = "application/dtmf"


@pytest.mark.parametrize(
    ("kind", "body", "digit"),
    [
        (RELAY, b"Signal=5\r\nDuration=160\r\n", "5"),
        (RELAY, b"Signal= #\r\nDuration= 160\r\n", "#"),
        (RELAY, b"Duration=160\nsignal=*\n", "*"),
        (RELAY, b"Signal=10\r\n", "*"),
        (RELAY, b"Signal=11\r\n", "#"),
        (RELAY, b"Signal=a\r\n", "A"),
        (RELAY, b"Signal=16\r\n", None),
        (RELAY, b"Signal=55\r\n", None),
        (RELAY, b"5", None),
        (RELAY, b"", None),
        (RELAY, b"\xff\xfe", None),
        (PLAIN, b"5", "5"),
        (PLAIN, b" #\r\n", "#"),
        (PLAIN, b"10", "*"),
        (PLAIN, b"15", "D"),
        (PLAIN, b"d", "D"),
        (PLAIN, b"", None),
        (PLAIN, b"x", None),
        (PLAIN, b"99", None),
        (PLAIN, "٣".encode(), None),
        ("text/plain", b"5", None),
    ],
)
def test_digit_of_info(kind: str, body: bytes, digit: str | None) -> None:
    assert digit_of_info(read_body(body, kind, None, None)) == digit
