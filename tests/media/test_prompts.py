"""The recorded voice: every phrase of the catalogue is there, and every phrase a script speaks is in it."""

from __future__ import annotations

import tomllib
from itertools import product
from pathlib import Path

import pytest

from config.settings import MediaSettings
from media import wav
from media.scripts.deposit import Deposit, Limits, Occasion

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


def test_the_recordings_are_attributed() -> None:
    text = (FOLDER / "ATTRIBUTION.md").read_text()
    assert "Attribution-ShareAlike 3.0" in text


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
