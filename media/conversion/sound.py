"""The sound that an uploaded file holds, still encoded, and the one exception of all that is refused."""

from __future__ import annotations

from dataclasses import dataclass

from media.greetings import MAX_SECONDS

TOO_LONG = f"The file is longer than {MAX_SECONDS:.0f} seconds; shorten it."


class GreetingRefused(Exception):
    """The file cannot become a greeting; the text says what is wrong with it and what to do."""


@dataclass(frozen=True, slots=True)
class EncodedSound:
    """Nothing but sound: the bytes that the decoder gets, without the tags and chunks around them.

    `demuxer` and `decoders` are ffmpeg's names; a `demuxer` of bare samples needs `rate` (Hz) and `channels`.
    """

    data: bytes
    demuxer: str
    decoders: str
    rate: int | None = None
    channels: int | None = None
