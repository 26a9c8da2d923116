"""A mailbox takes the call, for a message or as the voice portal; another worker takes over when one is lost."""

from __future__ import annotations

import pytest

from b2bua.callplan.plan import visit_portal
from b2bua.callplan.situation import Caller
from b2bua.callplan.steps import Portal
from tests.call.stage import (
    CALLED,
    CALLING,
    EVENTS,
    G722,
    PCMA,
    PCMU,
    RELAY,
    Stage,
    codecs_of,
    description,
    sdp,
)
from tests.callplan.company import WORKSHOP
from tests.sip.wire import Phone

visits = pytest.mark.parametrize("visit", ["deposit", "portal"])
OUTCOME = {"deposit": "voicemail", "portal": "portal"}
REFUSAL = {"deposit": 480, "portal": 503}


def staged(visit: str) -> Stage:
    """Whoever calls comes to the mailbox of a user without devices, or to the own one."""
    stage = Stage()
    if visit == "portal":
        stage.plan = visit_portal("1571", WORKSHOP)
    return stage


def recording(stage: Stage | None = None) -> tuple[Stage, Phone]:
    """A caller in the mailbox."""
    stage = stage or Stage()
    caller = stage.caller()
    stage.dial(caller, sdp(caller.host, codecs=(G722, PCMU, PCMA, EVENTS)))
    stage.run(1.0)
    assert stage.call.in_mailbox and stage.call.state == ("recording" if stage.plan is None else "portal")
    return stage, caller


@pytest.mark.behaviour("N2")
def test_a_worker_is_asked_for_with_all_it_needs_and_answers_the_caller() -> None:
    stage, caller = recording()
    place = stage.mailboxes.only
    assert (place.service, place.user, place.occasion) == ("deposit", CALLED, "no-answer")
    assert place.call_id == caller.session.call_id
    assert (place.caller.number, place.caller.name, place.caller.withheld) == ("202", "Workshop", False)
    worker = stage.mailboxes.worker
    (invite,) = stage.from_service(worker, "INVITE")
    assert invite.uri_text == f"sip:deposit@{worker.hop}"
    assert invite.get("x-session") == place.token
    offer, reply = description(invite), description(stage.from_service(caller, "200 INVITE")[0])
    ports = stage.relay.only.ports
    assert (offer.audio.address, offer.audio.port) == (RELAY, ports.far)
    assert (reply.audio.address, reply.audio.port) == (RELAY, ports.near)
    assert codecs_of(reply) == ["PCMA", "telephone-event"]
    assert stage.relay.only.far[0].address == worker.host
    assert stage.notes.joins == [(stage.relay.only.name, place.token)]
    worker.session.bye(stage.now)
    stage.run(1.0)
    assert caller.names()[-1] == "ended"
    stage.finish()
    assert (stage.call.journal.outcome, stage.call.journal.hung_up_by) == ("voicemail", "callee")


@pytest.mark.behaviour("W1", "B1")
def test_the_own_portal_answers_by_a_worker_and_does_not_occupy_the_line() -> None:
    stage, caller = recording(staged("portal"))
    place = stage.mailboxes.only
    assert (place.service, place.user, place.occasion) == ("portal", WORKSHOP.id, None)
    (invite,) = stage.from_service(stage.mailboxes.worker, "INVITE")
    assert invite.uri_text == f"sip:portal@{stage.mailboxes.worker.hop}"
    assert invite.get("x-session") == place.token
    assert stage.lines.in_use(CALLING) == 0 and not stage.situation(WORKSHOP, stage.now).busy
    assert ("mailbox.answered", {"leg": "b1", "service": "portal"}) in stage.notes.events
    caller.session.send("INFO", (("Content-Type", "application/dtmf-relay"),), b"Signal=7\r\n", stage.now)
    stage.run(0.5)
    assert place.digits == ["7"]
    assert stage.names_to(caller)[-1] == "200 INFO"
    caller.session.bye(stage.now)
    stage.finish()
    assert stage.call.journal.outcome == "portal"
    assert [(type(r.step), r.ended) for r in stage.call.journal.steps] == [(Portal, "answered")]


@pytest.mark.behaviour("A3")
def test_a_withheld_caller_is_not_named_to_the_mailbox() -> None:
    stage = Stage()
    stage.who = Caller("202", "Workshop", withheld=True, user=11)
    stage, caller = recording(stage)
    shown = stage.mailboxes.only.caller
    assert (shown.number, shown.name, shown.withheld) == (None, None, True)
    sent = b"".join(p.data for p in stage.network.sent if p.target == stage.mailboxes.worker.hop)
    assert b"Workshop" not in sent and b"202@" not in sent
    caller.session.bye(stage.now)
    stage.finish()


@visits
@pytest.mark.parametrize("what", ["media host full", "relay full", "worker refuses", "worker dead"])
def test_where_no_mailbox_answers_the_caller_is_refused(what: str, visit: str) -> None:
    stage = staged(visit)
    stage.mailboxes.mode = "full" if what == "media host full" else "works"
    stage.relay.mode = "full" if what == "relay full" else "works"
    stage.mailboxes.worker_mode = {"worker refuses": "refuses", "worker dead": "silent"}.get(what, "answers")
    caller = stage.caller()
    stage.dial(caller)
    stage.run(9.0 if what == "worker dead" else 1.0)
    assert caller.names() == ([] if what == "worker dead" else ["failed"])
    stage.run(2.0)
    assert caller.events == [("failed", REFUSAL[visit])]
    stage.finish()
    assert stage.call.journal.outcome == {"deposit": "no-answer", "portal": "unavailable"}[visit]
    assert [r.ended for r in stage.call.journal.steps] == ["failed", "completed"]
    assert "mailbox.failed" in stage.notes.names()


@pytest.mark.parametrize("which", ["relay", "mailboxes"])
@pytest.mark.parametrize("full", [True, False])
def test_a_relay_or_media_host_that_says_nothing_is_not_waited_for_for_ever(which: str, full: bool) -> None:
    stage = Stage()
    slow = getattr(stage, which)
    slow.mode = "waits"
    caller = stage.caller()
    stage.dial(caller)
    stage.run(11.0)
    assert caller.events == [("failed", 480)]
    if not full:
        slow.answer_all()
    elif which == "mailboxes":
        assert stage.mailboxes.only.released == 1
    stage.finish()


def test_a_worker_whose_answer_is_no_description_fails() -> None:
    stage = Stage()
    stage.mailboxes.codecs = ()
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    assert caller.events == [("failed", 480)]
    assert stage.names_to(stage.mailboxes.worker) == ["INVITE", "ACK", "BYE"]
    stage.finish()


@pytest.mark.parametrize("moment", [0.005, 0.0105, 0.0115, 0.015, 0.025, 0.0315, 0.04, 1.0])
@pytest.mark.parametrize("waits", ["nobody", "relay", "mailboxes", "worker"])
@pytest.mark.parametrize("later", [True, False])
@visits
def test_the_caller_gives_up_at_any_moment(moment: float, waits: str, later: bool, visit: str) -> None:
    stage = staged(visit)
    if waits == "worker":
        stage.mailboxes.worker_mode = "silent"
    elif waits != "nobody":
        getattr(stage, waits).mode = "waits"
    caller = stage.caller()
    stage.dial(caller)
    stage.run(moment)
    if caller.session.active:
        caller.session.bye(stage.now)
    else:
        caller.outgoing.cancel(stage.now)
    stage.run(1.0)
    if later:
        stage.relay.answer_all()
        stage.mailboxes.answer_all()
    assert stage.call.over
    stage.finish()
    assert stage.call.journal.outcome in ("cancelled", OUTCOME[visit])


@pytest.mark.behaviour("M1")
@visits
def test_a_lost_worker_is_replaced_with_the_callers_codec_port_and_dialog_as_they_were(visit: str) -> None:
    stage, caller = recording(staged(visit))
    first = stage.mailboxes.worker
    before = stage.names_to(caller)
    stage.mailboxes.kill()
    stage.call.mailbox_lost(stage.now)
    stage.run(0.5)
    second = stage.mailboxes.worker
    assert second is not first and second.session.active
    (invite,) = stage.from_service(second, "INVITE")
    assert invite.get("x-session") == stage.mailboxes.only.token
    assert codecs_of(description(invite)) == ["PCMA", "telephone-event"]
    assert [peer.address for peer in stage.relay.only.far] == [first.host, second.host]
    assert stage.names_to(caller) == before
    assert "mailbox.resumed" in stage.notes.names()
    second.session.bye(stage.now)
    stage.run(1.0)
    assert caller.names()[-1] == "ended"
    stage.finish()
    assert len(stage.call.journal.legs) == 2


def test_a_loss_that_is_told_twice_is_one_loss() -> None:
    stage, caller = recording()
    stage.mailboxes.kill()
    stage.call.mailbox_lost(stage.now)
    stage.call.mailbox_lost(stage.now)
    stage.run(1.0)
    assert len(stage.mailboxes.resumed) == 1
    assert caller.session.active and stage.mailboxes.worker.session.active
    caller.session.bye(stage.now)
    stage.finish()


def test_a_recording_lasts_as_long_as_the_mailbox_likes() -> None:
    stage, caller = recording()
    stage.run(60.0)
    stage.mailboxes.kill()
    stage.call.mailbox_lost(stage.now)
    stage.run(60.0)
    assert caller.session.active and stage.mailboxes.worker.session.active
    caller.session.bye(stage.now)
    stage.finish()


def test_a_call_goes_on_over_many_lost_workers_even_while_one_is_being_called() -> None:
    stage, caller = recording()
    for moment in (0.0005, 0.005, 0.015, 0.3, 0.012):
        stage.mailboxes.kill()
        stage.call.mailbox_lost(stage.now)
        stage.run(0.0015)  # the next worker is there
        stage.run(moment)
    stage.run(1.0)
    assert caller.session.active and stage.mailboxes.worker.session.active
    caller.session.bye(stage.now)
    stage.finish()


@visits
@pytest.mark.parametrize("what", ["refused", "worker refuses", "never answered", "worker says nothing"])
def test_a_mailbox_that_cannot_be_resumed_ends_the_call(what: str, visit: str) -> None:
    stage, caller = recording(staged(visit))
    stage.mailboxes.mode = {"refused": "full", "never answered": "waits"}.get(what, "works")
    stage.mailboxes.worker_mode = {"worker refuses": "refuses", "worker says nothing": "silent"}.get(
        what, "answers"
    )
    stage.mailboxes.kill()
    stage.call.mailbox_lost(stage.now)
    stage.run(11.0)
    assert caller.names()[-1] == "ended"
    stage.finish()
    assert (stage.call.journal.outcome, stage.call.journal.hung_up_by) == (OUTCOME[visit], "service")


@pytest.mark.parametrize("moment", [0.0, 0.0005, 0.0015, 0.015, 0.0225, 0.5])
@pytest.mark.parametrize("by", ["caller", "service"])
def test_the_call_ends_while_another_worker_is_looked_for(moment: float, by: str) -> None:
    stage, caller = recording()
    stage.mailboxes.kill()
    stage.call.mailbox_lost(stage.now)
    stage.run(moment)
    if by == "caller":
        caller.session.bye(stage.now)
    else:
        stage.call.hang_up(stage.now, "service")
    stage.run(1.0)
    assert stage.call.over
    assert not any(session.active for worker in stage.mailboxes.workers[1:] for session in worker.sessions)
    stage.finish()


def test_a_place_found_after_the_call_ended_is_given_back() -> None:
    stage, caller = recording()
    stage.mailboxes.mode = "waits"
    stage.call.mailbox_lost(stage.now)
    caller.session.bye(stage.now)
    stage.run(1.0)
    stage.mailboxes.answer_all()
    assert stage.mailboxes.only.released == 1
    stage.finish()
    assert stage.names_to(stage.mailboxes.worker) == []


def test_a_worker_lost_after_the_call_is_nobodys_business() -> None:
    stage, caller = recording()
    caller.session.bye(stage.now)
    stage.run(0.0105)
    stage.call.mailbox_lost(stage.now)
    assert stage.mailboxes.resumed == []
    stage.finish()


def test_a_delayed_offer_reaches_a_mailbox() -> None:
    stage = Stage()
    caller = stage.caller()
    caller.when("answered", lambda session, now: session.acknowledge(sdp(caller.host, codecs=(PCMA,)), now))
    stage.dial(caller, b"")
    stage.run(1.0)
    assert caller.session.active
    assert [peer.address for peer in stage.relay.only.moves] == [caller.host]
    stage.mailboxes.kill()
    stage.call.mailbox_lost(stage.now)
    stage.run(0.5)
    offer = description(stage.from_service(stage.mailboxes.worker, "INVITE")[0])
    assert codecs_of(offer) == ["PCMA"]
    caller.session.bye(stage.now)
    stage.finish()
