from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2bua.sip.sdp import description as module
from b2bua.sip.sdp.description import (
    G722,
    PCMA,
    PCMU,
    TELEPHONE_EVENT,
    Codec,
    Direction,
    Media,
    Sdp,
    parse_sdp,
)
from b2bua.sip.text.errors import BadMessage

names = st.from_regex(r"[A-Za-z0-9\-]{1,16}", fullmatch=True)
fmtps = st.from_regex(r"[!-~]([ -~]{0,30}[!-~])?", fullmatch=True)
dynamic = st.builds(
    Codec,
    payload=st.integers(96, 127),
    name=names,
    rate=st.sampled_from([8000, 16000, 48000]),
    channels=st.sampled_from([1, 2]),
    fmtp=st.just("") | fmtps,
)
codec_lists = st.lists(dynamic, max_size=5, unique_by=lambda codec: codec.payload).map(
    lambda codecs: (PCMA, *codecs)
)
addresses = (
    st.ip_addresses(v=4).filter(lambda each: not each.is_multicast and 0 < int(each) < 2**32 - 1).map(str)
)
streams = st.builds(
    lambda codecs, **rest: Media(
        "audio", codecs=codecs, formats=tuple(str(each.payload) for each in codecs), **rest
    ),
    codecs=codec_lists,
    port=st.integers(1, 65535),
    protocol=st.sampled_from(["RTP/AVP", "RTP/AVPF"]),
    address=addresses,
    direction=st.sampled_from(list(Direction)),
    ptime=st.none() | st.integers(1, 200),
)
refused = st.builds(
    Media,
    kind=st.sampled_from(["audio", "video", "image", "application"]),
    port=st.just(0),
    protocol=st.sampled_from(["RTP/AVP", "RTP/SAVP", "udptl", "TCP/MSRP"]),
    formats=st.lists(st.from_regex(r"[0-9a-z*]{1,5}", fullmatch=True), min_size=1, max_size=4).map(tuple),
)
numbers = st.integers(0, 2**63)
descriptions = st.builds(
    lambda before, audio, after, **rest: Sdp(media=(*before, audio, *after), **rest),
    before=st.lists(refused, max_size=2),
    audio=streams,
    after=st.lists(refused | streams, max_size=2),
    session_id=numbers,
    version=numbers,
)

PHONE = b"""v=0\r
o=alice 2890844526 2890844527 IN IP4 10.1.2.3\r
s=A call\r
c=IN IP4 192.0.2.10\r
t=0 0\r
a=ice-ufrag:xyz\r
m=audio 49170 RTP/AVP 8 0 9 18 96 101 111\r
a=rtpmap:8 PCMA/8000\r
a=rtpmap:96 opus/48000/2\r
a=fmtp:96 useinbandfec=1; stereo=0\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-16\r
a=fmtp:18 annexb=no\r
a=ptime:30\r
a=rtcp:49171\r
a=rtcp-mux\r
a=candidate:1 1 UDP 2130706431 10.1.2.3 49170 typ host\r
m=video 51372 RTP/AVP 31\r
a=rtpmap:31 H261/90000\r
"""


def sdp(*media: str, session: str = "c=IN IP4 192.0.2.1", origin: str = "o=- 1 1 IN IP4 192.0.2.1") -> bytes:
    return "\r\n".join(["v=0", origin, "s=-", session, "t=0 0", *media, ""]).encode()


def test_what_a_phone_offers() -> None:
    offer = parse_sdp(PHONE)
    audio = offer.audio
    assert (offer.session_id, offer.version) == (2890844526, 2890844527)
    assert (audio.address, audio.port, audio.protocol) == ("192.0.2.10", 49170, "RTP/AVP")
    assert audio.codecs == (
        PCMA,
        PCMU,
        G722,
        Codec(18, "G729", fmtp="annexb=no"),
        Codec(96, "opus", 48000, 2, "useinbandfec=1; stereo=0"),
        Codec(101, "telephone-event", fmtp="0-16"),
    )
    assert audio.formats == ("8", "0", "9", "18", "96", "101", "111")
    assert (audio.ptime, audio.direction, audio.telephone_event) == (30, Direction.SENDRECV, 101)
    assert offer.media[1] == Media("video", 51372, "RTP/AVP", ("31",))


@pytest.mark.parametrize(
    ("session", "media", "direction"),
    [
        ("c=IN IP4 192.0.2.1", "", Direction.SENDRECV),
        ("c=IN IP4 192.0.2.1", "a=sendonly", Direction.SENDONLY),
        ("c=IN IP4 192.0.2.1", "a=recvonly", Direction.RECVONLY),
        ("c=IN IP4 192.0.2.1", "a=inactive", Direction.INACTIVE),
        ("c=IN IP4 192.0.2.1\r\na=sendonly", "", Direction.SENDONLY),
        ("c=IN IP4 192.0.2.1\r\na=sendonly", "a=sendrecv", Direction.SENDRECV),
        ("c=IN IP4 0.0.0.0", "", Direction.SENDONLY),
        ("c=IN IP4 0.0.0.0", "a=recvonly", Direction.INACTIVE),
        ("c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0", Direction.SENDONLY),
        ("c=IN IP4 0.0.0.0", "c=IN IP4 192.0.2.1", Direction.SENDRECV),
    ],
)
def test_directions_and_hold(session: str, media: str, direction: Direction) -> None:
    lines = ["m=audio 4000 RTP/AVP 8", *([media] if media else [])]
    audio = parse_sdp(sdp(*lines, session=session)).audio
    assert audio.direction is direction
    assert audio.on_hold == (direction in ("sendonly", "inactive"))


def test_the_first_usable_audio_stream_is_the_one() -> None:
    body = sdp(
        "m=audio 0 RTP/AVP 8",
        "m=audio 4000 RTP/SAVP 8",
        "m=audio 4002 RTP/AVP 99",
        "m=audio 4004 RTP/AVP 101",
        "a=rtpmap:101 telephone-event/8000",
        "m=audio 4006 RTP/AVP 8",
        "c=IN IP6 2001:db8::1",
        "m=audio 4008/2 RTP/AVPF 0",
        "m=audio 4010 RTP/AVP 8",
    )
    assert parse_sdp(body).audio.port == 4008


@pytest.mark.parametrize(
    "body",
    [
        sdp(),
        sdp("m=video 4000 RTP/AVP 31"),
        sdp("m=audio 0 RTP/AVP 8"),
        sdp("m=audio 4000 RTP/SAVP 8"),
        sdp("m=audio 4000 UDP/TLS/RTP/SAVPF 8"),
        sdp("m=audio 4000 RTP/AVP 8", session="c=IN IP6 2001:db8::1"),
        sdp("m=audio 4000 RTP/AVP 8", session="b=AS:64"),
        sdp("m=audio 4000 RTP/AVP 8", session="c=IN IP4 224.2.1.1/127"),
        sdp("m=audio 4000 RTP/AVP 8", session="c=IN IP4 255.255.255.255"),
        sdp("m=audio 4000 RTP/AVP 8", session="c=IN IP4 phone.acme.example"),
        sdp("m=audio 4000 RTP/AVP 8", session="c=IN IP7 192.0.2.1"),
        sdp("m=audio 4000 RTP/AVP 8", session="c=IN IP4"),
        sdp("m=audio 4000 RTP/AVP 8", session="c="),
        sdp("m=audio 4000 RTP/AVP 8", "c=ATM x y"),
        sdp("m=audio 0 RTP/AVP"),
        b"v=0\r\n",
        b"v=0\r\no=x\r\nm=audio 1 RTP/AVP 8\r\n",
        sdp("m=audio 4000 RTP/AVP 99"),
        sdp("m=audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"),
    ],
)
def test_without_sound_that_can_be_relayed_it_is_not_acceptable(body: bytes) -> None:
    with pytest.raises(BadMessage) as error:
        parse_sdp(body)
    assert error.value.code == 488


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0",
        b"v=1\r\n",
        b"<xml/>",
        sdp("m=audio"),
        sdp("m =audio 4000 RTP/AVP 8"),
        sdp("maudio"),
        sdp("m=audio x RTP/AVP 8"),
        sdp("m=audio 65536 RTP/AVP 8"),
        sdp("m=audio 4000 RTP/AVP"),
        sdp("m=audio 4000 RTP/AVP " + " ".join(map(str, range(65)))),
        sdp(*["m=audio 4000 RTP/AVP 8"] * 33),
        sdp("m=audio 4000 RTP/AVP 8", *["a=x:" + "y" * 1000] * 17),
    ],
)
def test_what_is_malformed_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadMessage) as error:
        parse_sdp(body)
    assert error.value.code == 400


def test_bare_line_feeds_and_trailing_blanks_are_tolerated() -> None:
    body = b"v=0 \no=- x y IN IP4 192.0.2.1\ns=-\nc=IN  IP4 192.0.2.1 \nt=0 0\nm=audio  4000 RTP/AVP 8 \n\n\0"
    parsed = parse_sdp(body)
    assert (parsed.session_id, parsed.version, parsed.audio.port) == (0, 0, 4000)


@pytest.mark.parametrize(
    ("origin", "numbers"),
    [
        ("o=  7 8 IN IP4 192.0.2.1", (7, 8)),
        ("o=7 8 IN IP4 192.0.2.1", (7, 8)),
        ("o=Bob of Acme 7 8 IN IP4 192.0.2.1", (7, 8)),
        ("o=- 7 8 IN IP6 ::1", (7, 8)),
        ("o=- x -8 IN IP4 192.0.2.1", (0, 0)),
        ("o=phone", (0, 0)),
        ("o=", (0, 0)),
        ("s=x", (0, 0)),
    ],
)
def test_an_origin_of_any_form_will_do(origin: str, numbers: tuple[int, int]) -> None:
    parsed = parse_sdp(sdp("m=audio 4000 RTP/AVP 8", origin=origin))
    assert (parsed.session_id, parsed.version, parsed.audio.port) == (*numbers, 4000)


def test_lines_that_are_none_are_left_out() -> None:
    lines = ["", "m=audio 4000 RTP/AVP 8", "", "nonsense", "=x", "a", "1=2", "a=sendonly", "a =recvonly", ""]
    audio = parse_sdp(b"\r\n" + sdp(*lines)).audio
    assert (audio.port, audio.direction, audio.codecs) == (4000, Direction.SENDONLY, (PCMA,))


@pytest.mark.parametrize("line", ["m=video 0 RTP/AVP", "m=video 0 RTP/AVP "])
def test_a_stream_that_is_switched_off_needs_no_formats_and_its_answer_has_one(line: str) -> None:
    parsed = parse_sdp(sdp("m=audio 4000 RTP/AVP 8", line))
    assert [media.formats for media in parsed.media] == [("8",), ("0",)]
    assert "m=video 0 RTP/AVP 0\r\n" in str(parsed)


def test_a_strange_codec_line_costs_only_itself() -> None:
    body = sdp(
        "m=audio 4000 RTP/AVP 8 97 98 999 x 8",
        "a=rtpmap:97 bad\x01name/8000",
        "a=rtpmap:98",
        "a=rtpmap:999 opus/48000",
        "a=fmtp:8 \xff",
        "a=ptime:x",
    )
    audio = parse_sdp(body).audio
    assert audio.codecs == (PCMA,)
    assert audio.ptime is None


def test_codecs_are_compared_by_name_and_clock() -> None:
    assert PCMA.same_as(Codec(99, "pcma"))
    assert not Codec(101, "telephone-event", 48000).same_as(TELEPHONE_EVENT)
    assert not Codec(96, "L16", 8000, 2).same_as(Codec(96, "L16", 8000, 1))
    audio = parse_sdp(sdp("m=audio 4000 RTP/AVP 97", "a=rtpmap:97 pcmu/8000")).audio
    assert audio.find(PCMU) == Codec(97, "pcmu")
    assert audio.find(PCMA) is None
    assert audio.telephone_event is None


@pytest.mark.parametrize(
    ("offered", "wish", "answered"),
    [
        ("sendrecv", "sendrecv", "sendrecv"),
        ("sendrecv", "sendonly", "sendonly"),
        ("sendonly", "sendrecv", "recvonly"),
        ("sendonly", "inactive", "inactive"),
        ("recvonly", "sendrecv", "sendonly"),
        ("recvonly", "recvonly", "inactive"),
        ("inactive", "sendrecv", "inactive"),
    ],
)
def test_what_may_answer_a_direction(offered: str, wish: str, answered: str) -> None:
    assert Direction(offered).answered_with(Direction(wish)) is Direction(answered)


def test_how_a_description_is_written() -> None:
    audio = Media("audio", 20000, "RTP/AVP", ("8", "101"), (PCMA, TELEPHONE_EVENT), "192.0.2.1", ptime=20)
    assert Sdp(1, 2, (audio, Media("video", 0, "RTP/AVP", ("31",)))).encode() == (
        b"v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        b"m=audio 20000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n"
        b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
        b"m=video 0 RTP/AVP 31\r\n"
    )


def test_a_section_names_its_address_only_where_it_is_another() -> None:
    near = Media("audio", 20000, "RTP/AVP", ("8",), (PCMA,), "192.0.2.1")
    far = replace(near, port=20002, address="192.0.2.2")
    written = Sdp(1, 2, (near, far)).encode()
    assert written.count(b"c=IN IP4 192.0.2.1") == written.count(b"c=IN IP4 192.0.2.2") == 1
    assert parse_sdp(written) == Sdp(1, 2, (near, far))


@given(descriptions)
def test_a_description_survives_being_written_and_read(description: Sdp) -> None:
    assert parse_sdp(description.encode()) == description


@given(
    st.binary(max_size=200)
    | st.lists(
        st.sampled_from(
            [*PHONE.split(b"\r\n"), b"c=IN IP4 0.0.0.0", b"m=audio 0 x x", b"a=sendonly", b"a=fmtp:8 \xff"]
        )
        | st.binary(max_size=20),
        max_size=15,
    ).map(lambda lines: b"\r\n".join([*PHONE.split(b"\r\n")[:7], *lines]))
)
def test_hostile_bodies_are_read_or_refused(body: bytes) -> None:
    try:
        parsed = parse_sdp(body)
    except BadMessage as error:
        assert error.code in (400, 488)
        return
    assert parse_sdp(parsed.encode()).audio == parsed.audio


def test_long_descriptions_are_not_kept() -> None:
    def sizes() -> list[int]:
        return [known.cache_info().currsize for known in (module._connection, module._codecs)]

    def read(gap: str = " ", formats: str = "96", *more: str) -> None:
        lines = (f"m=audio 4000 RTP/AVP 8 {formats}", *more, "a=rtpmap:96 X/8000")
        assert parse_sdp(sdp(*lines, session=f"c=IN{gap}IP4 192.0.2.1")).audio.address == "192.0.2.1"

    read()
    before = sizes()
    for number in range(20):
        read(" " * (2000 + number))
        read(" ", f"{number:01200}")
        read(" ", "96", *[f"a=fmtp:96 {'x' * 200}{number}"] * 6)
    assert sizes() == before
