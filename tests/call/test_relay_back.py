"""The relay dies under calls in every state and comes back: they have sound again, or end in order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from b2bua.call.agreement import MAX_PUT_OFF
from b2bua.callplan.causes import Cause
from b2bua.callplan.steps import Ring
from b2bua.sip.dialogs.session import Session
from tests.call.answered import answered
from tests.call.stage import (
    ANNOUNCED,
    CALLED,
    RELAY,
    FakeSession,
    Stage,
    answers,
    description,
    follows,
    heard,
    refuses,
    rings,
    sdp,
)
from tests.call.test_dial_trunk import outbound, plays
from tests.call.test_hops import ANNOUNCED_NUMBER, company
from tests.callplan.company import RECEPTION, VOICEMAIL, WORKSHOP
from tests.sip.wire import Phone


def joined(stage: Stage) -> FakeSession:
    return stage.relay.sessions[stage.notes.joins[-1][0]]


def reinvites(stage: Stage, phone: Phone) -> list[tuple[str, int, str]]:
    """What a phone was told in re-INVITEs: address, port, direction."""
    told = []
    for invite in stage.from_service(phone, "INVITE"):
        if invite.to.tag is not None:
            audio = description(invite).audio
            told.append((audio.address, audio.port, str(audio.direction)))
    return told


def restart(stage: Stage, away: float = 1.0) -> None:
    stage.relay.die()
    stage.run(away)
    stage.relay_returns()


def test_both_sides_are_told_the_new_ports() -> None:
    stage, caller, callee = answered()
    old = joined(stage).ports
    restart(stage)
    stage.run(0.5)
    new = joined(stage)
    assert new.ports is not None and new.ports != old
    assert reinvites(stage, caller) == [(RELAY, new.ports.near, "sendrecv")]
    assert reinvites(stage, callee) == [(RELAY, new.ports.far, "sendrecv")]
    assert (new.near.address, new.far[-1].address) == (caller.host, callee.host)
    assert "call.rejoined" in stage.notes.names()
    versions = [description(m).version for m in stage.from_service(caller) if m.sdp]
    assert versions == sorted(set(versions)), "a description that differs has a later version (RFC 3264 §8)"
    caller.session.bye(stage.now)
    stage.finish()


def test_it_may_die_again_at_any_moment() -> None:
    for moment in (0.0, 0.0005, 0.0015, 0.011, 0.021, 0.2):
        stage, caller, callee = answered()
        restart(stage)
        stage.run(moment)
        restart(stage)
        stage.run(5.0)
        ports = joined(stage).ports
        assert ports is not None
        assert reinvites(stage, caller)[-1][1] == ports.near, moment
        assert reinvites(stage, callee)[-1][1] == ports.far, moment
        callee.session.bye(stage.now)
        stage.finish()


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_a_call_on_hold_stays_on_hold(side: str) -> None:
    stage, caller, callee = answered()
    holder, other = (caller, callee) if side == "caller" else (callee, caller)
    follows(holder)
    holder.session.offer(sdp(holder.host, direction="sendonly", version=3), stage.now)
    stage.run(0.5)
    holder.when(
        "offer",
        lambda session, now: session.answer_offer(sdp(holder.host, direction="sendonly", version=3), now),
    )
    restart(stage)
    stage.run(0.5)
    assert reinvites(stage, other)[-1][2] == "sendonly"
    assert reinvites(stage, holder)[-1][2] == "recvonly"
    assert joined(stage).held is True
    holder.session.offer(sdp(holder.host, version=4), stage.now)
    stage.run(0.5)
    assert joined(stage).held is False
    holder.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize(("side", "again"), [("caller", 1.0), ("callee", 2.1 + 0.95)])
def test_glare_is_tried_again_after_the_time_of_the_rfc(side: str, again: float) -> None:
    stage, caller, callee = answered()
    stubborn = caller if side == "caller" else callee
    refused: list[float] = []

    def refuse_once(session: Session, now: float) -> None:
        refused.append(now)
        session.refuse_offer(491, now)
        follows(stubborn)

    stubborn.when("offer", refuse_once)
    restart(stage)
    stage.run(5.0)
    moments = [
        p.at for p in stage.network.sent if p.name == "INVITE" and p.target == stubborn.hop and p.at > 1.5
    ]
    assert len(moments) == 2
    # The refusal takes 10 ms to us, as every datagram here.
    assert moments[1] - refused[0] == pytest.approx(again + 0.01, abs=0.001)
    assert stage.call.state == "answered"
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize("side", ["caller", "callee"])
@pytest.mark.parametrize("code", [488, 491])
def test_a_side_that_will_not_move_ends_the_call(side: str, code: int) -> None:
    stage, caller, callee = answered()
    stubborn = caller if side == "caller" else callee
    stubborn.when("offer", lambda session, now: session.refuse_offer(code, now))
    restart(stage)
    stage.run(5.0 * MAX_PUT_OFF)
    assert stage.call.over and stage.call.journal.hung_up_by == "service (relay lost)"
    assert (caller.names()[-1], callee.names()[-1]) == ("ended", "ended")
    assert len([name for name, _ in stubborn.events if name == "offer"]) == (
        1 if code == 488 else MAX_PUT_OFF + 1
    )
    stage.finish()


def test_an_offer_under_way_goes_first() -> None:
    stage, caller, callee = answered()
    callee.when("offer", lambda session, now: None)
    caller.session.offer(sdp(caller.host, direction="sendonly", version=3), stage.now)
    stage.run(0.1)
    restart(stage, 0.1)
    stage.run(0.1)
    assert reinvites(stage, caller) == []
    callee.session.answer_offer(sdp(callee.host, direction="recvonly", version=2), stage.now)
    follows(callee)
    stage.run(5.0)
    ports = joined(stage).ports
    assert ports is not None
    answer = caller.events[-1] if caller.names()[-1] == "offer answered" else None
    assert answer is None or heard(answer[1][1]).audio.port == ports.near  # type: ignore[index]
    assert reinvites(stage, callee)[-1][1] == ports.far
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize("away", [0.2, 3.0])
def test_devices_ring_on_and_whoever_answers_is_told_the_new_port(away: float) -> None:
    """Away for 0.2 s: back before the answer. 3 s: the answer comes while there is no relay."""
    stage = Stage()
    callee, other = stage.device("192.0.2.11"), stage.device("192.0.2.12")
    answers(callee, after=2.0)
    rings(other)
    caller = stage.caller()
    follows(caller)
    follows(callee)
    stage.dial(caller)
    stage.run(1.0)
    restart(stage, away)
    stage.run(4.0)
    ports = joined(stage).ports
    assert ports is not None
    assert reinvites(stage, callee) == [(RELAY, ports.far, "sendrecv")]
    told = [description(m).audio.port for m in stage.from_service(caller) if m.sdp]
    assert told[-1] == ports.near
    assert len(reinvites(stage, caller)) == (0 if away < 1 else 1)
    assert joined(stage).far[-1].address == callee.host
    caller.session.bye(stage.now)
    stage.finish()


def test_a_full_relay_after_the_restart_fails_the_device_or_ends_the_call() -> None:
    stage = Stage()
    stage.called = replace(RECEPTION, not_answered=VOICEMAIL)
    callee = stage.device("192.0.2.11")
    rings(callee)
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    stage.relay.mode = "full"
    restart(stage)
    stage.run(1.0)
    assert callee.names()[-1] == "cancelled"
    assert stage.notes.names()[-1] == "mailbox.failed" or stage.call.over
    stage.finish()

    stage, caller, callee = answered()
    stage.relay.mode = "full"
    restart(stage)
    stage.run(1.0)
    assert (caller.names()[-1], callee.names()[-1]) == ("ended", "ended")
    assert stage.call.journal.hung_up_by == "service (relay lost)"
    stage.network.settle()


def test_who_calls_meanwhile_waits_for_the_relay() -> None:
    stage = Stage()
    callee = stage.device("192.0.2.11")
    answers(callee)
    caller = stage.caller()
    stage.relay.die()
    stage.dial(caller)
    stage.run(1.0)
    assert caller.names() == []
    stage.relay_returns()
    stage.run(1.0)
    assert stage.call.state == "answered"
    caller.session.bye(stage.now)
    stage.finish()


def test_a_mailbox_goes_on_recording() -> None:
    stage = Stage()
    caller = stage.caller()
    follows(caller)
    stage.dial(caller)
    stage.run(1.0)
    assert stage.call.in_mailbox
    worker = stage.mailboxes.worker
    follows(worker)
    restart(stage)
    stage.run(1.0)
    ports = joined(stage).ports
    assert ports is not None
    assert reinvites(stage, worker) == [(RELAY, ports.far, "sendrecv")]
    assert reinvites(stage, caller) == [(RELAY, ports.near, "sendrecv")]
    assert stage.mailboxes.only.released == 0 and stage.call.in_mailbox
    worker.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize("mode", ["waits", "silent"])
def test_a_mailbox_that_is_being_looked_for(mode: str) -> None:
    """The relay dies while the media host is asked for a worker, or while the worker is silent."""
    stage = Stage()
    if mode == "waits":
        stage.mailboxes.mode = "waits"
    else:
        stage.mailboxes.worker_mode = "silent"
    caller = stage.caller()
    follows(caller)
    stage.dial(caller)
    stage.run(1.0)
    restart(stage)
    stage.run(0.5)
    ports = next(iter(stage.relay.sessions.values())).ports
    assert ports is not None
    if mode == "waits":
        stage.mailboxes.answer_all()
        stage.run(0.1)
    else:
        worker = stage.mailboxes.worker
        follows(worker)
        worker.incoming.accept(sdp(worker.host, 6000), stage.now)
    worker = stage.mailboxes.worker
    stage.run(0.5)
    assert stage.call.in_mailbox
    assert [description(m).audio.port for m in stage.from_service(worker, "INVITE")][-1] == ports.far
    assert description(stage.from_service(caller, "200 INVITE")[0]).audio.port == ports.near
    caller.session.bye(stage.now)
    stage.finish()


def test_a_call_that_is_refused_meanwhile_leaves_nothing() -> None:
    stage = Stage()
    callee = stage.device("192.0.2.11")
    refuses(callee, 486, after=1.5)
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    stage.relay.die()
    stage.run(2.0)
    stage.relay_returns()
    stage.finish()


@pytest.mark.parametrize("heard_early", [False, True])
def test_a_call_that_leaves_by_a_trunk_rings_on_and_has_sound_when_it_is_answered(heard_early: bool) -> None:
    stage = Stage()
    stage.plan = outbound()
    trunk = stage.carrier("203.0.113.1")
    caller = stage.caller()
    follows(trunk)
    follows(caller)
    if heard_early:
        plays(trunk, 183, then=4.0)
    else:
        answers(trunk, after=4.0)
    stage.dial(caller)
    stage.run(1.0)
    restart(stage)
    stage.run(5.0)
    session = joined(stage)
    assert session.ports is not None
    assert caller.session.active and trunk.session.active
    assert reinvites(stage, trunk)[-1][1] == session.ports.far
    if heard_early:
        # It was told the old port as its one answer, and the new one by a re-INVITE.
        assert reinvites(stage, caller)[-1][1] == session.ports.near
    else:
        assert description(stage.from_service(caller, "200 INVITE")[0]).audio.port == session.ports.near
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize("to", ["trunk", "devices", "mailbox"])
@pytest.mark.parametrize("kept", [True, False])
def test_whoever_is_called_after_an_announcement_that_was_broken_off_is_reached(to: str, kept: bool) -> None:
    """By the caller's session, or by another where the relay could not open that one again."""
    number = ANNOUNCED_NUMBER.number if to == "trunk" else WORKSHOP.default_number
    announced = replace(ANNOUNCED_NUMBER, number=number, always=True)
    there = replace(WORKSHOP, not_answered=VOICEMAIL)
    stage, caller, (trunk,) = company(replace(RECEPTION, not_answered=announced), there)
    if to == "trunk":
        callees = [trunk]
    elif to == "devices":
        callees = [stage.device(f"192.0.2.{n}", user=WORKSHOP.id) for n in (12, 13)]
    else:
        callees = []
    for callee in callees:
        follows(callee)
        rings(callee)
    follows(caller)
    stage.dial(caller)
    stage.run(1.0)
    assert [tone for tone, _ in stage.relay.only.tones] == ["redirecting"]
    stage.relay.mode = "works" if kept else "full"
    restart(stage)
    stage.run(0.1)
    stage.relay.mode = "works"
    stage.run(ANNOUNCED)
    if callees:
        callees[-1].incoming.accept(sdp(callees[-1].host), stage.now)
    stage.run(5.0)
    assert stage.call.state == ("recording" if to == "mailbox" else "answered")
    session = joined(stage)
    assert session.ports is not None
    if kept:
        assert len(stage.relay.sessions) == 1
    for callee in callees or stage.mailboxes.workers:
        (invite,) = stage.from_service(callee, "INVITE")
        if kept or callee is (callees or stage.mailboxes.workers)[-1]:
            assert description(invite).audio.port == session.ports.far
    assert reinvites(stage, caller) == [(RELAY, session.ports.near, "sendrecv")]
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize("to", ["trunk", "devices", "mailbox"])
def test_a_caller_reaches_nobody_while_the_relay_is_full(to: str) -> None:
    number = ANNOUNCED_NUMBER.number if to == "trunk" else WORKSHOP.default_number
    announced = replace(ANNOUNCED_NUMBER, number=number, always=True)
    there = replace(WORKSHOP, not_answered=VOICEMAIL)
    stage, caller, (trunk,) = company(replace(RECEPTION, not_answered=announced), there)
    devices = [stage.device(f"192.0.2.{n}", user=WORKSHOP.id) for n in (12, 13)] if to == "devices" else []
    stage.dial(caller)
    stage.run(1.0)
    stage.relay.mode = "full"
    restart(stage)
    stage.run(ANNOUNCED + 1.0)
    assert [stage.from_service(phone) for phone in (trunk, *devices)] == [[]] * (1 + len(devices))
    assert not stage.mailboxes.workers
    assert caller.names()[-1] == "failed" and stage.call.over
    stage.finish()


@pytest.mark.parametrize("to", ["device", "trunk", "mailbox"])
@pytest.mark.parametrize("full", [False, True])
def test_a_call_that_is_answered_before_its_session_is_there_again(to: str, full: bool) -> None:
    """Whoever was rung has asked the relay, and the answered call hears what it says."""
    stage = Stage()
    if to == "device":
        callee = stage.device("192.0.2.11")
        rings(callee)
    elif to == "trunk":
        stage.plan = outbound()
        callee = stage.carrier("203.0.113.1")
        rings(callee)
    else:
        stage.mailboxes.worker_mode = "silent"
    caller = stage.caller()
    follows(caller)
    stage.dial(caller)
    stage.run(1.0)
    if to == "mailbox":
        callee = stage.mailboxes.worker
    follows(callee)
    stage.relay.die()
    stage.relay.mode = "waits"
    stage.relay_returns()
    callee.incoming.accept(sdp(callee.host), stage.now)
    stage.run(0.5)
    assert stage.call.state == ("recording" if to == "mailbox" else "answered")
    stage.relay.mode = "full" if full else "works"
    stage.relay.answer_all()
    stage.run(5.0)
    if full:
        assert stage.call.over and stage.call.journal.hung_up_by == "service (relay lost)"
        assert (caller.names()[-1], callee.names()[-1]) == ("ended", "ended")
        stage.network.settle()
        return
    ports = joined(stage).ports
    assert ports is not None and stage.notes.names().count("call.rejoined") == 1
    assert reinvites(stage, caller) == [(RELAY, ports.near, "sendrecv")]
    assert reinvites(stage, callee) == [(RELAY, ports.far, "sendrecv")]
    caller.session.bye(stage.now)
    stage.finish()


def test_a_step_that_is_over_hears_no_more_of_a_relay_that_was_away() -> None:
    """The step that follows does not end because the session could not be opened again."""
    stage = Stage()
    dial, *_, failed = outbound().steps
    waits = Ring(CALLED, 20.0, waits=True, on=frozenset(Cause))
    stage.plan = replace(outbound(), steps=(dial, waits, failed))
    trunk, caller = stage.carrier("203.0.113.1"), stage.caller()
    plays(trunk)
    stage.dial(caller)
    stage.run(1.0)
    stage.relay.die()
    stage.relay.mode = "waits"
    stage.relay_returns()
    trunk.incoming.reject(503, stage.now)
    stage.run(0.5)
    stage.relay.mode = "full"
    stage.relay.answer_all()
    stage.run(1.0)
    assert [result.ended.value for result in stage.call.journal.steps] == ["unavailable"]
    assert stage.call.ringing(CALLED)
    caller.outgoing.cancel(stage.now)
    stage.finish()
