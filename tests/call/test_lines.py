"""Which lines are in use."""

from __future__ import annotations

import pytest

from b2bua.call.lines import Lines


@pytest.mark.behaviour("B1")
def test_calls_are_counted_for_each_user() -> None:
    lines = Lines()
    lines.occupy(10)
    lines.occupy(10)
    lines.occupy(11)
    assert [lines.in_use(user) for user in (10, 11, 12)] == [2, 1, 0]
    lines.release(10)
    lines.release(11)
    assert [lines.in_use(user) for user in (10, 11)] == [1, 0]
