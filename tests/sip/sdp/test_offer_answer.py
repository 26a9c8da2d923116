import pytest
from hypothesis import given

from b2bua.sip.sdp.description import (
    PCMA,
    PCMU,
    STANDARD_CODECS,
    TELEPHONE_EVENT,
    Codec,
    Direction,
    Sdp,
    parse_sdp,
)
from b2bua.sip.sdp.offer_answer import answer, describe, early_answer, reoffer, revised, rewrite, same_numbers
from b2bua.sip.text.errors import BadMessage
from tests.sip.sdp.test_description import PHONE, descriptions, sdp

US = "198.51.100.7"


def test_an_offer_of_our_own() -> None:
    ours = describe(STANDARD_CODECS, US, 20000, 1, 1)
    assert parse_sdp(ours.encode()) == ours
    assert ours.audio.formats == ("8", "0", "9", "101")
    assert (ours.audio.direction, ours.audio.address, ours.audio.port) == (Direction.SENDRECV, US, 20000)


def test_the_other_side_is_offered_the_sound_and_nothing_else() -> None:
    offer = parse_sdp(PHONE)
    ours = rewrite(offer, US, 20000, 7, 1)
    assert ours.audio.codecs == offer.audio.codecs
    assert (ours.audio.ptime, ours.audio.direction) == (30, Direction.SENDRECV)
    text = str(ours)
    assert text.startswith(f"v=0\r\no=- 7 1 IN IP4 {US}\r\ns=-\r\n")
    for trace in (
        "alice",
        "A call",
        "10.1.2.3",
        "192.0.2.10",
        "49170",
        "ice",
        "candidate",
        "rtcp",
        "video",
        "111",
    ):
        assert trace not in text


def test_hold_by_address_is_passed_on_as_a_direction() -> None:
    offer = parse_sdp(sdp("m=audio 4000 RTP/AVP 8", session="c=IN IP4 0.0.0.0"))
    ours = rewrite(offer, US, 20000, 7, 1)
    assert ours.audio.direction is Direction.SENDONLY
    assert "0.0.0.0" not in str(ours)


@pytest.mark.behaviour("M1")
@pytest.mark.parametrize(
    ("formats", "attributes", "codecs"),
    [
        ("0 8 101", ["a=rtpmap:101 telephone-event/8000"], (PCMA, TELEPHONE_EVENT)),
        (
            "0 9 97",
            ["a=rtpmap:97 telephone-event/8000", "a=fmtp:97 0-16"],
            (PCMU, Codec(97, "telephone-event", fmtp="0-15")),
        ),
        ("9 8", [], (PCMA,)),
        ("8 96", ["a=rtpmap:96 telephone-event/48000"], (PCMA,)),
        ("98", ["a=rtpmap:98 PCMA/8000"], (Codec(98, "PCMA"),)),
    ],
)
def test_an_early_answer_is_one_codec_and_the_callers_digits(
    formats: str, attributes: list[str], codecs: tuple[Codec, ...]
) -> None:
    offer = parse_sdp(sdp(f"m=audio 4000 RTP/AVP {formats}", *attributes))
    ours = early_answer(offer, US, 20000, 1, 1)
    assert ours.audio.codecs == codecs
    assert ours.audio.direction is Direction.SENDRECV
    # A later target is offered exactly that.
    assert rewrite(ours, US, 20002, 2, 1).audio.codecs == codecs


def test_without_g711_there_is_no_early_answer() -> None:
    with pytest.raises(BadMessage) as error:
        early_answer(parse_sdp(sdp("m=audio 4000 RTP/AVP 9 18")), US, 20000, 1, 1)
    assert error.value.code == 488


def test_an_answer_keeps_the_order_of_media_lines_and_refuses_all_but_one() -> None:
    offer = parse_sdp(
        sdp(
            "m=image 4000 udptl t38",
            "m=audio 4002 RTP/SAVP 8",
            "m=audio 4004 RTP/AVPF 8",
            "m=audio 4004 RTP/AVPF 8",
            "m=video 4008 RTP/AVP 31 32",
        )
    )
    far = parse_sdp(sdp("m=audio 5000 RTP/AVP 8"))
    for ours in (early_answer(offer, US, 20000, 1, 1), answer(offer, far, US, 20000, 1, 1)):
        assert [line for line in str(ours).split("\r\n") if line.startswith("m=")] == [
            "m=image 0 udptl t38",
            "m=audio 0 RTP/SAVP 8",
            "m=audio 20000 RTP/AVPF 8",
            "m=audio 0 RTP/AVPF 8",
            "m=video 0 RTP/AVP 31 32",
        ]


def test_an_answer_says_what_the_far_end_answered_with_its_numbers() -> None:
    offer = parse_sdp(PHONE)
    far = parse_sdp(
        sdp(
            "m=audio 5000 RTP/AVP 0 8 13 98",
            "a=rtpmap:98 telephone-event/8000",
            "a=ptime:20",
            "a=recvonly",
            "a=candidate:1",
            session="c=IN IP4 203.0.113.9",
        )
    )
    ours = answer(offer, far, US, 20000, 7, 1)
    # Comfort noise was not offered; digits go by the number that the far end wants.
    assert ours.audio.codecs == (PCMU, PCMA, Codec(98, "telephone-event"))
    assert (ours.audio.direction, ours.audio.ptime) == (Direction.RECVONLY, 20)
    assert "203.0.113.9" not in str(ours)
    assert "candidate" not in str(ours)


def test_an_answer_to_hold_never_says_sendrecv() -> None:
    offer = parse_sdp(sdp("m=audio 4000 RTP/AVP 8", "a=sendonly"))
    far = parse_sdp(sdp("m=audio 5000 RTP/AVP 8", "a=sendrecv"))
    assert answer(offer, far, US, 20000, 7, 1).audio.direction is Direction.RECVONLY


def test_an_answer_without_a_codec_that_was_offered_is_refused() -> None:
    offer = parse_sdp(sdp("m=audio 4000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000"))
    far = parse_sdp(sdp("m=audio 5000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"))
    with pytest.raises(BadMessage) as error:
        answer(offer, far, US, 20000, 7, 1)
    assert error.value.code == 488


def test_a_later_offer_keeps_every_media_line_in_its_place() -> None:
    video_first = parse_sdp(
        sdp("m=video 4000 RTP/AVP 31", "m=audio 4002 RTP/AVPF 8", "m=image 4004 udptl t38")
    )
    said = early_answer(video_first, US, 20000, 7, 1)
    again = reoffer(said, describe((PCMU,), US, 20000, 7, 1, direction=Direction.SENDONLY))
    assert [line for line in str(again).split("\r\n") if line.startswith("m=")] == [
        "m=video 0 RTP/AVP 31",
        "m=audio 20000 RTP/AVPF 0",
        "m=image 0 udptl t38",
    ]
    assert again.audio.direction is Direction.SENDONLY


def test_the_version_rises_with_a_change_and_only_then() -> None:
    first = describe((PCMA,), US, 20000, 7, 5)
    assert revised(first, describe((PCMA,), US, 20000, 99, 1)) == first
    held = revised(first, describe((PCMA,), US, 20000, 99, 1, direction=Direction.SENDONLY))
    assert (held.session_id, held.version, held.audio.direction) == (7, 6, Direction.SENDONLY)
    assert revised(held, describe((PCMA,), US, 20000, 99, 1)).version == 7


@pytest.mark.parametrize(
    ("told", "wanted", "same"),
    [
        (("8 PCMA/8000", "96 telephone-event/8000"), ("8 PCMA/8000", "96 telephone-event/8000"), True),
        (("8 PCMA/8000", "96 telephone-event/8000"), ("8 PCMA/8000", "101 telephone-event/8000"), False),
        (("8 PCMA/8000", "96 telephone-event/8000"), ("8 PCMA/8000", "101 telephone-event/48000"), True),
        (("8 PCMA/8000", "96 telephone-event/8000"), ("8 PCMA/8000",), True),
        (("97 iLBC/8000",), ("98 iLBC/8000",), False),
        (("97 iLBC/8000",), ("98 iLBC/8000", "97 iLBC/8000"), True),
    ],
)
def test_whether_each_format_has_the_number_that_is_wanted(
    told: tuple[str, ...], wanted: tuple[str, ...], same: bool
) -> None:
    def description(codecs: tuple[str, ...]) -> Sdp:
        numbers = " ".join(codec.split()[0] for codec in codecs)
        return parse_sdp(sdp(f"m=audio 4000 RTP/AVP {numbers}", *(f"a=rtpmap:{codec}" for codec in codecs)))

    assert same_numbers(description(told), description(wanted)) is same


@given(descriptions, descriptions)
def test_whatever_was_offered_our_own_can_be_read_back(offer: Sdp, far: Sdp) -> None:
    mine = [
        rewrite(offer, US, 20000, 7, 1),
        early_answer(offer, US, 20000, 7, 1),
        answer(offer, far, US, 20000, 7, 1),
    ]
    for ours in mine:
        assert parse_sdp(ours.encode()) == ours
        assert (ours.audio.address, ours.audio.port) == (US, 20000)
        assert all(media.port == 0 for media in ours.media if media is not ours.audio)
    for ours in mine[1:]:
        assert [media.kind for media in ours.media] == [media.kind for media in offer.media]
        # Nobody sends towards an end that does not want to receive.
        assert offer.audio.direction.receives or not ours.audio.direction.sends
        assert offer.audio.direction.sends or not ours.audio.direction.receives
