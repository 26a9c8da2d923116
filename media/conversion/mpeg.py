"""MP3 files: finds the frames of sound (MPEG-1, MPEG-2 and 2.5, layer III; ISO/IEC 11172-3 §2.4.1.3, 13818-3).

Every frame says how long it is, so the whole file can be walked without decoding it: that tells an MP3 file from
something else with its name, how long it plays whatever it claims, and whether its end is missing. Only frames
leave this file; tags (ID3v2, ID3v1, APE, Lyrics3) with all they may hold are skipped by their length.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from media.conversion.sound import TOO_LONG, EncodedSound, GreetingRefused
from media.greetings import MAX_SECONDS

LAYER_III = 1
MPEG_1, MPEG_2, MPEG_2_5 = 3, 2, 0
MONO = 3
KBITS = {
    MPEG_1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    MPEG_2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    MPEG_2_5: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""kbit/s by the header's bitrate index; 0 is "free format", which is not taken."""
RATES = {MPEG_1: (44100, 48000, 32000), MPEG_2: (22050, 24000, 16000), MPEG_2_5: (11025, 12000, 8000)}
SAMPLES = {MPEG_1: 1152, MPEG_2: 576, MPEG_2_5: 576}
"""Samples of a frame."""
SIDE_BYTES = {(MPEG_1, False): 32, (MPEG_1, True): 17, (MPEG_2, False): 17, (MPEG_2, True): 9}
SIDE_BYTES |= {(MPEG_2_5, mono): SIDE_BYTES[MPEG_2, mono] for mono in (False, True)}
"""Bytes between a frame's header and its sound, by version and whether it is mono."""
TAGS_BEHIND = (b"TAG", b"APETAGEX", b"LYRICSBEGIN")
ENCODER_PADDING = 0.5
"""Seconds that encoders may add to a sound at both ends together."""
LEAST_FRAMES = 3
"""Fewer may be found by chance in anything."""
UNKNOWN = "The file is neither MP3 nor WAV, whatever its name says; save the greeting as one of them."
INCOMPLETE = "The MP3 file is incomplete: its end is missing; save it again."


@dataclass(frozen=True, slots=True)
class Frame:
    """What a frame's header says: the version, sampling rate (Hz), whether it is mono, and its bytes."""

    version: int
    rate: int
    mono: bool
    size: int


def read(upload: bytes) -> EncodedSound:
    """The frames of an MP3 file. Raises GreetingRefused, too for what is no MP3 file."""
    start = at = _behind_tags(upload)
    if (first := frame(upload, at)) is None:
        raise GreetingRefused(UNKNOWN)
    promised = _promised_frames(upload, at, first)
    frames, seconds, each = 0, 0.0, SAMPLES[first.version] / first.rate
    found: Frame | None = first
    while found and (found.version, found.rate) == (first.version, first.rate):
        if at + found.size > len(upload):
            raise GreetingRefused(INCOMPLETE if frames >= LEAST_FRAMES else UNKNOWN)
        at += found.size
        frames += 1
        seconds = (frames - (promised is not None)) * each
        if seconds > MAX_SECONDS + ENCODER_PADDING:
            raise GreetingRefused(TOO_LONG)
        found = frame(upload, at)
    if frames < LEAST_FRAMES:
        raise GreetingRefused(UNKNOWN)
    rest = upload[at:].lstrip(b"\0")
    if 0 < len(rest) < 4 or (promised is not None and frames < promised):
        raise GreetingRefused(INCOMPLETE)
    if rest and not rest.startswith(TAGS_BEHIND):
        raise GreetingRefused(
            f"The MP3 file is damaged {seconds:.1f} seconds after its start, or something else is attached to it; "
            "save it again."
        )
    return EncodedSound(upload[start:at], "mp3", "mp3float,mp3")


def frame(data: bytes, at: int) -> Frame | None:
    """The frame that begins there, of which all may not be there; None if none begins."""
    head = data[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version not in KBITS or layer != LAYER_III or bitrate in (0, 15) or rate == 3:
        return None
    hertz = RATES[version][rate]
    size = SAMPLES[version] // 8 * KBITS[version][bitrate] * 1000 // hertz + (head[2] >> 1 & 1)
    return Frame(version, hertz, head[3] >> 6 == MONO, size)


def _behind_tags(upload: bytes) -> int:
    """Where the ID3v2 tags and the zeros behind them end. Raises GreetingRefused for one that is not all there."""
    at = 0
    while upload[at : at + 3] == b"ID3" and len(upload) >= at + 10:
        flags, *digits = upload[at + 5 : at + 10]
        if any(digit & 0x80 for digit in digits):
            raise GreetingRefused(UNKNOWN)
        size = digits[0] << 21 | digits[1] << 14 | digits[2] << 7 | digits[3]
        at += 10 + size + (10 if flags & 0x10 else 0)
        if at >= len(upload):
            raise GreetingRefused(INCOMPLETE)
    return at + len(upload[at:]) - len(upload[at:].lstrip(b"\0"))


def _promised_frames(upload: bytes, at: int, first: Frame) -> int | None:
    """How many frames the encoder's own first frame ("Xing" or "Info") says there are; None without one."""
    mark = at + 4 + SIDE_BYTES[first.version, first.mono]
    if upload[mark : mark + 4] not in (b"Xing", b"Info") or len(upload) < mark + 12:
        return None
    flags, frames = struct.unpack_from(">II", upload, mark + 4)
    return int(frames) if flags & 1 else 0
