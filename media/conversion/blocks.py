"""WAV files whose samples are compressed in blocks: GSM 6.10 and two kinds of ADPCM.

ffmpeg has no name for such blocks without a header, so they get one that is written here, of fields that were looked
at. (Microsoft, "New Multimedia Data Types and Data Techniques", 1994.)
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

GSM_BLOCK, GSM_SAMPLES = 65, 320
LARGEST_BLOCK = 8192
"""Bytes; programs write up to 4096."""
MS_COEFFICIENTS = (256, 0, 512, -256, 0, 0, 192, 64, 240, 0, 460, -208, 392, -232)


@dataclass(frozen=True, slots=True)
class Packed:
    """One way of packing: its format code, ffmpeg's decoder, bits of a sample, and what follows in the header.

    `samples` says how many samples of each channel a block has, by channels, its bytes and the bits; None for a block
    that there is not.
    """

    code: int
    decoder: str
    bits: int
    extra: bytes
    samples: Callable[[int, int, int], int | None]


def _gsm(channels: int, block: int, bits: int) -> int | None:
    return GSM_SAMPLES if (channels, block) == (1, GSM_BLOCK) and bits in (0, 4) else None


def _ms_adpcm(channels: int, block: int, bits: int) -> int | None:
    if bits != 4 or not 7 * channels < block <= LARGEST_BLOCK:
        return None
    return (block - 7 * channels) * 2 // channels + 2


def _ima_adpcm(channels: int, block: int, bits: int) -> int | None:
    if bits != 4 or not 4 * channels < block <= LARGEST_BLOCK or block % (4 * channels):
        return None
    return (block - 4 * channels) * 2 // channels + 1


BLOCKS = {
    packed.code: packed
    for packed in (
        Packed(0x31, "gsm_ms", 0, b"", _gsm),
        Packed(0x02, "adpcm_ms", 4, struct.pack("<H14h", 7, *MS_COEFFICIENTS), _ms_adpcm),
        Packed(0x11, "adpcm_ima_wav", 4, b"", _ima_adpcm),
    )
}


def as_wav(packed: Packed, channels: int, rate: int, block: int, samples: int, blocks: bytes) -> bytes:
    """A WAV file of these blocks and nothing else."""
    form = struct.pack(
        "<HHIIHHHH",
        *(packed.code, channels, rate, rate * block // samples, block, packed.bits),
        *(2 + len(packed.extra), samples),
    )
    form += packed.extra
    return (
        struct.pack("<4sI4s4sI", b"RIFF", 20 + len(form) + len(blocks), b"WAVE", b"fmt ", len(form))
        + form
        + struct.pack("<4sI", b"data", len(blocks))
        + blocks
    )
