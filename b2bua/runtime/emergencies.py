"""Numbers that emergency calls showed in the last hour: who answers such a call may ring back (BEHAVIOUR E4)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import structlog

log = structlog.get_logger()

MEMORY = 3600.0
"""Seconds for which the number that an emergency call showed is reached whatever is set."""


class Emergencies:
    """Remembered on disk too: a restart in that hour must not lose somebody's call-back.

    Times are Unix time, because they outlive the process.
    """

    def __init__(self, path: Path, wall: Callable[[], float] = time.time) -> None:
        self._path = path
        self._wall = wall
        self._until: dict[str, float] = self._read()

    def called(self, number: str) -> None:
        """An emergency call shows this number (E.164). Writes it down behind the call."""
        now = self._wall()
        self._until = {each: until for each, until in self._until.items() if until > now}
        self._until[number] = now + MEMORY
        asyncio.get_running_loop().run_in_executor(None, self._write, dict(self._until))

    def recent(self, number: str) -> bool:
        """Whether such a call showed this number lately."""
        # An hour ahead at the most: a clock that was set back does not make it longer.
        left = self._until.get(number, 0.0) - self._wall()
        return 0.0 < left <= MEMORY

    def _read(self) -> dict[str, float]:
        try:
            return {str(number): float(until) for number, until in json.loads(self._path.read_text()).items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            log.error("store.emergencies_failed", reason=str(error))
            return {}

    def _write(self, until: dict[str, float]) -> None:
        part = self._path.with_suffix(".part")
        try:
            part.touch(mode=0o600)
            part.write_text(json.dumps(until))
            part.replace(self._path)
        except OSError as error:
            log.error("store.emergencies_failed", reason=str(error))
