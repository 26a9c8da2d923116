"""The recorded voice: every phrase of the catalogue is there, and every phrase a script speaks is in it."""

from __future__ import annotations

import tomllib
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from config.settings import MediaSettings
from media import wav
from media.prompts import speech
from media.scripts.deposit import Deposit, Limits, Occasion
from media.sounds import ANNOUNCEMENTS
from tests.support import meter

FOLDER = MediaSettings().prompts
PHRASES = tomllib.loads((FOLDER / "catalogue.toml").read_text())["en"]["phrases"]


@pytest.mark.parametrize("phrase", sorted(PHRASES))
def test_every_phrase_is_a_complete_file(phrase: str) -> None:
    path = FOLDER / "en" / f"{phrase}.wav"
    assert wav.is_complete(path)
    assert 0.2 < wav.sound_span(wav.read_samples(path)).seconds < 10
    assert PHRASES[phrase]["text"]


def test_no_file_is_without_its_text() -> None:
    assert {path.stem for path in (FOLDER / "en").glob("*.wav")} == set(PHRASES)


def test_everything_a_deposit_says_is_in_the_catalogue() -> None:
    spoken = {"beep", "unavailable"}
    for occasion, extension, full in product(Occasion, (None, "0123456789"), (False, True)):
        script = Deposit.begin(occasion, extension, Limits(), full)
        spoken |= {*script.greeting, *script.farewell}
    assert spoken <= set(PHRASES)


def test_everything_the_relay_announces_is_in_the_catalogue() -> None:
    assert set(ANNOUNCEMENTS) <= set(PHRASES)


@pytest.mark.parametrize("phrase", sorted(name for name in PHRASES if len(PHRASES[name]["text"]) > 40))
def test_sentences_are_equally_loud_and_spoken_at_one_pace(phrase: str) -> None:
    sound = meter.read_wav(FOLDER / "en" / f"{phrase}.wav")
    assert meter.level(sound) == pytest.approx(-19.5, abs=1)
    assert max(abs(sound.samples)) < 0.9, "nothing is clipped"
    said = sum(span.seconds for span in meter.sound_spans(sound, bridge=0.2))
    assert 11 < len(PHRASES[phrase]["text"]) / said < 22, "letters a second"


def test_the_recordings_are_attributed() -> None:
    text = (FOLDER / "ATTRIBUTION.md").read_text()
    assert "Attribution-ShareAlike 3.0" in text
    assert all(f"`{name}.wav`" in text for name, phrase in PHRASES.items() if phrase.get("spoken"))


def test_the_build_joins_sources_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from media.prompts import build

    for name, value in (("one", 1), ("two", 2)):
        wav.write(tmp_path / f"{name}.wav", bytes([value, 0]) * 10)
    (tmp_path / "catalogue.toml").write_text(
        f'[xx]\nsource_folder = "{tmp_path}"\n[xx.phrases.both]\ntext = "1 2"\nsources = ["one", "two"]\n'
    )
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    (path,) = build.build("xx")
    assert wav.read_samples(path) == b"\1\0" * 10 + b"\2\0" * 10


def test_speech_is_brought_to_the_telephone() -> None:
    """Only its own sound, below half the rate, at the level of the recordings: 22,050 Hz as Piper speaks."""
    moments = np.arange(22050 * 1.5) / 22050
    whole = sum(np.sin(2 * np.pi * hertz * moments) for hertz in (440, 5000)) / 4
    brought = speech.at_level(speech.resampled(whole, 22050))
    sound = meter.Sound(brought / 32768)
    assert sound.seconds == 1.5
    assert meter.level(sound) == pytest.approx(speech.LEVEL, abs=0.01)
    assert meter.frequency(sound) == pytest.approx(440, abs=0.5)
    assert min(meter.purity(sound.between(0.05, 1.45), 440)) > 0.98, "5000 Hz did not come back as 3000"
    with pytest.raises(ValueError, match="clipped"):
        speech.at_level(np.array([1.0] + [0.0] * 8000))
