from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import meter
from tests.support.addresses import fresh_address
from tests.support.rtp import RtpEndpoint
from tests.support.sipp import Message, Sipp, SippFailed, read_trace

ANSWER = Path(__file__).parents[2] / "sipp_scenarios" / "common" / "answer.xml"
CALL = Path(__file__).parent / "scenarios" / "call_unchallenged.xml"


def test_a_trace_is_read_message_by_message() -> None:
    body = b"OPTIONS sip:a@b SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n"
    line = b"-" * 47 + b" 2026-01-05 10:00:00.000001\n"
    data = line + b"UDP message sent (%d bytes):\n\n" % len(body) + body + b"\n"
    data += line + b"UDP message received [20] bytes :\n\nSIP/2.0 200"
    (message,) = read_trace(data)
    assert (message.received, message.method, message.status) == (False, "OPTIONS", 0)


def test_the_media_of_an_sdp() -> None:
    message = Message("", True, "SIP/2.0 200 OK\r\n\r\nc=IN IP4 127.0.0.9\r\nm=audio 4000 RTP/AVP 8\r\n")
    assert (message.status, message.media) == (200, ("127.0.0.9", 4000))
    held = Message("", True, "SIP/2.0 200 OK\r\n\r\nc=IN IP4 127.0.0.9\r\nm=audio 0 RTP/AVP 8\r\n")
    assert held.media is None


def test_two_scenarios_call_each_other_and_their_endpoints_hear_each_other(tmp_path: Path) -> None:
    with RtpEndpoint(fresh_address()) as low, RtpEndpoint(fresh_address()) as high:
        low.play(meter.tone(440, seconds=0.2))
        high.play(meter.tone(620, seconds=0.2))

        def joined_to(endpoint: RtpEndpoint, message: Message) -> None:
            if message.received and message.media:
                endpoint.remote = message.media

        called = Sipp(
            ANSWER,
            tmp_path / "called",
            high.address,
            (low.address, 5060),
            calls=0,
            keys={"rtp_ip": high.address, "rtp_port": high.port},
            hear=lambda message: joined_to(high, message),
        )
        caller = Sipp(
            CALL,
            tmp_path / "caller",
            low.address,
            (high.address, 5060),
            service="202",
            keys={"rtp_ip": low.address, "rtp_port": low.port},
            pause=1.0,
            hear=lambda message: joined_to(low, message),
        )
        caller.finish()
        called.finish()
        assert [m.status for m in caller.received] == [180, 200, 200]
        assert [m.method for m in called.received] == ["INVITE", "ACK", "BYE"]
        assert meter.frequency(low.heard()) == pytest.approx(620, abs=2)
        assert meter.frequency(high.heard()) == pytest.approx(440, abs=2)


def test_a_failure_shows_the_trace(tmp_path: Path) -> None:
    refusing = Sipp(ANSWER, tmp_path / "a", fresh_address(), (fresh_address(), 5060), calls=0)
    with pytest.raises(SippFailed, match="was never called"):
        refusing.finish()
    Sipp(ANSWER, tmp_path / "c", fresh_address(), (fresh_address(), 5060), calls=0).finish(rung=False)
    nobody = (fresh_address(), 5060)
    caller = Sipp(CALL, tmp_path / "b", fresh_address(), nobody)
    with pytest.raises(SippFailed, match=r"in vain.*\n(.*\n)*.*INVITE sip:"):
        caller.wait_received("SIP/2.0 200", timeout=0.5)
    caller.stop()
