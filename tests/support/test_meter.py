from __future__ import annotations

import numpy as np
import pytest

from tests.support import g711, meter
from tests.support.meter import RATE, Sound, joined


def speech(seconds: float, seed: int) -> Sound:
    """Noise with the long-term shape of speech: syllables of 0.2 s, falling spectrum."""
    random = np.random.default_rng(seed)
    noise = np.convolve(random.normal(size=int(seconds * RATE)), np.ones(6) / 6, "same")
    syllables = np.repeat(random.uniform(0.0, 1.0, int(seconds * 5) + 1), RATE // 5)[: len(noise)]
    return Sound(0.2 * noise * syllables)


def coded(sound: Sound, payload: int = g711.PCMA) -> Sound:
    samples = (np.clip(sound.samples, -1, 1) * 32767).astype(np.int16)
    return Sound(g711.decode(g711.encode(samples, payload), payload) / 32768)


@pytest.mark.parametrize("payload", [g711.PCMU, g711.PCMA])
def test_g711_keeps_a_sample_within_its_step(payload: int) -> None:
    samples = np.arange(-32000, 32000, 7).astype(np.int16)
    error = np.abs(g711.decode(g711.encode(samples, payload), payload).astype(int) - samples)
    assert np.all(error <= np.abs(samples.astype(int)) / 16 + 16)


def test_g711_known_codes() -> None:
    zero = np.zeros(1, np.int16)
    assert g711.encode(zero, g711.PCMU)[0] in (0xFF, 0x7F)
    assert g711.encode(zero, g711.PCMA)[0] in (0xD5, 0x55)


@pytest.mark.parametrize("hertz", [400.0, 440.0, 1004.0])
def test_frequency_of_a_coded_tone(hertz: float) -> None:
    assert meter.frequency(coded(meter.tone(hertz, seconds=1.0))) == pytest.approx(hertz, abs=1.0)


def test_level() -> None:
    assert meter.level(meter.tone(440, seconds=1.0, level=-13.0)) == pytest.approx(-13.0, abs=0.1)
    assert meter.level(Sound(np.zeros(RATE))) == -120.0


def test_cadence_of_the_engaged_tone() -> None:
    on, off = meter.tone(400, seconds=0.375), Sound(np.zeros(3000))
    spans = meter.tone_spans(coded(joined(*[on, off] * 4)), 400)
    assert [span.seconds for span in spans] == pytest.approx([0.375] * 4, abs=0.012)
    assert [span.start for span in spans] == pytest.approx([0.0, 0.75, 1.5, 2.25], abs=0.012)


def test_a_gap_in_a_tone_is_found() -> None:
    broken = joined(meter.tone(440, seconds=1.0), Sound(np.zeros(800)), meter.tone(440, seconds=1.0))
    (gap,) = meter.gaps(broken, 440)
    assert (gap.start, gap.seconds) == pytest.approx((1.0, 0.1), abs=0.012)
    assert meter.gaps(meter.tone(440, seconds=2.0), 440) == []


def test_another_tone_is_not_taken_for_the_one_asked() -> None:
    assert meter.tone_spans(meter.tone(620, seconds=1.0), 440) == []


def test_a_prompt_is_found_after_coding_and_delay() -> None:
    prompt = speech(3.0, seed=1)
    match = meter.find(prompt, joined(Sound(np.zeros(5000)), coded(prompt), meter.tone(1000, seconds=1.0)))
    assert match.likeness > 0.95
    assert match.at == pytest.approx(0.625, abs=0.001)


def test_a_prompt_with_a_filled_gap_is_still_itself() -> None:
    prompt = speech(3.0, seed=1)
    heard = joined(prompt.between(0, 1.0), Sound(np.zeros(160)), prompt.between(1.0, 3.0))
    assert meter.find(prompt, heard).likeness > 0.85


def test_other_speech_is_not_the_prompt() -> None:
    assert meter.find(speech(3.0, seed=1), coded(speech(4.0, seed=2))).likeness < 0.3
    assert meter.find(speech(3.0, seed=1), Sound(np.zeros(RATE))).likeness < 0.3
