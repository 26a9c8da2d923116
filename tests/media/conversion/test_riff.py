from __future__ import annotations

import struct

import pytest

from media.conversion import riff
from media.conversion.sound import EncodedSound, GreetingRefused
from tests.media.conversion.files import chunk, fmt, wav_file
from tests.media.conversion.files import riff as riff_file

SECOND = bytes(range(256)) * 63
"""16,128 bytes."""


@pytest.mark.parametrize(
    ("code", "bits", "encoding"),
    [
        (1, 8, "u8"),
        (1, 16, "s16le"),
        (1, 24, "s24le"),
        (1, 32, "s32le"),
        (3, 32, "f32le"),
        (3, 64, "f64le"),
        (6, 8, "alaw"),
        (7, 8, "mulaw"),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_the_samples_are_found_and_named(code: int, bits: int, encoding: str, channels: int) -> None:
    data = SECOND[: 48 * 100]
    assert riff.read(wav_file(data, 16000, channels, code, bits)) == EncodedSound(
        data, encoding, f"pcm_{encoding}", 16000, channels
    )


def test_an_extensible_header_names_the_encoding_further_on() -> None:
    form = struct.pack("<HHIIHHHHIH", 0xFFFE, 1, 8000, 16000, 2, 16, 22, 16, 0, 1) + riff.SUBFORMAT
    assert riff.read(riff_file(chunk(b"fmt ", form), chunk(b"data", SECOND))).demuxer == "s16le"
    other = form[:-1] + b"\x00"
    with pytest.raises(GreetingRefused, match="format 65534"):
        riff.read(riff_file(chunk(b"fmt ", other), chunk(b"data", SECOND)))


@pytest.mark.parametrize(
    "upload",
    [
        riff_file(chunk(b"LIST", b"INFO<html>"), fmt(), chunk(b"data", SECOND), chunk(b"junk", b"x")),
        riff_file(fmt(), chunk(b"data", SECOND), size=0),
        riff_file(fmt(), chunk(b"data", SECOND), size=0xFFFFFFFF),
        riff_file(fmt(), chunk(b"data", SECOND, size=0xFFFFFFFF)),
        riff_file(fmt(), chunk(b"data", SECOND, size=0x7FFFFFF0)),
        riff_file(fmt(), chunk(b"data", SECOND), fmt(channels=255), chunk(b"data", b"other")),
        riff_file(fmt(), chunk(b"data", SECOND + b"x")),
    ],
    ids=[
        "other chunks",
        "no length",
        "endless file",
        "endless",
        "half endless",
        "more of them",
        "half a sample",
    ],
)
def test_what_careless_programs_write_is_read(upload: bytes) -> None:
    assert riff.read(upload).data == SECOND


@pytest.mark.parametrize(
    ("upload", "why"),
    [
        (riff_file(fmt(), chunk(b"data", SECOND, size=576_000_000)), "incomplete"),
        (riff_file(fmt(), chunk(b"data", SECOND, size=len(SECOND) + 1)), "incomplete"),
        (riff_file(fmt(), chunk(b"LIST", b"abcd", size=0xFFFFFFFF), chunk(b"data", SECOND)), "damaged"),
        (riff_file(chunk(b"fmt ", b"", size=0xFFFFFFFF), chunk(b"data", SECOND)), "damaged"),
        (riff_file(fmt(), chunk(b"data", SECOND)) + b"<html><script>", "something else"),
        (riff_file(chunk(b"data", SECOND)), "damaged"),
        (riff_file(chunk(b"fmt ", b"\1\0"), chunk(b"data", SECOND)), "damaged"),
        (riff_file(fmt()), "no sound"),
        (riff_file(fmt(), chunk(b"data", b"")), "no sound"),
        (riff_file(), "damaged"),
        (riff_file(fmt(block=0), chunk(b"data", SECOND)), "damaged"),
        (riff_file(fmt(block=64), chunk(b"data", SECOND)), "damaged"),
        (wav_file(SECOND, channels=0), "0 channels"),
        (wav_file(SECOND, channels=255), "255 channels"),
        (wav_file(SECOND, channels=3), "3 channels"),
        (wav_file(SECOND, rate=0), "rate of 0 Hz"),
        (wav_file(SECOND, rate=1), "rate of 1 Hz"),
        (wav_file(SECOND, rate=7999), "rate of 7999 Hz"),
        (wav_file(SECOND, rate=192001), "rate of 192001 Hz"),
        (wav_file(SECOND, rate=0xFFFFFFFF), "rate of 4294967295 Hz"),
        (wav_file(SECOND, code=0x45, bits=4), "format 69, 4 bits"),
        (wav_file(SECOND, code=2, bits=4), "damaged"),
        (wav_file(SECOND, code=0x31, bits=0), "damaged"),
        (wav_file(SECOND, code=0x55, bits=0), "neither MP3 nor WAV"),
        (wav_file(SECOND, code=1, bits=12), "format 1, 12 bits"),
    ],
)
def test_what_is_refused_says_why(upload: bytes, why: str) -> None:
    with pytest.raises(GreetingRefused, match=why):
        riff.read(upload)


def test_it_may_last_two_minutes_to_the_sample() -> None:
    longest = bytes(120 * 8000 * 2)
    assert len(riff.read(wav_file(longest, 8000)).data) == len(longest)
    with pytest.raises(GreetingRefused, match="longer than 120 seconds; shorten it"):
        riff.read(wav_file(longest + b"\0\0", 8000))


@pytest.mark.parametrize(
    ("code", "channels", "block", "bits", "samples"),
    [
        (0x31, 1, 65, 0, 320),
        (0x31, 2, 65, 0, None),
        (0x31, 1, 66, 0, None),
        (0x02, 1, 256, 4, 500),
        (0x02, 2, 1024, 4, 1012),
        (0x02, 1, 7, 4, None),
        (0x02, 1, 256, 8, None),
        (0x02, 1, 8193, 4, None),
        (0x11, 1, 256, 4, 505),
        (0x11, 2, 2048, 4, 2041),
        (0x11, 1, 4, 4, None),
        (0x11, 2, 1028, 4, None),
        (0x11, 1, 256, 3, None),
    ],
)
def test_blocks_hold_so_many_samples(
    code: int, channels: int, block: int, bits: int, samples: int | None
) -> None:
    upload = riff_file(fmt(code, channels, 8000, bits, block), chunk(b"data", bytes(block * 2 + 1)))
    if samples is None:
        with pytest.raises(GreetingRefused, match="damaged"):
            riff.read(upload)
        return
    found = riff.read(upload)
    assert (found.demuxer, found.rate, found.channels) == ("wav", None, None)
    assert found.data[20:22] == code.to_bytes(2, "little")
    assert found.data.endswith(b"data" + (block * 2).to_bytes(4, "little") + bytes(block * 2))
    most = 120 * 8000 // samples
    riff.read(riff_file(fmt(code, channels, 8000, bits, block), chunk(b"data", bytes(block * most))))
    with pytest.raises(GreetingRefused, match="longer than 120"):
        riff.read(
            riff_file(fmt(code, channels, 8000, bits, block), chunk(b"data", bytes(block * (most + 1))))
        )


def long_sizes(data_size: int, *chunks: bytes) -> bytes:
    """An RF64 file: sizes of the whole, of the sound, and of samples (EBU Tech 3306 §3)."""
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 0, data_size, 0, 0))
    return b"RF64\xff\xff\xff\xffWAVE" + ds64 + b"".join(chunks)


@pytest.mark.parametrize("name", [b"RF64", b"BW64"])
def test_a_file_with_long_sizes_is_read_by_them(name: bytes) -> None:
    endless = chunk(b"data", SECOND, size=0xFFFFFFFF)
    upload = long_sizes(len(SECOND), fmt(), endless, chunk(b"LIST", b"INFO"))
    assert riff.is_wav(name + upload[4:])
    assert riff.read(name + upload[4:]).data == SECOND
    with pytest.raises(GreetingRefused, match="incomplete"):
        riff.read(long_sizes(10_000_000_000, fmt(), endless))


@pytest.mark.parametrize(
    ("upload", "is_one"),
    [(wav_file(SECOND), True), (b"RIFX\0\0\0\0WAVE", False), (b"RIFF\0\0\0\0AVI ", False)],
)
def test_it_is_known_by_its_content(upload: bytes, is_one: bool) -> None:
    assert riff.is_wav(upload) is is_one
