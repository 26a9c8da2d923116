"""When something that could not be told is tried again. Pure: the time is an argument."""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
KEPT_TRYING = timedelta(days=3)
"""After so long somebody has found the message by telephone, or never will."""

FIRST_REST = 30.0
LONGEST_REST = 300.0


def next_try(created_at: datetime, failures: int, now: datetime) -> datetime | None:
    """When to try again after so many failures (1 or more), or None: give up.

    After one minute, then after twice as long each time, up to an hour; the last time at the end of three days.
    """
    end = created_at + KEPT_TRYING
    if now >= end:
        return None
    return min(now + _doubled(FIRST_PAUSE, failures, LONGEST_PAUSE), end)


def rest(failures: int) -> float:
    """Seconds for which a channel is left alone that failed so often (1 or more) in a row, whatever waits for it.

    A server that is down is not asked anew for every mail, and one that refuses a password does not lock the account.
    """
    return _doubled(timedelta(seconds=FIRST_REST), failures, timedelta(seconds=LONGEST_REST)).total_seconds()


def _doubled(first: timedelta, times: int, longest: timedelta) -> timedelta:
    return min(first * (1 << min(times - 1, 16)), longest)
