"""What ffmpeg may do, and what becomes of one that misbehaves."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from media import wav
from media.conversion import ffmpeg, riff
from media.conversion.sound import EncodedSound, GreetingRefused
from tests.media.conversion.files import at, decibels, greeting_wav, s16, samples_of, tone, wav_file
from tests.support.waiting import wait_for

SOUND = riff.read(greeting_wav())
SLEEP = f"/bin/sleep 3000.{os.getpid()}"
"""Known by its number of seconds."""
Fake = Callable[[str], None]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Put a shell script in ffmpeg's place."""
    for name in ("prlimit", "nice"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(script: str) -> None:
        (tmp_path / "ffmpeg").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "ffmpeg").chmod(0o755)

    return put


def running() -> list[str]:
    """The processes that sleep."""
    mark = SLEEP.replace(" ", "\0").encode()
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdecimal() and mark in (process / "cmdline").read_bytes():
                found.append(process.name)
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


async def test_it_resamples_without_aliases() -> None:
    mixed = tone(2.0, 440.0, level=-20) + tone(2.0, 5000.0, level=-20)
    decoded = samples_of(await ffmpeg.decode(riff.read(wav_file(s16(mixed), 44100))))
    assert len(decoded) == pytest.approx(16000, abs=40)
    assert at(decoded, 440.0) == pytest.approx(-20, abs=1)
    assert at(decoded, 3000.0) < -70, "5000 Hz would be heard as 3000"


async def test_what_has_our_form_already_is_not_changed() -> None:
    samples = s16(tone(1.0, rate=8000))
    assert await ffmpeg.decode(riff.read(wav_file(samples, 8000))) == samples


async def test_two_channels_become_one() -> None:
    both = np.column_stack([tone(1.0, 440.0), tone(1.0, 880.0)]).ravel()
    decoded = samples_of(await ffmpeg.decode(riff.read(wav_file(s16(both), 44100, channels=2))))
    assert at(decoded, 440.0) == pytest.approx(at(decoded, 880.0), abs=0.5)
    assert decibels(decoded) < -10


@pytest.mark.parametrize("missing", ["ffmpeg", "prlimit", "nice"])
async def test_a_program_that_is_missing_is_named_with_its_package(
    fake: Fake, tmp_path: Path, missing: str
) -> None:
    fake("exit 0")
    (tmp_path / missing).unlink()
    with pytest.raises(
        GreetingRefused, match=rf"{missing} is missing.*apt-get install {ffmpeg.PROGRAMS[missing]}"
    ):
        await ffmpeg.decode(SOUND)


async def test_its_limits_are_in_force_and_its_environment_is_empty(fake: Fake) -> None:
    fake("ulimit -t; ulimit -d; ulimit -f; ulimit -c; ulimit -n; /usr/bin/nice; /usr/bin/env")
    cpu, memory, written, core, files, nice, *environment = (await ffmpeg.decode(SOUND)).decode().split()
    assert (cpu, memory, written, core, files) == ("10", str(256 * 1024), "0", "0", "16")
    assert int(nice) >= 10
    assert [line for line in environment if not line.startswith(("PWD=", "_=", "OLDPWD="))] == []


async def test_it_gets_the_sound_on_its_input(fake: Fake) -> None:
    fake("/bin/cat")
    assert await ffmpeg.decode(SOUND) == SOUND.data


@pytest.mark.parametrize(
    "script",
    [
        f"{SLEEP} & {SLEEP}",
        f"{SLEEP} &",
        f"exec >&-; {SLEEP}",
    ],
    ids=["hangs", "its child holds the output", "closes its output"],
)
async def test_when_its_time_is_over_all_it_started_is_killed(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    fake(script)
    monkeypatch.setattr(ffmpeg, "SECONDS", 0.5)
    began = time.monotonic()
    with pytest.raises(GreetingRefused, match="takes too long to decode"):
        await ffmpeg.decode(SOUND)
    assert time.monotonic() - began < 5
    wait_for(lambda: not running(), 5, "the end of all that was killed")


@pytest.mark.parametrize("turns", [1, 2, 3, 5, 20, None])
async def test_who_stops_waiting_leaves_no_process(fake: Fake, turns: int | None) -> None:
    """At any moment: while it is being started, too, after some turns of the loop or when it runs (None)."""
    fake(SLEEP)
    task = asyncio.create_task(ffmpeg.decode(SOUND))
    while turns is None and not running():
        await asyncio.sleep(0.01)
    for _ in range(turns or 0):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    wait_for(lambda: not running(), 5, "the end of what was killed")


async def test_more_than_two_minutes_of_output_is_not_taken(fake: Fake) -> None:
    fake("while :; do echo as loud as ever, for as long as anybody listens; done")
    with pytest.raises(GreetingRefused, match="longer than 120 seconds"):
        await ffmpeg.decode(SOUND)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exit 1", "sound in the file is damaged"),
        ("exit 69", "sound in the file is damaged"),
        ("kill -SEGV $$", "sound in the file is damaged"),
        ("while :; do :; done", "sound in the file is damaged"),
        ("exit 127", "ffmpeg cannot be run"),
    ],
)
async def test_whatever_it_ends_with_is_one_exception(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    monkeypatch.setattr(ffmpeg, "CPU_SECONDS", 1)
    fake(script)
    with pytest.raises(GreetingRefused, match=why):
        await ffmpeg.decode(SOUND)


async def test_a_program_that_cannot_be_executed_is_told(fake: Fake, tmp_path: Path) -> None:
    fake("")
    (tmp_path / "ffmpeg").write_bytes(b"\x7fELF no program")
    with pytest.raises(GreetingRefused, match="ffmpeg cannot be run"):
        await ffmpeg.decode(SOUND)


async def test_no_descriptors_are_left_for_this_machine_to_start_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", fail)
    with pytest.raises(GreetingRefused, match="Too many open files"):
        await ffmpeg.decode(SOUND)


@pytest.mark.parametrize("demuxer", ["hls", "concat", "mp3", "s16le"])
async def test_it_opens_nothing_even_if_it_is_made_to_read_a_playlist(
    listener: socket.socket, tmp_path: Path, demuxer: str
) -> None:
    (tmp_path / "other.wav").write_bytes(greeting_wav())
    port = listener.getsockname()[1]
    playlists = {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n",
        "concat": f"ffconcat version 1.0\nfile 'file://{tmp_path}/other.wav'\nfile 'http://127.0.0.1:{port}/a'\n",
    }
    text = playlists.get(demuxer, playlists["hls"]).encode()
    sound = EncodedSound(text, demuxer, "pcm_s16le,mp3,mp3float")
    try:
        decoded = await ffmpeg.decode(sound)
    except GreetingRefused:
        decoded = b""
    assert len(decoded) < wav.BYTES_PER_SECOND, "nothing but the text itself was decoded"
    with pytest.raises(BlockingIOError):
        listener.accept()
