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
PAUSE = 0.3
"""Seconds of silence between two sentences."""
EDGE = 0.1
"""Seconds kept of the stillness before and after a sentence."""
STILL = -50.0
"""The loudness below which a sentence has not begun or is over, in dB below full scale."""
LEVEL = -19.5
"""Root mean square of each sentence in dB below full scale, as the recordings have it."""
CEILING = 0.85
"""Of full scale: peaks are brought down to it."""
ATTACK = 0.005
"""Seconds over which that is done, before a peak and after it."""
RESPELT = {"PIN": "pin"}
"""What the voice would spell instead of saying it."""
BAND = (3400.0, 4000.0)
"""Hz where the telephone's band fades out."""

Samples = NDArray[np.float64]


def speak(text: str, voice: str) -> bytes:
    """The text as 8 kHz, 16-bit samples; `voice` is the Python package that holds one of Piper's voices.

    Raises ModuleNotFoundError when Piper or the voice is not installed.
    """
    piper: Any = importlib.import_module("piper")
    files: Any = importlib.import_module(voice)
    importlib.import_module("onnxruntime").set_seed(SEED)
    spoken = piper.PiperVoice.load(files.model_path(), files.config_path())
    for written, said in RESPELT.items():
        text = text.replace(written, said)
    sentences: list[Samples] = []
    for chunk in spoken.synthesize(text, piper.SynthesisConfig(length_scale=PACE)):
        samples = resampled(chunk.audio_float_array.astype(np.float64), chunk.sample_rate)
        sentences += [np.zeros(round(PAUSE * wav.RATE)), trimmed(at_level(samples))]
    return np.round(np.concatenate(sentences[1:]) * 32767).astype("<i2").tobytes()


def resampled(samples: Samples, rate: int) -> Samples:
    """Sound at `rate` samples a second, above 8000, brought to 8 kHz by its spectrum."""
    seconds = math.ceil(len(samples) / rate * 50) / 50  # whole at both rates
    whole = np.concatenate((samples, np.zeros(round(seconds * rate) - len(samples))))
    length = round(seconds * wav.RATE)
    spectrum = np.fft.rfft(whole)[: length // 2 + 1]
    fade = np.interp(np.arange(len(spectrum)) / seconds, BAND, (1.0, 0.0))
    return np.fft.irfft(spectrum * fade, length) * (length / len(whole))


def trimmed(samples: Samples) -> Samples:
    """The sound at LEVEL without the stillness at its ends but for EDGE."""
    step = wav.RATE // 100
    power = np.mean(samples[: len(samples) // step * step].reshape(-1, step) ** 2, axis=1)
    loud = np.flatnonzero(power > 10 ** (STILL / 10)) * step
    edge = round(EDGE * wav.RATE)
    return samples[max(0, int(loud[0]) - edge) : int(loud[-1]) + step + edge]


def at_level(samples: Samples) -> Samples:
    """The sound at LEVEL, from -1 to 1, with its peaks brought down to CEILING by a gain that changes smoothly."""
    scaled = samples / np.sqrt(np.mean(samples**2)) * 10 ** (LEVEL / 20)
    width = round(ATTACK * wav.RATE)
    reach = np.lib.stride_tricks.sliding_window_view(np.pad(np.abs(scaled), width), 2 * width + 1)
    gain = CEILING / np.maximum(np.max(reach, axis=1), CEILING)
    fade = np.hanning(2 * width + 3)[1:-1]
    smooth = np.convolve(np.pad(gain, width, constant_values=1.0), fade / np.sum(fade), "valid")
    limited: Samples = scaled * smooth
    return limited
