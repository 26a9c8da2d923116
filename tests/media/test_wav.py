"""WAV files: header, repair by size, loudness, where sound begins and ends."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from media import wav
from tests.media.support import Samples, tone


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * wav.RATE), dtype=np.int16)


def test_a_written_file_is_read_by_others(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    wav.write(path, tone(440, 0.5).tobytes())
    with wave.open(str(path)) as file:
        assert file.getparams()[:4] == (1, 2, 8000, 4000)
        assert file.readframes(4000) == tone(440, 0.5).tobytes()
    assert wav.is_complete(path)
    assert wav.seconds(path) == 0.5


def test_a_file_whose_recorder_was_killed_is_not_complete_but_readable(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav.header(0) + tone(440, 0.5).tobytes() + b"\x07")
    assert not wav.is_complete(path)
    assert wav.seconds(path) == 0.5
    assert wav.read_samples(path) == tone(440, 0.5).tobytes()


def test_a_file_without_a_header_is_not_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF")
    assert not wav.is_complete(path)
    assert wav.seconds(path) == 0.0


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44100)
        file.writeframes(b"\0" * 400)
    with pytest.raises(wav.NotRecording, match=r"a\.wav"):
        wav.read_samples(path)


def test_parts_are_joined_in_order_and_empty_ones_left_out(tmp_path: Path) -> None:
    one, two, three = (tmp_path / name for name in ("1.wav", "2.wav", "3.wav"))
    wav.write(one, tone(440, 0.1).tobytes())
    two.write_bytes(b"")
    three.write_bytes(wav.header(0) + tone(1000, 0.1).tobytes())
    assert wav.join([one, two, three]) == tone(440, 0.1).tobytes() + tone(1000, 0.1).tobytes()


@pytest.mark.parametrize("amplitude", [0, 20, 1000, 20000])
def test_loudness_is_the_root_mean_square(amplitude: int) -> None:
    assert wav.loudness(tone(400, 0.1, amplitude).tobytes()) == pytest.approx(amplitude / 2**0.5, abs=1)


def test_the_span_of_sound() -> None:
    samples = np.concatenate([silence(0.5), tone(440, 1.0), silence(0.7)])
    span = wav.sound_span(samples.tobytes())
    assert (span.start, span.end) == (pytest.approx(0.5), pytest.approx(1.5))
    assert span.seconds == pytest.approx(1.0)
    assert wav.sound_span(silence(1.0).tobytes()).seconds == 0.0
    assert wav.sound_span(b"").seconds == 0.0


def test_line_noise_is_silence_and_quiet_speech_is_sound() -> None:
    assert wav.sound_span(tone(440, 1.0, 50).tobytes()).seconds == 0.0
    assert wav.sound_span(tone(440, 1.0, 500).tobytes()).seconds == pytest.approx(1.0)


def test_a_listener_follows_a_growing_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    listener = wav.Listener(path)
    listener.read()
    assert listener.last_sound == 0.0
    path.write_bytes(wav.header(0) + tone(440, 0.55).tobytes())
    listener.read()
    assert listener.last_sound == pytest.approx(0.5)
    with path.open("ab") as file:
        file.write(tone(440, 0.15).tobytes() + silence(2.0).tobytes())
    listener.read()
    assert listener.last_sound == pytest.approx(0.7)
