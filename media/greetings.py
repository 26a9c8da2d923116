"""A user's own greetings: one WAV file (8 kHz, 16-bit, mono) an occasion, below the user's mailbox (V1, O2).

    <root>/<user id>/greetings/no-answer.wav  busy.wav  out-of-hours.wav

A file is there whole or not at all; whoever hears the old one while a new one is put in its place hears it to
its end.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from media import wav
from media.message import Occasion

MAX_SECONDS = 120.0
"""The longest greeting (V1)."""


class Greetings:
    """The greetings of all users below the folder that holds the mailboxes."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, user: int, occasion: str) -> Path:
        """Where a greeting is, if the user has one for this occasion. Raises ValueError for no occasion."""
        if occasion not in tuple(Occasion):
            raise ValueError(f"{occasion!r} is none of {', '.join(Occasion)}")
        return self._root / str(user) / "greetings" / f"{occasion}.wav"

    def of(self, user: int, occasion: str) -> Path | None:
        """The user's own greeting for this occasion, `None` if there is none, or what is there cannot be played."""
        path = self.path(user, occasion)
        try:
            return path if wav.is_complete(path) else None
        except OSError:
            return None

    def heard(self, user: int, occasion: str) -> Path | None:
        """What a caller hears: the own greeting, out of hours else the one for no answer; `None`: the system's."""
        own = self.of(user, occasion)
        return self.of(user, "no-answer") if own is None and occasion == "out-of-hours" else own

    def put(self, user: int, occasion: str, samples: bytes) -> None:
        """Set a greeting from little-endian samples; it is on disk when this returns. Raises OSError."""
        target = self.path(user, occasion)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            wav.write(part, samples)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def remove(self, user: int, occasion: str) -> bool:
        """Go back to the system's greeting; whether there was one of the user's own."""
        path = self.path(user, occasion)
        there = path.exists()
        path.unlink(missing_ok=True)
        return there
