"""When a user is unavailable: which spans of a week may be saved (BEHAVIOUR O1, O3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import time

from b2bua.callplan.settings import Interval
from provisioning.company.problems import Place, Problem

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""Their keys; Monday is 0."""
MIDNIGHT = time(0)


def refused_spans(place: Place, spans: Iterable[Interval]) -> Iterator[Problem]:
    """What is wrong with the spans of a user at this place. A span that is given twice counts once.

    A span past midnight may run into what the next day has: each day is set by itself.
    """
    days: defaultdict[int, list[Interval]] = defaultdict(list)
    for span in dict.fromkeys(spans):
        if not 0 <= span.weekday < len(WEEKDAYS):
            yield Problem(
                (*place, "out_of_hours"), "whole.range", {"low": 0, "high": 6, "value": span.weekday}
            )
            continue
        day = (*place, "out_of_hours", WEEKDAYS[span.weekday])
        if not (_whole_minutes(span.start) and _whole_minutes(span.end)):
            yield Problem(day, "span.minutes", {"value": f"{span.start}-{span.end}"})
        elif span.start == span.end != MIDNIGHT:
            yield Problem(day, "span.empty", {"value": _written(span)})
        else:
            days[span.weekday].append(span)
    for weekday, of_day in days.items():
        yield from _overlapping((*place, "out_of_hours", WEEKDAYS[weekday]), of_day)


def is_whole_day(span: Interval) -> bool:
    """Whether it is all of its weekday."""
    return span.start == span.end == MIDNIGHT


def _overlapping(day: Place, spans: Iterable[Interval]) -> Iterator[Problem]:
    """The spans of one weekday that begin before an earlier one of that day has ended."""
    in_order = sorted(spans, key=lambda span: (not is_whole_day(span), span.start, span.end))
    before: Interval | None = None
    for span in in_order:
        if before is not None and is_whole_day(before):
            yield Problem(day, "span.whole-day", {"value": _written(span)})
        elif before is not None and (before.end <= before.start or span.start < before.end):
            yield Problem(day, "span.overlap", {"value": _written(span), "other": _written(before)})
        else:
            before = span


def _whole_minutes(moment: time) -> bool:
    return not moment.second and not moment.microsecond and moment.tzinfo is None


def _written(span: Interval) -> str:
    return f"{span.start:%H:%M}-{span.end:%H:%M}"
