from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from media import wav
from media.conversion.level import LEVEL, PEAK, levelled
from media.conversion.sound import GreetingRefused
from tests.media.conversion.files import decibels, s16, samples_of, silence, tone

PROMPTS = Path(wav.__file__).parent / "prompts" / "en"
Wave = NDArray[np.float64]


def spoken(seconds: float, level: float = -20.0) -> Wave:
    return tone(seconds, rate=8000, level=level)


def noise(seconds: float, level: float) -> Wave:
    made: Wave = np.random.default_rng(1).normal(0, 10 ** (level / 20), round(seconds * 8000))
    return made


def around(sound: Wave, before: float, after: float) -> Wave:
    return np.concatenate([silence(before, 8000), sound, silence(after, 8000)])


def of(wave: Wave) -> Wave:
    return samples_of(levelled(s16(wave)))


@pytest.mark.parametrize("level", [-45.0, -30.0, -20.0, -12.0, -4.0])
def test_every_greeting_is_as_loud_as_the_prompts(level: float) -> None:
    assert decibels(of(spoken(2.0, level))) == pytest.approx(LEVEL, abs=0.5)


def test_the_prompts_have_that_level_themselves() -> None:
    levels = [decibels(samples_of(wav.read_samples(path))) for path in sorted(PROMPTS.glob("*.wav"))]
    assert np.median(levels) == pytest.approx(LEVEL, abs=2)


def test_pauses_do_not_make_a_greeting_louder() -> None:
    with_pauses = np.concatenate([spoken(1.0, -30), silence(8.0, 8000), spoken(1.0, -30)])
    assert decibels(of(with_pauses)[1000:8000]) == pytest.approx(LEVEL, abs=0.5)


def test_no_sample_is_clipped() -> None:
    bursts = np.where(np.arange(16000) % 800 < 8, 0.5, 0.004) * np.sign(np.sin(np.arange(16000)))
    peak = 20 * np.log10(np.abs(of(bursts)).max())
    assert peak == pytest.approx(PEAK, abs=0.2)


@pytest.mark.parametrize(("before", "after"), [(0.0, 0.0), (5.0, 0.0), (0.0, 5.0), (3.0, 4.0)])
def test_silence_around_it_is_cut(before: float, after: float) -> None:
    kept = len(of(around(spoken(2.0), before, after))) / 8000
    assert kept == pytest.approx(2.0 + min(before, 0.1) + min(after, 0.5), abs=0.05)


def test_the_noise_of_a_room_is_cut_as_silence_is() -> None:
    room = np.concatenate([noise(3.0, -46), spoken(2.0, -18) + noise(2.0, -46), noise(3.0, -46)])
    assert len(of(room)) / 8000 == pytest.approx(2.6, abs=0.1)


def test_a_pause_in_it_is_kept() -> None:
    assert len(of(np.concatenate([spoken(1.0), silence(4.0, 8000), spoken(1.0)]))) == pytest.approx(
        48000, abs=400
    )


def test_a_constant_voltage_is_no_sound() -> None:
    with pytest.raises(GreetingRefused, match="silent"):
        of(np.full(32000, 0.5))
    assert abs(np.mean(of(spoken(2.0) + 0.2))) < 0.002


@pytest.mark.parametrize("wave", [silence(0, 8000), silence(10.0, 8000), noise(10.0, -60)])
def test_silence_is_refused(wave: Wave) -> None:
    with pytest.raises(GreetingRefused, match="silent; record the greeting again, louder"):
        of(wave)


def test_a_second_of_sound_is_needed() -> None:
    with pytest.raises(GreetingRefused, match="less than one second of sound"):
        of(around(spoken(0.9), 5.0, 5.0))
    assert len(of(around(spoken(1.1), 5.0, 5.0)))
