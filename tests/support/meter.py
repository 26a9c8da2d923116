"""Measuring sound: which tone, when, how loud, with what gaps, and whether a known recording is in it.

All times are seconds from the start of the sound, all levels dB below full scale.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 8000
FRAME = 160
"""Samples of the frame in which a tone is looked for: 20 ms."""
HOP = 40
SILENT = -60.0
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sound:
    """Samples from -1 to 1 at `rate` samples a second."""

    samples: Floats
    rate: int = RATE

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate

    def between(self, start: float, end: float) -> Sound:
        """The part from `start` to `end` seconds."""
        return Sound(self.samples[int(start * self.rate) : int(end * self.rate)], self.rate)


@dataclass(frozen=True)
class Span:
    """A stretch of time."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start


@dataclass(frozen=True)
class Match:
    """Where a known recording was found, and how alike the two are: 1 the same, near 0 something else."""

    likeness: float
    at: float


def read_wav(path: Path) -> Sound:
    """Read a 16-bit mono WAV file."""
    with wave.open(str(path), "rb") as file:
        if (file.getnchannels(), file.getsampwidth()) != (1, 2):
            raise ValueError(f"{path} is not 16-bit mono")
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return Sound(samples.astype(np.float64) / 32768, file.getframerate())


def read_unfinished(path: Path) -> Sound:
    """Read what there is of a 16-bit mono WAV file that is still being written, at RATE."""
    data = path.read_bytes()[44:]
    return Sound(np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float64) / 32768)


def write_wav(path: Path, sound: Sound) -> Path:
    """Write a sound as a 16-bit mono WAV file and return its path."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sound.rate)
        file.writeframes((np.clip(sound.samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def tone(*hertz: float, seconds: float, level: float = -13.0) -> Sound:
    """The sum of sine tones, each at `level`."""
    time = np.arange(round(seconds * RATE)) / RATE
    amplitude = 10 ** (level / 20) * np.sqrt(2)
    return Sound(sum((amplitude * np.sin(2 * np.pi * hz * time) for hz in hertz), np.zeros_like(time)))


def glide(start: float, rise: float, seconds: float, level: float = -13.0) -> Sound:
    """A tone that begins at `start` Hz and rises by `rise` Hz a second: its frequency says which part it is."""
    time = np.arange(round(seconds * RATE)) / RATE
    amplitude = 10 ** (level / 20) * np.sqrt(2)
    return Sound(amplitude * np.sin(2 * np.pi * (start + rise / 2 * time) * time))


def silence(seconds: float) -> Sound:
    """Nothing to be heard."""
    return Sound(np.zeros(round(seconds * RATE)))


def joined(*sounds: Sound) -> Sound:
    """One after another; all have the rate of the first."""
    return Sound(np.concatenate([sound.samples for sound in sounds]), sounds[0].rate)


def level(sound: Sound) -> float:
    """The root mean square in dB below full scale; silence is -120."""
    power = float(np.mean(sound.samples**2)) if len(sound.samples) else 0.0
    return max(-120.0, 10 * float(np.log10(power + 1e-12)))


def frequency(sound: Sound) -> float:
    """The strongest frequency in Hz, by the peak of the spectrum refined between its bins; 0 for silence."""
    if level(sound) < SILENT:
        return 0.0
    spectrum = np.abs(np.fft.rfft(sound.samples * np.hanning(len(sound.samples))))
    peak = int(np.argmax(spectrum[1:-1])) + 1
    left, middle, right = np.log(spectrum[peak - 1 : peak + 2] + 1e-12)
    shift = 0.5 * (left - right) / (left - 2 * middle + right)
    return float((peak + shift) * sound.rate / len(sound.samples))


def _frames(sound: Sound) -> Floats:
    if len(sound.samples) < FRAME:
        return np.zeros((0, FRAME))
    return np.lib.stride_tricks.sliding_window_view(sound.samples, FRAME)[::HOP]


def purity(sound: Sound, hertz: float) -> Floats:
    """For each frame, 5 ms apart, the share of its power at `hertz` (Goertzel); 0 where it is silent."""
    frames = _frames(sound)
    wave_at = np.exp(-2j * np.pi * hertz / sound.rate * np.arange(FRAME))
    power = np.sum(frames**2, axis=1)
    at_tone = np.abs(frames @ wave_at) ** 2 * 2 / FRAME
    audible = power > FRAME * 10 ** (SILENT / 10)
    return np.where(audible, at_tone / np.maximum(power, 1e-12), 0.0)


def tone_spans(sound: Sound, hertz: float, share: float = 0.7, bridge: float = 0.0) -> list[Span]:
    """When the tone is heard: stretches where it makes up `share` of the power.

    Pauses up to `bridge` seconds are joined.
    """
    present = purity(sound, hertz) >= share
    return _joined(_spans(present, sound.rate), bridge)


def sound_spans(sound: Sound, above: float = -45.0, bridge: float = 0.0) -> list[Span]:
    """When anything louder than `above` dB is heard. Pauses up to `bridge` seconds are joined."""
    power = np.mean(_frames(sound) ** 2, axis=1) if len(sound.samples) >= FRAME else np.zeros(0)
    return _joined(_spans(power > 10 ** (above / 10), sound.rate), bridge)


def _spans(present: NDArray[np.bool_], rate: int) -> list[Span]:
    # A frame counts for its middle, so that a span is neither longer nor shorter than what it measures.
    edges = np.flatnonzero(np.diff(np.concatenate(([False], present, [False])).astype(np.int8)))
    middle = (FRAME - HOP) / 2
    return [
        Span((int(start) * HOP + middle) / rate, (int(end) * HOP + middle) / rate)
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]


def _joined(spans: list[Span], bridge: float) -> list[Span]:
    joined: list[Span] = []
    for span in spans:
        if joined and span.start - joined[-1].end <= bridge:
            joined[-1] = Span(joined[-1].start, span.end)
        else:
            joined.append(span)
    return joined


def gaps(sound: Sound, hertz: float, shortest: float = 0.03) -> list[Span]:
    """Where a tone that should be steady is missing, between its start and end, for `shortest` seconds."""
    spans = tone_spans(sound, hertz)
    return [
        Span(before.end, after.start)
        for before, after in pairwise(spans)
        if after.start - before.end >= shortest
    ]


def find(known: Sound, heard: Sound, block: float = 0.4) -> Match:
    """Look for a known recording in what was heard.

    The whole is placed by cross-correlation; then each block of it is compared on its own near that place, so
    that neither a filled gap nor a clock that drifts spoils the rest. The likeness is the mean over the
    blocks, weighted by their power. G.711 leaves it above 0.95; other speech stays below 0.3.
    """
    if known.rate != heard.rate:
        raise ValueError(f"rates differ: {known.rate} and {heard.rate}")
    if not len(heard.samples):
        return Match(0.0, 0.0)
    lag = int(np.argmax(_correlation(heard.samples, known.samples))) - len(known.samples) + 1
    size, slack = int(block * known.rate), int(0.1 * known.rate)
    total = weight = 0.0
    for start in range(0, len(known.samples) - size + 1, size):
        piece = known.samples[start : start + size]
        power = float(piece @ piece)
        low = max(0, start + lag - slack)
        place = heard.samples[low : max(low, start + lag + size + slack)]
        weight += power
        if len(place) >= size:
            total += power * _best(piece, place)
    return Match(total / weight if weight else 0.0, lag / known.rate)


def _correlation(heard: Floats, known: Floats) -> Floats:
    size = 1 << (len(heard) + len(known) - 1).bit_length()
    product = np.fft.rfft(heard, size) * np.fft.rfft(known[::-1], size)
    return np.fft.irfft(product, size)[: len(heard) + len(known) - 1]


def _best(piece: Floats, place: Floats) -> float:
    """The highest normalised correlation of `piece` with any window of `place` of its length."""
    products = _correlation(place, piece)[len(piece) - 1 : len(place)]
    running = np.concatenate(([0.0], np.cumsum(place**2)))
    windows = running[len(piece) :] - running[: len(running) - len(piece)]
    norms = np.sqrt(np.maximum(windows, 1e-9) * max(float(piece @ piece), 1e-9))
    return float(np.max(products / norms))
