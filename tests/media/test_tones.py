"""The rendered tones: frequency, cadence, level, and no click where the loop starts over."""

from __future__ import annotations

import numpy as np
import pytest

from media.g711 import FULL_SCALE_DBM0, encode_alaw, encode_ulaw
from media.tones import ENGAGED, RINGBACK, Tone
from tests.support import g711

RATE = 8000


def spectrum_peaks(samples: np.ndarray, number: int) -> set[int]:
    spectrum = np.abs(np.fft.rfft(samples))
    return {round(int(i) * RATE / len(samples)) for i in np.argsort(spectrum)[-number:]}


@pytest.mark.parametrize("codec", [0, 8])
@pytest.mark.parametrize(
    ("tone", "frequencies", "cadence"),
    [(ENGAGED, {400}, (0.375, 0.375)), (RINGBACK, {400, 450}, (0.4, 0.2, 0.4, 2.0))],
)
def test_tone(codec: int, tone: Tone, frequencies: set[int], cadence: tuple[float, ...]) -> None:
    octets = {0: encode_ulaw, 8: encode_alaw}[codec](tone.samples(FULL_SCALE_DBM0[codec]))
    assert len(octets) == sum(cadence) * RATE
    assert len(octets) % 80 == 0  # whole packets of 10 ms
    samples = g711.decode(octets, codec).astype(float)
    at = 0
    for index, seconds in enumerate(cadence):
        part = samples[at : at + round(seconds * RATE)]
        at += len(part)
        if index % 2:
            assert np.max(np.abs(part)) <= 8
        else:
            assert spectrum_peaks(part, len(frequencies)) == frequencies
            full = 32768 / np.sqrt(2) * 10 ** (-3.14 / 20)
            assert 20 * np.log10(np.std(part) / full) == pytest.approx(-13, abs=0.1)
            assert abs(part[0]) <= 8  # from zero and back to it: no click
            assert abs(part[-1]) < 0.7 * np.max(np.abs(part))
