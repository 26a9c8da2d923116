"""WAV files: finds the samples (RIFF WAVE, "Multimedia Programming Interface and Data Specifications 1.0"; RF64, EBU
Tech 3306).

Only the samples leave this file; those that are compressed in blocks, behind a header that is written here. What else a
WAV file may carry, pictures, texts or a whole web page in a chunk, is skipped without being looked at.
"""

from __future__ import annotations

import struct

from media.conversion import mpeg
from media.conversion.blocks import BLOCKS, as_wav
from media.conversion.sound import TOO_LONG, EncodedSound, GreetingRefused
from media.greetings import MAX_SECONDS

PCM, FLOAT, ALAW, MULAW, MP3, EXTENSIBLE = 1, 3, 6, 7, 0x55, 0xFFFE
ENCODINGS = {
    (PCM, 8): "u8",
    (PCM, 16): "s16le",
    (PCM, 24): "s24le",
    (PCM, 32): "s32le",
    (FLOAT, 32): "f32le",
    (FLOAT, 64): "f64le",
    (ALAW, 8): "alaw",
    (MULAW, 8): "mulaw",
}
"""Format code and bits of a sample: ffmpeg's name for such samples without a header."""
SUBFORMAT = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
"""What follows the format code in an extensible header's GUID."""
RATES = range(8000, 192001)
CHANNELS = range(1, 3)
OPEN_ENDED = (range(0x7FFF0000, 0x80000000), range(0xFFFF0000, 0x100000000))
"""Lengths that programs state which do not know the length yet: the sound lasts up to the file's end."""
WITH_LONG_SIZES = (b"RF64", b"BW64")
"""Files whose sizes stand in a chunk of their own, `ds64`, since they may be larger than 4 GB."""
INCOMPLETE = "The WAV file is incomplete: its end is missing; save it again."
DAMAGED = "The WAV file is damaged, or something else is attached to it; save it again."


def is_wav(upload: bytes) -> bool:
    """Whether the content begins as a WAV file does."""
    return upload[:4] in (b"RIFF", *WITH_LONG_SIZES) and upload[8:12] == b"WAVE"


def read(upload: bytes) -> EncodedSound:
    """The samples of a WAV file. Raises GreetingRefused."""
    chunks = _chunks(upload)
    if b"fmt " not in chunks or len(chunks[b"fmt "]) < 16:
        raise GreetingRefused(DAMAGED)
    if not chunks.get(b"data"):
        raise GreetingRefused("There is no sound in the WAV file; record it again.")
    form = chunks[b"fmt "]
    code, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", form)
    if code == EXTENSIBLE and form[26:40] == SUBFORMAT:
        (code,) = struct.unpack_from("<H", form, 24)
    if code == MP3:
        return mpeg.read(chunks[b"data"])
    packed = BLOCKS.get(code)
    if packed is None and (code, bits) not in ENCODINGS:
        raise GreetingRefused(
            f"The sound in the WAV file is encoded in a way that is not taken (format {code}, {bits} bits); "
            "save it as PCM with 16 bits."
        )
    if channels not in CHANNELS:
        raise GreetingRefused(f"The WAV file has {channels} channels; save it as mono or stereo.")
    if rate not in RATES:
        raise GreetingRefused(
            f"The WAV file has a sample rate of {rate} Hz; save it with {RATES[0]} to {RATES[-1]} Hz."
        )
    if packed is not None:
        samples = packed.samples(channels, block, bits)
        if samples is None:
            raise GreetingRefused(DAMAGED)
        count = len(chunks[b"data"]) // block
        if count * samples > MAX_SECONDS * rate:
            raise GreetingRefused(TOO_LONG)
        blocks = chunks[b"data"][: count * block]
        return EncodedSound(as_wav(packed, channels, rate, block, samples, blocks), "wav", packed.decoder)
    if block != channels * bits // 8:
        raise GreetingRefused(DAMAGED)
    data = chunks[b"data"]
    if len(data) > MAX_SECONDS * rate * block:
        raise GreetingRefused(TOO_LONG)
    encoding = ENCODINGS[code, bits]
    whole = data[: len(data) - len(data) % block]
    return EncodedSound(whole, encoding, f"pcm_{encoding}", rate, channels)


def _chunks(upload: bytes) -> dict[bytes, bytes]:
    """The first `fmt ` and `data` chunk; the RIFF length is not looked at, as careless programs get it wrong."""
    found: dict[bytes, bytes] = {}
    at = 12
    long = upload[:4] in WITH_LONG_SIZES and upload[12:16] == b"ds64" and len(upload) >= 36
    data_size = struct.unpack_from("<Q", upload, 28)[0] if long else 0
    while at + 8 <= len(upload):
        name, size = struct.unpack_from("<4sI", upload, at)
        if name == b"data" and size == 0xFFFFFFFF and data_size:
            size = data_size
        end = at + 8 + size
        if end > len(upload):
            if name != b"data":
                raise GreetingRefused(DAMAGED)
            if not any(size in lengths for lengths in OPEN_ENDED):
                raise GreetingRefused(INCOMPLETE)
        if name in (b"fmt ", b"data") and name not in found:
            found[name] = upload[at + 8 : end]
        at = end + size % 2
    return found
