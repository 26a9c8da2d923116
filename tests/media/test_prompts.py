"""The recorded voice: every phrase is there and sounds as it should, and what is spoken is in the catalogue."""

from __future__ import annotations

import tomllib
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from config.tables import MediaSettings
from media import wav
from media.message import Occasion
from media.prompts import build, catalogue, speech
from media.scripts.deposit import greeting
from media.sounds import ANNOUNCEMENTS
from tests.support import meter

ROOT = Path(__file__).parents[2]
FOLDER = MediaSettings().prompts
ENGLISH = catalogue.read(FOLDER)["en"]
PHRASES = ENGLISH.phrases
SPOKEN = sorted(name for name, phrase in PHRASES.items() if not phrase.silence and name != "beep")
SENTENCES = [name for name in SPOKEN if len(PHRASES[name].text) > 40]
PORTAL = """
    enter-pin pin-wrong pin-locked too-many-tries no-pin new-pin repeat-pin pin-changed pin-mismatch pin-too-simple
    pin-own-number pin-length main-menu message-menu greetings-menu greeting-menu greeting-review not-possible
    message-new message-saved-one message-saved message-deleted message-restored nothing-to-restore no-more-messages
    no-new-messages no-saved-messages record-greeting greeting-saved greeting-removed standard-greeting
    greeting-too-short service-unavailable review-menu message-sent goodbye beep
"""
"""What callers of the portal and of a mailbox are told beside counts, times and callers."""


def sound_of(name: str) -> meter.Sound:
    return meter.read_wav(FOLDER / "en" / f"{name}.wav")


@pytest.mark.parametrize("name", sorted(PHRASES))
def test_every_phrase_is_a_complete_file(name: str) -> None:
    path = FOLDER / "en" / f"{name}.wav"
    assert wav.is_complete(path)
    assert PHRASES[name].text
    assert wav.seconds(path) == PHRASES[name].silence or 0.4 < wav.seconds(path) < 15


def test_no_file_is_without_its_text() -> None:
    assert {path.stem for path in (FOLDER / "en").iterdir()} == set(PHRASES)


def test_the_files_are_small_and_part_of_the_package() -> None:
    assert sum(path.stat().st_size for path in (FOLDER / "en").iterdir()) < 8_000_000
    packaged = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["*"]
    assert {"*.wav", "*.toml", "*.md"} <= set(packaged)


@pytest.mark.parametrize("name", SPOKEN)
def test_every_phrase_is_heard_well(name: str) -> None:
    """Loud enough and not clipped, with neither a click nor a long silence at its ends, in the telephone's band."""
    sound = sound_of(name)
    audible = meter.sound_spans(sound, above=-50)
    assert audible[0].start < 0.35
    assert sound.seconds - audible[-1].end < 0.35
    loud = meter.sound_spans(sound, above=-45)
    talking = np.concatenate([sound.between(span.start, span.end).samples for span in loud])
    assert -22.5 < meter.level(meter.Sound(talking)) < -15
    clipped = np.flatnonzero(np.abs(sound.samples) > 0.99)
    assert len(clipped) < 3, "a peak or two of the recordings touch full scale"
    assert max(abs(sound.samples[:8])) < 0.03
    assert max(abs(sound.samples[-8:])) < 0.03
    power = np.abs(np.fft.rfft(sound.samples)) ** 2
    hertz = np.fft.rfftfreq(len(sound.samples), 1 / meter.RATE)
    assert np.sum(power[(hertz > 200) & (hertz < 3400)]) > 0.5 * np.sum(power)
    assert np.sum(power[hertz < 50]) < 0.02 * np.sum(power)


@pytest.mark.parametrize("name", SENTENCES)
def test_sentences_are_equally_loud_and_spoken_at_one_pace(name: str) -> None:
    sound = sound_of(name)
    assert meter.level(sound) == pytest.approx(-19.5, abs=1)
    said = sum(span.seconds for span in meter.sound_spans(sound, bridge=0.2))
    assert 11 < len(PHRASES[name].text) / said < 22, "letters a second"


def test_everything_a_deposit_says_is_in_the_catalogue() -> None:
    spoken = {
        "beep",
        "greeting-too-short",
        "review-menu",
        "message-sent",
        "goodbye",
        "mailbox-full",
        "unavailable",
    }
    for occasion, extension in product(Occasion, (None, "0123456789")):
        spoken |= {*greeting(occasion, extension)}
    assert spoken <= set(PHRASES)


def test_everything_the_portal_says_is_in_the_catalogue() -> None:
    assert set(PORTAL.split()) <= set(PHRASES)


def test_everything_the_relay_announces_is_in_the_catalogue() -> None:
    assert set(ANNOUNCEMENTS) <= set(PHRASES)


def test_keys_are_named_as_in_britain() -> None:
    assert not any("pound" in phrase.text.lower() for phrase in PHRASES.values())
    assert not any("pound" in source for phrase in PHRASES.values() for source in phrase.sources)


def test_every_file_is_attributed() -> None:
    text = (FOLDER / "ATTRIBUTION.md").read_text()
    assert "Attribution-ShareAlike 3.0" in text
    assert text == build.attribution(text, catalogue.read(FOLDER)), (
        "python -m media.prompts.build writes the list"
    )
    assert "- `en/message-new.wav`: `vm-INBOX` + `vm-message`\n" in text
    assert "- `en/main-menu.wav`: the synthetic voice\n" in text
    assert "- `en/pause.wav`: silence\n" in text


def test_the_build_joins_sources_in_order_and_removes_what_is_no_phrase(tmp_path: Path) -> None:
    for name, value in (("one", 1), ("two", 2)):
        wav.write(tmp_path / f"{name}.wav", bytes([value, 0]) * 10)
    (tmp_path / "xx").mkdir()
    (tmp_path / "xx" / "old.wav").touch()
    (tmp_path / "catalogue.toml").write_text(
        f'[xx]\nname = "X"\nvoice = ""\nsource_folder = "{tmp_path}"\n[xx.phrases]\n'
        'both = { text = "1 2", sources = ["one", "two"] }\nrest = { text = "", silence = 0.001 }\n'
    )
    both, rest = build.build("xx", tmp_path)
    assert wav.read_samples(both) == b"\1\0" * 10 + b"\2\0" * 10
    assert wav.read_samples(rest) == b"\0\0" * 8
    assert set((tmp_path / "xx").iterdir()) == {both, rest}
    assert list(build.build("xx", tmp_path, ["rest"])) == [rest]


def test_speech_is_brought_to_the_telephone() -> None:
    """Only its own sound, below half the rate, at the level of the recordings: 22,050 Hz as Piper speaks."""
    moments = np.arange(22050 * 1.5) / 22050
    whole = sum(np.sin(2 * np.pi * hertz * moments) for hertz in (440, 5000)) / 4
    sound = meter.Sound(speech.at_level(speech.resampled(whole, 22050)))
    assert sound.seconds == 1.5
    assert meter.level(sound) == pytest.approx(speech.LEVEL, abs=0.01)
    assert meter.frequency(sound) == pytest.approx(440, abs=0.5)
    assert min(meter.purity(sound.between(0.05, 1.45), 440)) > 0.98, "5000 Hz did not come back as 3000"


def test_peaks_are_brought_down_and_the_rest_left_alone() -> None:
    peaky = meter.tone(440, seconds=1).samples
    peaky[4000:4003] *= 30
    level = speech.at_level(peaky)
    assert 0.5 < max(abs(level)) <= speech.CEILING + 1e-9
    unlimited = peaky / np.sqrt(np.mean(peaky**2)) * 10 ** (speech.LEVEL / 20)
    assert max(abs(unlimited)) > 1
    near = np.abs(np.arange(8000) - 4001) < 2 * speech.ATTACK * wav.RATE + 2
    assert level[~near] == pytest.approx(unlimited[~near])


def test_the_stillness_around_a_sentence_is_cut_to_its_edge() -> None:
    said = meter.tone(440, seconds=0.5, level=speech.LEVEL).samples
    still = np.full(4000, 0.001)
    assert len(speech.trimmed(np.concatenate((still, said, still)))) / wav.RATE == pytest.approx(
        0.5 + 2 * speech.EDGE, abs=0.011
    )
    assert len(speech.trimmed(said)) == len(said)
