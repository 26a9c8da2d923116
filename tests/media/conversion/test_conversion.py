"""Uploads from end to end: good ones become greetings, hostile ones are refused or harmless, all in bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from media import wav
from media.conversion import MAX_UPLOAD_BYTES, GreetingRefused, convert, level, mpeg
from media.conversion import riff as riff_module
from media.greetings import MAX_SECONDS
from tests.media.conversion.files import (
    RATE,
    SILENT_FRAME,
    at,
    bare_mp3,
    chunk,
    decibels,
    encoded,
    fmt,
    greeting_mp3,
    greeting_wav,
    id3,
    id3_frame,
    riff,
    s16,
    samples_of,
    silence,
    tone,
    wav_file,
)

BOUND = 10.0
"""Seconds within which everything is over, on a machine with other things to do; a tenth of it is usual."""
LONGEST_OUTPUT = int((MAX_SECONDS + 1) * wav.BYTES_PER_SECOND)


async def outcome(upload: bytes) -> str:
    """`sound`, or the sentence of the refusal. Nothing else may come, and it may not take long."""
    began = time.monotonic()
    try:
        converted = await convert(upload)
    except GreetingRefused as refused:
        said = str(refused)
        assert ";" in said and said.endswith("."), "it says what is wrong; and what to do"
    else:
        said = "sound"
        assert wav.BYTES_PER_SECOND <= len(converted) <= LONGEST_OUTPUT and len(converted) % 2 == 0
    assert time.monotonic() - began < BOUND
    return said


def float32(wave: NDArray[np.float64]) -> bytes:
    return wave.astype("<f4").tobytes()


WAVS: dict[str, Callable[[], bytes]] = {
    "8 kHz": lambda: greeting_wav(3.0, 8000),
    "11 kHz": lambda: greeting_wav(3.0, 11025),
    "44 kHz": greeting_wav,
    "192 kHz": lambda: greeting_wav(3.0, 192000),
    "stereo": lambda: wav_file(s16(np.repeat(tone(3.0), 2)), channels=2),
    "8 bits": lambda: wav_file(((tone(3.0) + 1) * 127.5).astype("u1").tobytes(), bits=8),
    "24 bits": lambda: wav_file(
        (np.round(tone(3.0) * 8388607).astype("<i4")).view("u1").reshape(-1, 4)[:, :3].tobytes(), bits=24
    ),
    "32 bits": lambda: wav_file(np.round(tone(3.0) * 2147483647).astype("<i4").tobytes(), bits=32),
    "float": lambda: wav_file(float32(tone(3.0)), code=3, bits=32),
    "GSM 6.10": lambda: encoded("wav", "-c:a", "libgsm_ms", "-ar", "8000"),
    "MS ADPCM": lambda: encoded("wav", "-c:a", "adpcm_ms", "-ar", "8000"),
    "MS ADPCM stereo": lambda: encoded("wav", "-c:a", "adpcm_ms", "-ac", "2"),
    "IMA ADPCM": lambda: encoded("wav", "-c:a", "adpcm_ima_wav", "-ar", "11025"),
    "IMA ADPCM stereo": lambda: encoded("wav", "-c:a", "adpcm_ima_wav", "-ac", "2"),
    "MP3 in WAV": lambda: encoded("wav", "-c:a", "libmp3lame"),
    "RF64": lambda: encoded("wav", "-rf64", "always"),
}
MP3S: dict[str, tuple[str, ...]] = {
    "MP3": (),
    "MP3 320 kbit/s": ("-b:a", "320k"),
    "MP3 with changing bitrate": ("-q:a", "5"),
    "MP3 stereo": ("-ac", "2"),
    "MP3 MPEG-2": ("-ar", "22050", "-b:a", "48k"),
    "MP3 MPEG-2.5": ("-ar", "8000", "-b:a", "16k"),
    "MP3 without Xing": ("-write_xing", "0"),
    "MP3 with ID3v1": ("-write_id3v1", "1", "-metadata", "title=Greeting"),
}


@pytest.mark.behaviour("V1")
@pytest.mark.parametrize("name", [*WAVS, *MP3S])
async def test_mp3_and_wav_become_the_same_greeting(name: str) -> None:
    converted = samples_of(await convert(WAVS[name]() if name in WAVS else greeting_mp3(3.0, *MP3S[name])))
    assert len(converted) / 8000 == pytest.approx(3.0, abs=0.2)
    assert decibels(converted[800:-4000]) == pytest.approx(-20.0, abs=1.0)
    assert at(converted[800:16800], 440.0) == pytest.approx(-20.0, abs=1.0)


@pytest.mark.behaviour("V1")
async def test_two_minutes_are_taken_and_more_is_not() -> None:
    assert len(await convert(greeting_wav(120.0, 8000))) == 120 * 16000
    assert await outcome(greeting_wav(120.1, 8000)) == "The file is longer than 120 seconds; shorten it."
    assert (
        await outcome(greeting_mp3(122.0, "-b:a", "32k"))
        == "The file is longer than 120 seconds; shorten it."
    )


@pytest.mark.behaviour("V1")
async def test_five_megabytes_are_taken_and_more_is_not() -> None:
    frames = bare_mp3()
    filled = id3(bytes(MAX_UPLOAD_BYTES - 10 - len(frames))) + frames
    assert len(filled) == MAX_UPLOAD_BYTES
    assert await outcome(filled) == "sound"
    assert "larger than 5 MB; shorten it" in await outcome(filled + b"\0")


def elf() -> bytes:
    with Path(sys.executable).open("rb") as file:
        return file.read(1 << 20)


def png() -> bytes:
    pixels = zlib.compress(b"\0" * 3001)
    body = b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in ((b"IHDR", struct.pack(">IIBBBBB", 1000, 3, 8, 0, 0, 0, 0)), (b"IDAT", pixels))
    )
    return b"\x89PNG\r\n\x1a\n" + body


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
CONCAT = b"ffconcat version 1.0\nfile 'file:///etc/passwd'\nfile '/dev/zero'\n"
HTML = b"<html><script>alert(1)</script></html>"
ZIP = b"PK\x03\x04\x14\x00\x00\x00\x00\x00" + b"x" * 100 + b"PK\x05\x06" + bytes(18)
SOUND = s16(tone(3.0))
XING = b"\xff\xe3\x18\xc4" + bytes(9) + b"Xing" + struct.pack(">II", 1, 500_000)

HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "neither MP3 nor WAV"),
    "text": (lambda: b"This is a greeting.\n" * 1000, "neither MP3 nor WAV"),
    "UTF-16 text": (lambda: ("﻿" + "Greeting " * 1000).encode("utf-16"), "neither MP3 nor WAV"),
    "HTML": (lambda: b"<!doctype html>" + HTML * 100, "neither MP3 nor WAV"),
    "PNG": (png, "neither MP3 nor WAV"),
    "program": (elf, "neither MP3 nor WAV"),
    "ZIP": (lambda: ZIP, "neither MP3 nor WAV"),
    "layer II": (lambda: encoded("mp2"), "neither MP3 nor WAV"),
    "noise": (lambda: random.Random(1).randbytes(1 << 20), "neither MP3 nor WAV"),
    "all bits set": (lambda: b"\xff" * (1 << 20), "neither MP3 nor WAV"),
    "m3u8": (lambda: PLAYLIST, "neither MP3 nor WAV"),
    "ffconcat": (lambda: CONCAT, "neither MP3 nor WAV"),
    "m3u8 behind ID3": (lambda: id3(b"") + PLAYLIST, "neither MP3 nor WAV"),
    "ffconcat as a WAV's fmt": (
        lambda: riff(chunk(b"fmt ", CONCAT), chunk(b"data", CONCAT)),
        "encoded in a way",
    ),
    "WAV claims ten hours": (lambda: riff(fmt(), chunk(b"data", SOUND, size=3_175_200_000)), "incomplete"),
    "WAV claims ten hours at 8 kHz": (
        lambda: riff(fmt(rate=8000), chunk(b"data", SOUND, size=576_000_000)),
        "incomplete",
    ),
    "WAV of ten minutes": (lambda: wav_file(bytes(8000 * 600), 8000, bits=8), "longer than 120"),
    "MP3 of 87 minutes": (lambda: SILENT_FRAME * (MAX_UPLOAD_BYTES // 72), "longer than 120"),
    "MP3 claims ten hours": (lambda: XING.ljust(72, b"\0") + SILENT_FRAME * 50, "incomplete"),
    "silent MP3": (lambda: SILENT_FRAME * 100, "silent"),
    "silent WAV": (lambda: wav_file(s16(silence(10.0))), "silent"),
    "half a second": (lambda: greeting_wav(0.5), "less than one second"),
    "1 Hz": (lambda: wav_file(SOUND, rate=1), "sample rate of 1 Hz"),
    "4 GHz": (lambda: wav_file(SOUND, rate=0xFFFFFFFF), "sample rate of 4294967295 Hz"),
    "0 channels": (lambda: wav_file(SOUND, channels=0), "0 channels"),
    "255 channels": (lambda: wav_file(SOUND, channels=255), "255 channels"),
    "65535 channels": (lambda: riff(fmt(channels=65535, block=2), chunk(b"data", SOUND)), "65535 channels"),
    "WAV + HTML": (lambda: wav_file(SOUND) + HTML, "something else is attached"),
    "WAV + ZIP": (lambda: wav_file(SOUND) + ZIP, "something else is attached"),
    "HTML in a chunk": (lambda: riff(chunk(b"LIST", HTML), fmt(), chunk(b"data", SOUND)), "sound"),
    "MP3 + ZIP": (lambda: bare_mp3() + ZIP, "something else is attached"),
    "MP3 + WAV": (lambda: bare_mp3() + greeting_wav(), "something else is attached"),
    "ZIP in ID3": (lambda: id3(ZIP) + bare_mp3(), "sound"),
    "ID3 claims 256 MB": (lambda: id3(b"", size=0x0FFFFFFF) + bare_mp3(), "incomplete"),
    "300,000 ID3 tags": (lambda: id3(b"") * 300_000, "incomplete"),
    "100,000 ID3 tags, then sound": (lambda: id3(b"") * 100_000 + bare_mp3(), "sound"),
    "200,000 ID3 frames": (lambda: id3(id3_frame(b"TXXX", b"\0a\0b") * 200_000) + bare_mp3(), "sound"),
    "ID3 frames that claim 4 GB": (
        lambda: id3(id3_frame(b"APIC", b"", size=0xFFFFFFFF) * 1000) + bare_mp3(),
        "sound",
    ),
    "compressed ID3 bomb": (
        lambda: id3(id3_frame(b"APIC", zlib.compress(bytes(1 << 28))[: 1 << 20])) + bare_mp3(),
        "sound",
    ),
    "a picture of 4 MB": (
        lambda: id3(id3_frame(b"APIC", b"\0image/png\0\3\0" + bytes(4 << 20))) + bare_mp3(),
        "sound",
    ),
    "chunk claims 4 GB": (
        lambda: riff(fmt(), chunk(b"LIST", b"", size=0xFFFFFFFF), chunk(b"data", SOUND)),
        "damaged",
    ),
    "RIFF claims 4 GB": (lambda: riff(fmt(), chunk(b"data", SOUND), size=0xFFFFFFFF), "sound"),
    "600,000 chunks": (lambda: riff(fmt(), chunk(b"junk", b"") * 600_000), "no sound"),
    "RIFF in RIFF": (lambda: riff(riff(riff(fmt(), chunk(b"data", SOUND)))), "damaged"),
    "MP3 in WAV": (lambda: wav_file(bare_mp3(), code=0x55, bits=0), "sound"),
    "WAV in MP3 in WAV": (lambda: wav_file(greeting_wav(), code=0x55, bits=0), "neither MP3 nor WAV"),
    "ADPCM without blocks": (lambda: wav_file(SOUND, code=0x11, bits=4), "damaged"),
    "GSM without blocks": (lambda: wav_file(SOUND, code=0x31, bits=0), "damaged"),
    "ADPCM of noise": (
        lambda: riff(fmt(2, 2, 8000, 4, 1024), chunk(b"data", random.Random(1).randbytes(102_400))),
        "",
    ),
    "GSM of noise": (
        lambda: riff(fmt(0x31, 1, 8000, 0, 65), chunk(b"data", random.Random(1).randbytes(65_000))),
        "",
    ),
    "40,000 tags behind an MP3": (lambda: bare_mp3() + b"TAG".ljust(128, b"x") * 39_000, "sound"),
    "6,000 joined MP3s": (lambda: (SILENT_FRAME * 3 + b"TAG".ljust(128, b"x")) * 6_000, "longer than 120"),
    "headers of free format": (lambda: b"\xff\xe3\x08\xc4" * (1 << 18), "longer than 120"),
    "infinite floats": (lambda: wav_file(float32(np.full(RATE * 3, np.inf)), code=3, bits=32), ""),
    "no numbers": (lambda: wav_file(float32(tone(3.0) * np.nan), code=3, bits=32), ""),
    "floats far out of range": (lambda: wav_file(float32(tone(3.0) * 1e30), code=3, bits=32), "sound"),
}


@pytest.mark.behaviour("V1")
@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_files_are_refused_or_harmless(name: str) -> None:
    make, expected = HOSTILE[name]
    said = await outcome(make())
    assert expected in said


@pytest.mark.behaviour("V1")
@pytest.mark.parametrize("tenth", range(1, 10))
@pytest.mark.parametrize("kind", ["WAV", "MP3", "bare MP3"])
async def test_half_a_file_is_refused(kind: str, tenth: int) -> None:
    whole = {"WAV": greeting_wav, "MP3": greeting_mp3, "bare MP3": bare_mp3}[kind]()
    assert "incomplete" in await outcome(whole[: len(whole) * tenth // 10 + 9])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["WAV", "MP3", "head of a WAV", "head of an MP3"])
async def test_whatever_is_changed_in_a_good_file_there_is_one_exception(kind: str, seed: int) -> None:
    chance = random.Random(f"{kind} {seed}")
    whole = greeting_wav(1.5, 8000) if "WAV" in kind else greeting_mp3(1.5)
    for _ in range(8):
        changed = bytearray(whole)
        reach = 64 if kind.startswith("head") else len(changed)
        for _ in range(chance.choice((1, 3, 10, 100))):
            where = chance.randrange(reach)
            changed[where : where + chance.choice((1, 1, 1, 0, 2))] = chance.randbytes(
                chance.choice((1, 1, 2, 4))
            )
        await outcome(bytes(changed))


async def test_noise_between_good_headers_is_one_exception_or_noise() -> None:
    chance = random.Random(5)
    for frame in (SILENT_FRAME, bare_mp3()[:208]):
        await outcome(b"".join(frame[:4] + chance.randbytes(len(frame) - 4) for _ in range(100)))


@pytest.mark.parametrize(
    "name", ["600,000 chunks", "300,000 ID3 tags", "a picture of 4 MB", "MP3 of 87 minutes"]
)
async def test_memory_stays_bounded(name: str) -> None:
    upload = HOSTILE[name][0]()
    # Tracing makes it several times slower: how long it takes is measured without.
    tracemalloc.start()
    try:
        with contextlib.suppress(GreetingRefused):
            await convert(upload)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 * MAX_UPLOAD_BYTES


async def test_what_takes_the_processor_is_not_done_on_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A page is served there meanwhile."""
    threads = []

    def noted(work: Callable[[bytes], object]) -> Callable[[bytes], object]:
        def wrapper(given: bytes) -> object:
            threads.append(threading.current_thread())
            return work(given)

        return wrapper

    for module, name in ((riff_module, "read"), (mpeg, "read"), (level, "levelled")):
        monkeypatch.setattr(module, name, noted(getattr(module, name)))
    for upload in (greeting_wav(), greeting_mp3()):
        await convert(upload)
    assert len(threads) == 4
    assert threading.main_thread() not in threads


async def test_ten_at_once_are_all_converted() -> None:
    converted = await asyncio.gather(*(convert(greeting_mp3(3.0)) for _ in range(10)))
    assert len(set(converted)) == 1


def test_without_ffmpeg_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own, where pydub has not been imported yet: it would warn that ffmpeg is missing."""
    monkeypatch.setenv("PATH", "/nonexistent")
    script = """
import asyncio, sys
from media.conversion import convert, GreetingRefused
try:
    asyncio.run(convert(sys.stdin.buffer.read()))
except GreetingRefused as refused:
    print(refused)
"""
    done = subprocess.run(
        [sys.executable, "-W", "always::RuntimeWarning", "-c", script],
        input=greeting_wav(),
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
    assert b"ffmpeg is missing; install it on the server (Debian: apt-get install ffmpeg)" in done.stdout
