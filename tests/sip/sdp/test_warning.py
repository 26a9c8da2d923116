"""Every 488 of ours says why (RFC 3261 §20.43)."""

from __future__ import annotations

import pytest

from b2bua.sip.sdp.description import parse_sdp
from b2bua.sip.sdp.warning import unacceptable, warned
from b2bua.sip.text.errors import BadMessage
from tests.sip.messages import request
from tests.sip.wire import Network, Peer, Phone

HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"


@pytest.mark.parametrize(
    ("media", "code", "word"),
    [
        ("m=audio 4000 RTP/SAVP 8\r\n", 305, "encrypted"),
        ("m=video 4000 RTP/AVP 31\r\n", 304, "No sound"),
        ("m=audio 0 RTP/AVP 8\r\n", 304, "No sound"),
        ("", 304, "No sound"),
        ("m=audio 4000 RTP/AVP 120\r\n", 305, "No codec"),
        ("m=audio 4000 RTP/AVP 8\r\nc=IN IP6 2001:db8::1\r\n", 399, "IPv4"),
    ],
)
def test_a_description_without_usable_sound(media: str, code: int, word: str) -> None:
    with pytest.raises(BadMessage) as error:
        parse_sdp((HEAD + media).encode())
    ((name, value),) = error.value.headers
    assert error.value.code == 488 and name == "Warning"
    assert value.startswith(f"{code} ringplan ") and word in value


def test_a_488_that_does_not_say_why_gets_the_general_warning() -> None:
    ((name, value),) = warned(488, ())
    assert name == "Warning" and value.startswith("399 ringplan ")
    own = unacceptable(305, "words").headers
    assert warned(488, own) == own == (("Warning", '305 ringplan "words"'),)
    assert warned(486, ()) == ()


def test_the_refusal_of_an_invite_carries_the_warning() -> None:
    network = Network()
    phone, peer = Phone(network, "192.0.2.2"), Peer(network, "192.0.2.9")

    def refuse(invite: object, asked: object, now: float) -> None:
        raise unacceptable(305, "words")

    phone.on_invite = refuse  # type: ignore[method-assign, assignment]
    peer.send(request(), phone.hop)
    network.run(0.1)
    assert peer.received[-1].get("warning") == '305 ringplan "words"'


def test_a_refusal_without_words_of_its_own_carries_the_general_warning() -> None:
    network = Network()
    phone, peer = Phone(network, "192.0.2.2"), Peer(network, "192.0.2.9")
    phone.when("invite", lambda session, now: session.reject(488, now))  # type: ignore[attr-defined]
    peer.send(request(), phone.hop)
    network.run(0.1)
    assert str(peer.received[-1].get("warning")).startswith("399 ringplan ")
