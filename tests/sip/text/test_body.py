"""What a body holds: in any part, never more than can be read, never an error."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2bua.sip.text.body import MAX_DEPTH, MAX_PARTS, Body, Kind, Part, read_body, write_multipart
from tests.sip.multiparts import ISUP, LOCATION, TYPES, mixed, part

SDP = b"v=0\r\no=x\r\n"
ISUP_PART = part(ISUP, TYPES["isup"])
SDP_PART = part(SDP, TYPES["sdp"])
UNKNOWN = part(b"?", "application/x-unheard-of")
REQUIRED = part(b"?", "application/x-unheard-of", "Content-Disposition: render;handling=REQUIRED")
OPTIONAL = part(b"?", "application/x-unheard-of", "Content-Disposition: render; handling=optional")


def read(content_type: str | None, data: bytes, disposition: str | None = None) -> Body:
    return read_body(data, content_type, disposition, None)


@pytest.mark.behaviour("M6")
@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        ("application/sdp", SDP),
        ("Application/SDP; charset=x", SDP),
        mixed(SDP_PART),
        mixed(SDP_PART, part(LOCATION, TYPES["location"])),
        mixed(ISUP_PART, SDP_PART),
        mixed(UNKNOWN, SDP_PART, UNKNOWN),
        mixed(SDP_PART, boundary='"blank in it"'.strip('"'), kind="mixed"),
        mixed(ISUP_PART, SDP_PART, kind="related"),
        mixed(part(b"x", "text/plain"), SDP_PART, kind="alternative"),
        mixed(SDP_PART, part(b"x", "text/html"), kind="alternative"),
        mixed(SDP_PART, part(b"x", "application/pkcs7-signature"), kind="signed"),
        mixed(UNKNOWN, part(*reversed(mixed(ISUP_PART, SDP_PART, boundary="inner"))), kind="mixed"),
        mixed(part(b"dj0wDQpvPXgNCg==", TYPES["sdp"], "Content-Transfer-Encoding: Base64")),
        mixed(part(b"v=3D0\r\no=3Dx\r\n", TYPES["sdp"], "Content-Transfer-Encoding: quoted-printable")),
        mixed(
            part(
                SDP, "", "content-type:\r\n application/SDP", "content-disposition: session;handling=required"
            )
        ),
    ],
)
def test_the_description_is_found_in_any_part(content_type: str, data: bytes) -> None:
    if "blank" in content_type:
        content_type = content_type.replace("blank in it", '"blank in it"')
    body = read(content_type, data)
    assert body.sdp == SDP and body.understood


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("closed", [True, False])
def test_preamble_epilogue_line_ends_and_a_missing_end(ending: bytes, closed: bool) -> None:
    lines = [
        b"not for us --b",
        b"--b ",
        b"Content-Type: application/sdp",
        b"",
        b"v=0",
        b"--bar",
        b"o=--b",
        b"",
    ]
    lines += [b"--b--", b"--b", b"Content-Type: application/isup", b"", b"1"] if closed else []
    body = read("multipart/mixed; boundary=b", ending.join(lines))
    assert [each.data for each in body.parts] == [ending.join([b"v=0", b"--bar", b"o=--b", b""])]


def test_what_the_parts_are() -> None:
    relay = part(b"Signal=5", "application/dtmf-relay")
    summary = part(b"Messages-Waiting: no", "application/simple-message-summary")
    located = part(LOCATION, TYPES["location"], "Content-ID: <where@here>", "Content-Disposition: render")
    body = read(*mixed(ISUP_PART, relay, summary, located, UNKNOWN))
    assert [each.kind for each in body.parts] == [Kind.ISUP, Kind.KEY, Kind.MESSAGES, Kind.LOCATION, None]
    assert body.first(Kind.ISUP) == Part("application/isup", ISUP)
    assert body.first(Kind.LOCATION) == Part("application/pidf+xml", LOCATION, "render", "", "where@here")
    assert body.first(Kind.SDP) is None and body.sdp is None


def test_a_description_for_another_session_is_none_of_the_call() -> None:
    early = part(b"v=0\r\nearly", TYPES["sdp"], "Content-Disposition: early-session;handling=optional")
    body = read(*mixed(early, SDP_PART))
    assert body.sdp == SDP and body.understood


@pytest.mark.parametrize(
    ("content_type", "data", "disposition", "understood"),
    [
        ("text/plain", b"x", None, False),
        (None, b"x", None, False),
        ("text/plain", b"x", "render;handling=required", False),
        ("text/plain", b"x", "render;handling=optional", True),
        ("text/plain", b"", None, True),
        (*mixed(SDP_PART, UNKNOWN), None, True),
        (*mixed(SDP_PART, OPTIONAL), None, True),
        (*mixed(SDP_PART, REQUIRED), None, False),
        (*mixed(SDP_PART, REQUIRED), "session;handling=optional", True),
        (*mixed(UNKNOWN), None, False),
        (*mixed(OPTIONAL), None, True),
        (*mixed(OPTIONAL, UNKNOWN), None, False),
        (*mixed(REQUIRED, SDP_PART, kind="alternative"), None, True),
        (*mixed(UNKNOWN, REQUIRED, kind="alternative"), None, False),
        (
            *mixed(part(ISUP, TYPES["isup"], "Content-Disposition: signal;handling=required"), SDP_PART),
            None,
            True,
        ),
        ("multipart/mixed", mixed(SDP_PART)[1], None, False),
        ("multipart/mixed;boundary=other", mixed(SDP_PART)[1], None, False),
        ("multipart/mixed;boundary=other", mixed(SDP_PART)[1], "session;handling=optional", True),
    ],
)
def test_what_must_be_understood_and_is_not(
    content_type: str | None, data: bytes, disposition: str | None, understood: bool
) -> None:
    assert read(content_type, data, disposition).understood is understood


@pytest.mark.parametrize(("encoding", "understood"), [(None, True), ("Identity", True), ("gzip", False)])
def test_a_packed_body_is_not_understood(encoding: str | None, understood: bool) -> None:
    body = read_body(SDP, "application/sdp", None, encoding)
    assert body.understood is understood and (body.sdp is not None) is understood


def test_what_lies_too_deep_is_not_looked_at() -> None:
    def nested(depth: int) -> Body:
        content_type, data = mixed(SDP_PART, boundary="b0")
        for number in range(1, depth):
            content_type, data = mixed(part(data, content_type), boundary=f"b{number}")
        return read(content_type, data)

    assert nested(MAX_DEPTH).sdp == SDP
    assert nested(MAX_DEPTH + 1).sdp is None and not nested(5000).understood


def test_only_so_many_parts_are_looked_at() -> None:
    assert read(*mixed(*[UNKNOWN] * (MAX_PARTS - 1), SDP_PART)).sdp == SDP
    assert read(*mixed(*[UNKNOWN] * MAX_PARTS, SDP_PART)).sdp is None
    inner = part(*reversed(mixed(*[UNKNOWN] * (MAX_PARTS - 2), boundary="inner")))
    assert read(*mixed(inner, SDP_PART)).sdp == SDP
    assert read(*mixed(inner, UNKNOWN, SDP_PART)).sdp is None


@pytest.mark.parametrize(
    "data",
    [
        b"--b\r\n" * 13_000,
        b"--b" * 21_000,
        b"\n--b" + b" " * 65_000,
        b"--b\r\n" + b"\r\n " * 21_000,
        b"--b\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n" * 1300,
        b"--b\r\nContent-Disposition: " + b";a=" * 20_000,
    ],
)
def test_hostile_multiparts_cost_no_time(data: bytes) -> None:
    began = time.process_time()
    read("multipart/mixed;boundary=b", data)
    read("multipart/mixed" + ";" * 30_000 + "boundary=b", data)
    assert time.process_time() - began < 0.25


anything = st.binary(max_size=300)
headers = st.none() | st.text(st.characters(max_codepoint=0xDCFF), max_size=80)


@given(anything, headers, headers, headers)
def test_reading_never_raises(
    data: bytes, content_type: str | None, disposition: str | None, other: str | None
) -> None:
    read_body(data, content_type, disposition, other)


@given(
    st.lists(
        st.sampled_from(
            [
                b"--b",
                b"--b--",
                b"\r\n",
                b"\n",
                b"Content-Type: ",
                b"multipart/mixed;boundary=b",
                b"x",
                b" ",
                b":",
            ]
        ),
        max_size=40,
    ),
    st.sampled_from(["mixed", "alternative", "signed", "x"]),
)
def test_no_arrangement_of_boundaries_raises(pieces: list[bytes], kind: str) -> None:
    body = read(f"multipart/{kind};boundary=b", b"".join(pieces))
    assert len(body.parts) <= MAX_PARTS


def test_what_is_written_can_be_read() -> None:
    parts = (
        Part("application/sdp", SDP),
        Part("application/pidf+xml", LOCATION, "render", "optional", "t.1@host"),
    )
    content_type, data = write_multipart(parts, "token-1")
    assert read(content_type, data) == Body(parts)
