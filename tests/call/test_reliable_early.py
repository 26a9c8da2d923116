"""Calls whose sound before the answer goes reliably (BEHAVIOUR M1, M3): the answer waits for the caller's PRACK."""

from __future__ import annotations

import pytest

from tests.call.stage import Stage
from tests.call.test_dial_trunk import leaving, plays
from tests.sip.wire import Phone

FAR = 0.4  # seconds from the service to the caller


def answered_before_the_prack() -> tuple[Stage, Phone, Phone]:
    """A carrier was heard and answered, and the caller has heard nothing of either yet."""
    stage, caller, (trunk,) = leaving()
    stage.network.slow[caller.hop] = FAR
    plays(trunk, then=0.1)
    stage.dial(caller)
    stage.run(0.3)
    assert stage.call.state == "answered" and trunk.session.active and not caller.session.active
    assert stage.names_to(caller) == ["100 INVITE", "183 INVITE"]
    return stage, caller, trunk


@pytest.mark.behaviour("M1", "M3")
def test_the_answer_waits_for_the_prack() -> None:
    stage, caller, trunk = answered_before_the_prack()
    stage.run(2.0)
    assert caller.events[0] == ("progress", 183) and caller.names() == ["progress", "answered"]
    assert stage.names_to(caller) == ["100 INVITE", "183 INVITE", "200 PRACK", "200 INVITE"]
    early, ok = stage.from_service(caller, "183 INVITE")[0], stage.from_service(caller, "200 INVITE")[0]
    assert early.sdp == ok.sdp and early.to.tag == ok.to.tag
    assert caller.session.confirmed and trunk.session.confirmed
    caller.session.bye(stage.now)
    stage.finish()
    assert trunk.events[-1] == ("ended", "bye") and stage.call.journal.outcome == "answered"


def test_the_caller_gives_up_while_the_answer_waits() -> None:
    stage, caller, trunk = answered_before_the_prack()
    caller.outgoing.cancel(stage.now)
    stage.finish()
    assert caller.session.state.name == "ENDED" and trunk.events[-1] == ("ended", "bye")
    journal = stage.call.journal
    assert (journal.outcome, journal.hung_up_by) == ("answered", "caller")


def test_the_callee_hangs_up_while_the_answer_waits() -> None:
    stage, caller, trunk = answered_before_the_prack()
    trunk.session.bye(stage.now)
    stage.finish()
    assert caller.events[-1] == ("failed", 487)
    assert stage.call.journal.hung_up_by == "callee"


def test_the_callee_asks_for_something_while_the_answer_waits() -> None:
    stage, caller, trunk = answered_before_the_prack()
    trunk.session.offer(stage.from_service(trunk, "INVITE")[0].sdp, stage.now)
    stage.run(2.0)
    assert trunk.events[-1] == ("offer answered", (491, None)) and caller.session.active
    caller.session.bye(stage.now)
    stage.finish()


def test_a_caller_that_falls_silent_while_the_answer_waits() -> None:
    stage, caller, trunk = answered_before_the_prack()
    stage.network.dead.add(caller.hop)
    stage.run(33.0)
    assert trunk.events[-1] == ("ended", "bye") and stage.names_to(caller)[-1] == "504 INVITE"
    assert stage.call.journal.hung_up_by == "caller (no-prack)"
    caller.outgoing.cancel(stage.now)
    stage.finish()
