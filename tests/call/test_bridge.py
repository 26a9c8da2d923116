"""What else passes between two legs of an answered call: digits, and the end."""

from __future__ import annotations

import pytest

from b2bua.sip.dialogs.session import NOBODY
from tests.call.answered import answered, both_ways
from tests.call.stage import (
    Stage,
    answers,
    sdp,
)

RELAY_DTMF = "application/dtmf-relay"


@pytest.mark.parametrize("side", ["caller", "callee"])
@pytest.mark.parametrize(
    ("content_type", "body"),
    [(RELAY_DTMF, b"Signal=5\r\nDuration=160\r\n"), ("application/dtmf", b"5")],
)
def test_digits_by_info_go_from_phone_to_phone(side: str, content_type: str, body: bytes) -> None:
    stage, caller, callee = answered()
    presses, other = both_ways(caller, callee, side)
    presses.session.send("INFO", (("Content-Type", content_type),), body, stage.now)
    stage.run(0.5)
    assert other.events[-1] == ("info", [(content_type, body)])
    presses.session.bye(stage.now)
    stage.finish()


def test_an_info_of_another_kind_goes_nowhere() -> None:
    stage, caller, callee = answered()
    caller.session.send("INFO", (("Content-Type", "text/plain"),), b"secret", stage.now)
    stage.run(0.5)
    assert "info" not in callee.names()
    caller.session.bye(stage.now)
    stage.finish()


def test_digits_by_info_go_to_the_mailbox() -> None:
    stage = Stage()
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    for kind, body in ((RELAY_DTMF, b"Signal=11\r\n"), ("application/dtmf", b"7"), (RELAY_DTMF, b"junk")):
        caller.session.send("INFO", (("Content-Type", kind),), body, stage.now)
        stage.run(0.1)
    assert stage.mailboxes.only.digits == ["#", "7"]
    assert stage.mailboxes.worker.names() == ["invite", "acknowledged"]
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_either_side_hangs_up(side: str) -> None:
    stage, caller, callee = answered()
    leaves, stays = both_ways(caller, callee, side)
    leaves.session.bye(stage.now)
    stage.run(0.5)
    assert stays.names()[-1] == "ended"
    stage.finish()
    journal = stage.call.journal
    assert (journal.outcome, journal.hung_up_by, journal.code) == ("answered", side, None)
    assert journal.figures == {"session": stage.notes.joins[0][0]}


@pytest.mark.parametrize("side", ["caller", "callee"])
@pytest.mark.parametrize("moment", [0.0, 0.005, 0.015, 0.025, 0.035])
@pytest.mark.parametrize("with_offer", [True, False])
@pytest.mark.parametrize("leaver", ["asking", "other"])
def test_a_side_hangs_up_in_the_middle_of_a_re_invite(
    side: str, moment: float, with_offer: bool, leaver: str
) -> None:
    stage, caller, callee = answered()
    asking, other = both_ways(caller, callee, side)
    asking.when("offer answered", lambda session, now: session.acknowledge(sdp(asking.host), now))
    asking.session.offer(sdp(asking.host) if with_offer else None, stage.now)
    stage.run(moment)
    (asking if leaver == "asking" else other).session.bye(stage.now)
    stage.run(2.0)
    assert stage.call.over
    stage.finish()


def test_a_side_that_has_gone_without_a_word_ends_the_call() -> None:
    stage, caller, callee = answered()
    stage.network.dead.add(callee.hop)
    callee.session.end(stage.now)
    caller.session.offer(sdp(caller.host), stage.now)
    stage.run(40.0)
    assert caller.names()[-1] == "ended"
    stage.finish()
    assert stage.call.journal.hung_up_by == "callee (gone)"


def test_a_caller_that_never_acknowledges_is_given_up() -> None:
    stage = Stage()
    callee, caller = stage.device("192.0.2.11"), stage.caller()
    answers(callee)
    caller.when("progress", lambda session, now: stage.network.dead.add(caller.hop))
    stage.dial(caller)
    stage.run(40.0)
    assert callee.names()[-1] == "ended"
    caller.session.end(stage.now)
    stage.finish()
    assert stage.call.journal.hung_up_by == "caller (no-ack)"


def test_nothing_keeps_a_call_that_is_over() -> None:
    stage, caller, callee = answered()
    caller.session.bye(stage.now)
    stage.finish()
    assert stage.call.caller.session.user is NOBODY and callee.session.user is NOBODY
