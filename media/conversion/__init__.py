"""An uploaded MP3 or WAV file becomes a greeting: 8 kHz, 16-bit, mono, as loud as the prompts (V1).

    bytes ─▶ riff, mpeg: what is it, is all of it there, how long ─▶ ffmpeg: samples ─▶ level: as callers hear it

What it is goes by its content. The first step is pure Python that looks at headers and takes the bare sound
out; only that reaches ffmpeg. Memory, time and processor are bounded at every step, and nothing is written.
"""

from __future__ import annotations

import asyncio

from media.conversion import ffmpeg, mpeg, riff
from media.conversion.sound import EncodedSound, GreetingRefused

__all__ = ["MAX_UPLOAD_BYTES", "GreetingRefused", "convert"]

MAX_UPLOAD_BYTES = 5 * 1024 * 1024
"""The largest file (V1). Who reads an upload needs to read no more than a byte beyond."""


async def convert(upload: bytes) -> bytes:
    """The samples of the greeting, little-endian, for `Greetings.put`.

    Raises GreetingRefused, whose text is for the person who uploaded the file. Takes a second at most for an
    ordinary file, and under half a minute for any other on a machine that has nothing left.
    """
    if len(upload) > MAX_UPLOAD_BYTES:
        raise GreetingRefused("The file is larger than 5 MB; shorten it, or save it as MP3.")
    sound = await asyncio.to_thread(_read, upload)
    samples = await ffmpeg.decode(sound)
    return await asyncio.to_thread(_levelled, samples)


def _read(upload: bytes) -> EncodedSound:
    return riff.read(upload) if riff.is_wav(upload) else mpeg.read(upload)


def _levelled(samples: bytes) -> bytes:
    from media.conversion.level import levelled  # noqa: PLC0415 (pydub looks for ffmpeg when it is imported)

    return levelled(samples)
