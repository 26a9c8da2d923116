"""Which phrases of the catalogue were heard, when, and how much of each.

Works on waveforms, since a phrase that was played is the catalogue's own file but for G.711, level and what the
network did to it. In two steps: the opening of every phrase, 0.4 s long, is looked for everywhere at a quarter of the
rate; where it is found, the phrase is followed piece by piece at the full rate, until what is heard is something else.
So a phrase that a key cut short is heard as far as it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from config.tables import MediaSettings
from media.prompts import catalogue
from tests.support.meter import RATE, Floats, Sound, read_wav

COARSE = 4
"""One in so many samples is looked at in the first step."""
OPENING = 0.4
"""Seconds of the sound by which a phrase is found; of one that ends sooner nothing is heard."""
SUSPECT = 0.45
"""How alike the opening must be in the first step: half of it may be spoilt."""
PIECE = 0.2
ALIKE = 0.93
"""How alike each piece must be in the second step. G.711 leaves 0.999, other words of the same voice come to 0.9."""
SLACK = 0.03
"""Seconds by which a piece may have moved against the one before: lost and repeated packets."""
FAINT = 0.01
"""The share of a phrase's mean power below which a piece says nothing."""
BLOCK = 1 << 14
"""Samples of the transform in the first step."""


@dataclass(frozen=True)
class Heard:
    """A phrase that was heard from `start` to `end` seconds, `share` of its power, and how alike: 1 is the same."""

    phrase: str
    start: float
    end: float
    share: float
    likeness: float

    @property
    def whole(self) -> bool:
        """Whether it was heard to its end."""
        return self.share > 0.9

    @property
    def seconds(self) -> float:
        """How long it was heard."""
        return self.end - self.start


@dataclass(frozen=True)
class _Known:
    """A phrase: its sound, where in it sound begins and ends, in samples, and its mean power between."""

    name: str
    samples: Floats
    begin: int
    end: int
    power: float


@cache
def voice(language: str = "en") -> Recogniser:
    """A recogniser of all phrases that the language's catalogue has sound for."""
    folder = MediaSettings().prompts
    phrases = catalogue.read(folder)[language].phrases
    return Recogniser(
        {name: read_wav(folder / language / f"{name}.wav") for name, of in phrases.items() if not of.silence}
    )


class Recogniser:
    """Knows phrases by their sound at 8 kHz, of at least OPENING seconds each."""

    def __init__(self, phrases: Mapping[str, Sound]) -> None:
        self._known = [_known(name, sound) for name, sound in phrases.items()]
        length = round(OPENING * RATE) // COARSE
        openings = [_coarse(of.samples[of.begin : of.begin + round(OPENING * RATE)]) for of in self._known]
        self._length = length
        scaled = [opening / np.sqrt(opening @ opening) for opening in openings]
        self._spectra = np.conj(np.fft.rfft(np.array(scaled), BLOCK))

    def phrases(self, sound: Sound) -> tuple[str, ...]:
        """The names of the phrases heard, in order."""
        return tuple(heard.phrase for heard in self.heard(sound))

    def heard(self, sound: Sound) -> list[Heard]:
        """The phrases heard, in order, none over another.

        Of phrases that begin alike, and of one that contains another, it is the one that was heard longest.
        """
        if sound.rate != RATE:
            raise ValueError(f"{sound.rate} samples a second, not {RATE}")
        found = [
            heard
            for known, places in zip(self._known, self._suspected(sound.samples), strict=True)
            for place in places
            if (heard := _followed(known, sound.samples, int(place) * COARSE)) is not None
        ]
        chosen: list[Heard] = []
        for heard in sorted(found, key=_weight, reverse=True):
            if all(heard.start >= other.end - PIECE or heard.end <= other.start + PIECE for other in chosen):
                chosen.append(heard)
        return sorted(chosen, key=lambda heard: heard.start)

    def _suspected(self, samples: Floats) -> list[NDArray[np.intp]]:
        """For each phrase, the coarse samples where its opening seems to begin."""
        coarse = _coarse(samples)
        hop = BLOCK - self._length
        blocks = max(1, -(-len(coarse) // hop))
        padded = np.concatenate((coarse, np.zeros(blocks * hop + self._length - len(coarse))))
        spectra = np.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, BLOCK)[::hop])
        running = np.concatenate(([0.0], np.cumsum(padded**2)))
        norms = np.sqrt(np.maximum(running[self._length :] - running[: -self._length], 1e-7))[: blocks * hop]
        return [
            _peaks(np.fft.irfft(spectra * opening, BLOCK)[:, :hop].reshape(-1) / norms, self._length)
            for opening in self._spectra
        ]


def _known(name: str, sound: Sound) -> _Known:
    """Where a phrase begins: at its first hundredth of a second within 25 dB of its loudest."""
    steps = sound.samples[: len(sound.samples) // 80 * 80].reshape(-1, 80)
    power = np.mean(steps**2, axis=1)
    loud = np.flatnonzero(power > np.max(power) * 10**-2.5)
    begin = max(0, min(int(loud[0]) * 80, len(sound.samples) - round(OPENING * RATE)))
    end = (int(loud[-1]) + 1) * 80
    if len(sound.samples) < OPENING * RATE:
        raise ValueError(f"{name} is shorter than {OPENING} s")
    return _Known(name, sound.samples, begin, end, float(np.mean(sound.samples[begin:end] ** 2)))


def _coarse(samples: Floats) -> Floats:
    """The sound below a quarter of the band, by a windowed sinc, at a quarter of the rate."""
    if not len(samples):
        return samples
    taps = np.arange(-16, 17)
    window = np.sinc(taps / COARSE) / COARSE * np.hanning(35)[1:-1]
    return np.convolve(samples, window, "same")[::COARSE]


def _peaks(likeness: Floats, length: int) -> NDArray[np.intp]:
    """The places above SUSPECT that are the highest within half an opening."""
    places = np.flatnonzero(likeness > SUSPECT)
    kept: list[int] = []
    for place in places[np.argsort(-likeness[places])]:
        if all(abs(place - other) > length // 2 for other in kept):
            kept.append(int(place))
    return np.array(kept, np.intp)


def _followed(known: _Known, heard: Floats, begin: int) -> Heard | None:
    """How far a phrase is heard whose opening may be at `begin`; None if not even that is.

    A piece in between may be spoilt by what the network did to it, but not two together. A single piece is a
    phrase only where there is no more of it: it may be alike by chance.
    """
    size = round(PIECE * RATE)
    shift, end, good, missed = begin - known.begin, 0, 0, 0
    first: int | None = None
    total = weight = 0.0
    for place in range(known.begin, known.end, size):
        piece = known.samples[place : min(place + size, known.end)]
        power = float(piece @ piece)
        if power < FAINT * known.power * len(piece):
            continue
        at, likeness = _placed(piece, heard, place + shift, round(SLACK * RATE))
        if likeness < ALIKE and missed:
            break
        total, weight = total + likeness * power, weight + power
        if likeness < ALIKE:
            missed = 1
            continue
        shift, end, good, missed = at - place, place + len(piece), good + 1, 0
        first = shift if first is None else first
    if first is None:
        return None
    said = known.samples[known.begin : end]
    share = float(said @ said) / (known.power * (known.end - known.begin))
    heard_as = Heard(known.name, (known.begin + first) / RATE, (end + shift) / RATE, share, total / weight)
    return heard_as if good > 1 or heard_as.whole else None


def _placed(piece: Floats, heard: Floats, place: int, slack: int) -> tuple[int, float]:
    """Where within `slack` samples of `place` the piece is most alike, and how much."""
    low = max(0, place - slack)
    around = heard[low : place + len(piece) + slack]
    if len(around) < len(piece):
        return place, 0.0
    products = np.correlate(around, piece, "valid")
    running = np.concatenate(([0.0], np.cumsum(around**2)))
    windows = running[len(piece) :] - running[: len(running) - len(piece)]
    likeness = products / np.sqrt(np.maximum(windows, 1e-9) * max(float(piece @ piece), 1e-9))
    best = int(np.argmax(likeness))
    return low + best, float(likeness[best])


def _weight(heard: Heard) -> float:
    """Seconds; a phrase that was heard whole goes before a longer one of which no more was heard."""
    return heard.seconds + (PIECE if heard.whole else 0.0)
