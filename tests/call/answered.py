"""An answered call between two phones, for the tests of what follows."""

from __future__ import annotations

from tests.call.stage import (
    Stage,
    answers,
    follows,
)
from tests.sip.wire import Phone


def answered(stage: Stage | None = None) -> tuple[Stage, Phone, Phone]:
    """A call between two phones that take whatever the other offers later."""
    stage = stage or Stage()
    callee = stage.device("192.0.2.11")
    caller = stage.caller()
    answers(callee)
    follows(caller)
    follows(callee)
    stage.dial(caller)
    stage.run(1.0)
    assert stage.call.state == "answered" and caller.session.active and callee.session.active
    return stage, caller, callee


def both_ways(caller: Phone, callee: Phone, side: str) -> tuple[Phone, Phone]:
    return (caller, callee) if side == "caller" else (callee, caller)


def result(phone: Phone) -> tuple[int, bytes | None]:
    """What became of a phone's last re-INVITE."""
    name, detail = phone.events[-1]
    assert name == "offer answered" and isinstance(detail, tuple)
    return detail
