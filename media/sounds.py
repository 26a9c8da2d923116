"""All that the relay plays by itself, rendered as raw G.711: the tones, and the announcements of one language.

The folder holds two files a sound, `engaged.0` (PCMU) and `engaged.8` (PCMA): the suffix is the RTP payload type.
"""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from media import wav
from media.g711 import FULL_SCALE_DBM0, PCMA, PCMU, encode_alaw, encode_ulaw
from media.tones import ENGAGED, RATE, RINGBACK

log = structlog.get_logger()

TONES = (ENGAGED, RINGBACK)
ANNOUNCEMENTS = ("redirecting", "anonymous-rejected")
"""Phrases of the catalogue that a caller hears before anybody answers (D1, A2)."""
SOUNDS = (*(tone.name for tone in TONES), *ANNOUNCEMENTS)
PACKET = 80
"""Octets of 10 ms, which the relay sends at a time; of a shorter rest at the end it sends nothing."""


def render_all(folder: Path, prompts: Path) -> None:
    """Write every sound into `folder`, the announcements from their recordings in `prompts`.

    An announcement whose recording is missing or of another format has no files, and the log says so.
    Raises OSError when the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for tone in TONES:
        _write(folder, tone.name, PCMU, encode_ulaw(tone.samples(FULL_SCALE_DBM0[PCMU])))
        _write(folder, tone.name, PCMA, encode_alaw(tone.samples(FULL_SCALE_DBM0[PCMA])))
    for name in ANNOUNCEMENTS:
        try:
            samples = wav.numbers(wav.read_samples(prompts / f"{name}.wav"))
        except (OSError, wav.NotRecording) as error:
            log.warning("relay.sound_missing", sound=name, reason=str(error))
            for codec in (PCMU, PCMA):
                (folder / f"{name}.{codec}").unlink(missing_ok=True)
            continue
        samples.extend([0] * (-len(samples) % PACKET))
        _write(folder, name, PCMU, encode_ulaw(samples))
        _write(folder, name, PCMA, encode_alaw(samples))


def seconds(sound: str, folder: Path) -> float:
    """How long a rendered sound is, a tone in a loop being one round of it. Raises OSError if it is not there."""
    return (folder / f"{sound}.{PCMU}").stat().st_size / RATE


def _write(folder: Path, name: str, codec: int, octets: bytes) -> None:
    whole = folder / f"{name}.{codec}"
    part = whole.with_name(f".{whole.name}.{os.getpid()}")
    part.write_bytes(octets)
    part.replace(whole)  # the relay may be playing the old one
