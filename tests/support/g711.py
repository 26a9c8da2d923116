"""G.711: µ-law and A-law to and from 16-bit samples, by tables made from the ITU-T definition."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PCMU, PCMA = 0, 8
"""The static RTP payload numbers (RFC 3551 §6)."""

Samples = NDArray[np.int16]


def _ulaw(code: int) -> int:
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return -magnitude if code & 0x80 else magnitude


def _alaw(code: int) -> int:
    code ^= 0x55
    exponent, mantissa = code >> 4 & 7, code & 0x0F
    magnitude = (mantissa << 4) + 8 if exponent == 0 else (mantissa << 4) + 0x108 << exponent - 1
    return magnitude if code & 0x80 else -magnitude


def _nearest(decoded: Samples) -> NDArray[np.uint8]:
    """For every 16-bit sample, from -32768 up, the code whose sample lies nearest."""
    order = np.argsort(decoded, kind="stable")
    levels = decoded[order].astype(np.int32)
    edges = (levels[1:] + levels[:-1]) / 2
    return order[np.searchsorted(edges, np.arange(-32768, 32768))].astype(np.uint8)


_DECODE = {
    PCMU: np.array([_ulaw(code) for code in range(256)], np.int16),
    PCMA: np.array([_alaw(code) for code in range(256)], np.int16),
}
_ENCODE = {payload: _nearest(table) for payload, table in _DECODE.items()}


def encode(samples: Samples, payload: int) -> bytes:
    """16-bit samples as G.711 octets of the payload type given."""
    return _ENCODE[payload][samples.astype(np.int32) + 32768].tobytes()


def decode(octets: bytes, payload: int) -> Samples:
    """G.711 octets as 16-bit samples."""
    return _DECODE[payload][np.frombuffer(octets, np.uint8)]
