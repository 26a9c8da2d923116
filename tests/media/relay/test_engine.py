"""Where RTP is bound, given the configured address."""

from __future__ import annotations

import pytest

from media.relay.engine import listen_address


@pytest.mark.parametrize(
    ("configured", "bound"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.3", "127.0.0.3"),
        ("0.0.0.0", "0.0.0.0"),
        ("192.0.2.10", "0.0.0.0"),
    ],
)
def test_where_rtp_is_bound(configured: str, bound: str) -> None:
    assert listen_address(configured) == bound
