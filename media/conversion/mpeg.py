"""MP3 files: finds the frames of sound (MPEG-1, MPEG-2 and 2.5, layer III; ISO/IEC 11172-3 §2.4.1.3, 13818-3).

Every frame says how long it is, so the whole file can be walked without decoding it. That tells an MP3 file
from something else with its name, how long it plays whatever it claims, and whether its end is missing. Only
frames leave this file; tags (ID3v2, ID3v1, APE, Lyrics3) with all they may hold are skipped by their length,
at both ends and between files that were joined. In free format the header gives no size, but all frames have
the same one. As ffmpeg does not read that, a header with the bitrate that means this size takes its place.
"""

from __future__ import annotations

import re
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
"""kbit/s by the header's bitrate index; 0 is "free format"."""
FREE_KBITS = 640
"""The highest bitrate that encoders use in free format."""
RATES = {MPEG_1: (44100, 48000, 32000), MPEG_2: (22050, 24000, 16000), MPEG_2_5: (11025, 12000, 8000)}
SAMPLES = {MPEG_1: 1152, MPEG_2: 576, MPEG_2_5: 576}
"""Samples of a frame."""
SIDE_BYTES = {(MPEG_1, False): 32, (MPEG_1, True): 17, (MPEG_2, False): 17, (MPEG_2, True): 9}
SIDE_BYTES |= {(MPEG_2_5, mono): SIDE_BYTES[MPEG_2, mono] for mono in (False, True)}
"""Bytes between a frame's header and its sound, by version and whether it is mono."""
ENCODER_PADDING = 0.5
"""Seconds that encoders may add to a sound at both ends together."""
HEADER_BYTES = 4
APE_HEADER = 1 << 29
"""The flag of an APE tag's header, in front of the tag; at its end the same block stands without it."""
LEAST_FRAMES = 3
"""Fewer may be found by chance in anything."""
ZEROS = re.compile(rb"\0*")
UNKNOWN = "The file is neither MP3 nor WAV, whatever its name says; save the greeting as one of them."
INCOMPLETE = "The MP3 file is incomplete: its end is missing; save it again."


@dataclass(frozen=True, slots=True)
class Frame:
    """What a frame's header says: the version, sampling rate (Hz), whether it is mono, and its bytes."""

    version: int
    rate: int
    mono: bool
    size: int


@dataclass(frozen=True, slots=True)
class Part:
    """One of the files that were joined, mostly the only one: its frames, where they end, and how long they play."""

    first: Frame
    frames: bytes
    end: int
    seconds: float


def read(upload: bytes) -> EncodedSound:
    """The frames of an MP3 file. Raises GreetingRefused, too for what is no MP3 file."""
    parts: list[Part] = []
    at, seconds = _behind_tags(upload, 0), 0.0
    while part := _part(upload, at, seconds):
        parts.append(part)
        seconds += part.seconds
        first = parts[0].first
        if (part.first.version, part.first.rate) != (first.version, first.rate):
            raise GreetingRefused(
                f"Parts of the MP3 file have different sample rates ({first.rate} and {part.first.rate} Hz); save it "
                "again as one."
            )
        at = _behind_tags(upload, _behind_trailers(upload, part.end))
    if not parts:
        raise GreetingRefused(UNKNOWN)
    if at < len(upload):
        raise GreetingRefused(INCOMPLETE if len(upload) - at < HEADER_BYTES else _damaged(seconds))
    return EncodedSound(b"".join(part.frames for part in parts), "mp3", "mp3float,mp3")


def frame(data: bytes, at: int, free: int = 0) -> Frame | None:
    """The frame that begins there, of which all may not be there; None if none begins.

    `free` is the size of frames in free format, without padding; without it they are none.
    """
    head = data[at : at + HEADER_BYTES]
    if len(head) < HEADER_BYTES or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version not in KBITS or layer != LAYER_III or bitrate == 15 or rate == 3 or not (bitrate or free):
        return None
    hertz = RATES[version][rate]
    size = _size(version, KBITS[version][bitrate], hertz) if bitrate else free
    return Frame(version, hertz, head[3] >> 6 == MONO, size + (head[2] >> 1 & 1))


def _size(version: int, kbits: int, hertz: int) -> int:
    """The bytes of a frame without padding."""
    return SAMPLES[version] // 8 * kbits * 1000 // hertz


def _part(upload: bytes, start: int, before: float) -> Part | None:
    """The frames from there on, up to what is none. `before` are the seconds of earlier parts."""
    free = _free_size(upload, start)
    first = found = frame(upload, start, free)
    if first is None:
        return None
    promised = _promised_frames(upload, start, first)
    at, frames, seconds, each = start, 0, 0.0, SAMPLES[first.version] / first.rate
    while found and (found.version, found.rate) == (first.version, first.rate):
        if at + found.size > len(upload):
            raise GreetingRefused(INCOMPLETE if frames >= LEAST_FRAMES or before else UNKNOWN)
        at += found.size
        frames += 1
        seconds = (frames - (promised is not None)) * each
        if before + seconds > MAX_SECONDS + ENCODER_PADDING:
            raise GreetingRefused(TOO_LONG)
        found = frame(upload, at, free)
    if frames < LEAST_FRAMES:
        raise GreetingRefused(_damaged(before) if before else UNKNOWN)
    if promised is not None and frames < promised:
        raise GreetingRefused(INCOMPLETE)
    # The encoder's own frame is no sound; ffmpeg knows it at the start alone.
    sound = start + first.size if before and promised is not None else start
    return Part(first, _with_bitrate(upload[sound:at], first, free), at, seconds)


def _free_size(upload: bytes, at: int) -> int:
    """The bytes of a frame without padding where free format begins; 0 where it does not.

    Nothing but the next header says it: the first distance that leads from frame to frame.
    """
    head = upload[at : at + HEADER_BYTES]
    known = frame(upload, at, free=HEADER_BYTES)
    if known is None or head[2] >> 4:
        return 0
    longest = _size(known.version, FREE_KBITS, known.rate) + 1
    following = at
    while (following := upload.find(head[:2], following + HEADER_BYTES, at + longest + 2)) > 0:
        free = following - at - (head[2] >> 1 & 1)
        to = at
        for _ in range(LEAST_FRAMES):
            found = frame(upload, to, free)
            if found is None or upload[to + 2] >> 4 or found.rate != known.rate:
                break
            to += found.size
        else:
            return free
    return 0


def _with_bitrate(frames: bytes, first: Frame, free: int) -> bytes:
    """Frames in free format with a bitrate in each header, which means the size that they have."""
    if not free:
        return frames
    sizes = [_size(first.version, kbits, first.rate) for kbits in KBITS[first.version]]
    if free not in sizes:
        raise GreetingRefused(
            "The MP3 file has an unusual bitrate (free format); save it with 128 kbit/s, say."
        )
    named, at = bytearray(frames), 0
    while found := frame(frames, at, free):
        named[at + 2] |= sizes.index(free) << 4
        at += found.size
    return bytes(named)


def _damaged(seconds: float) -> str:
    return (
        f"The MP3 file is damaged {seconds:.1f} seconds after its start, or something else is attached to it; "
        "save it again."
    )


def _behind_tags(upload: bytes, start: int) -> int:
    """Where the ID3v2 tags and the zeros behind them end. Raises GreetingRefused for one that is not all there."""
    at = start
    while upload[at : at + 3] == b"ID3" and len(upload) >= at + 10:
        flags, *digits = upload[at + 5 : at + 10]
        if any(digit & 0x80 for digit in digits):
            raise GreetingRefused(UNKNOWN)
        size = digits[0] << 21 | digits[1] << 14 | digits[2] << 7 | digits[3]
        at += 10 + size + (10 if flags & 0x10 else 0)
        if at > len(upload) or (at == len(upload) and not start):
            raise GreetingRefused(INCOMPLETE)
    return _behind_zeros(upload, at)


def _behind_trailers(upload: bytes, at: int) -> int:
    """Where the tags behind the frames end: ID3v1 with its extension, APE, Lyrics3."""
    while True:
        at = _behind_zeros(upload, at)
        rest = upload[at : at + 32]
        if rest.startswith(b"TAG+"):
            at += 227
        elif rest.startswith(b"TAG"):
            at += 128
        elif rest.startswith(b"APETAGEX"):
            size, _, flags = struct.unpack_from("<III", rest.ljust(32, b"\0"), 12)
            at += 32 + (size if flags & APE_HEADER else 0)
        elif rest.startswith(b"LYRICSBEGIN"):
            ends = [upload.find(mark, at) for mark in (b"LYRICSEND", b"LYRICS200")]
            found = min((end for end in ends if end > 0), default=len(upload))
            at = found + 9
        else:
            return min(at, len(upload))


def _behind_zeros(upload: bytes, at: int) -> int:
    found = ZEROS.match(upload, at)
    assert found is not None
    return found.end()


def _promised_frames(upload: bytes, at: int, first: Frame) -> int | None:
    """How many frames the encoder's own first frame ("Xing" or "Info") says there are; None without one."""
    mark = at + 4 + SIDE_BYTES[first.version, first.mono]
    if upload[mark : mark + 4] not in (b"Xing", b"Info") or len(upload) < mark + 12:
        return None
    flags, frames = struct.unpack_from(">II", upload, mark + 4)
    return int(frames) if flags & 1 else 0
