"""A recording in progress: its file, what was heard in it, and whether what is said still reaches the disk."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from media import wav

STUCK_AFTER = 1.5
"""Seconds after which a file that should grow four times a second is looked into."""
ROOM = 8192
"""Bytes for which there must be room: half a second of sound."""


@dataclass(slots=True)
class Recording:
    """`recorder` is pjsua2's, `started` and `reported` are when it began and was told of last (monotonic seconds)."""

    recorder: Any
    path: Path
    started: float
    reported: float
    listener: wav.Listener = field(init=False)
    told_stuck: bool = False
    _size: int = -1
    _grown: float = 0.0

    def __post_init__(self) -> None:
        self.listener = wav.Listener(self.path)

    def is_stuck(self, now: float) -> bool:
        """Whether the file grows no more because the disk has no room. pjsua2 says nothing of it.

        A machine that was held up makes no file grow either, so the disk is asked.
        """
        size = self.path.stat().st_size if self.path.exists() else 0
        if size != self._size:
            self._size, self._grown = size, now
        return now - self._grown >= STUCK_AFTER and not has_room(self.path.parent)


def has_room(folder: Path) -> bool:
    """Whether another `ROOM` bytes can be written to the disk of this folder."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            left = ROOM
            while left:
                left -= probe.write(bytes(left))
            os.fsync(probe.fileno())
    except OSError:
        return False
    return True
