"""WAV files of 8 kHz, 16-bit, mono sound: header, length, loudness, joining, and mending an unfinished one.

The recorder writes a canonical 44-byte header (RIFF, `fmt `, `data`) whose two lengths stay 0 until it is
closed. So a recorder that was killed leaves good samples under an empty header. Lengths therefore come from
the file's size, and a header is written anew when a recording is finished.
"""

from __future__ import annotations

import math
import os
import struct
import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

RATE = 8000
HEADER_BYTES = 44
BYTES_PER_SECOND = RATE * 2
BLOCK_SECONDS = 0.1
BLOCK_BYTES = int(BLOCK_SECONDS * BYTES_PER_SECOND)
SOUND_RMS = 100.0
"""A block at or above this root mean square (of 32768, about -44 dBm0) is sound, below it silence.

Speech on a telephone lies between -35 and -10 dBm0, the noise of a quiet line below -50.
"""


class NotRecording(ValueError):
    """The file is not 8 kHz, 16-bit, mono PCM with a 44-byte header."""


def header(data_bytes: int) -> bytes:
    """The 44-byte header of a file with `data_bytes` bytes of samples."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + data_bytes, b"WAVE"),
        *(b"fmt ", 16, 1, 1, RATE, BYTES_PER_SECOND, 2, 16),
        *(b"data", data_bytes),
    )


def sample_bytes(path: Path) -> int:
    """Bytes of whole samples in the file, by its size and not by its header; 0 for a file without samples."""
    return max(0, path.stat().st_size - HEADER_BYTES) & ~1


def seconds(path: Path) -> float:
    """How long the file plays, by its size."""
    return sample_bytes(path) / BYTES_PER_SECOND


def is_complete(path: Path) -> bool:
    """Whether the header states the length that the file has: the recorder has closed it."""
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
        size = file.seek(0, os.SEEK_END)
    return head == header(size - HEADER_BYTES) if size >= HEADER_BYTES else False


def read_samples(path: Path) -> bytes:
    """The samples, little-endian; raises NotRecording when the header is of another format."""
    data = path.read_bytes()
    if data[:4] != b"RIFF" or data[8:36] != header(0)[8:36]:
        raise NotRecording(f"{path} is not 8 kHz 16-bit mono PCM")
    return data[HEADER_BYTES : HEADER_BYTES + ((len(data) - HEADER_BYTES) & ~1)]


def write(path: Path, samples: bytes) -> None:
    """Write a complete file and bring it to disk (fsync)."""
    with path.open("wb") as file:
        file.write(header(len(samples)))
        file.write(samples)
        file.flush()
        os.fsync(file.fileno())


def mend(path: Path) -> None:
    """Let the header state the length that the file has."""
    with path.open("r+b") as file:
        file.write(header(sample_bytes(path)))


def join(parts: Iterable[Path]) -> bytes:
    """The samples of all parts, one after the other. A part without a whole header holds no sound."""
    return b"".join(read_samples(part) for part in parts if part.stat().st_size > HEADER_BYTES)


def numbers(samples: bytes) -> array[int]:
    """Little-endian 16-bit samples as numbers."""
    values = array("h", samples)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def loudness(block: bytes) -> float:
    """Root mean square of little-endian 16-bit samples, 0 to 32768."""
    samples = numbers(block)
    return math.hypot(*samples) / math.sqrt(len(samples)) if samples else 0.0


@dataclass(frozen=True, slots=True)
class SoundSpan:
    """From the first sound to the last in a recording, seconds from its start; both 0 if all is silence."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long the span lasts."""
        return self.end - self.start


def sound_span(samples: bytes) -> SoundSpan:
    """Where sound begins and ends, to a tenth of a second."""
    loud = [
        index
        for index in range(math.ceil(len(samples) / BLOCK_BYTES))
        if loudness(samples[index * BLOCK_BYTES : (index + 1) * BLOCK_BYTES]) >= SOUND_RMS
    ]
    if not loud:
        return SoundSpan(0.0, 0.0)
    return SoundSpan(
        loud[0] * BLOCK_SECONDS, min((loud[-1] + 1) * BLOCK_BYTES, len(samples)) / BYTES_PER_SECOND
    )


class Listener:
    """Follows a recording while it grows, and knows where the first and the last sound in it were."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = HEADER_BYTES
        self.first_sound = 0.0
        """Seconds from the start of the file to the first loud block."""
        self.last_sound = 0.0
        """Seconds from the start of the file to the end of the last loud block; 0 while there is none."""

    def read(self) -> None:
        """Take in the whole blocks written since the last time. A file not there yet has none."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                fresh = file.read()
        except FileNotFoundError:
            return
        for start in range(0, len(fresh) - BLOCK_BYTES + 1, BLOCK_BYTES):
            self._offset += BLOCK_BYTES
            if loudness(fresh[start : start + BLOCK_BYTES]) >= SOUND_RMS:
                if not self.last_sound:
                    self.first_sound = (self._offset - HEADER_BYTES - BLOCK_BYTES) / BYTES_PER_SECOND
                self.last_sound = (self._offset - HEADER_BYTES) / BYTES_PER_SECOND
