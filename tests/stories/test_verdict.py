"""The verdict on a story: each check accepts a run that is right, and refuses one that breaks its rule."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.stories.story import Expect, Step, Story
from tests.stories.verdict import judge
from tests.support import meter
from tests.support.meter import Sound, joined, silence
from tests.support.sipp import Message, read_trace

RELAY = "192.0.2.100"
DESCRIPTION = (
    f"v=0\r\no=- 1 1 IN IP4 {RELAY}\r\ns=-\r\nc=IN IP4 {RELAY}\r\nt=0 0\r\nm=audio 20000 RTP/AVP 8\r\n"
)
MOVED = DESCRIPTION.replace("20000", "20002")
SECRET = "441632960998"


def response(code: int, body: str = "", tag: str = "t1", method: str = "INVITE", header: str = "") -> Message:
    """A response that a phone received."""
    text = (
        f"SIP/2.0 {code} Because\r\nTo: <sip:202@{RELAY}>;tag={tag}\r\nCSeq: 1 {method}\r\n"
        f"Contact: <sip:{RELAY}>\r\n{header}\r\n{body}"
    )
    return Message("", True, text)


def request(method: str, from_: str = "<sip:203@192.0.2.100>", *, received: bool = True) -> Message:
    """A request that a phone received, or sent."""
    text = f"{method} sip:202@192.0.2.1 SIP/2.0\r\nFrom: {from_};tag=f\r\nCSeq: 1 {method}\r\n\r\n"
    return Message("", received, text)


def verdict(
    *messages: Message, heard: Sound | None = None, log: tuple[dict[str, str], ...] = (), **expected: Any
) -> None:
    """Judge a run of one phone: its messages as SIPp recorded them, and its sound."""
    story = Story(Path("a_story"), "", (), {}, (), Expect(**expected))
    run = SimpleNamespace(received=[message for message in messages if message.received])
    actor = SimpleNamespace(
        phone=SimpleNamespace(name="alice", private=""),
        addresses={"192.0.2.1"},
        path=None,
        runs=[run],
        messages=list(messages),
        rtp=SimpleNamespace(heard=lambda: heard, packets=[]),
    )
    service = SimpleNamespace(media=RELAY, events=lambda since: list(log))
    judge(SimpleNamespace(story=story, service=service, actors={"alice": actor}, began_at_line=0))  # type: ignore[arg-type]


def refused(*messages: Message, heard: Sound | None = None, why: str, **expected: Any) -> None:
    with pytest.raises(AssertionError, match=why):
        verdict(*messages, heard=heard, **expected)


def test_an_error_in_the_log_of_the_service_fails_every_story() -> None:
    verdict(log=({"level": "warning"},))
    with pytest.raises(AssertionError, match=r"sip\.fault"):
        verdict(log=({"level": "error", "event": "sip.fault"},))


def test_a_description_that_does_not_lead_to_the_relay() -> None:
    verdict(response(200, DESCRIPTION))
    refused(response(200, DESCRIPTION.replace(RELAY, "192.0.2.2")), why="alice is not sent to the relay")


# never

NEVER = {"never": [{"phone": "alice", "text": SECRET[3:]}]}


def test_never() -> None:
    verdict(response(180), response(200, DESCRIPTION), **NEVER)
    verdict(response(180), request("INVITE", f"<sip:{SECRET}@192.0.2.100>", received=False), **NEVER)


@pytest.mark.parametrize(
    "message",
    [
        request("INVITE", f"<sip:{SECRET}@192.0.2.100>"),
        request("INVITE", f'"+{SECRET}" <sip:anonymous@anonymous.invalid>'),
        response(181, header=f"History-Info: <sip:+{SECRET}@192.0.2.100>;index=1.1\r\n"),
        response(486, tag=SECRET),
        response(200, DESCRIPTION.replace("s=-", f"s=call of {SECRET}")),
        request(f"NOTIFY sip:{SECRET}@192.0.2.1"),
    ],
    ids=["user", "name", "History-Info", "tag", "SDP", "Request-URI"],
)
def test_what_never_may_be_seen_is_found_wherever_it_stands(message: Message) -> None:
    refused(response(180), message, why=f"alice received '{SECRET[3:]}'", **NEVER)


def test_a_phone_that_received_nothing_proves_nothing() -> None:
    refused(why="alice received nothing", **NEVER)
    refused(request("INVITE", received=False), why="alice received nothing", **NEVER)


# one_description

ONE = {"one_description": ["alice"]}


def test_one_description() -> None:
    verdict(response(100, tag=""), response(183, DESCRIPTION), response(180, DESCRIPTION), response(200, DESCRIPTION),
            response(200, method="BYE"), **ONE)  # fmt: skip
    verdict(response(183, DESCRIPTION), response(433), **ONE)


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([response(183, DESCRIPTION), response(200, MOVED)], "m=audio 20002"),
        ([response(183, DESCRIPTION), response(183, MOVED), response(486)], "m=audio 20002"),
        ([response(183, DESCRIPTION), response(180), response(200, DESCRIPTION)], "180"),
        ([response(180), response(200, DESCRIPTION)], "180"),
        ([response(180), response(183)], "180"),
        ([response(183, DESCRIPTION), response(200, DESCRIPTION, tag="t2")], "tag=t2"),
        ([response(200, DESCRIPTION)], "nothing was told before the answer"),
        ([response(100, tag=""), response(486)], "nothing was told before the answer"),
    ],
)
def test_a_second_description_or_tag_is_refused(messages: list[Message], why: str) -> None:
    refused(*messages, why=why, **ONE)


def test_only_the_last_call_of_a_phone_counts() -> None:
    """Its REGISTER before it was answered by others."""
    verdict(
        response(200, tag="r", method="REGISTER"),
        response(183, DESCRIPTION),
        response(200, DESCRIPTION),
        **ONE,
    )


# messages, and how often

INVITES = {"phone": "alice", "start": "INVITE", "header": "From", "contains": "<sip:203@"}


def test_how_often_a_message_comes() -> None:
    once = {"messages": [{**INVITES, "times": 1}]}
    verdict(request("INVITE"), request("INVITE", "<sip:204@192.0.2.100>"), response(200), **once)
    verdict(request("INVITE"), request("INVITE", received=False), **once)
    refused(request("INVITE"), request("INVITE"), why="2 times", **once)
    refused(request("INVITE", "<sip:204@192.0.2.100>"), why="received no 'INVITE'", **once)
    refused(request("INVITE"), why="1 times", messages=[{**INVITES, "times": 2}])


def test_at_least_how_many() -> None:
    twice = {"messages": [{**INVITES, "count": 2}]}
    verdict(*[request("INVITE")] * 3, **twice)
    refused(request("INVITE"), why="received no 'INVITE'", **twice)
    verdict(*[request("INVITE")] * 3, messages=[INVITES])


# ringback


def ringing(
    hertz: tuple[float, ...] = (400, 450),
    cadence: tuple[float, float, float, float] = (0.4, 0.2, 0.4, 2.0),
    cycles: int = 3,
) -> Sound:
    first, rest, second, pause = cadence
    one = joined(
        meter.tone(*hertz, seconds=first, level=-16),
        silence(rest),
        meter.tone(*hertz, seconds=second, level=-16),
        silence(pause),
    )
    return joined(*[one] * cycles)


def ringback(seconds: float) -> dict[str, Any]:
    return {"sounds": [{"phone": "alice", "ringback": seconds}]}


@pytest.mark.parametrize("seconds", [1.5, 2.5, 3.2, 4.5, 8.9])
def test_ringback(seconds: float) -> None:
    verdict(heard=joined(silence(0.06), ringing()), **ringback(seconds))
    # What comes later is no ringback any more, and none of this check's business.
    verdict(heard=joined(ringing().between(0, seconds), meter.tone(620, seconds=2.0)), **ringback(seconds))


@pytest.mark.parametrize(
    "heard",
    [
        silence(9.0),
        joined(silence(0.3), ringing()),
        ringing((400,)),
        ringing((450,)),
        ringing((440, 480)),
        ringing((400, 450, 620)),
        meter.tone(400, 450, seconds=9.0),
        ringing(cadence=(0.375, 0.375, 0.375, 0.375), cycles=6),
        ringing(cadence=(0.4, 0.4, 0.4, 2.0)),
        ringing(cadence=(0.4, 0.2, 0.6, 2.0)),
        ringing(cadence=(0.4, 0.2, 0.4, 0.2), cycles=6),
        joined(ringing().between(0, 0.5), silence(9.0)),
        ringing().between(0, 1.0),
    ],
    ids=["silence", "late", "400 Hz", "450 Hz", "American", "and more", "steady", "engaged", "rest", "burst", "pause",
         "once", "too short"],
)  # fmt: skip
def test_what_is_no_ringback(heard: Sound) -> None:
    with pytest.raises(AssertionError):
        verdict(heard=heard, **ringback(1.5))


@pytest.mark.parametrize("pause", [1.8, 2.2])
def test_a_second_cycle_at_another_time_is_no_ringback(pause: float) -> None:
    verdict(heard=ringing(cadence=(0.4, 0.2, 0.4, pause)), **ringback(2.5))
    refused(heard=ringing(cadence=(0.4, 0.2, 0.4, pause)), why="sound at", **ringback(4.5))


# What stories are made of


def test_a_key_that_nobody_knows_is_no_expectation() -> None:
    with pytest.raises(TypeError):
        Expect(allways=[])  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Step("alice", rnu="call")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        verdict(response(180), never=[{"phone": "alice", "txt": "x"}])


def test_a_trace_is_read_as_sipp_writes_it() -> None:
    """The messages that the checks see are those of the file, sent and received apart."""
    text = b"SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\n\r\n"
    head = b"----------------------------------------------- 2026-01-02\t10:00:00.000000\n"
    data = head + b"UDP message received [%d] bytes :\n\n" % len(text) + text + b"\n"
    (message,) = read_trace(data + head + b"UDP message sent (%d bytes):\n\n" % len(text) + text[:10])
    assert (message.received, message.status, message.method) == (True, 180, "INVITE")
