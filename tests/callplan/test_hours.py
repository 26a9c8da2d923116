"""Moments and unavailable intervals, over both nights on which the clocks change."""

from __future__ import annotations

from datetime import datetime, time

import pytest

from b2bua.callplan.hours import interval_at
from b2bua.callplan.settings import Interval

MONDAY, FRIDAY, SATURDAY, SUNDAY = 0, 4, 5, 6
LONDON, SYDNEY = "Europe/London", "Australia/Sydney"


def span(weekday: int, start: str, end: str) -> Interval:
    return Interval(weekday, time.fromisoformat(start), time.fromisoformat(end))


LUNCH = span(MONDAY, "12:00", "13:30")
NIGHT = span(FRIDAY, "18:00", "08:00")
ALL_SUNDAY = span(SUNDAY, "00:00", "00:00")
# London: on Sunday 2026-03-29 01:00 becomes 02:00, on Sunday 2026-10-25 02:00 becomes 01:00 again.
# Sydney: on Sunday 2026-10-04 02:00 becomes 03:00, on Sunday 2026-04-05 03:00 becomes 02:00 again.
GAP = span(SUNDAY, "01:30", "03:00")
INTO_GAP = span(SUNDAY, "00:30", "01:30")
IN_GAP = span(SUNDAY, "01:15", "01:45")
ACROSS = span(SATURDAY, "23:00", "01:30")
SOUTH = span(SUNDAY, "02:30", "03:30")

TABLE = [
    # Half-open (O3); March 2nd 2026 is a Monday.
    (LUNCH, LONDON, "2026-03-02T11:59:59+00:00", False),
    (LUNCH, LONDON, "2026-03-02T12:00:00+00:00", True),
    (LUNCH, LONDON, "2026-03-02T13:29:59+00:00", True),
    (LUNCH, LONDON, "2026-03-02T13:30:00+00:00", False),
    (LUNCH, LONDON, "2026-03-03T12:00:00+00:00", False),
    # The zone decides, not the offset that the moment is written in.
    (LUNCH, LONDON, "2026-03-02T22:30:00+10:00", True),
    (LUNCH, SYDNEY, "2026-03-02T01:30:00+00:00", True),
    (LUNCH, SYDNEY, "2026-03-02T12:30:00+00:00", False),
    (LUNCH, LONDON, "2026-06-01T11:30:00+00:00", True),
    # Over midnight it belongs to the day on which it starts.
    (NIGHT, LONDON, "2026-03-06T17:59:59+00:00", False),
    (NIGHT, LONDON, "2026-03-06T18:00:00+00:00", True),
    (NIGHT, LONDON, "2026-03-07T00:00:00+00:00", True),
    (NIGHT, LONDON, "2026-03-07T07:59:59+00:00", True),
    (NIGHT, LONDON, "2026-03-07T08:00:00+00:00", False),
    (NIGHT, LONDON, "2026-03-06T07:00:00+00:00", False),
    # The whole day.
    (ALL_SUNDAY, LONDON, "2026-03-07T23:59:59+00:00", False),
    (ALL_SUNDAY, LONDON, "2026-03-08T00:00:00+00:00", True),
    (ALL_SUNDAY, LONDON, "2026-03-08T23:59:59+00:00", True),
    (ALL_SUNDAY, LONDON, "2026-03-09T00:00:00+00:00", False),
    # London's shortest day: what lies in the gap moves to its end, 02:00 BST = 01:00 UTC.
    (GAP, LONDON, "2026-03-29T00:59:59+00:00", False),
    (GAP, LONDON, "2026-03-29T01:00:00+00:00", True),
    (GAP, LONDON, "2026-03-29T01:59:59+00:00", True),
    (GAP, LONDON, "2026-03-29T02:00:00+00:00", False),
    (INTO_GAP, LONDON, "2026-03-29T00:59:59+00:00", True),
    (INTO_GAP, LONDON, "2026-03-29T01:00:00+00:00", False),
    (IN_GAP, LONDON, "2026-03-29T00:59:59+00:00", False),
    (IN_GAP, LONDON, "2026-03-29T01:00:00+00:00", False),
    (ACROSS, LONDON, "2026-03-29T00:59:59+00:00", True),
    (ACROSS, LONDON, "2026-03-29T01:00:00+00:00", False),
    (ALL_SUNDAY, LONDON, "2026-03-28T23:59:59+00:00", False),
    (ALL_SUNDAY, LONDON, "2026-03-29T22:59:59+00:00", True),
    (ALL_SUNDAY, LONDON, "2026-03-29T23:00:00+00:00", False),
    # London's longest day: 01:15 to 01:45 comes twice.
    (IN_GAP, LONDON, "2026-10-25T00:14:59+00:00", False),
    (IN_GAP, LONDON, "2026-10-25T00:15:00+00:00", True),
    (IN_GAP, LONDON, "2026-10-25T00:45:00+00:00", False),
    (IN_GAP, LONDON, "2026-10-25T01:15:00+00:00", True),
    (IN_GAP, LONDON, "2026-10-25T01:44:59+00:00", True),
    (IN_GAP, LONDON, "2026-10-25T01:45:00+00:00", False),
    (ACROSS, LONDON, "2026-10-25T01:29:59+00:00", True),
    (ACROSS, LONDON, "2026-10-25T01:30:00+00:00", False),
    (ALL_SUNDAY, LONDON, "2026-10-25T23:59:59+00:00", True),
    (ALL_SUNDAY, LONDON, "2026-10-26T00:00:00+00:00", False),
    # The south, where the seasons are the other way round.
    (SOUTH, SYDNEY, "2026-10-03T15:59:59+00:00", False),
    (SOUTH, SYDNEY, "2026-10-03T16:00:00+00:00", True),
    (SOUTH, SYDNEY, "2026-10-03T16:30:00+00:00", False),
    (SOUTH, SYDNEY, "2026-04-04T15:30:00+00:00", True),
    (SOUTH, SYDNEY, "2026-04-04T16:00:00+00:00", False),
    (SOUTH, SYDNEY, "2026-04-04T16:30:00+00:00", True),
    (SOUTH, SYDNEY, "2026-04-04T17:29:59+00:00", True),
    (SOUTH, SYDNEY, "2026-04-04T17:30:00+00:00", False),
]


@pytest.mark.behaviour("O1", "O3")
@pytest.mark.parametrize(("interval", "zone", "moment", "inside"), TABLE)
def test_a_moment_and_an_interval(interval: Interval, zone: str, moment: str, inside: bool) -> None:
    found = interval_at(datetime.fromisoformat(moment), [interval], zone)
    assert found == (interval if inside else None)


@pytest.mark.behaviour("O1")
def test_one_of_several_intervals_is_enough() -> None:
    moment = datetime.fromisoformat("2026-03-06T20:00:00+00:00")
    assert interval_at(moment, [LUNCH, NIGHT, ALL_SUNDAY], LONDON) == NIGHT
    assert interval_at(moment, [], LONDON) is None
