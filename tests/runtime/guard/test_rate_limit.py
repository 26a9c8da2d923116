from __future__ import annotations

from structlog.testing import capture_logs

from b2bua.runtime.guard.rate_limit import LINES, LogLimit, RateLimit


def test_so_many_a_second() -> None:
    ration = RateLimit(3)
    assert [ration.take(10.0 + step / 10) for step in range(12)] == [True] * 3 + [False] * 7 + [True] * 2


def test_lines_that_were_left_out_are_counted_in_the_log() -> None:
    lines = LogLimit("auth.refused")
    with capture_logs() as logs:
        assert sum(lines.may_say(10.0) for _ in range(LINES + 7)) == LINES
        assert logs == []
        assert lines.may_say(11.0)
        assert lines.may_say(11.0)
    assert [(one["event"], one["name"], one["lines"]) for one in logs] == [("log.omitted", "auth.refused", 7)]
