"""Players that are stopped and not freed yet.

A thread of pjmedia's own tells of a file's end some time after it was played, and calls whatever lies where
the player was (`file_on_event`). If it was freed in between, that ends the process. So a stopped player is
kept until no such call can be on its way any more.
"""

from __future__ import annotations

from collections import deque
from typing import Any

KEPT_FOR = 1.0
"""Seconds: the thread is late by as much as the machine is busy."""
MOST = 24
"""pjsua2 has room for 32 players; four are playing."""


class Retired:
    """Keeps each thing for `KEPT_FOR` seconds, of many the latest `MOST`. `now` is monotonic time in seconds."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, Any]] = deque()

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, thing: Any, now: float) -> None:
        """Keep a thing that nobody else needs."""
        self._kept.append((now + KEPT_FOR, thing))

    def free(self, now: float) -> None:
        """Let those go that were kept long enough, and the oldest of too many."""
        while self._kept and (now >= self._kept[0][0] or len(self._kept) > MOST):
            self._kept.popleft()
