"""Whether what a story expects has come true: messages, sound, registrations, mailboxes and the call log."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.stories.stage import Actor, Stage
from tests.support import g711, meter
from tests.support.ringback import check_ringback
from tests.support.service import Service
from tests.support.waiting import wait_for

PROMPTS = Path(__file__).parents[2] / "media" / "prompts" / "en"
BEEP = 0.4
"""Seconds of the beep between greeting and recording."""


def judge(stage: Stage) -> None:
    """Raise AssertionError for the first expectation that is not met."""
    errors = [e for e in stage.service.events(since=stage.began_at_line) if e["level"] == "error"]
    assert not errors, errors
    for actor in stage.actors.values():
        assert actor.path is None or actor.path.dropped, f"nothing of {actor.phone.name} was lost"
    _addresses_kept_apart(stage)
    expect = stage.story.expect
    for wanted in expect.messages:
        _message(stage.actors[wanted["phone"]], **wanted)
    for unwanted in expect.never:
        _never(stage.actors[unwanted["phone"]], **unwanted)
    for name in expect.one_description:
        _one_description(stage.actors[name])
    for wanted in expect.sounds:
        _sound(stage.actors[wanted["phone"]], **wanted)
    if expect.registered:
        _registered(stage.service, expect.registered)
    for wanted in expect.mailboxes:
        _mailbox(stage, **wanted)
    for wanted in expect.log:
        _log(stage, dict(wanted))


def _addresses_kept_apart(stage: Stage) -> None:
    """No phone ever sees another's address, and every SDP leads to the relay.

    Only the answer to a REGISTER lists all contacts of the account (RFC 3261 §10.3).
    """
    for name, actor in stage.actors.items():
        others = {a for other in stage.actors.values() for a in other.addresses} - actor.addresses
        for message in actor.messages:
            if message.received and message.method != "REGISTER":
                seen = [address for address in others if address in message.text]
                assert not seen, f"{name} sees {seen}:\n{message}"
                if message.media:
                    assert message.media[0] == stage.service.media, (
                        f"{name} is not sent to the relay:\n{message}"
                    )


def _message(
    actor: Actor,
    *,
    phone: str,
    start: str,
    contains: str = "",
    header: str = "",
    count: int = 1,
    times: int = 0,
) -> None:
    received = [message for message in actor.messages if message.received and message.text.startswith(start)]
    hits = [m for m in received if contains in (", ".join(m.headers(header)) if header else m.text)]
    shown = "\n".join(str(message) for message in received)
    where = f"{header}: …" if header else ""
    assert len(hits) >= count, f"{phone} received no {start!r} with {where}{contains!r} among\n{shown}"
    assert times in (0, len(hits)), f"{phone} received {start!r} with {where}{contains!r} {len(hits)} times"


def _never(actor: Actor, *, phone: str, text: str) -> None:
    """No message that the phone received holds the text: not in a header, a URI, a Call-ID or an SDP."""
    received = [message for message in actor.messages if message.received]
    assert received, f"{phone} received nothing"
    seen = [str(message) for message in received if text in message.text]
    assert not seen, f"{phone} received {text!r} in\n" + "\n".join(seen)


def _one_description(actor: Actor) -> None:
    """Every provisional response but 100, and the 200, show one SDP and one To tag (RFC 3261 §13.2.1)."""
    told = [m for m in actor.runs[-1].received if m.method == "INVITE" and 100 < m.status < 300]
    assert told and told[0].status < 200, "nothing was told before the answer"
    assert {message.body for message in told} == {told[0].body} and told[0].media, "\n".join(map(str, told))
    assert {message.header("To") for message in told} == {told[0].header("To")}, "\n".join(map(str, told))


def _sound(
    actor: Actor,
    *,
    phone: str,
    tone: float = 0.0,
    seconds: float = 0.0,
    pauses: int = 0,
    payloads: list[int] | None = None,
    on: float = 0.0,
    off: float = 0.0,
    lasts: float = 0.0,
    greeting: list[str] | None = None,
    ringback: float = 0.0,
) -> None:
    heard = actor.rtp.heard()
    if ringback:
        assert heard.seconds >= ringback, f"{phone} heard {heard.seconds:.2f} s"
        check_ringback(heard.between(0, ringback))
        return
    if greeting:
        _greeting(phone, heard, greeting)
        return
    spans = meter.tone_spans(heard, tone)
    told = f"{phone} heard {tone:g} Hz at {[(round(s.start, 2), round(s.end, 2)) for s in spans]}"
    if on:
        assert [span.seconds for span in spans[:-1]] == pytest.approx([on] * (len(spans) - 1), abs=0.03), told
        rests = [after.start - before.end for before, after in pairwise(spans)]
        assert rests == pytest.approx([off] * len(rests), abs=0.03), told
        assert len(spans) >= 2, told
        assert heard.seconds == pytest.approx(lasts, abs=0.35), f"{told}, {heard.seconds:.2f} s in all"
        return
    assert sum(span.seconds for span in spans) >= seconds, told
    long_gaps = meter.gaps(heard, tone, shortest=0.2)
    assert len(long_gaps) == pauses, f"{told}: pauses {long_gaps}"
    loud = meter.level(heard.between(spans[0].start, spans[0].end))
    assert -20 < loud < -8, f"{told} at {loud:.1f} dB"
    if payloads:
        packets = [p.payload_type for p in actor.rtp.packets if p.payload_type in (g711.PCMU, g711.PCMA)]
        changes = [p for number, p in enumerate(packets) if number == 0 or packets[number - 1] != p]
        assert changes == payloads, f"{phone} received the payload types {changes}"


def _greeting(phone: str, heard: meter.Sound, phrases: list[str]) -> None:
    """Each phrase is recognised by comparison with its file, and they come in order."""
    found = {name: meter.find(meter.read_wav(PROMPTS / f"{name}.wav"), heard) for name in phrases}
    told = f"{phone} heard {found}"
    assert all(match.likeness > 0.8 for match in found.values()), told
    places = [found[name].at for name in phrases if phrases.count(name) == 1]
    assert places == sorted(places), told


def _registered(service: Service, wanted: dict[str, int]) -> None:
    live = [registration["username"] for registration in service.registrations()]
    assert {username: live.count(username) for username in wanted} == wanted


def _mailbox(
    stage: Stage, *, email: str, new: int, tone: float = 0.0, heard_by: str = "", seconds: float = 0.0
) -> None:
    def arrived() -> tuple[list[dict[str, Any]]] | None:
        messages = stage.service.messages(email)
        return (messages,) if len(messages) >= new else None

    (messages,) = wait_for(arrived, 10, f"{new} message for {email}")
    assert [message["state"] for message in messages] == ["new"] * new
    if not tone:
        return
    sound = meter.read_wav(Path(messages[0]["path"]))
    assert meter.frequency(sound) == pytest.approx(tone, abs=2)
    late = stage.actors[heard_by].rtp.worst_delay if heard_by else 0.0
    assert meter.gaps(sound, tone, shortest=0.03 + late) == [], f"the sender was up to {late:.3f} s late"
    spans = meter.tone_spans(sound, tone)
    told = f"the message has {tone:g} Hz at {spans} of {sound.seconds:.2f} s"
    assert sum(span.seconds for span in spans) == pytest.approx(sound.seconds, abs=0.15), told
    assert messages[0]["seconds"] == pytest.approx(sound.seconds, abs=0.1)
    if heard_by:
        # Recording begins when the beep has ended, and ends when the caller hangs up.
        caller = stage.actors[heard_by].rtp
        beep = meter.find(meter.read_wav(PROMPTS / "beep.wav"), caller.heard())
        assert beep.likeness > 0.8, beep
        left = caller.heard().seconds - beep.at - BEEP
        assert sound.seconds == pytest.approx(left, abs=0.5)
    if seconds:
        assert sound.seconds == pytest.approx(seconds, abs=0.5)


def _log(stage: Stage, wanted: dict[str, Any]) -> None:
    """The call log tells what became of the phone's last call, and the record agrees with what is wanted."""
    actor = stage.actors[wanted.pop("phone")]
    told = stage.service.call(actor.runs[-1].call_id)
    _agrees(told["call"], wanted, told)
    assert told["ladder"] and told["explanation"], told


def _agrees(actual: Any, wanted: Any, told: dict[str, Any]) -> None:
    """Everything in `wanted` is in `actual`; dictionaries may hold more, lists may not."""
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            assert key in actual, f"no {key!r} in {actual}"
            _agrees(actual[key], value, told)
    elif isinstance(wanted, list):
        assert len(actual) == len(wanted), f"{actual} is not {wanted}"
        for one, other in zip(actual, wanted, strict=True):
            _agrees(one, other, told)
    else:
        assert actual == wanted, f"{actual!r} is not {wanted!r} in {told}"
