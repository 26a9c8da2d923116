"""The engaged tone: early media from the relay, then 486."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from b2bua.callplan.situation import Limits
from tests.call.stage import (
    CALLED,
    EVENTS,
    G722,
    PCMA,
    PCMU,
    RELAY,
    SERVICE,
    Stage,
    codecs_of,
    description,
    sdp,
)
from tests.callplan.company import RECEPTION, VOICEMAIL_AT_ONCE
from tests.sip.dialogs.test_reliable import SUPPORTED
from tests.sip.dialogs.test_reliable import Caller as ByHand
from tests.sip.wire import Phone


def busy(limits: Limits | None = None, plain: bool = False) -> tuple[Stage, Phone]:
    """A called user with a full line; a `plain` caller does not know 100rel."""
    stage = Stage(limits=limits or Limits())
    stage.lines.occupy(CALLED)
    return stage, stage.caller(plain=plain)


def finish(stage: Stage) -> None:
    stage.lines.release(CALLED, stage.now)
    stage.finish()


@pytest.mark.behaviour("B1", "B2", "B3", "M1", "M3")
@pytest.mark.parametrize(
    ("plain", "told"),
    [
        (True, ["100 INVITE", "183 INVITE", "183 INVITE", "486 INVITE"]),
        (False, ["100 INVITE", "183 INVITE", "200 PRACK", "486 INVITE"]),
    ],
    ids=["plain", "100rel"],
)
def test_engaged_tone_is_heard_as_early_media_and_then_the_call_is_refused(
    plain: bool, told: list[str]
) -> None:
    stage, caller = busy(plain=plain)
    stage.dial(caller, sdp(caller.host, codecs=(G722, PCMU, PCMA, "97 telephone-event/8000")))
    stage.run(4.9)
    progress = stage.from_service(caller, "183 INVITE")
    assert len({message.body for message in progress}) == 1
    assert [message.get("rseq") is None for message in progress] == [plain] * (1 + plain)
    early = description(progress[0])
    assert [(codec.payload, codec.name) for codec in early.audio.codecs] == [
        (8, "PCMA"),
        (97, "telephone-event"),
    ]
    assert (early.audio.address, early.audio.port) == (RELAY, stage.relay.only.ports.near)
    assert early.audio.direction == "sendrecv"
    assert stage.relay.only.tones == [("engaged", 8)]
    assert not stage.relay.only.closed
    stage.run(0.2)
    assert caller.events[-1] == ("failed", 486)
    (refusal,) = stage.from_service(caller, "486 INVITE")
    assert refusal.get("reason") == "Q.850;cause=17"
    assert refusal.to.tag == progress[0].to.tag
    assert stage.names_to(caller) == told
    finish(stage)
    assert [r.ended for r in stage.call.journal.steps] == ["completed", "completed"]
    assert (stage.call.journal.outcome, stage.call.journal.code) == ("busy", 486)


def test_a_caller_without_pcma_gets_pcmu() -> None:
    stage, caller = busy()
    stage.dial(caller, sdp(caller.host, codecs=(G722, PCMU)))
    stage.run(1.0)
    assert codecs_of(description(stage.from_service(caller, "183 INVITE")[0])) == ["PCMU"]
    assert stage.relay.only.tones == [("engaged", 0)]
    caller.outgoing.cancel(stage.now)
    finish(stage)


@pytest.mark.behaviour("B3")
def test_without_an_offer_the_refusal_comes_at_once() -> None:
    stage, caller = busy()
    stage.dial(caller, b"")
    stage.run(0.1)
    assert caller.events == [("failed", 486)]
    assert stage.relay.sessions == {}
    finish(stage)


@pytest.mark.parametrize(
    ("mode", "codecs"), [("full", (PCMA, EVENTS)), ("works", (G722,))], ids=["relay full", "no codec of ours"]
)
def test_where_no_tone_can_be_played_the_refusal_comes_at_once(mode: str, codecs: tuple[str, ...]) -> None:
    stage, caller = busy()
    stage.relay.mode = mode
    stage.dial(caller, sdp(caller.host, codecs=codecs))
    stage.run(0.1)
    assert caller.events == [("failed", 486)]
    finish(stage)
    assert stage.call.journal.steps[0].ended == "failed"


def test_with_no_seconds_of_tone_the_refusal_comes_at_once() -> None:
    stage, caller = busy(Limits(engaged_tone=0.0))
    stage.dial(caller)
    stage.run(0.1)
    assert caller.events == [("failed", 486)]
    assert stage.relay.sessions == {}
    finish(stage)


@pytest.mark.parametrize("answers", [True, False])
def test_a_relay_that_does_not_answer_in_time_costs_the_tone(answers: bool) -> None:
    stage, caller = busy()
    stage.relay.mode = "waits"
    stage.dial(caller)
    stage.run(5.5)
    assert caller.events == [("failed", 486)]
    if answers:
        stage.relay.answer_all()
    assert stage.relay.only.tones == []
    finish(stage)
    assert stage.call.journal.steps[0].ended == "failed"


@pytest.mark.behaviour("M3")
def test_a_caller_that_never_acknowledges_the_early_media_is_refused() -> None:
    """It said that it would; what it does not hear is no answer to it."""
    stage, caller = busy(Limits(engaged_tone=60.0))
    stage.dial(caller)
    stage.run(0.015)
    stage.network.dead.add(caller.hop)
    stage.run(31.9)
    assert not stage.call.over
    stage.run(0.2)
    assert stage.names_to(caller)[-1] == "504 INVITE" and stage.relay.only.closed
    journal = stage.call.journal
    assert (journal.outcome, journal.hung_up_by, journal.code) == ("ended", "caller (no-prack)", 504)
    caller.outgoing.cancel(stage.now)
    finish(stage)


@pytest.mark.parametrize("moment", [0.005, 0.0105, 1.0, 4.99])
@pytest.mark.parametrize("by", ["cancel", "bye"])
@pytest.mark.parametrize("relay", ["works", "waits"])
def test_the_caller_gives_up(moment: float, by: str, relay: str) -> None:
    stage, caller = busy()
    stage.relay.mode = relay
    stage.dial(caller)
    stage.run(moment)
    hang_up(stage, caller, by)
    stage.run(1.0)
    stage.relay.answer_all()
    assert caller.session.state.name == "ENDED" or by == "cancel"
    finish(stage)
    assert stage.call.journal.outcome in ("cancelled", "busy")


def hang_up(stage: Stage, caller: Phone, by: str) -> None:
    """CANCEL, or a BYE in the early dialog where there is one already."""
    progress = stage.from_service(caller, "183 INVITE")
    if by == "cancel" or not progress:
        caller.outgoing.cancel(stage.now)
        return
    early_bye(stage, caller, progress[0].to.tag)


def early_bye(stage: Stage, caller: Phone, tag: str | None) -> None:
    """A BYE in the early dialog, which few callers send (RFC 3261 §15)."""
    session = caller.outgoing
    to = f"{session.draft.header('To')};tag={tag}"
    draft = session.draft.companion("BYE", to)
    headers = tuple((k, "9 BYE" if k == "CSeq" else v) for k, v in draft.headers)
    caller.agent.layer.send(draft._replace(headers=headers), session.flow, session, stage.now)


@pytest.mark.behaviour("B2")
def test_a_busy_user_with_voicemail_plays_no_tone() -> None:
    stage, caller = busy()
    stage.called = replace(RECEPTION, busy=VOICEMAIL_AT_ONCE)
    stage.dial(caller)
    stage.run(1.0)
    assert caller.session.active
    assert stage.mailboxes.only.occasion == "busy"
    assert stage.relay.only.tones == []
    caller.session.bye(stage.now)
    finish(stage)


def by_hand(stage: Stage, offer: bytes) -> ByHand:
    """A caller from elsewhere that knows 100rel and writes its own PRACKs."""
    caller = ByHand(stage.network, SimpleNamespace(hop=SERVICE))  # type: ignore[arg-type]
    caller.invite(SUPPORTED, body=offer)
    return caller


@pytest.mark.behaviour("M3", "B3")
def test_a_caller_that_leaves_the_offer_to_us_hears_the_tone_if_it_knows_100rel() -> None:
    stage, _ = busy()
    caller = by_hand(stage, b"")
    stage.run(0.1)
    offered = description(caller.last)
    assert (caller.codes(), codecs_of(offered)) == ([100, 183], ["PCMA", "telephone-event"])
    assert stage.relay.only.tones == [("engaged", 8)]
    assert caller.prack(body=sdp(caller.hop.host, codecs=(PCMA,))) == 200
    assert stage.relay.only.moves[-1].address == caller.hop.host
    stage.run(5.0)
    assert caller.codes() == [100, 183, 200, 486]
    assert {message.body for message in caller.received if message.sdp} == {offered.encode()}
    caller.ack()
    finish(stage)


@pytest.mark.behaviour("M3")
@pytest.mark.parametrize("body", [b"", sdp("192.0.2.9", codecs=(G722,)), b"v=0\r\nrubbish"])
def test_an_early_offer_that_gets_no_answer_ends_the_call(body: bytes) -> None:
    stage, _ = busy()
    caller = by_hand(stage, b"")
    stage.run(0.1)
    caller.prack(body=body)
    stage.run(0.1)
    assert caller.codes()[-1] == 488
    finish(stage)
