"""Cuts the silence around a greeting and brings it to the level of the prompts, with pydub.

pydub gets bare samples and gives them back: it would start ffmpeg by itself for anything else.
"""

from __future__ import annotations

from pydub import AudioSegment
from pydub.silence import detect_leading_silence
from pydub.utils import make_chunks

from media import wav
from media.conversion.sound import GreetingRefused

LEVEL = -20.0
"""How loud the prompts are where they speak: RMS in dB of full scale."""
PEAK = -1.0
"""No sample gets louder than this, in dB of full scale; a greeting with high peaks stays below the level."""
SILENCE = -50.0
"""What is quieter is silence, in dB of full scale."""
GATE = 15.0
"""What is this many dB quieter than the whole is no speech: pauses, and the noise of the room."""
BELOW_SPEECH = 25.0
"""At both ends, what is this many dB quieter than the speech is silence too."""
BLOCK_MS, STEP_MS = 100, 20
LEAD_MS, TAIL_MS = 100, 500
"""What is kept of the silence before the first sound and after the last."""
LEAST_MS = 1000
"""The shortest greeting, from its first sound to its last."""


def levelled(samples: bytes) -> bytes:
    """The greeting as callers hear it: 8 kHz, 16-bit, mono, little-endian. Raises GreetingRefused."""
    whole = _segment(samples).remove_dc_offset()
    sound = _louder_than(SILENCE, whole)
    if not sound:
        raise GreetingRefused("The file is silent; record the greeting again, louder.")
    speech = _louder_than(sound.dBFS - GATE, sound)
    silence = max(SILENCE, speech.dBFS - BELOW_SPEECH)
    start = detect_leading_silence(whole, silence, STEP_MS)
    end = len(whole) - detect_leading_silence(whole.reverse(), silence, STEP_MS)
    if end - start < LEAST_MS:
        raise GreetingRefused("There is less than one second of sound in the file; record a longer greeting.")
    kept = whole[max(0, start - LEAD_MS) : end + TAIL_MS]
    gain = min(LEVEL - speech.dBFS, PEAK - kept.max_dBFS)
    return bytes(kept.apply_gain(gain).raw_data)


def _segment(samples: bytes) -> AudioSegment:
    return AudioSegment(data=samples, sample_width=2, frame_rate=wav.RATE, channels=1)


def _louder_than(level: float, segment: AudioSegment) -> AudioSegment:
    """The blocks of at least this level, joined: pauses say nothing about how loud somebody speaks."""
    blocks = make_chunks(segment, BLOCK_MS)
    return _segment(b"".join(block.raw_data for block in blocks if block.dBFS >= level))
