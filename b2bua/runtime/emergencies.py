"""Numbers that emergency calls showed in the last hour: who answers such a call may ring back (BEHAVIOUR E4)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock

import structlog

log = structlog.get_logger()

MEMORY = 3600.0
"""Seconds for which the number that an emergency call showed is reached whatever is set."""


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
        self._until: dict[str, float] = self._read()

    def called(self, number: str) -> None:
        """An emergency call shows this number (E.164). Writes it down behind the call."""
        now = self._clock()
        live = {each: until for each, until in self._until.items() if until > now}
        self._until = {**live, number: now + MEMORY}
        asyncio.get_running_loop().run_in_executor(None, self._write)

    def recent(self, number: str) -> bool:
        """Whether such a call showed this number lately."""
        return self._until.get(number, 0.0) > self._clock()

    def _read(self) -> dict[str, float]:
        now, wall = self._clock(), self._wall()
        try:
            kept = json.loads(self._path.read_text()).items()
            return {str(number): now + min(float(until) - wall, MEMORY) for number, until in kept}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, TypeError, OverflowError, RecursionError) as error:
            log.error("store.emergencies_failed", reason=str(error))
            return {}

    def _write(self) -> None:
        # One after the other, and each writes all that is known then: none overtakes a later one.
        with self._writing:
            ahead = self._wall() - self._clock()
            kept = {number: until + ahead for number, until in self._until.items()}
            part = self._path.with_suffix(".part")
            try:
                part.touch(mode=0o600)
                part.write_text(json.dumps(kept))
                part.replace(self._path)
            except OSError as error:
                log.error("store.emergencies_failed", reason=str(error))
