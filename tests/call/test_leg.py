"""One side of a call: what it heard, what it said, and where its sound goes."""

from __future__ import annotations

import pytest

from b2bua.call.leg import Leg
from b2bua.call.ports import Peer
from b2bua.sip.sdp.description import parse_sdp
from b2bua.sip.sdp.nat import Nat
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.transport import Transport
from tests.call.stage import EVENTS, G722, PCMA, PCMU, codecs_of, sdp

HOST, GATEWAY = "192.0.2.1", "203.0.113.9"


def leg(name: str = "a", nat: Nat = "auto") -> Leg:
    made = Leg(
        name, Flow(Transport.UDP, SocketAddress("192.0.2.100", 5060), SocketAddress(HOST, 5060)), 9000, nat
    )
    made.address, made.port = "198.51.100.7", 20000
    return made


@pytest.mark.behaviour("M5")
@pytest.mark.parametrize(
    ("host", "nat", "peer"),
    [
        (HOST, "auto", Peer(HOST, 4000)),
        (GATEWAY, "auto", Peer(GATEWAY, 4000)),
        ("10.0.0.5", "auto", Peer(HOST, 4000, (HOST, "10.0.0.5"))),
        (HOST, "always", Peer(HOST, 4000, (HOST,))),
        (GATEWAY, "always", Peer(HOST, 4000, (HOST, GATEWAY))),
        ("10.0.0.5", "never", Peer("10.0.0.5", 4000)),
        ("0.0.0.0", "auto", None),
        ("0.0.0.0", "always", None),
    ],
)
def test_where_the_peers_sound_goes(host: str, nat: Nat, peer: Peer | None) -> None:
    side = leg(nat=nat)
    assert side.peer() is None
    side.hear(sdp(host))
    assert side.peer() == peer


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", 400), (b"v=1\r\n", 400), (b"v=0\r\n", 488), (sdp(HOST, codecs=("96 opus",)), 488)],
)
def test_a_description_that_cannot_be_used(body: bytes, code: int) -> None:
    side = leg()
    with pytest.raises(BadMessage) as error:
        side.hear(body)
    assert error.value.code == code
    assert side.heard is None


def test_a_first_offer_is_the_other_sides_at_our_address() -> None:
    said = parse_sdp(leg("b1").offer(parse_sdp(sdp(HOST, direction="sendonly"))))
    assert (said.session_id, said.version) == (9000, 1)
    assert (said.audio.address, said.audio.port, said.audio.direction) == ("198.51.100.7", 20000, "sendonly")


def test_without_an_offer_every_phones_codecs_are_offered() -> None:
    assert codecs_of(parse_sdp(leg("b1").offer(None))) == ["PCMA", "PCMU", "G722", "telephone-event"]


def test_versions_count_what_changed() -> None:
    side = leg("b1")
    versions = [
        parse_sdp(side.offer(parse_sdp(sdp(HOST, direction=direction)))).version
        for direction in ("sendrecv", "sendrecv", "sendonly", "sendrecv")
    ]
    assert versions == [1, 1, 2, 3]


def test_what_was_refused_is_taken_back_under_a_later_version() -> None:
    side = leg()
    side.hear(sdp(HOST))
    side.answer(parse_sdp(sdp(HOST)))
    before = side.said
    side.offer(parse_sdp(sdp(HOST, codecs=(G722,))))
    side.take_back(before)
    assert side.said is not None and (codecs_of(side.said), side.said.version) == (
        ["PCMA", "PCMU", "telephone-event"],
        2,
    )
    assert side.wanted is not None and codecs_of(side.wanted) == ["PCMA", "PCMU", "telephone-event"]


def test_an_answer_that_does_not_fit_what_was_said_is_refused() -> None:
    side = leg("b1")
    side.offer(parse_sdp(sdp(HOST, codecs=(PCMA, EVENTS))))
    with pytest.raises(BadMessage) as error:
        side.hear_answer(sdp(HOST, codecs=(PCMU, EVENTS)))
    assert (error.value.code, side.heard) == (488, None)
    assert side.hear_answer(sdp(HOST, codecs=(PCMA,))) is side.heard


def test_later_offers_keep_the_media_lines() -> None:
    side = leg()
    side.hear(sdp(HOST) + b"m=video 4002 RTP/AVP 96\r\n")
    answer = parse_sdp(side.answer(parse_sdp(sdp(HOST))))
    assert [(media.kind, media.port) for media in answer.media] == [("audio", 20000), ("video", 0)]
    again = parse_sdp(side.offer(parse_sdp(sdp(HOST, direction="sendonly"))))
    assert [(media.kind, media.port) for media in again.media] == [("audio", 20000), ("video", 0)]


@pytest.mark.behaviour("M1")
def test_an_early_answer_narrows_what_is_wanted_from_then_on() -> None:
    side = leg()
    assert side.wanted is None
    side.hear(sdp(HOST, codecs=(G722, PCMU, PCMA, EVENTS)))
    assert side.wanted is side.heard
    assert codecs_of(parse_sdp(side.describe_early())) == ["PCMA", "telephone-event"]
    assert side.wanted is not None and codecs_of(side.wanted) == ["PCMA", "telephone-event"]


def test_an_answer_without_a_common_codec_is_refused() -> None:
    side = leg()
    side.hear(sdp(HOST, codecs=(PCMA,)))
    with pytest.raises(BadMessage) as error:
        side.answer(parse_sdp(sdp(HOST, codecs=(G722,))))
    assert error.value.code == 488
