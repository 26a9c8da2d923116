"""Speaks the phrases that nobody recorded, by Piper, at the pace and level of the recordings beside them.

Needed only where `build.py` is: neither Piper, its voice nor NumPy is installed for the service.
"""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from media import wav

SEED = 1
"""Of the voice's variation: the same text is spoken the same way each time."""
PACE = 1.3
"""How much slower than the voice by itself: some 190 words a minute, as the recordings are."""
PAUSE = 0.35
"""Seconds of silence between two sentences."""
LEVEL = -20.0
"""Root mean square in dB below full scale, as the recordings of whole sentences have it."""
BAND = (3400.0, 4000.0)
"""Hz where the telephone's band fades out."""

Samples = NDArray[np.float64]


def speak(text: str, voice: str) -> bytes:
    """The text as 8 kHz, 16-bit samples; `voice` is the Python package that holds one of Piper's voices.

    Raises ModuleNotFoundError when Piper or the voice is not installed, ValueError when the level cannot be
    had without clipping.
    """
    piper: Any = importlib.import_module("piper")
    files: Any = importlib.import_module(voice)
    importlib.import_module("onnxruntime").set_seed(SEED)
    spoken = piper.PiperVoice.load(files.model_path(), files.config_path())
    sentences: list[Samples] = []
    for chunk in spoken.synthesize(text, piper.SynthesisConfig(length_scale=PACE)):
        samples = resampled(chunk.audio_float_array.astype(np.float64), chunk.sample_rate)
        sentences += [np.zeros(round(PAUSE * wav.RATE)), samples]
    return at_level(np.concatenate(sentences[1:])).astype("<i2").tobytes()


def resampled(samples: Samples, rate: int) -> Samples:
    """Sound at `rate` samples a second, above 8000, brought to 8 kHz by its spectrum."""
    seconds = math.ceil(len(samples) / rate * 50) / 50  # whole at both rates
    whole = np.concatenate((samples, np.zeros(round(seconds * rate) - len(samples))))
    length = round(seconds * wav.RATE)
    spectrum = np.fft.rfft(whole)[: length // 2 + 1]
    fade = np.interp(np.arange(len(spectrum)) / seconds, BAND, (1.0, 0.0))
    return np.fft.irfft(spectrum * fade, length) * (length / len(whole))


def at_level(samples: Samples) -> Samples:
    """The sound at LEVEL, in whole numbers up to 32767."""
    loudness = float(np.sqrt(np.mean(samples**2)))
    scaled: Samples = np.round(samples / loudness * 32768 * 10 ** (LEVEL / 20))
    if np.max(np.abs(scaled)) > 32767:
        raise ValueError(f"at {LEVEL} dB the sound is clipped")
    return scaled
