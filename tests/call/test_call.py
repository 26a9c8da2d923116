"""Whole calls: the caller's side in every state, lines in use, limits, and what is told about a call."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import pytest

from b2bua.call.early import Early
from b2bua.call.ports import Peer
from b2bua.call.ring_user import RingUser
from b2bua.call.setup import Setup
from b2bua.call.walk import begin
from b2bua.callplan.dialling import Unknown
from b2bua.callplan.plan import refuse_suspended, refuse_unknown
from b2bua.callplan.situation import Caller, Limits
from b2bua.callplan.steps import Ring
from b2bua.sip.dialogs.uas import ServerSession
from tests.call.stage import (
    CALLED,
    CALLING,
    G722,
    SERVICE,
    Stage,
    answers,
    description,
    refuses,
    rings,
    sdp,
)
from tests.call.test_play_tone import early_bye
from tests.callplan.company import KEEP_RINGING, RECEPTION, WORKSHOP
from tests.sip.wire import Phone


def calling(stage: Stage | None = None, host: str = "192.0.2.1") -> tuple[Stage, Phone]:
    stage = stage or Stage()
    caller = stage.caller(host)
    stage.dial(caller)
    return stage, caller


@pytest.mark.behaviour("M1")
def test_every_answer_to_the_caller_has_one_to_tag_and_our_contact() -> None:
    stage = Stage()
    device = stage.device("192.0.2.11")
    answers(device, after=1.0)
    stage, caller = calling(stage)
    stage.run(2.0)
    replies = [r for r in stage.from_service(caller) if r.code > 100]
    assert [r.code for r in replies] == [180, 200]
    assert len({r.to.tag for r in replies}) == 1
    assert {r.get("contact") for r in replies} == {f"<sip:{SERVICE}>"}
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize(
    "moment", [0.0, 0.0105, 0.0115, 0.015, 0.0215, 0.025, 0.0315, 0.5, 2.015, 2.025, 2.035, 2.1]
)
@pytest.mark.parametrize("relay", ["works", "waits"])
@pytest.mark.parametrize("later", [True, False])
def test_the_caller_cancels_at_any_moment(moment: float, relay: str, later: bool) -> None:
    stage = Stage()
    stage.relay.mode = relay
    devices = [stage.device("192.0.2.11"), stage.device("192.0.2.12")]
    answers(devices[0], after=2.0)
    rings(devices[1])
    stage, caller = calling(stage)
    stage.run(moment)
    if caller.session.active:
        caller.session.bye(stage.now)
    else:
        caller.outgoing.cancel(stage.now)
    stage.run(1.0)
    if later:
        stage.relay.answer_all()
    stage.run(1.0)
    assert stage.call.over
    assert not any(session.active for device in devices for session in device.sessions)
    stage.finish()


def test_a_cancelled_call_says_so_in_its_journal() -> None:
    stage = Stage()
    rings(stage.device("192.0.2.11"))
    stage, caller = calling(stage)
    stage.run(1.0)
    caller.outgoing.cancel(stage.now)
    stage.finish()
    journal = stage.call.journal
    assert caller.names() == ["progress"]
    assert stage.from_service(caller, "487 INVITE")
    assert (journal.outcome, journal.code, journal.hung_up_by) == ("cancelled", 487, "caller")
    assert [(r.ended, r.seconds) for r in journal.steps] == [("abandoned", pytest.approx(1.0, abs=0.1))]


def test_a_bye_in_the_early_dialog_means_cancel() -> None:
    stage = Stage()
    device = stage.device("192.0.2.11")
    rings(device)
    stage, caller = calling(stage)
    stage.run(1.0)
    early_bye(stage, caller, stage.from_service(caller, "180 INVITE")[0].to.tag)
    stage.run(1.0)
    assert stage.call.over and device.names()[-1] == "cancelled"
    assert stage.from_service(caller, "200 BYE") and stage.from_service(caller, "487 INVITE")
    stage.finish()


@pytest.mark.parametrize("moment", [0.0105, 0.015, 0.5, 2.015, 2.025, 3.0])
def test_the_service_hangs_up_at_any_moment(moment: float) -> None:
    stage = Stage()
    device = stage.device("192.0.2.11")
    answers(device, after=2.0)
    stage, caller = calling(stage)
    stage.run(moment)
    stage.call.hang_up(stage.now, "operator")
    stage.call.hang_up(stage.now, "operator")
    stage.run(1.0)
    assert caller.names()[-1] in ("failed", "ended")
    stage.finish()
    assert stage.call.journal.hung_up_by == "operator"


def test_the_callee_hangs_up_before_the_callers_ack() -> None:
    stage = Stage()
    device = stage.device("192.0.2.11")
    answers(device)
    stage, caller = calling(stage)
    stage.run(0.035)
    stage.network.dead.add(caller.hop)
    stage.run(0.01)
    device.session.bye(stage.now)
    stage.run(0.1)
    assert stage.call.over and stage.names_to(caller)[-1] == "200 INVITE"
    stage.network.dead.clear()
    stage.run(1.0)
    assert caller.names()[-1] == "ended"
    stage.finish()


@pytest.mark.parametrize(
    ("offer", "code"),
    [
        (b"nonsense", 400),
        (sdp("192.0.2.1").replace(b"RTP/AVP", b"RTP/SAVP"), 488),
        (sdp("192.0.2.1").replace(b"IN IP4 192.0.2.1", b"IN IP6 2001:db8::1"), 488),
    ],
)
def test_an_invite_that_cannot_be_used_begins_nothing(offer: bytes, code: int) -> None:
    stage = Stage()
    stage.device("192.0.2.11")
    caller = stage.caller()
    stage.dial(caller, offer)
    stage.run(1.0)
    assert caller.events == [("failed", code)]
    assert stage.calls == [] and stage.relay.sessions == {}
    stage.finish()


@pytest.mark.parametrize(
    ("plan", "code", "cause"),
    [
        (refuse_unknown(Unknown("nobody has it")), 404, "Q.850;cause=1"),
        (refuse_suspended("Acme Ltd"), 403, "Q.850;cause=21"),
    ],
)
def test_a_refusal_is_given_at_once_with_its_cause(plan, code: int, cause: str) -> None:  # type: ignore[no-untyped-def]
    stage = Stage()
    stage.plan = plan
    stage, caller = calling(stage)
    stage.run(0.5)
    assert caller.events == [("failed", code)]
    assert stage.from_service(caller, f"{code} INVITE")[0].get("reason") == cause
    stage.finish()
    assert stage.call.journal.outcome == {404: "unknown", 403: "refused"}[code]


@pytest.mark.behaviour("B1")
def test_alerting_live_held_and_outgoing_calls_make_a_line_busy() -> None:
    stage = Stage()
    device = stage.device("192.0.2.11")
    answers(device, after=1.0)
    stage, caller = calling(stage)
    stage.run(0.5)
    assert (stage.lines.in_use(CALLED), stage.lines.in_use(CALLING)) == (1, 1)  # alerting
    second = stage.caller("192.0.2.2")
    stage.who = Caller("203", "Sales")
    stage.dial(second, b"")
    stage.run(0.3)
    assert second.events == [("failed", 486)]
    stage.run(1.0)
    assert (stage.lines.in_use(CALLED), stage.lines.in_use(CALLING)) == (1, 1)  # live
    caller.session.offer(sdp(caller.host, direction="sendonly"), stage.now)
    device.when("offer", lambda session, now: session.answer_offer(sdp(device.host), now))
    stage.run(1.0)
    assert stage.lines.in_use(CALLED) == 1  # held
    caller.session.bye(stage.now)
    stage.run(0.5)
    assert (stage.lines.in_use(CALLED), stage.lines.in_use(CALLING)) == (0, 0)
    # A call that the user makes counts too.
    stage.who = Caller("201", "Reception", user=CALLED)
    stage.called = replace(RECEPTION, id=CALLING, not_answered=KEEP_RINGING)
    stage.others = (RECEPTION,)
    stage.dial(caller)
    stage.run(0.5)
    assert stage.lines.in_use(CALLED) == 1
    caller.outgoing.cancel(stage.now)
    stage.finish()


@pytest.mark.behaviour("B1")
def test_with_call_waiting_as_many_calls_ring_as_the_user_takes() -> None:
    stage = Stage()
    stage.called = replace(RECEPTION, max_calls=2)
    device = stage.device("192.0.2.11")
    rings(device)
    callers = [stage.caller(f"192.0.2.{n}") for n in (1, 2, 3)]
    for caller in callers:
        stage.dial(caller, b"")
        stage.run(0.5)
    assert [caller.events[-1] for caller in callers] == [
        ("progress", 180),
        ("progress", 180),
        ("failed", 486),
    ]
    assert stage.names_to(device) == ["INVITE", "INVITE"]
    for caller in callers[:2]:
        caller.outgoing.cancel(stage.now)
    stage.finish()


@pytest.mark.behaviour("B1")
def test_a_call_that_the_mailbox_took_does_not_make_the_called_line_busy() -> None:
    stage = Stage()
    refuses(stage.device("192.0.2.11"), 480)
    stage, caller = calling(stage)
    stage.run(1.0)
    assert stage.call.in_mailbox
    assert (stage.lines.in_use(CALLED), stage.lines.in_use(CALLING)) == (0, 1)
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("R11")
def test_a_provisional_is_repeated_each_minute() -> None:
    stage = Stage()
    stage.called = replace(RECEPTION, not_answered=KEEP_RINGING)
    rings(stage.device("192.0.2.11"))
    stage, caller = calling(stage)
    stage.run(150.0)
    first, second, third = stage.network.moments("180 INVITE", SERVICE)
    assert (second - first, third - second) == (pytest.approx(60.0), pytest.approx(60.0))
    caller.outgoing.cancel(stage.now)
    stage.finish()


@pytest.mark.behaviour("R11")
def test_keep_ringing_has_its_own_limit() -> None:
    stage = Stage(limits=Limits(max_unanswered=5.0, keep_ringing=8.0))
    stage.called = replace(RECEPTION, not_answered=KEEP_RINGING)
    device = stage.device("192.0.2.11")
    rings(device)
    stage, caller = calling(stage)
    stage.run(7.9)
    assert caller.names() == ["progress"]
    stage.run(0.5)
    assert caller.events[-1] == ("failed", 480)
    assert device.names()[-1] == "cancelled"
    stage.finish()


def test_a_caller_behind_nat_may_send_from_both_its_addresses() -> None:
    stage = Stage()
    device = stage.device("192.0.2.11")
    answers(device, body=sdp("172.16.0.4"))
    caller = stage.caller()
    stage.dial(caller, sdp("10.0.0.5", 4321))
    stage.run(1.0)
    relay = stage.relay.only
    assert relay.near == Peer("192.0.2.1", 4321, ("192.0.2.1", "10.0.0.5"))
    assert relay.far == [Peer("192.0.2.11", 4000, ("192.0.2.11", "172.16.0.4"))]
    sent = b"".join(p.data for p in stage.network.sent if p.source == SERVICE)
    assert b"10.0.0.5" not in sent and b"172.16.0.4" not in sent
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("M5")
def test_sound_goes_where_the_descriptions_say_whatever_address_the_signalling_has() -> None:
    stage = Stage()
    device = stage.device("192.0.2.11")
    answers(device, body=sdp("203.0.113.4"))
    caller = stage.caller()
    stage.dial(caller, sdp("203.0.113.5", 4321))
    stage.run(1.0)
    assert stage.relay.only.near == Peer("203.0.113.5", 4321)
    assert stage.relay.only.far == [Peer("203.0.113.4", 4000)]
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("M5")
def test_each_sides_setting_says_whether_its_description_is_believed() -> None:
    stage = Stage()
    device = stage.device("192.0.2.11", nat="never")
    answers(device, body=sdp("172.16.0.4"))
    stage.nat = "always"
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    assert stage.relay.only.near == Peer("192.0.2.1", 4000, ("192.0.2.1",))
    assert stage.relay.only.far == [Peer("172.16.0.4", 4000)]
    caller.session.bye(stage.now)
    stage.finish()


def test_both_sides_have_their_port_of_one_relay_session_and_an_origin_of_ours() -> None:
    stage = Stage()
    device = stage.device("192.0.2.11")
    answers(device)
    rings(stage.device("192.0.2.12"))
    stage, caller = calling(stage)
    stage.run(1.0)
    offered = description(stage.from_service(device, "INVITE")[0])
    answered = description(stage.from_service(caller, "200 INVITE")[0])
    ports = stage.relay.sessions[stage.notes.joins[0][0]].ports
    assert (offered.audio.port, answered.audio.port) == (ports.far, ports.near)
    assert offered.session_id != answered.session_id
    assert 77 not in (offered.session_id, answered.session_id)
    caller.session.bye(stage.now)
    stage.finish()


def test_the_watcher_hears_the_story_of_a_call() -> None:
    stage = Stage()
    refuses(stage.device("192.0.2.11"), 480)
    answers(stage.device("192.0.2.12"), after=1.0)
    stage, caller = calling(stage)
    stage.run(2.0)
    caller.session.bye(stage.now)
    stage.finish()
    assert stage.notes.events == [
        ("call.step", {"step": "ring", "cause": "unconditional"}),
        ("call.ringing", {}),
        ("call.device_failed", {"leg": "b1", "device": "device1", "code": 480}),
        ("call.answered", {"leg": "b2", "device": "device2"}),
    ]
    assert [leg for leg, _ in stage.notes.legs] == ["b1", "b2"]
    assert [call_id for _, call_id in stage.notes.legs] == stage.call.journal.legs
    assert stage.call.journal.call_id == caller.session.call_id


@pytest.mark.parametrize("ends", ["answered", "cancelled", "mailbox", "tone"])
def test_a_call_that_is_over_is_freed_without_the_cycle_collector(ends: str) -> None:
    gc.collect()
    gc.disable()
    try:
        stage = Stage()
        if ends in ("answered", "cancelled"):
            answers(stage.device("192.0.2.11"), after=1.0)
        if ends == "tone":
            stage.lines.occupy(CALLED)
        stage, caller = calling(stage)
        stage.run(0.5 if ends == "cancelled" else 2.0)
        if ends in ("answered", "mailbox"):
            caller.session.bye(stage.now)
        else:
            caller.outgoing.cancel(stage.now)
        if ends == "tone":
            stage.lines.release(CALLED, stage.now)
        stage.finish()
        call = weakref.ref(stage.calls.pop())
        assert call() is None
    finally:
        gc.enable()


def test_the_state_of_a_call_in_a_word() -> None:
    stage = Stage()
    device = stage.device("192.0.2.11")
    answers(device, after=1.0)
    stage, caller = calling(stage)
    stage.run(0.015)
    assert stage.call.state == "starting"
    stage.run(0.5)
    assert stage.call.state == "ringing"
    stage.run(1.0)
    assert stage.call.state == "answered"
    caller.session.bye(stage.now)
    stage.finish()


def test_a_caller_with_codecs_that_nobody_shares_reaches_nobody() -> None:
    stage = Stage()
    stage.device("192.0.2.11").when("invite", lambda session, now: session.reject(488, now))
    stage.mailboxes.worker_mode = "refuses"
    caller = stage.caller()
    stage.dial(caller, sdp(caller.host, codecs=(G722,)))
    stage.run(1.0)
    assert caller.events[-1] == ("failed", 480)
    stage.finish()


class Fault(Exception):
    """Something that nobody expected."""


@pytest.mark.parametrize("where", ["begin", "opened", "deadline", "stop"])
def test_a_fault_of_ours_is_a_500_and_leaves_nothing(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Fault

    method = {"begin": "begin", "opened": "_invite", "deadline": "on_time_up", "stop": "on_time_up"}[where]
    monkeypatch.setattr(RingUser, method, fail)
    if where == "stop":
        monkeypatch.setattr(RingUser, "stop", fail)
    stage = Stage()
    rings(stage.device("192.0.2.11"))
    stage, caller = calling(stage)
    with pytest.raises(Fault):
        stage.run(60.0)
    stage.run(60.0)
    assert [r.code for r in stage.from_service(caller) if r.code >= 200] == [500]
    assert caller.names()[-1] == "failed"
    if where == "stop":
        # What the performer does not give back is lost with it; the call itself holds nothing.
        assert (
            stage.call.over
            and not stage.lines.in_use(CALLED)
            and stage.notes.ended == [id(stage.call.journal)]
        )
        return
    stage.finish()
    assert (stage.call.journal.hung_up_by, stage.call.journal.code) == ("service (fault)", 500)


@pytest.mark.parametrize("ends", ["operator", "caller", "callee"])
def test_somebody_can_be_sought_for_a_caller_who_is_joined_already(ends: str) -> None:
    """What a transfer needs: a set-up beside a bridge, by the caller's relay session; the end of the call ends both."""
    stage = Stage()
    callee, other = stage.device("192.0.2.13"), stage.device("192.0.2.12", user=WORKSHOP.id)
    answers(callee)
    rings(other)
    stage, caller = calling(stage)
    stage.run(1.0)
    call = stage.call
    session, bridge = call.caller.session, call.bridge
    assert bridge is not None and isinstance(session, ServerSession)
    early = Early(call.context, session, call.caller, sound=True)
    early.relay_session = bridge.relay_session
    plan = replace(call.plan, steps=(Ring(WORKSHOP.id, 20.0), *call.plan.steps[1:]))
    call._setup = Setup(call.context, begin(plan, stage.limits, stage.now), early, call)
    call._setup.start(stage.now)
    stage.run(1.0)
    assert other.names() == ["invite"] and call.state == "answered"
    assert call.ringing(WORKSHOP.id) and len(stage.relay.sessions) == 1
    if ends == "operator":
        call.hang_up(stage.now, "operator")
    else:
        (caller if ends == "caller" else callee).session.bye(stage.now)
    stage.run(1.0)
    assert other.names() == ["invite", "cancelled"]
    assert call.over and call.journal.hung_up_by == ends
    stage.network.settle()
    assert stage.relay.only.closed == 1 and not stage.lines.in_use(WORKSHOP.id)
    assert stage.agent.sessions == 0 and stage.notes.ended == [id(call.journal)]
