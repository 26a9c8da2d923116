"""A visit to a mailbox by itself: what runs for it, and that nothing runs when it is over."""

from __future__ import annotations

import pytest

from b2bua.call.visit import WORKER_TIMEOUT, Visit
from b2bua.sip.transactions.timers import NEVER
from tests.call.stage import Stage
from tests.sip.wire import Phone


def seeking() -> tuple[Stage, Phone, Visit]:
    """A caller at a mailbox whose worker has died; another one is looked for."""
    stage = Stage()
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    assert stage.call.bridge is not None and stage.call.bridge.visit is not None
    visit = stage.call.bridge.visit
    assert visit.deadline == NEVER, "a worker is there"
    stage.mailboxes.mode = "waits"
    stage.mailboxes.kill()
    stage.call.mailbox_lost(stage.now)
    assert visit.deadline == pytest.approx(stage.now + WORKER_TIMEOUT)
    return stage, caller, visit


@pytest.mark.parametrize("by", ["caller", "service"])
def test_the_timer_of_a_visit_ends_with_the_call(by: str) -> None:
    stage, caller, visit = seeking()
    if by == "caller":
        caller.session.bye(stage.now)
    else:
        stage.call.hang_up(stage.now, "service")
    stage.run(0.1)
    assert stage.call.over and visit.deadline == NEVER
    stage.finish()


def test_the_timer_of_a_visit_ends_when_another_worker_answers() -> None:
    stage, caller, visit = seeking()
    stage.mailboxes.answer_all()
    stage.run(0.5)
    assert caller.session.active and visit.deadline == NEVER
    caller.session.bye(stage.now)
    stage.finish()


def test_where_no_worker_comes_in_time_the_call_ends() -> None:
    stage, caller, visit = seeking()
    stage.run(WORKER_TIMEOUT - 0.1)
    assert caller.session.active
    stage.run(0.3)
    assert not caller.session.active and visit.deadline == NEVER
    stage.finish()
