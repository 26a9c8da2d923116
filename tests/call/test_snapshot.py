"""Answered calls come back after the process has died: as data, and on the wire."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from b2bua.call.snapshot import CallSnapshot, take
from b2bua.callplan.causes import ANY, Cause
from b2bua.callplan.identity import Identity
from b2bua.callplan.plan import Plan, visit_portal
from b2bua.callplan.situation import Caller
from b2bua.callplan.steps import Reject, Step
from b2bua.sip.auth.challenge import Credential
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.transport import Transport
from tests.call.answered import answered
from tests.call.stage import (
    CALLED,
    CALLING,
    EPOCH,
    SERVICE,
    SNAPSHOT,
    Stage,
    answers,
    description,
    follows,
    heard,
    rings,
    sdp,
)
from tests.call.test_dial_trunk import leaving, outbound
from tests.callplan.company import RECEPTION, VOICEMAIL, WORKSHOP
from tests.support.examples import examples

st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
PLANS = st.builds(
    Plan,
    steps=st.lists(st.from_type(Step), max_size=4).map(lambda steps: (*steps, Reject(480, "No", on=ANY))),  # type: ignore[arg-type]
    cause=st.sampled_from(Cause),
)
st.register_type_strategy(Plan, PLANS)


@given(st.builds(CallSnapshot))
@settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_snapshot_survives_json(snapshot: CallSnapshot) -> None:
    assert SNAPSHOT.validate_json(SNAPSHOT.dump_json(snapshot)) == snapshot


def restarted(stage: Stage, away: float = 1.0) -> None:
    kept = stage.die()
    stage.run(away)
    stage.restart(kept)
    stage.run(0.5)


def test_whether_a_description_is_believed_is_known_after_a_restart() -> None:
    stage = Stage()
    stage.nat = "always"
    answers(stage.device("192.0.2.11", nat="never"))
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    restarted(stage)
    assert stage.call.bridge is not None
    assert (stage.call.bridge.caller.nat, stage.call.bridge.callee.nat) == ("always", "never")
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_a_call_goes_on_and_either_side_ends_it(side: str) -> None:
    stage, caller, callee = answered()
    before = deepcopy(stage.relay.sessions)
    restarted(stage)
    assert stage.call.state == "answered" and stage.relay.sessions == before, "sound goes on untouched"
    assert (stage.lines.in_use(CALLED), stage.lines.in_use(CALLING)) == (1, 1)
    ending, other = (caller, callee) if side == "caller" else (callee, caller)
    ending.session.bye(stage.now)
    stage.run(1.0)
    assert other.events[-1] == ("ended", "bye")
    journal = stage.call.journal
    assert (journal.outcome, journal.hung_up_by) == ("answered", side)
    assert journal.ended is not None
    assert journal.ended - journal.began == pytest.approx(2.5, abs=0.1)
    stage.finish()


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_hold_after_a_restart(side: str) -> None:
    stage, caller, callee = answered()
    restarted(stage)
    holder, other = (caller, callee) if side == "caller" else (callee, caller)
    holder.session.offer(sdp(holder.host, direction="sendonly", version=3), stage.now)
    stage.run(0.5)
    name, detail = holder.events[-1]
    assert name == "offer answered" and detail[0] == 200  # type: ignore[index]
    assert heard(detail[1]).audio.direction == "recvonly"  # type: ignore[index]
    assert description(stage.from_service(other, "INVITE")[-1]).audio.direction == "sendonly"
    assert next(iter(stage.relay.sessions.values())).held is True
    # It is on hold after another restart too.
    restarted(stage)
    assert stage.call.caller.heard is not None
    holder.session.bye(stage.now)
    stage.finish()


def test_numbers_go_on_beyond_what_was_not_kept() -> None:
    """What was said after the last snapshot: the callee takes later requests and descriptions for new all the same."""
    stage, caller, callee = answered()
    snapshot = take(stage.call, stage.now, EPOCH + stage.now)
    assert snapshot is not None
    for _ in range(3):
        caller.session.send("INFO", (("Content-Type", "application/dtmf"),), b"1", stage.now)
    caller.session.offer(sdp(caller.host, direction="sendonly", version=3), stage.now)
    stage.run(0.5)
    told = description(stage.from_service(callee, "INVITE")[-1])
    stage.die()
    stage.restart([SNAPSHOT.dump_json(snapshot)])
    stage.run(0.5)
    caller.session.offer(sdp(caller.host, version=4), stage.now)
    stage.run(0.5)
    offer = description(stage.from_service(callee, "INVITE")[-1])
    assert (offer.audio.direction, offer.session_id) == ("sendrecv", told.session_id)
    assert offer.version > told.version
    caller.session.bye(stage.now)
    stage.run(0.5)
    assert callee.events[-1] == ("ended", "bye")
    stage.finish()


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_a_side_that_hung_up_meanwhile_is_found_out(side: str) -> None:
    stage, caller, callee = answered()
    gone, other = (caller, callee) if side == "caller" else (callee, caller)
    kept = stage.die()
    gone.session.bye(stage.now)
    stage.run(40.0)  # it has given up repeating the BYE
    stage.restart(kept)
    stage.run(1.0)
    assert other.events[-1] == ("ended", "bye")
    assert stage.call.journal.hung_up_by == f"{side} (gone)"
    stage.finish()


def test_a_bye_that_is_repeated_until_we_are_back_ends_the_call() -> None:
    stage, caller, callee = answered()
    kept = stage.die()
    caller.session.bye(stage.now)
    stage.run(2.0)
    stage.restart(kept)
    stage.run(4.0)
    assert callee.events[-1] == ("ended", "bye")
    stage.finish()


def test_a_relay_that_has_lost_the_session_gets_it_again() -> None:
    stage, caller, callee = answered()
    kept = stage.die()
    stage.relay.sessions.clear()
    stage.restart(kept)
    stage.run(5.0)
    (session,) = stage.relay.sessions.values()
    assert session.ports is not None
    assert description(stage.from_service(caller, "INVITE")[-1]).audio.port == session.ports.near
    assert description(stage.from_service(callee, "INVITE")[-1]).audio.port == session.ports.far
    assert "call.rejoined" in stage.notes.names()
    callee.session.bye(stage.now)
    stage.finish()


def test_a_side_that_was_not_told_of_the_new_port_yet_is_told_after_the_restart() -> None:
    stage, _, callee = answered()
    callee.when("offer", lambda session, now: session.refuse_offer(491, now))
    stage.relay.die()
    stage.run(0.5)
    stage.relay_returns()
    stage.run(0.5)
    follows(callee)
    restarted(stage)
    stage.run(3.0)
    (session,) = stage.relay.sessions.values()
    assert session.ports is not None
    assert description(stage.from_service(callee, "INVITE")[-1]).audio.port == session.ports.far
    callee.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize("visit", ["deposit", "portal"])
def test_a_mailbox_goes_on(visit: str) -> None:
    stage = Stage()
    if visit == "portal":
        stage.plan = visit_portal("1571", WORKSHOP)
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    token, hops = stage.mailboxes.only.token, stage.call.itinerary.hops
    restarted(stage)
    assert stage.call.itinerary.hops == hops, "whoever it came to may have missed it"
    assert stage.call.in_mailbox and stage.call.bridge is not None
    assert stage.call.bridge.visit is not None and stage.call.bridge.visit.token == token
    caller.session.send("INFO", (("Content-Type", "application/dtmf"),), b"#", stage.now)
    stage.run(0.1)
    assert stage.mailboxes.only.digits == ["#"]
    # The worker may die later, and another goes on.
    stage.mailboxes.kill()
    stage.call.mailbox_lost(stage.now)
    stage.run(1.0)
    assert stage.mailboxes.resumed == [token]
    assert stage.call.state == {"deposit": "recording", "portal": "portal"}[visit]
    assert stage.lines.in_use(CALLING) == {"deposit": 1, "portal": 0}[visit]
    stage.mailboxes.worker.session.bye(stage.now)
    stage.run(1.0)
    assert caller.names()[-1] == "ended"
    stage.finish()


def test_what_is_not_confirmed_is_not_kept() -> None:
    stage = Stage()
    stage.called = replace(RECEPTION, not_answered=VOICEMAIL)
    callee = stage.device("192.0.2.11")
    rings(callee)
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    call = stage.call
    assert take(call, stage.now, EPOCH) is None
    callee.incoming.accept(sdp(callee.host), stage.now)
    while call.state != "answered":
        stage.run(0.001)
    assert take(call, stage.now, EPOCH) is None, "the caller's ACK is missing"
    stage.run(0.1)
    assert take(call, stage.now, EPOCH) is not None
    caller.session.bye(stage.now)
    stage.run(0.1)
    assert take(call, stage.now, EPOCH) is None
    stage.finish()


@pytest.mark.parametrize(
    ("contact", "reached"), [("192.0.2.1:5071", ("192.0.2.1", 5071)), ("10.0.0.4:5060", None)]
)
def test_a_connection_is_made_anew_where_only_the_address_is_known(
    contact: str, reached: tuple[str, int] | None
) -> None:
    stage, _, _ = answered()
    (line,) = stage.die()
    snapshot: Any = SNAPSHOT.validate_json(line)
    dialog = snapshot.caller.dialog
    host, _, port = contact.partition(":")
    target = dialog.target._replace(host=host, port=int(port))
    flow = Flow(Transport.TCP, SERVICE, dialog.flow.remote._replace(port=40001), 7)
    leg = replace(snapshot.caller, dialog=replace(dialog, target=target, flow=flow))
    sent = len(stage.network.sent)
    stage.restart([SNAPSHOT.dump_json(replace(snapshot, caller=leg))])
    assert stage.call.caller.flow == Flow(Transport.TCP, SERVICE, type(SERVICE)(*(reached or flow.remote)), 0)
    probed = [p.target for p in stage.network.sent[sent:] if p.name == "OPTIONS"]
    assert len(probed) == (2 if reached else 1)


@pytest.mark.behaviour("A3")
def test_a_withheld_number_is_in_no_snapshot_and_a_trunk_still_gets_its_credential() -> None:
    stage, caller, (trunk,) = leaving(
        plan=outbound(identity=Identity("+441632960110", "+441632960111", withheld=True)),
        username="us",
        password="secret",
    )
    stage.who = Caller("202", "Workshop", withheld=True, user=CALLING)
    answers(trunk)
    stage.dial(caller, headers=(("Privacy", "id"),))
    stage.run(1.0)
    (line,) = stage.die()
    for secret in (b"202", b"Workshop", b"441632960110", b"441632960111", b'"caller"', b"Caller", b"secret"):
        assert secret not in line.replace(b'"caller":', b"")
    stage.restart([line])
    stage.run(0.5)
    bridge = stage.call.bridge
    assert bridge is not None and bridge.caller.session is not None and bridge.callee.session is not None
    assert bridge.caller.session._authorization is None
    authorization = bridge.callee.session._authorization
    assert authorization is not None and authorization._credential == Credential("us", "secret")
    trunk.session.bye(stage.now)
    stage.run(1.0)
    assert caller.events[-1] == ("ended", "bye")
    stage.finish()
