"""The sound of a voice message, read for sending: it may have been heard, or deleted, since it was left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from media.message import STATES

LARGEST = 10_000_000
"""Bytes: ten minutes of sound. Mail servers commonly take no more than that, a third larger as they see it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A WAV file's content; or why there is none: the file has gone, or is `too_large` to be sent."""

    wav: bytes | None
    too_large: bool = False


def read_recording(mailbox: Path, message: str) -> Recording:
    """The sound of a message, wherever in the folder of its mailbox it is. Raises OSError where it cannot be read."""
    # A message that is restored meanwhile, and so was behind us, is found in the second look.
    for state in (*STATES, *STATES):
        try:
            with (mailbox / state / f"{message}.wav").open("rb") as file:
                wav = file.read(LARGEST + 1)
        except FileNotFoundError:
            continue
        return Recording(None, too_large=True) if len(wav) > LARGEST else Recording(wav)
    return Recording(None)
