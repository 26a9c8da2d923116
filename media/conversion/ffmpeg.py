"""Decodes with ffmpeg, which is told what it gets and may use little: it parses what strangers uploaded.

It reads bare sound from its input and writes samples to its output. It can open no file and no connection
(protocol whitelist), may write no file (`prlimit --fsize=0`), and is killed with all it started when its time
is over. The limits are set by `prlimit` and `nice` in the process that then becomes ffmpeg, not by our code
between fork and exec, where threads make that unsafe.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from media import wav
from media.conversion.sound import TOO_LONG, EncodedSound, GreetingRefused
from media.greetings import MAX_SECONDS

PROGRAMS = {"ffmpeg": "ffmpeg", "prlimit": "util-linux", "nice": "coreutils"}
"""The programs that are needed, and Debian's package of each."""
SECONDS = 20.0
"""After that decoding has failed, however little of the processor it got."""
CPU_SECONDS = 10
MEMORY_BYTES = 1 << 28
"""Of what it writes itself: its libraries, which are mapped, take more than that by their mere number."""
OPEN_FILES = 16
ERROR_RATE = 0.1
"""The share of frames that may be damaged."""
MAX_BYTES = int((MAX_SECONDS + 1) * wav.BYTES_PER_SECOND)
CANNOT_RUN = (126, 127)
"""Exit codes by which `nice` and `prlimit` say that they could not start the program."""


async def decode(sound: EncodedSound) -> bytes:
    """8 kHz, 16-bit, mono samples, little-endian. Raises GreetingRefused, within `SECONDS`."""
    with _held_in_memory(sound.data) as source:
        process = await _start(_command(sound), source)
    assert process.stdout is not None
    samples = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            while chunk := await process.stdout.read(1 << 16):
                samples += chunk
                if len(samples) > MAX_BYTES:
                    raise GreetingRefused(TOO_LONG)
            code = await process.wait()
    except TimeoutError:
        await _kill(process)
        raise GreetingRefused("The file takes too long to decode; save it again as MP3 or WAV.") from None
    except BaseException:
        await _kill(process)
        raise
    if code in CANNOT_RUN:
        raise GreetingRefused("ffmpeg cannot be run; install the Debian package ffmpeg again.")
    if code:
        raise GreetingRefused("The sound in the file is damaged; save it again as MP3 or WAV.")
    return bytes(samples)


def _command(sound: EncodedSound) -> list[str]:
    """What is executed, one program after the other in the same process. Raises GreetingRefused."""
    found = {name: shutil.which(name) for name in PROGRAMS}
    for name, path in found.items():
        if path is None:
            raise GreetingRefused(
                f"Greetings cannot be converted because {name} is missing; install it on the server "
                f"(Debian: apt-get install {PROGRAMS[name]})."
            )
    form = ["-f", sound.demuxer, "-codec_whitelist", sound.decoders, "-protocol_whitelist", "pipe"]
    if sound.rate is not None:
        form += ["-ar", str(sound.rate), "-ac", str(sound.channels)]
    return [
        *(str(found["nice"]), "-n", "10"),
        *(str(found["prlimit"]), f"--cpu={CPU_SECONDS}", f"--data={MEMORY_BYTES}", "--fsize=0", "--core=0"),
        f"--nofile={OPEN_FILES}",
        *(str(found["ffmpeg"]), "-nostdin", "-v", "quiet", "-threads", "1", "-filter_threads", "1"),
        *("-max_error_rate", str(ERROR_RATE), *form, "-t", str(MAX_SECONDS + 1), "-i", "pipe:0"),
        *("-map", "0:a:0", "-ac", "1", "-ar", str(wav.RATE), "-f", "s16le", "pipe:1"),
    ]


async def _start(command: list[str], source: int) -> asyncio.subprocess.Process:
    """Start in a process group of its own. Raises GreetingRefused; cancelled, it leaves no process."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *command,
            stdin=source,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            env={},
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OSError):
            await _kill(await starting)
        raise
    except OSError as error:
        raise GreetingRefused(f"ffmpeg cannot be started ({error.strerror}); try again later.") from None


@contextmanager
def _held_in_memory(data: bytes) -> Iterator[int]:
    """A descriptor of a file in memory that holds the data: unlike a pipe, nobody has to keep filling it."""
    with os.fdopen(os.memfd_create("greeting"), "w+b") as file:
        file.write(data)
        file.seek(0)
        yield file.fileno()


async def _kill(process: asyncio.subprocess.Process) -> None:
    """End the process and everything it started, which all are of its group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
