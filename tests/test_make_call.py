"""`make call`: what can be known of it without the demo."""

from __future__ import annotations

from config.settings import Settings
from media import wav
from media.message import Occasion
from media.scripts.deposit import greeting
from scripts.make_call import EXTENSION, TALK


def test_its_caller_stays_long_enough_to_leave_a_message() -> None:
    settings = Settings()
    prompts = settings.media.prompts / settings.media.language
    spoken = sum(
        wav.seconds(prompts / f"{phrase}.wav")
        for phrase in (*greeting(Occasion.NO_ANSWER, EXTENSION), "beep")
    )
    assert spoken + settings.voicemail.min_seconds + 2.0 <= TALK
