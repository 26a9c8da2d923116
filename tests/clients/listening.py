"""Following what a phone hears while its call goes on, so that a test presses a key when a person would."""

from __future__ import annotations

from collections.abc import Callable
from difflib import SequenceMatcher
from functools import cache, partial

import numpy as np

from config.tables import MediaSettings
from tests.clients.phones import Phone
from tests.support import meter
from tests.support.meter import Sound
from tests.support.recognise import Recogniser, voice
from tests.support.waiting import wait_for

GLIDE_FROM, GLIDE_RISE = 400.0, 40.0
"""Hz, and Hz a second, of the tone by which it is told which second of a recording is heard."""
FIRST_PART = {"message-new": "new", "message-saved-one": "saved"}
"""Phrases that begin as others: who hears only so much of them has heard those."""
WINDOW = 0.2
"""Seconds of sound of which one frequency is measured."""
PURE, QUIET = 0.97, 1.0
"""The share of the power that is a tone's within 15 Hz, and the power of silence."""


class Listener:
    """What a phone hears in its present call, from one awaited sound to the next."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone
        self._from = 0.0

    def hears(self, *phrases: str, within: float = 20.0) -> None:
        """Wait until these phrases have begun, one after the other, behind what was heard before.

        Better long ones: of a word no more may be left than what a late packet has spoilt.
        """
        for phrase in phrases:
            self._await(partial(_end_of, phrase), within, phrase)

    def hears_tone(self, seconds: float, low: float, high: float) -> None:
        """Wait until so much of a tone between two frequencies has been heard since."""

        def heard(sound: Sound) -> float | None:
            fitting = [at for at, hertz in tones(sound) if low <= hertz <= high]
            return sound.seconds if len(fitting) * WINDOW >= seconds else None

        self._await(heard, 20, f"{low:g} to {high:g} Hz for {seconds:g} s")

    def _await(self, heard: Callable[[Sound], float | None], within: float, what: str) -> None:
        """Look at what came since, whenever more has come, until `heard` says up to where it has been dealt with."""
        looked_at = 0.0

        def look() -> float | None:
            nonlocal looked_at
            if self._phone.recorded_seconds() == looked_at:
                return None
            sound = self._phone.hearing()
            looked_at = sound.seconds
            return heard(sound.between(self._from, looked_at))

        try:
            self._from += wait_for(look, within, f"{self._phone.user} to hear {what}")
        except TimeoutError as late:
            since = voice().phrases(self._phone.hearing().between(self._from, looked_at))
            raise TimeoutError(f"{late}; it was {since}") from None


def glide(seconds: float = 60.0) -> Sound:
    """What a caller says whose message is to be listened to here and there."""
    return meter.glide(GLIDE_FROM, GLIDE_RISE, seconds)


def tones(sound: Sound) -> list[tuple[float, float]]:
    """When a pure tone is heard, and which, window by window: its middle in seconds, and Hz."""
    size = round(WINDOW * meter.RATE)
    windows = sound.samples[: len(sound.samples) // size * size].reshape(-1, size) * np.hanning(size)
    power = np.abs(np.fft.rfft(windows)) ** 2
    peaks = np.clip(np.argmax(power, axis=1), 3, power.shape[1] - 4)
    found = []
    for number, (spectrum, peak) in enumerate(zip(power, peaks, strict=True)):
        around = spectrum[peak - 3 : peak + 4]
        if around.sum() > max(PURE * spectrum.sum(), QUIET):
            hertz = (around @ np.arange(peak - 3, peak + 4)) / around.sum() / WINDOW
            found.append(((number + 0.5) * WINDOW, float(hertz)))
    return found


def glide_position(hertz: float) -> float:
    """Which second of the glide this is."""
    return (hertz - GLIDE_FROM) / GLIDE_RISE


def in_order(wanted: list[str], heard: Sound) -> None:
    """Assert that these phrases were heard one after the other, whatever else was heard between.

    A late packet spoils a word, so one in eight may be missed; which those are, the message tells.
    """
    phrases = [of.phrase if of.whole else FIRST_PART.get(of.phrase, of.phrase) for of in voice().heard(heard)]
    blocks = SequenceMatcher(None, wanted, phrases, autojunk=False).get_matching_blocks()
    found = {number for block in blocks for number in range(block.a, block.a + block.size)}
    missed = [phrase for number, phrase in enumerate(wanted) if number not in found]
    assert len(missed) <= len(wanted) / 8, f"{missed} are not in their places among {phrases}"


def _end_of(phrase: str, sound: Sound) -> float | None:
    """How far the phrase has come that begins in this sound, if it does."""
    return next((heard.end for heard in _only(phrase).heard(sound)), None)


@cache
def _only(phrase: str) -> Recogniser:
    settings = MediaSettings()
    return Recogniser({phrase: meter.read_wav(settings.prompts / settings.language / f"{phrase}.wav")})
