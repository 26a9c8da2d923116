"""Whether a moment is out of hours (BEHAVIOUR O1, O3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from b2bua.callplan.settings import Interval

_DAY = timedelta(days=1)


def interval_at(moment: datetime, intervals: Iterable[Interval], zone: str) -> Interval | None:
    """Return an interval that holds `moment`, which is aware, in the local time of `zone` (an IANA name).

    What the clock on the wall shows is compared, which is all that summer time asks for. A time that it
    removes is reached at the end of the gap, and one that it repeats is reached twice.
    """
    wall = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    today = wall.date()
    for interval in intervals:
        for day in (today - _DAY, today):
            if day.weekday() == interval.weekday and _holds(interval, day, wall):
                return interval
    return None


def _holds(interval: Interval, day: date, wall: datetime) -> bool:
    last = day if interval.start < interval.end else day + _DAY
    return datetime.combine(day, interval.start) <= wall < datetime.combine(last, interval.end)
