"""Via: the name of a transaction, and what a response says of where it was asked from."""

from __future__ import annotations

import pytest

from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.via import Via


@pytest.mark.parametrize(
    ("text", "host", "port", "branch", "rport"),
    [
        ("SIP/2.0/UDP 192.0.2.1", "192.0.2.1", None, "", False),
        ("sip/2.0/udp Host.Example:5070;branch=z9hG4bKx;rport", "host.example", 5070, "z9hG4bKx", True),
        ("SIP/2.0/UDP [2001:db8::1]:5062 ; rport ; BRANCH = a", "[2001:db8::1]", 5062, "a", True),
        ("SIP/2.0/UDP h : 5060;rport=9;branch=b", "h", 5060, "b", False),
        ("SIP/2.0/TLS-SCTP h;hidden;xrport;branch=b", "h", None, "b", False),
    ],
)
def test_via(text: str, host: str, port: int | None, branch: str, rport: bool) -> None:
    via = Via(text)
    assert (via.host, via.port, via.branch, via.rport) == (host, port, branch, rport)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "HTTP/1.1 h",
        "SIP/2/UDP h",
        "SIP/2.0/UDP h x",
    ],
)
def test_bad_via(text: str) -> None:
    with pytest.raises(BadMessage):
        Via(text)


@pytest.mark.parametrize(
    ("text", "answered"),
    [
        ("SIP/2.0/UDP h;;branch=b;,", "SIP/2.0/UDP h;branch=b"),
        ("SIP/2.0/UDP h;branch=b;", "SIP/2.0/UDP h;branch=b"),
        ('SIP/2.0/UDP h;a="x;branch=b', "SIP/2.0/UDP h;branch=b"),
        ("SIP/2.0/UDP h ; =x ; rport", "SIP/2.0/UDP h ;rport=7"),
        ("SIP/3.0/UDP h;branch=b", "SIP/3.0/UDP h;branch=b"),
        ("SIP/2.0/UDP h:0;branch=b", "SIP/2.0/UDP h:0;branch=b"),
        ("SIP/2.0/UDP h:65536", "SIP/2.0/UDP h:65536"),
    ],
)
def test_a_faulty_via_is_good_for_an_answer(text: str, answered: str) -> None:
    via = Via(text)
    assert via.fault and via.port is None
    assert via.answered("192.0.2.9", 7) == f"{answered};received=192.0.2.9"
    assert not Via(answered.replace("3.0", "2.0").replace(":0", "").replace(":65536", "")).fault


@pytest.mark.parametrize(
    "params", ["", ";rport", ";a=", ' ; a = "x;;y" ; b', ";received=[2001:db8::9]", ";x=1 2"]
)
def test_sound_parameters(params: str) -> None:
    assert Via(f"SIP/2.0/UDP h{params}").fault == ""


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("SIP/2.0/UDP 192.0.2.9;branch=b", "SIP/2.0/UDP 192.0.2.9;branch=b"),
        ("SIP/2.0/UDP phone.example;branch=b", "SIP/2.0/UDP phone.example;branch=b;received=192.0.2.9"),
        ("SIP/2.0/UDP 192.0.2.9;rport;branch=b", "SIP/2.0/UDP 192.0.2.9;rport=7;branch=b;received=192.0.2.9"),
        ("SIP/2.0/UDP h;received=6.6.6.6 ;a", "SIP/2.0/UDP h;a;received=192.0.2.9"),
    ],
)
def test_the_value_in_a_response(text: str, written: str) -> None:
    assert Via(text).answered("192.0.2.9", 7) == written
