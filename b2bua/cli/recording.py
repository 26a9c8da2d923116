"""Length and loudness of a recording."""

from __future__ import annotations

import math
from pathlib import Path

from media import wav


def measured(path: Path) -> tuple[float, float | None]:
    """Length in seconds and RMS in dB of full scale (0 is a square wave that fills it); None for silence."""
    samples = wav.read_samples(path)
    loudness = wav.loudness(samples) if samples else 0.0
    return round(wav.seconds(path), 2), round(20 * math.log10(loudness / 32768), 1) if loudness else None
