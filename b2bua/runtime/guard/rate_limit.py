"""So many a second and no more: for what a flood would otherwise make us do as often as it likes."""

from __future__ import annotations

import structlog

log = structlog.get_logger()

SECOND = 1.0
LINES = 20  # a second, of one event


class RateLimit:
    """Hands out `most` a second, in monotonic time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._since = 0.0
        self._taken = 0

    def take(self, now: float) -> bool:
        """Whether there is one left in this second."""
        if now - self._since >= SECOND:
            self._since, self._taken = now, 0
        self._taken += 1
        return self._taken <= self._most


class LogLimit:
    """LogLimit of one event of the log, which strangers can cause: at most `LINES` a second, and then their number."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._ration = RateLimit(LINES)
        self._omitted = 0

    def may_say(self, now: float) -> bool:
        """Whether the event may be written now."""
        if not self._ration.take(now):
            self._omitted += 1
            return False
        if self._omitted:
            omitted, self._omitted = self._omitted, 0
            log.warning("log.omitted", name=self._event, lines=omitted)
        return True
