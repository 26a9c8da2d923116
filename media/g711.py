"""G.711 companding (ITU-T G.711): 16-bit linear samples to the octets of PCMU and PCMA, RTP types 0 and 8."""

from __future__ import annotations

from collections.abc import Iterable

PCMU = 0
PCMA = 8
FULL_SCALE_DBM0 = {PCMU: 3.17, PCMA: 3.14}
"""Level of a sine that just reaches the largest code, in dBm0 (G.711 §5)."""

_ULAW_BIAS = 132
_ULAW_CLIP = 32635
_ALAW_INVERT = 0x55


def encode_ulaw(samples: Iterable[int]) -> bytes:
    """Samples in -32768..32767 as mu-law octets."""
    return bytes(map(_ulaw, samples))


def encode_alaw(samples: Iterable[int]) -> bytes:
    """Samples in -32768..32767 as A-law octets, even bits inverted."""
    return bytes(map(_alaw, samples))


def _ulaw(sample: int) -> int:
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), _ULAW_CLIP) + _ULAW_BIAS
    segment = magnitude.bit_length() - 8
    return ~(sign | segment << 4 | magnitude >> (segment + 3) & 0x0F) & 0xFF


def _alaw(sample: int) -> int:
    sign = 0x80 if sample >= 0 else 0
    magnitude = min(abs(sample) if sample >= 0 else ~sample, 32767) >> 3
    segment = max(magnitude.bit_length() - 5, 0)
    step = magnitude >> max(segment, 1) & 0x0F
    return (sign | segment << 4 | step) ^ _ALAW_INVERT
