"""The sound of a voice message, read for sending: it may have been heard, or deleted, since it was left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from media.mailbox import STATES

LARGEST = 10_000_000
"""Bytes: ten minutes of sound. Mail servers commonly take no more than that, a third larger as they see it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A WAV file's content; or why there is none: the file has gone, or is `too_large` to be sent."""

    wav: bytes | None
    too_large: bool = False


def read_recording(stored: Path) -> Recording:
    """What was stored at `stored`, wherever in its mailbox it is now. Raises OSError where it cannot be read."""
    # A message that is saved meanwhile is found in the second look.
    for folder in (stored.parent.name, *STATES):
        try:
            with (stored.parent.parent / folder / stored.name).open("rb") as file:
                wav = file.read(LARGEST + 1)
        except FileNotFoundError:
            continue
        return Recording(None, too_large=True) if len(wav) > LARGEST else Recording(wav)
    return Recording(None)
