"""Offers by UPDATE before anybody took the call (RFC 3311 §5): a caller's, and whoever is called's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from b2bua.callplan.settings import Action, Treatment
from b2bua.sip.sdp.description import Direction
from tests.call.stage import (
    EVENTS,
    G722,
    PCMA,
    PCMU,
    RELAY,
    Stage,
    answers,
    codecs_of,
    description,
    rings,
    sdp,
)
from tests.call.test_dial_trunk import leaving
from tests.call.test_hops import NUMBER, OUTSIDE
from tests.call.test_play_tone import by_hand
from tests.callplan.company import RECEPTION
from tests.sip.dialogs.test_prack import Far
from tests.sip.dialogs.test_reliable import Caller as ByHand
from tests.sip.wire import Phone

HERE = "192.0.2.9"
"""Where callers by hand are."""
ANNOUNCED = Treatment(Action.NUMBER, after=10.0, number=NUMBER, announce=True)


def told_early(answer_after: float = 5.0) -> tuple[Stage, Phone, ByHand]:
    """A device rings, and a caller by hand hears ringback of ours, which it has acknowledged."""
    stage = Stage()
    stage.who = OUTSIDE
    stage.called = replace(RECEPTION, not_answered=ANNOUNCED)
    stage.carrier("203.0.113.1")
    device = stage.device("192.0.2.11")
    answers(device, after=answer_after, body=sdp(device.host, codecs=(PCMA, EVENTS)))
    caller = by_hand(stage, sdp(HERE))
    stage.run(0.1)
    assert caller.prack() == 200 and caller.codes() == [100, 180, 200]
    return stage, device, caller


def early(caller: ByHand) -> bytes:
    """The description that it was answered with first."""
    return next(message.sdp for message in caller.received if message.sdp)


def hang_up(stage: Stage, caller: ByHand) -> None:
    caller.ask("BYE")
    stage.finish()


@pytest.mark.behaviour("M1", "M3")
def test_a_caller_that_moves_before_the_answer_is_heard_and_hears_at_its_new_place() -> None:
    stage, device, caller = told_early()
    assert caller.ask("UPDATE", body=sdp(HERE, 4800, version=2)) == 200
    assert caller.last.sdp == early(caller), "nothing of ours has changed"
    assert [(move.address, move.port) for move in stage.relay.only.moves] == [(HERE, 4800)]
    stage.run(5.0)
    ok = caller.last
    assert (ok.code, ok.cseq[1], ok.sdp) == (200, "INVITE", None)
    caller.ack()
    stage.run(3.0)
    assert stage.names_to(device) == ["INVITE", "ACK"] and stage.call.state == "answered"
    assert not [message for message in caller.received if message.sdp not in (None, early(caller))]
    hang_up(stage, caller)


@pytest.mark.behaviour("M1")
def test_the_codec_stays_whatever_else_is_offered() -> None:
    stage, _, caller = told_early()
    assert caller.ask("UPDATE", body=sdp(HERE, codecs=(G722, PCMU, PCMA, EVENTS))) == 200
    assert codecs_of(description(caller.last)) == ["PCMA", "telephone-event"]
    caller.cancel()
    caller.ack()
    stage.finish()


def test_an_offer_without_the_codec_is_refused_and_changes_nothing() -> None:
    stage, _, caller = told_early()
    assert caller.ask("UPDATE", body=sdp(HERE, 4800, codecs=(G722,))) == 488
    assert caller.ask("UPDATE", body=b"rubbish") == 400
    assert stage.relay.only.moves == []
    stage.run(5.0)
    assert caller.last.code == 200 and caller.last.sdp == early(caller)
    caller.ack()
    hang_up(stage, caller)


def test_whoever_rings_is_told_that_the_caller_holds_once_it_has_answered() -> None:
    stage, device, caller = told_early()
    device.when("offer", lambda session, now: session.answer_offer(
        sdp(device.host, codecs=(PCMA, EVENTS), direction="recvonly", version=2), now))  # fmt: skip
    assert caller.ask("UPDATE", body=sdp(HERE, direction="sendonly", version=2)) == 200
    held = description(caller.last)
    assert held.audio.direction is Direction.RECVONLY and held.audio.address == RELAY
    stage.run(4.0)
    # It takes its time, in which nobody tells the caller anything.
    stage.network.slow[device.hop] = 1.5
    stage.run(1.0)
    caller.ack()
    stage.run(5.0)
    first, second = {invite.cseq: invite for invite in stage.from_service(device, "INVITE")}.values()
    assert description(first).audio.direction is Direction.SENDRECV
    assert description(second).audio.direction is Direction.SENDONLY
    assert stage.relay.only.held is True
    assert not [m for m in caller.received if getattr(m, "method", "") == "INVITE"]
    hang_up(stage, caller)


def test_a_caller_that_came_back_from_hold_before_the_answer_tells_nobody() -> None:
    stage, device, caller = told_early()
    for direction, ours in (("sendonly", Direction.RECVONLY), ("sendrecv", Direction.SENDRECV)):
        assert caller.ask("UPDATE", body=sdp(HERE, direction=direction)) == 200
        assert description(caller.last).audio.direction is ours
    stage.run(5.0)
    caller.ack()
    stage.run(5.0)
    assert stage.names_to(device) == ["INVITE", "ACK"]
    hang_up(stage, caller)


def test_a_caller_that_was_answered_for_an_announcement_may_hold_too() -> None:
    """It sends a re-INVITE then, and nobody else is there yet to be asked."""
    stage = Stage()
    stage.who, stage.answers_first = OUTSIDE, True
    stage.called = replace(RECEPTION, not_answered=replace(ANNOUNCED, always=True))
    trunk = stage.carrier("203.0.113.1")
    rings(trunk)
    caller = by_hand(stage, sdp(HERE))
    stage.run(0.1)
    caller.ack()
    assert caller.ask("INVITE", body=sdp(HERE, 4800, direction="sendonly")) == 200
    assert description(caller.last).audio.direction is Direction.RECVONLY
    assert [move.port for move in stage.relay.only.moves] == [4800]
    caller.ack()
    hang_up(stage, caller)


def test_it_gets_no_offer_of_ours_meanwhile() -> None:
    stage = Stage()
    stage.who, stage.answers_first = OUTSIDE, True
    stage.called = replace(RECEPTION, not_answered=replace(ANNOUNCED, always=True))
    rings(stage.carrier("203.0.113.1"))
    caller = by_hand(stage, sdp(HERE))
    stage.run(0.1)
    caller.ack()
    assert caller.ask("INVITE") == 491
    hang_up(stage, caller)


# Whoever is called


def played() -> tuple[Stage, Phone, Far]:
    """A carrier by hand is heard before the answer."""
    stage, caller, _ = leaving()
    trunk = Far(stage.network, "203.0.113.1")
    stage.dial(caller)
    stage.run(0.1)
    trunk.progress(1, body=sdp("203.0.113.1", 6000, codecs=(PCMA, EVENTS)))
    stage.run(0.1)
    assert [far.port for far in stage.relay.only.far] == [6000]
    return stage, caller, trunk


@pytest.mark.behaviour("M1", "M4")
def test_a_trunk_that_moves_before_it_answers_is_heard_at_its_new_place() -> None:
    stage, caller, trunk = played()
    assert trunk.ask("UPDATE", 5, body=sdp("203.0.113.1", 6800, codecs=(PCMA, EVENTS), version=2)) == 200
    answer = description(trunk.received[-1])
    assert codecs_of(answer) == ["PCMA", "telephone-event"]
    assert (answer.audio.address, answer.audio.port) == (RELAY, stage.relay.only.ports.far)  # type: ignore[union-attr]
    assert stage.relay.only.far[-1].port == 6800
    trunk.progress(2, code=180, body=sdp("203.0.113.1", 6000, codecs=(PCMA, EVENTS)))
    stage.run(0.1)
    assert stage.relay.only.far[-1].port == 6800, "what it repeats was true before"
    trunk.answer(200, "t")
    stage.run(1.0)
    assert stage.call.state == "answered" and stage.relay.only.far[-1].port == 6800
    assert len({m.sdp for m in stage.from_service(caller) if m.sdp}) == 1, "the caller notices nothing"
    caller.session.bye(stage.now)
    stage.run(0.1)
    trunk.answer(200, method="BYE")
    stage.finish()


@pytest.mark.behaviour("M4")
def test_a_device_that_moves_before_it_answers_is_reached_at_its_new_place_once_it_has() -> None:
    stage = Stage()
    device = stage.device("192.0.2.11")
    by_itself = Far(stage.network, device.host)
    caller = stage.caller()
    stage.dial(caller)
    stage.run(0.1)
    by_itself.progress(1, body=sdp(device.host, 6000, codecs=(PCMA,)))
    assert by_itself.ask("UPDATE", 5, body=sdp(device.host, 6800, codecs=(PCMU, PCMA))) == 200
    assert codecs_of(description(by_itself.received[-1])) == ["PCMA", "PCMU"], "all that it was offered"
    assert stage.relay.only.far == []
    by_itself.answer(200, "t")
    stage.run(1.0)
    assert [far.port for far in stage.relay.only.far] == [6800] and stage.call.state == "answered"
    caller.session.bye(stage.now)
    stage.run(0.1)
    by_itself.answer(200, method="BYE")
    stage.finish()


def test_whoever_is_called_by_somebody_who_holds_is_answered_so() -> None:
    stage, caller, _ = leaving()
    trunk = Far(stage.network, "203.0.113.1")
    stage.dial(caller, sdp(caller.host, direction="sendonly"))
    stage.run(0.1)
    trunk.progress(1, body=sdp("203.0.113.1", 6000, direction="recvonly"))
    assert trunk.ask("UPDATE", 5, body=sdp("203.0.113.1", 6800)) == 200
    assert description(trunk.received[-1]).audio.direction is Direction.SENDONLY
    caller.outgoing.cancel(stage.now)
    stage.run(0.1)
    trunk.answer(200, method="CANCEL")
    trunk.answer(487, "t")
    stage.finish()


def test_an_offer_that_does_not_fit_leaves_a_trunk_as_it_was() -> None:
    stage, caller, trunk = played()
    assert trunk.ask("UPDATE", 5, body=sdp("203.0.113.1", 6800, codecs=("18 G729/8000",))) == 488
    assert [far.port for far in stage.relay.only.far] == [6000]
    trunk.answer(200, "t")
    stage.run(1.0)
    assert stage.call.state == "answered" and stage.relay.only.far[-1].port == 6000
    caller.session.bye(stage.now)
    stage.run(0.1)
    trunk.answer(200, method="BYE")
    stage.finish()


def test_a_trunk_whose_early_sound_does_not_pass_is_not_connected_by_an_offer() -> None:
    stage, caller, _ = leaving(early_media=False)
    trunk = Far(stage.network, "203.0.113.1")
    stage.dial(caller)
    stage.run(0.1)
    trunk.progress(1, body=sdp("203.0.113.1", 6000, codecs=(PCMA,)))
    assert trunk.ask("UPDATE", 5, body=sdp("203.0.113.1", 6800, codecs=(PCMA,))) == 200
    assert stage.relay.only.far == []
    caller.outgoing.cancel(stage.now)
    stage.run(0.1)
    trunk.answer(200, method="CANCEL")
    trunk.answer(487, "t")
    stage.finish()
