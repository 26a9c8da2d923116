"""What the relay plays by itself: every sound in both codecs, announcements as they were recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config.tables import MediaSettings
from media import wav
from media.sounds import ANNOUNCEMENTS, SOUNDS, render_all, seconds
from tests.support import g711, meter

PROMPTS = MediaSettings().prompts / "en"


def test_rendering_again_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "engaged.8").write_bytes(b"old")
    render_all(tmp_path, PROMPTS)
    render_all(tmp_path, PROMPTS)
    wanted = sorted(f"{sound}.{codec}" for sound in SOUNDS for codec in (0, 8))
    assert sorted(path.name for path in tmp_path.iterdir()) == wanted
    assert (tmp_path / "engaged.8").stat().st_size == 6000


def test_an_announcement_is_the_recording_in_whole_packets(tmp_path: Path) -> None:
    render_all(tmp_path, PROMPTS)
    for name in ANNOUNCEMENTS:
        known = meter.read_wav(PROMPTS / f"{name}.wav")
        for codec in (0, 8):
            octets = (tmp_path / f"{name}.{codec}").read_bytes()
            assert len(octets) % 80 == 0
            assert 0 <= len(octets) - len(known.samples) < 80
            heard = meter.Sound(g711.decode(octets, codec) / 32768)
            assert meter.find(known, heard).likeness > 0.99
            assert meter.level(heard) == pytest.approx(meter.level(known), abs=0.1)


def test_how_long_they_are(tmp_path: Path) -> None:
    render_all(tmp_path, PROMPTS)
    assert seconds("engaged", tmp_path) == 0.75
    assert seconds("ringback", tmp_path) == 3.0
    for name in ANNOUNCEMENTS:
        assert seconds(name, tmp_path) == pytest.approx(wav.seconds(PROMPTS / f"{name}.wav"), abs=0.01)
    with pytest.raises(FileNotFoundError):
        seconds("nothing", tmp_path)


def test_a_language_without_an_announcement_does_not_speak_another_one(tmp_path: Path) -> None:
    sounds, prompts = tmp_path / "sounds", tmp_path / "xx"
    render_all(sounds, PROMPTS)
    prompts.mkdir()
    (prompts / "redirecting.wav").write_bytes(b"MP3")
    with capture_logs() as logs:
        render_all(sounds, prompts)
    assert sorted(path.stem for path in sounds.iterdir()) == ["engaged"] * 2 + ["ringback"] * 2
    assert [(one["event"], one["sound"]) for one in logs] == [
        ("relay.sound_missing", name) for name in ANNOUNCEMENTS
    ]


def test_the_end_is_filled_up_with_silence_to_a_whole_packet(tmp_path: Path) -> None:
    for name in ANNOUNCEMENTS:
        wav.write(tmp_path / f"{name}.wav", b"\x00\x10" * 201)
    render_all(tmp_path, tmp_path)
    for codec in (0, 8):
        heard = g711.decode((tmp_path / f"redirecting.{codec}").read_bytes(), codec)
        assert len(heard) == 240
        assert min(heard[:201]) > 4000
        assert max(abs(heard[201:])) <= 8
