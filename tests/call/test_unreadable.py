"""Calls in which headers of somebody cannot be read, at any moment: nothing raises, nothing is left over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2bua.callplan.outcome import Ended
from b2bua.callplan.responses import meaning
from b2bua.callplan.steps import Ring
from b2bua.sip.dialogs.session import Session
from b2bua.sip.dialogs.uas import ServerSession
from tests.call.stage import Stage, answers, follows, refuses, rings, sdp
from tests.call.test_dial_trunk import outbound
from tests.call.test_hops import says_302
from tests.callplan.company import RECEPTION, VOICEMAIL
from tests.sip.unreadable import Spoiled, spoiled, spoiling
from tests.sip.wire import Phone

CHALLENGE = ("Proxy-Authenticate", 'Digest realm="carrier.example", nonce="n1", qop="auth", algorithm=MD5')


def inside() -> tuple[Stage, Phone, list[Phone]]:
    stage = Stage()
    stage.called = replace(RECEPTION, not_answered=VOICEMAIL)
    return stage, stage.caller(), [stage.device("192.0.2.11"), stage.device("192.0.2.12")]


def answered() -> tuple[Stage, Phone, list[Phone]]:
    """One of two devices answers, then holds, and is told a key."""
    stage, caller, (first, second) = inside()
    answers(first, after=1.0)
    rings(second)
    for phone in (caller, first):
        follows(phone)
    at = stage.network.at
    at(2.0, first.doing(lambda s, now: s.offer(sdp(first.host, direction="sendonly", version=2), now)))
    at(3.0, caller.doing(lambda s, now: s.send("INFO", (("Content-Type", "application/dtmf"),), b"5", now)))
    at(4.0, caller.doing(lambda s, now: s.offer(sdp(caller.host, version=2), now)))
    at(6.0, first.doing(lambda s, now: s.bye(now)))
    return stage, caller, [first, second]


def cancelled() -> tuple[Stage, Phone, list[Phone]]:
    """The caller gives up while both ring."""
    stage, caller, devices = inside()
    for device in devices:
        rings(device)
    stage.network.at(2.0, caller.doing(lambda s, now: s.end(now)))
    return stage, caller, devices


def redirected() -> tuple[Stage, Phone, list[Phone]]:
    """A device says who is to be called instead, by a trunk."""
    stage, caller, (first, second) = inside()
    trunk = stage.carrier("203.0.113.1")
    answers(trunk)
    rings(second)
    says_302(first, "<sip:01632960999@x.example>;q=0.4, <sip:202@x.example>;q=0.1")
    stage.network.at(3.0, caller.doing(lambda s, now: s.bye(now)))
    return stage, caller, [first, trunk]


def refused() -> tuple[Stage, Phone, list[Phone]]:
    """Both devices refuse, and the mailbox answers."""
    stage, caller, (first, second) = inside()
    refuses(first, 480, after=0.5)
    refuses(second, 486, after=0.8)
    stage.network.at(4.0, caller.doing(lambda s, now: s.bye(now)))
    return stage, caller, [first, second]


def carried() -> tuple[Stage, Phone, list[Phone]]:
    """By a trunk that challenges us, is heard early and then answers."""
    stage = Stage()
    stage.plan = outbound()
    trunk = stage.carrier("203.0.113.1", username="acme", password="secret")
    caller = stage.caller()

    def invited(session: Session, now: float) -> None:
        assert isinstance(session, ServerSession)
        if len(trunk.sessions) == 1:
            session.reject(407, now, (CHALLENGE,))
            return
        session.progress(183, now, sdp(trunk.host))
        stage.network.at(now + 1.0, lambda then: session.accept(sdp(trunk.host), then))

    trunk.when("invite", invited)
    stage.network.at(3.0, trunk.doing(lambda s, now: s.bye(now)))
    return stage, caller, [trunk]


SCENES: list[Callable[[], tuple[Stage, Phone, list[Phone]]]] = [
    answered,
    cancelled,
    redirected,
    refused,
    carried,
]


def play(
    scene: Callable[[], tuple[Stage, Phone, list[Phone]]],
    who: int,
    wrong: Spoiled,
    first: int,
    count: int,
    late: bool,
) -> Stage:
    """Play a scene in which one of those in it sends what cannot be read. `late`: the offer is left to us."""
    stage, caller, others = scene()
    phone = [caller, *others][who % (1 + len(others))]
    phone.agent.wire.send = spoiling(phone.agent.wire.send, wrong, first, count)  # type: ignore[method-assign]
    caller.when("answered", lambda session, now: session.acknowledge(sdp(caller.host), now))
    stage.dial(caller, b"" if late else None)
    stage.run(60.0)
    for call in stage.calls:
        call.hang_up(stage.now, "service")
    for each in (caller, *others):
        for session in each.sessions:
            session.bye(stage.now)
    stage.finish()
    return stage


@pytest.mark.parametrize("scene", SCENES)
@given(
    who=st.integers(0, 2),
    wrong=spoiled,
    first=st.integers(0, 9),
    count=st.sampled_from([1, 2, 99]),
    late=st.booleans(),
)
def test_whatever_cannot_be_read_nothing_is_left(
    scene: Callable[[], tuple[Stage, Phone, list[Phone]]],
    who: int,
    wrong: Spoiled,
    first: int,
    count: int,
    late: bool,
) -> None:
    stage = play(scene, who, wrong, first, count, late)
    for call in stage.calls:
        journal = call.journal
        if journal.answered is None and journal.outcome not in ("cancelled", "ended"):
            assert journal.code is not None and journal.outcome == meaning(journal.code).outcome
        for result in journal.steps:
            if isinstance(result.step, Ring) and result.ended is Ended.NO_ANSWER:
                # To have rung in vain is to have rung as long as it may.
                assert result.seconds == pytest.approx(result.step.seconds, abs=0.01)


NAMES_IT = ("Via", "From", "To", "Call-ID", "CSeq", "Content-Length", "Max-Forwards", "Expires")
"""Without these, or with two of them, it is no message at all."""


@given(
    code=st.sampled_from([300, 301, 302, 305, 400, 401, 407, 480, 486, 500, 503, 600, 603, 608]),
    wrong=st.lists(spoiled.filter(lambda each: each.header not in NAMES_IT), max_size=3),
)
def test_a_refusal_counts_at_once_whatever_else_it_says(code: int, wrong: list[Spoiled]) -> None:
    stage, caller, (first, second) = inside()
    for device in (first, second):
        refuses(device, code)
        send = device.agent.wire.send
        for each in wrong:
            send = spoiling(send, each, 0, 99)
        device.agent.wire.send = send  # type: ignore[method-assign]
    stage.dial(caller)
    stage.run(1.0)
    rang = stage.call.journal.steps[0]
    assert rang.ended in (Ended.BUSY, Ended.UNAVAILABLE, Ended.DEFLECTED) and rang.seconds < 0.2
    assert (rang.ended is Ended.BUSY) is (code == 486 or code >= 600)
    stage.call.hang_up(stage.now, "service")
    stage.finish()
