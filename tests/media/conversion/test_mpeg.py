from __future__ import annotations

import struct

import pytest

from media.conversion import mpeg
from media.conversion.mpeg import Frame
from media.conversion.sound import GreetingRefused
from tests.media.conversion.files import SILENT_FRAME, bare_mp3, greeting_mp3, id3, id3_frame

SECONDS = 3.0


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("fffb9064", Frame(3, 44100, False, 417)),
        ("fffb9264", Frame(3, 44100, False, 418)),
        ("fffae8c4", Frame(3, 32000, True, 1440)),
        ("fff314c4", Frame(2, 24000, True, 24)),
        ("ffe318c4", Frame(0, 8000, True, 72)),
        ("fffd9064", None),
        ("ffff9064", None),
        ("fff99064", None),
        ("ffeb9064", None),
        ("fffb0064", None),
        ("fffbf064", None),
        ("fffb9c64", None),
        ("fffb90", None),
        ("fefb9064", None),
        ("ffdb9064", None),
    ],
)
def test_a_frame_says_how_long_it_is(head: str, expected: Frame | None) -> None:
    assert mpeg.frame(bytes.fromhex(head), 0) == expected


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-b:a", "128k"),
        ("-q:a", "4", "-ac", "2"),
        ("-ar", "22050"),
        ("-ar", "8000", "-b:a", "8k"),
        ("-write_id3v1", "1", "-metadata", "title=Greeting"),
        ("-write_xing", "0"),
    ],
)
def test_frames_are_found_without_the_tags(options: tuple[str, ...]) -> None:
    upload = greeting_mp3(SECONDS, *options)
    found = mpeg.read(upload)
    assert (found.demuxer, found.rate, found.channels) == ("mp3", None, None)
    assert mpeg.frame(found.data, 0) is not None
    assert b"ID3" not in found.data and b"Greeting" not in found.data
    assert found.data in upload


FRAMES = SILENT_FRAME * 30
PICTURE = id3(id3_frame(b"APIC", b"\x00image/png\x00\x03\x00" + b"\x89PNG" * 1000))


@pytest.mark.parametrize(
    "upload",
    [
        FRAMES,
        PICTURE + FRAMES,
        id3(b"") + PICTURE + b"\0" * 100 + FRAMES,
        b"ID3\x04\x00\x10\x00\x00\x00\x02xx3DI\x04\x00\x10\x00\x00\x00\x02" + FRAMES,
        FRAMES + b"TAG".ljust(128, b"x"),
        FRAMES + b"\0" * 50 + b"APETAGEX and so on",
        FRAMES + b"LYRICSBEGIN and so on",
    ],
    ids=["bare", "picture", "two tags", "footer", "ID3v1", "APE", "Lyrics3"],
)
def test_whatever_tags_there_are_the_frames_are_what_is_left(upload: bytes) -> None:
    assert mpeg.read(upload).data == FRAMES


@pytest.mark.parametrize(
    ("upload", "why"),
    [
        (b"", "neither MP3 nor WAV"),
        (SILENT_FRAME * 2, "neither MP3 nor WAV"),
        (SILENT_FRAME[:50], "neither MP3 nor WAV"),
        (SILENT_FRAME + b"more", "neither MP3 nor WAV"),
        (id3(b"x" * 100) + b"#EXTM3U", "neither MP3 nor WAV"),
        (b"ID3\x03\x00\x00\xff\xff\xff\xff" + FRAMES, "neither MP3 nor WAV"),
        (id3(b"", size=0x0FFFFFFF) + FRAMES, "incomplete"),
        (id3(b"x" * 100)[:-1], "incomplete"),
        (FRAMES[:-1], "incomplete"),
        (FRAMES + SILENT_FRAME[:3], "incomplete"),
        (FRAMES + b"PK\x03\x04 a ZIP file", "damaged 2.2 seconds after its start, or something else"),
        (FRAMES + b"\xff\xfb\x90\x64" * 200, "something else"),
        (FRAMES + b"\0\0TA", "incomplete"),
    ],
)
def test_what_is_refused_says_why(upload: bytes, why: str) -> None:
    with pytest.raises(GreetingRefused, match=why):
        mpeg.read(upload)


@pytest.mark.parametrize(
    "between",
    [
        b"",
        b"TAG".ljust(128, b"x"),
        b"TAG+".ljust(227, b"x") + b"TAG".ljust(128, b"x") + id3(b"x" * 50),
        b"APETAGEX" + struct.pack("<IIII8x", 2000, 40, 1, 1 << 29) + bytes(40),
        b"LYRICSBEGINwords000011LYRICS200" + PICTURE,
        b"LYRICSBEGINwordsLYRICSEND" + bytes(100) + id3(b""),
    ],
    ids=["nothing", "ID3v1", "extended, then ID3v2", "APE", "Lyrics3 v2", "Lyrics3, zeros, ID3v2"],
)
def test_files_that_were_joined_are_read_whole(between: bytes) -> None:
    assert mpeg.read(FRAMES + between + FRAMES + between).data == FRAMES * 2


def test_the_encoders_own_frame_counts_for_its_part_and_is_no_sound_in_the_middle() -> None:
    one = greeting_mp3(SECONDS, "-b:a", "64k", "-id3v2_version", "0")
    tag = b"TAG".ljust(128, b"x")
    joined = mpeg.read(one + tag + one).data
    first = mpeg.frame(one, 0)
    assert first is not None and joined == one + one[first.size :]
    with pytest.raises(GreetingRefused, match="incomplete"):
        mpeg.read(one + tag + one[: borders(one)[-2]])
    with pytest.raises(GreetingRefused, match="incomplete"):
        mpeg.read(one[: borders(one)[-2]] + tag + one)
    long = greeting_mp3(70.0, "-b:a", "32k")
    with pytest.raises(GreetingRefused, match="longer than 120"):
        mpeg.read(long + tag + long)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (SILENT_FRAME * 2, "damaged 2.2 seconds"),
        (FRAMES[:-1], "incomplete"),
        (b"\xff\xfb\x90\x64".ljust(417, b"\0") * 5, "different sample rates .8000 and 44100 Hz"),
        (b"RIFF", "damaged 2.2 seconds"),
    ],
)
def test_a_second_part_that_is_not_whole_is_refused(second: bytes, why: str) -> None:
    with pytest.raises(GreetingRefused, match=why):
        mpeg.read(FRAMES + b"TAG".ljust(128, b"x") + second)


def in_free_format(upload: bytes) -> bytes:
    """The same frames without the bitrate in their headers."""
    freed = bytearray(upload)
    for at in borders(upload):
        freed[at + 2] &= 0x0F
    return bytes(freed)


@pytest.mark.parametrize(
    "options", [("-b:a", "128k"), ("-b:a", "48k", "-ar", "22050"), ("-b:a", "320k", "-ac", "2")]
)
def test_free_format_gets_the_bitrate_that_its_frames_have(options: tuple[str, ...]) -> None:
    plain = mpeg.read(greeting_mp3(SECONDS, *options, "-write_xing", "0", "-id3v2_version", "0")).data
    assert len({one.size for at in borders(plain) if (one := mpeg.frame(plain, at))}) <= 2
    assert mpeg.frame(in_free_format(plain), 0) is None
    assert mpeg.read(in_free_format(plain)).data == plain


def test_free_format_of_a_bitrate_without_a_number_says_what_to_do() -> None:
    odd = b"\xff\xe3\x08\xc4".ljust(75, b"\0") * 30
    with pytest.raises(GreetingRefused, match=r"unusual bitrate .* save it with 128 kbit/s"):
        mpeg.read(odd)
    with pytest.raises(GreetingRefused, match="incomplete"):
        mpeg.read((b"\xff\xe3\x08\xc4".ljust(72, b"\0") * 30)[:-1])


def test_the_frames_are_counted_whatever_the_file_claims() -> None:
    two_minutes = SILENT_FRAME * 1667
    assert mpeg.read(two_minutes).data == two_minutes
    with pytest.raises(GreetingRefused, match="longer than 120 seconds; shorten it"):
        mpeg.read(SILENT_FRAME * 1675)
    with pytest.raises(GreetingRefused, match="longer than 120 seconds"):
        mpeg.read(SILENT_FRAME * 72000)


def test_an_encoder_may_pad_two_minutes() -> None:
    assert mpeg.read(greeting_mp3(120.0, "-b:a", "32k")).data


def borders(upload: bytes, at: int = 0) -> list[int]:
    """Where frames begin."""
    found = []
    while (one := mpeg.frame(upload, at)) is not None:
        found.append(at)
        at += one.size
    return found


@pytest.mark.parametrize("lost", [2, 50])
def test_frames_that_are_missing_are_missed_by_the_encoders_count(lost: int) -> None:
    upload = greeting_mp3(SECONDS, "-b:a", "64k", "-id3v2_version", "0")
    assert len(borders(upload)) > 100
    with pytest.raises(GreetingRefused, match="incomplete"):
        mpeg.read(upload[: borders(upload)[-lost]])


def test_without_that_count_only_half_frames_are_noticed() -> None:
    upload = bare_mp3()
    middle = borders(upload)[50]
    assert mpeg.read(upload[:middle]).data == upload[:middle]
    with pytest.raises(GreetingRefused, match="incomplete"):
        mpeg.read(upload[: middle + 1])
