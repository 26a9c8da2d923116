"""The recogniser: phrases in order through G.711, level, lost packets and interruption, and nothing else."""

from __future__ import annotations

import time

import numpy as np
import pytest

from media.prompts import catalogue
from tests.support import g711, meter, recognise
from tests.support.meter import RATE, Sound
from tests.support.recognise import Recogniser, voice

FOLDER = catalogue.FOLDER / "en"
PHRASES = catalogue.read()["en"].phrases
SOUNDS = {
    name: meter.read_wav(FOLDER / f"{name}.wav") for name, phrase in PHRASES.items() if not phrase.silence
}
PARTS = {"message-new": ("new", "message"), "message-saved-one": ("saved", "message")}
"""Phrases that sound as two others do, one after the other: the longer is heard."""


def telephone(samples: np.ndarray, codec: int = g711.PCMA, decibels: float = 0.0) -> Sound:
    """What a telephone hears of samples from -1 to 1."""
    louder = np.clip(samples * 10 ** (decibels / 20) * 32768, -32768, 32767).astype(np.int16)
    return Sound(g711.decode(g711.encode(louder, codec), codec).astype(np.float64) / 32768)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE))


def played(names: list[str], gaps: list[float]) -> np.ndarray:
    return np.concatenate(
        [part for name, gap in zip(names, gaps, strict=True) for part in (silence(gap), SOUNDS[name].samples)]
    )


@pytest.mark.parametrize("codec", [g711.PCMU, g711.PCMA])
@pytest.mark.parametrize("seed", range(3))
def test_phrases_are_heard_in_order(codec: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    names = [str(name) for name in chance.permutation(sorted(SOUNDS))]
    gaps = [float(gap) for gap in chance.choice([0.0, 0.02, 0.3], len(names))]
    sound = telephone(played(names, gaps), codec, float(chance.choice([0.0, -12.0])))
    heard = voice().heard(sound)
    assert [of.phrase for of in heard] == names
    at = 0.0
    for name, gap, of in zip(names, gaps, heard, strict=True):
        at += gap
        assert of.whole
        assert of.likeness > 0.9
        assert at - 0.001 <= of.start <= of.end <= at + SOUNDS[name].seconds + 0.001
        at += SOUNDS[name].seconds


@pytest.mark.parametrize("codec", [g711.PCMU, g711.PCMA])
def test_short_phrases_repeated_without_a_gap_are_each_heard(codec: int) -> None:
    chance = np.random.default_rng(4)
    digits = [f"digit-{digit}" for digit in chance.integers(0, 10, 60)]
    assert voice().phrases(telephone(played(digits, [0.0] * 60), codec)) == tuple(digits)


@pytest.mark.parametrize("left_out", sorted(SOUNDS))
def test_what_is_not_in_the_catalogue_is_not_heard(left_out: str) -> None:
    """Each phrase, to a recogniser that knows all others: the same voice, similar words, and yet nothing."""
    parts = {*PARTS.get(left_out, ()), *(long for long, short in PARTS.items() if left_out in short)}
    shared = {name for name in PHRASES if set(PHRASES[name].sources) & set(PHRASES[left_out].sources)}
    known = {name: sound for name, sound in SOUNDS.items() if name != left_out and name not in parts | shared}
    assert Recogniser(known).phrases(telephone(SOUNDS[left_out].samples)) == ()


def test_noise_tones_and_sound_played_backwards_are_not_heard() -> None:
    chance = np.random.default_rng(1)
    noise = chance.normal(0, 0.1, 10 * RATE)
    backwards = np.concatenate(
        [SOUNDS[name].samples[::-1] for name in ("main-menu", "you-have", "digit-5", "digit-9")]
    )
    ringing = meter.tone(400, 450, seconds=2).samples
    keys = np.concatenate([meter.tone(697, 1209, seconds=0.2).samples, silence(0.2)] * 5)
    for samples in (noise, backwards, ringing, keys, silence(5), silence(0), silence(0.1)):
        assert voice().heard(telephone(samples)) == []


@pytest.mark.parametrize("cut", [0.6, 1.0, 2.0, 3.7])
def test_a_phrase_that_a_key_cut_short_is_heard_as_far_as_it_came(cut: float) -> None:
    menu = SOUNDS["main-menu"]
    begin = meter.sound_spans(menu)[0].start
    sound = telephone(np.concatenate((menu.between(0, begin + cut).samples, SOUNDS["enter-pin"].samples)))
    first, second = voice().heard(sound)
    assert (first.phrase, first.whole, second.phrase, second.whole) == ("main-menu", False, "enter-pin", True)
    assert begin + cut - 0.3 < first.end <= begin + cut + 0.05
    assert first.share == pytest.approx(cut / menu.seconds, abs=0.1)


@pytest.mark.parametrize("concealed", ["silence", "repeated", "skipped"])
def test_lost_packets_do_no_harm(concealed: str) -> None:
    names = ["you-have", "digit-2", "new", "messages", "main-menu", "digit-9", "digit-5"]
    packets = telephone(played(names, [0.1] * len(names))).samples
    packets = packets[: len(packets) // 160 * 160].reshape(-1, 160).copy()
    lost = np.arange(20, len(packets), 25)
    if concealed == "skipped":
        packets = np.delete(packets, lost, axis=0)
    else:
        packets[lost] = 0.0 if concealed == "silence" else packets[lost - 1]
    assert voice().phrases(Sound(packets.reshape(-1))) == tuple(names)


def test_a_phrase_that_contains_another_is_heard_as_one() -> None:
    for name in ("mailbox-full", "unavailable", "message-new"):
        assert voice().phrases(SOUNDS[name]) == (name,)
    assert voice().phrases(Sound(played(["new", "messages"], [0.0, 0.0]))) == ("new", "messages")
    assert voice().phrases(Sound(played(["new", "message"], [0.0, 0.3]))) == ("new", "message")


def test_a_minute_is_recognised_in_a_second() -> None:
    chance = np.random.default_rng(2)
    names = [str(name) for name in chance.permutation(sorted(SOUNDS))]
    sound = telephone(played(names, [0.1] * len(names))).between(0, 60)
    recogniser = voice()
    began = time.process_time()
    assert len(recogniser.heard(sound)) > 10
    assert time.process_time() - began < 1.0


def test_other_rates_and_phrases_too_short_are_refused() -> None:
    with pytest.raises(ValueError, match="8000"):
        voice().heard(Sound(silence(1), 16000))
    with pytest.raises(ValueError, match="shorter"):
        Recogniser({"click": meter.tone(440, seconds=recognise.OPENING / 2)})
