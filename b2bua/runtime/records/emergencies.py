"""Numbers that emergency calls showed in the last hour: who answers such a call may ring back (BEHAVIOUR E4)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import structlog

log = structlog.get_logger()

MEMORY = 3600.0
"""Seconds for which the number that an emergency call showed is reached whatever is set."""


class Shown(NamedTuple):
    """Who showed a number in an emergency call, and until when that matters, in monotonic seconds."""

    user: int
    until: float


class Emergencies:
    """Remembered on disk too: a restart in that hour must not lose somebody's call-back.

    The hour is counted in monotonic seconds, so a clock that is set changes nothing. On disk it is Unix time, which
    outlives the process; of what stands there an hour is left at the most.
    """

    def __init__(
        self,
        path: Path,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._wall = wall
        self._clock = clock
        self._writing = Lock()
        self._calls: dict[str, Shown] = self._read()

    def called(self, number: str, user: int) -> None:
        """An emergency call by this user shows this number (E.164). Writes it down behind the call."""
        now = self._clock()
        live = {each: shown for each, shown in self._calls.items() if shown.until > now}
        self._calls = {**live, number: Shown(user, now + MEMORY)}
        asyncio.get_running_loop().run_in_executor(None, self._write)

    def caller(self, number: str) -> int | None:
        """The user whose emergency call showed this number lately: the last one, where several have."""
        shown = self._calls.get(number)
        return shown.user if shown is not None and shown.until > self._clock() else None

    def _read(self) -> dict[str, Shown]:
        now, wall = self._clock(), self._wall()
        try:
            kept = json.loads(self._path.read_text()).items()
            return {
                str(number): Shown(int(user), now + min(float(until) - wall, MEMORY))
                for number, (user, until) in kept
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, TypeError, OverflowError, RecursionError) as error:
            log.error("store.emergencies_failed", reason=str(error))
            return {}

    def _write(self) -> None:
        # One after the other, and each writes all that is known then: none overtakes a later one.
        with self._writing:
            ahead = self._wall() - self._clock()
            kept = {number: (shown.user, shown.until + ahead) for number, shown in self._calls.items()}
            part = self._path.with_suffix(".part")
            try:
                part.touch(mode=0o600)
                part.write_text(json.dumps(kept))
                part.replace(self._path)
            except OSError as error:
                log.error("store.emergencies_failed", reason=str(error))
