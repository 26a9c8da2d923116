"""G.711 encoding against the decoder's tables."""

from __future__ import annotations

import numpy as np
import pytest

from media.g711 import PCMA, PCMU, encode_alaw, encode_ulaw
from tests.support import g711


@pytest.mark.parametrize(("codec", "encode"), [(PCMU, encode_ulaw), (PCMA, encode_alaw)])
def test_every_code_comes_back(codec: int, encode: object) -> None:
    assert callable(encode)
    levels = g711.decode(bytes(range(256)), codec)
    assert (g711.decode(encode(levels.tolist()), codec) == levels).all()


@pytest.mark.parametrize(("codec", "encode"), [(PCMU, encode_ulaw), (PCMA, encode_alaw)])
def test_every_sample_is_within_half_a_step(codec: int, encode: object) -> None:
    assert callable(encode)
    samples = np.arange(-32768, 32768)
    decoded = g711.decode(encode(samples.tolist()), codec).astype(int)
    error = np.abs(decoded - samples)
    assert np.all(error <= np.maximum(np.abs(samples) / 31 + 10, 8))
