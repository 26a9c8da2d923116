"""Calls that leave by trunks: one after another, never two ringing, and what the caller hears of it."""

from __future__ import annotations

from typing import Any

import pytest

from b2bua.callplan.causes import NOT_ANSWERED
from b2bua.callplan.identity import Identity
from b2bua.callplan.plan import Considered, Plan
from b2bua.callplan.question import Rule
from b2bua.callplan.situation import Limits
from b2bua.callplan.steps import Dial, Reject
from b2bua.sip.dialogs.session import Session
from b2bua.sip.dialogs.uas import ServerSession
from tests.call.stage import PCMA, PCMU, RELAY, Stage, answers, codecs_of, description, refuses, rings, sdp
from tests.sip.wire import Faults, Phone

SHOWN = Identity("+441632960100", "+441632960101")
NUMBER = "+441632960999"


def outbound(seconds: float = 60.0, identity: Identity = SHOWN, *, emergency: bool = False) -> Plan:
    dial = Dial("999" if emergency else NUMBER, identity, seconds, emergency)
    unanswered = Reject(480, "Temporarily Unavailable", 19, on=NOT_ANSWERED, as_elsewhere=True)
    failed = Reject(503, "Service Unavailable", 34, as_elsewhere=True)
    considered = (Considered(Rule.OUTBOUND, True, "it is elsewhere"),)
    return Plan(Rule.OUTBOUND, considered, (dial, unanswered, failed))


def leaving(
    carriers: int = 1, plan: Plan | None = None, faults: Faults | None = None, **settings: Any
) -> tuple[Stage, Phone, list[Phone]]:
    """A stage with so many trunks, and a caller who has not called yet."""
    stage = Stage(faults)
    stage.plan = plan or outbound()
    trunks = [stage.carrier(f"203.0.113.{n + 1}", **settings) for n in range(carriers)]
    return stage, stage.caller(), trunks


def plays(phone: Phone, code: int = 183, *, then: float | None = None) -> None:
    """Let a trunk be heard before it answers."""
    body = sdp(phone.host, codecs=(PCMA,))

    def invited(session: Session, now: float) -> None:
        assert isinstance(session, ServerSession)
        session.progress(code, now, body)
        if then is not None:
            phone.network.at(now + then, lambda later: session.accept(body, later))

    phone.when("invite", invited)


def turns_away(trunk: Phone, code: int) -> None:
    """Let a trunk refuse at once, without ringing."""
    trunk.when("invite", lambda session, now: session.reject(code, now))  # type: ignore[attr-defined]


def test_an_answered_call() -> None:
    stage, caller, (trunk,) = leaving()
    answers(trunk, after=1.0)
    stage.dial(caller)
    stage.run(2.0)
    assert caller.names() == ["progress", "answered"]
    (invite,) = stage.from_service(trunk, "INVITE")
    assert invite.uri_text == "sip:441632960999@carrier1.example"
    assert str(invite.to.uri) == "sip:441632960999@carrier1.example"
    assert invite.get("max-forwards") == "69"
    assert description(invite).audio.address == RELAY
    assert stage.call.state == "answered"
    assert stage.carriers.has_answered == ["carrier1"]
    assert stage.notes.events[-1] == ("call.answered", {"leg": "b1", "trunk": "carrier1"})
    caller.session.bye(stage.now)
    stage.finish()
    (step,) = stage.call.journal.steps
    assert (step.trunk, step.code, step.device) == ("carrier1", None, None)
    assert trunk.names()[-1] == "ended"


@pytest.mark.behaviour("I2", "I4")
@pytest.mark.parametrize(
    ("identity", "from_", "asserted", "privacy"),
    [
        (SHOWN, "sip:441632960100@", "<sip:441632960101@", None),
        (
            Identity("+441632960100", "+441632960101", withheld=True),
            "sip:anonymous@anonymous.invalid",
            None,
            "id",
        ),
        (Identity(), "sip:unavailable@unknown.invalid", None, None),
    ],
)
def test_who_is_shown(identity: Identity, from_: str, asserted: str | None, privacy: str | None) -> None:
    stage, caller, (trunk,) = leaving(plan=outbound(identity=identity))
    stage.dial(caller)
    stage.run(0.5)
    (invite,) = stage.from_service(trunk, "INVITE")
    assert str(invite.from_.uri).startswith(from_)
    assert (invite.get("p-asserted-identity") or "").startswith(asserted or "")
    assert (invite.get("p-asserted-identity") is None) == (asserted is None)
    assert invite.get("privacy") == privacy
    if identity.withheld:
        assert b"96010" not in b"".join(p.data for p in stage.network.sent if p.target == trunk.hop)
    caller.session.cancel(stage.now)  # type: ignore[attr-defined]
    stage.finish()


@pytest.mark.parametrize(("username", "host"), [(None, "192.0.2.100"), ("acme", "carrier1.example")])
def test_a_carrier_that_knows_our_name_sees_its_own_domain_one_that_knows_our_address_ours(
    username: str | None, host: str
) -> None:
    stage, caller, (trunk,) = leaving(username=username, password="secret" if username else None)
    answers(trunk)
    stage.dial(caller)
    stage.run(0.5)
    (invite,) = stage.from_service(trunk, "INVITE")
    assert invite.from_.uri.host == host
    assert host in (invite.get("p-asserted-identity") or "")
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize(
    ("wire", "number"), [("e164", "441632960999"), ("plus", "+441632960999"), ("national", "01632960999")]
)
def test_numbers_are_in_the_trunks_format(wire: str, number: str) -> None:
    stage, caller, (trunk,) = leaving(number_format=wire)
    answers(trunk)
    stage.dial(caller)
    stage.run(0.5)
    (invite,) = stage.from_service(trunk, "INVITE")
    assert invite.uri.user == invite.to.uri.user == number
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("E3")
@pytest.mark.parametrize("code", [302, 400, 401, 403, 407, 420, 500, 502, 503, 504])
def test_a_trunk_that_cannot_is_followed_by_the_next_at_once(code: int) -> None:
    stage, caller, (first, second) = leaving(2)
    first.when("invite", lambda session, now: session.reject(code, now))  # type: ignore[attr-defined]
    answers(second)
    stage.dial(caller)
    stage.run(0.5)
    assert caller.names()[-1] == "answered"
    assert stage.notes.names().count("call.trunk_failed") == 1
    assert stage.call.journal.steps[0].trunk == "carrier2"
    caller.session.bye(stage.now)
    stage.finish()


def test_a_silent_trunk_is_followed_by_the_next_after_four_seconds_and_not_called_again() -> None:
    stage, caller, (first, second) = leaving(2)
    stage.network.dead.add(first.hop)
    answers(second, after=1.0)
    stage.dial(caller)
    stage.run(3.9)
    assert stage.from_service(second) == []
    stage.run(0.2)
    assert stage.names_to(second)[0] == "INVITE"
    sent = stage.names_to(first).count("INVITE")
    stage.network.dead.clear()
    stage.run(40.0)
    # It came back, and no INVITE was sent to it any more: two would have rung.
    assert stage.names_to(first).count("INVITE") == sent
    assert first.names() == []
    assert stage.carriers.was_silent == ["carrier1"]
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize("late", ["rings", "answers"])
def test_never_two_ring_when_a_silent_trunk_speaks_late(late: str) -> None:
    stage, caller, (first, second) = leaving(2)
    body = sdp(first.host)

    def invited(session: Session, now: float) -> None:
        assert isinstance(session, ServerSession)
        if late == "rings":
            session.progress(180, now)
        else:
            session.accept(body, now)

    first.when("invite", invited)
    # Everything to the first one takes five seconds.
    stage.network.slow[first.hop] = 5.0
    answers(second, after=3.0)
    stage.dial(caller)
    stage.run(12.0)
    assert stage.call.journal.steps[0].trunk == "carrier2"
    assert caller.session.active
    assert first.names()[-1] in ("cancelled", "ended")
    caller.session.bye(stage.now)
    stage.finish()


def test_a_trunk_that_said_trying_is_waited_for() -> None:
    stage, caller, (first, second) = leaving(2, outbound(seconds=20.0))
    # It sends 100 by itself, and nothing else.
    stage.dial(caller)
    stage.run(19.0)
    assert stage.from_service(second) == []
    stage.run(2.0)
    assert caller.events[-1] == ("failed", 480)
    assert first.names()[-1] == "cancelled"
    stage.finish()
    assert stage.call.journal.steps[0].ended == "no-answer"


def test_the_last_trunk_is_waited_for_even_if_it_is_silent() -> None:
    stage, caller, (only,) = leaving(plan=outbound(seconds=100.0))
    stage.network.dead.add(only.hop)
    stage.dial(caller)
    stage.run(31.0)
    assert caller.events == []
    stage.run(2.0)
    assert caller.events == [("failed", 503)]
    stage.finish()


def test_without_any_trunk_the_call_fails() -> None:
    stage, caller, _ = leaving(0)
    stage.dial(caller)
    stage.run(0.5)
    assert caller.events == [("failed", 503)]
    stage.finish()
    assert stage.call.journal.outcome == "unavailable"


def test_without_a_relay_the_call_fails() -> None:
    stage, caller, _ = leaving(1)
    stage.relay.mode = "full"
    stage.dial(caller)
    stage.run(0.5)
    assert caller.events == [("failed", 503)]
    stage.finish()


@pytest.mark.behaviour("N4")
@pytest.mark.parametrize(
    ("code", "told", "outcome"),
    [
        (404, 404, "unknown"),
        (410, 410, "unknown"),
        (480, 480, "no-answer"),
        (484, 484, "unknown"),
        (486, 486, "busy"),
        (600, 600, "busy"),
        (603, 603, "busy"),
        (403, 403, "refused"),
        (433, 433, "refused"),
        (482, 482, "loop"),
        (604, 604, "unknown"),
        (606, 606, "busy"),
        (607, 607, "busy"),
        (608, 608, "busy"),
        # What is between the trunk and us, or would mean something else to the caller:
        (302, 503, "unavailable"),
        (401, 503, "unavailable"),
        (407, 503, "unavailable"),
        (408, 480, "no-answer"),
        (420, 503, "unavailable"),
        (487, 480, "no-answer"),
        (500, 503, "unavailable"),
        (503, 503, "unavailable"),
    ],
)
def test_the_caller_is_told_what_was_said_there(code: int, told: int, outcome: str) -> None:
    stage, caller, (trunk,) = leaving()
    refuses(trunk, code, after=0.5)
    stage.dial(caller)
    stage.run(2.0)
    assert caller.events[-1] == ("failed", told)
    stage.finish()
    assert stage.call.journal.outcome == outcome


@pytest.mark.parametrize("code", [486, 600, 603, 604, 606, 607, 608])
def test_a_refusal_by_the_called_number_is_not_asked_elsewhere(code: int) -> None:
    stage, caller, (first, second) = leaving(2)
    refuses(first, code)
    stage.dial(caller)
    stage.run(1.0)
    assert caller.events[-1] == ("failed", code)
    assert stage.from_service(second) == []
    stage.finish()


@pytest.mark.behaviour("I8")
def test_what_a_code_means_is_a_trunks_own_affair() -> None:
    stage, caller, (first, second) = leaving(2, next_trunk_codes=frozenset({404}))
    turns_away(first, 404)
    answers(second)
    stage.dial(caller)
    stage.run(1.0)
    assert caller.names()[-1] == "answered"
    caller.session.bye(stage.now)
    stage.finish()
    stage, caller, (first, second) = leaving(2, final_codes=frozenset({403}))
    turns_away(first, 403)
    stage.dial(caller)
    stage.run(1.0)
    assert caller.events[-1] == ("failed", 403)
    assert stage.from_service(second) == []
    stage.finish()


@pytest.mark.behaviour("I8")
@pytest.mark.parametrize(
    ("codes", "told"),
    [((403, 503), 403), ((503, 403), 403), ((488, 600), 600), ((603, 403), 603), ((500, 502), 503)],
)
def test_when_no_trunk_is_left_the_caller_gets_the_best_of_what_was_said(
    codes: tuple[int, int], told: int
) -> None:
    stage, caller, trunks = leaving(2, next_trunk_codes=frozenset({603}))
    for trunk, code in zip(trunks, codes, strict=True):
        turns_away(trunk, code)
    stage.dial(caller)
    stage.run(1.0)
    assert caller.events[-1] == ("failed", told)
    stage.finish()


@pytest.mark.behaviour("I8")
def test_what_the_first_trunk_said_is_forgotten_where_it_rang_by_the_second() -> None:
    stage, caller, (first, second) = leaving(2, outbound(10.0))
    turns_away(first, 403)
    rings(second)
    stage.dial(caller)
    stage.run(11.0)
    assert caller.events[-1] == ("failed", 480)
    stage.finish()
    assert stage.call.journal.outcome == "no-answer"


def test_once_it_has_rung_no_other_trunk_is_tried() -> None:
    stage, caller, (first, second) = leaving(2)
    refuses(first, 503, after=2.0)
    stage.dial(caller)
    stage.run(3.0)
    assert caller.events[-1] == ("failed", 503)
    assert stage.from_service(second) == []
    stage.finish()


UNFIT = {
    "no body": b"",
    "no description": b"hello",
    "no sound": b"v=0\r\no=- 1 1 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\n",
    "switched off": sdp("203.0.113.1", port=0),
    "another codec": sdp("203.0.113.1", codecs=("18 G729/8000",)),
    "keys alone": sdp("203.0.113.1", codecs=("101 telephone-event/8000",)),
    "encrypted": sdp("203.0.113.1").replace(b"RTP/AVP", b"RTP/SAVP"),
    "IPv6": sdp("203.0.113.1").replace(b"IP4 203.0.113.1", b"IP6 ::1"),
}
"""Answers that no sound can be had by."""


@pytest.mark.behaviour("M10", "I8")
@pytest.mark.parametrize("what", UNFIT)
@pytest.mark.parametrize("ringing", [True, False])
def test_after_an_answer_that_cannot_be_used_the_next_trunk_is_tried(ringing: bool, what: str) -> None:
    """Nothing rings there any more, so no second phone rings."""
    stage, caller, (first, second) = leaving(2)
    answers(first, after=1.0, body=UNFIT[what], rings=ringing)
    answers(second)
    stage.dial(caller)
    stage.run(3.0)
    assert stage.names_to(first)[-2:] == ["ACK", "BYE"] and first.names()[-1] == "ended"
    assert caller.session.active and second.session.active
    assert stage.notes.names().count("call.trunk_failed") == 1
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("M10")
@pytest.mark.parametrize("what", UNFIT)
def test_where_no_trunk_is_left_the_caller_is_told_with_a_warning(what: str) -> None:
    stage, caller, (trunk,) = leaving()
    answers(trunk, after=1.0, body=UNFIT[what])
    stage.dial(caller)
    stage.run(3.0)
    (refusal,) = stage.from_service(caller, "488 INVITE")
    assert (refusal.get("warning") or "").startswith("399 ")
    assert caller.events[-1] == ("failed", 488)
    stage.finish()
    assert [(step.ended, step.code) for step in stage.call.journal.steps] == [
        ("unavailable", 488),
        ("completed", 488),
    ]


@pytest.mark.behaviour("E3")
@pytest.mark.parametrize("code", [403, 404, 486, 500, 603])
def test_in_an_emergency_every_trunk_is_tried(code: int) -> None:
    stage, caller, (first, second, third) = leaving(3, outbound(emergency=True))
    for trunk in (first, second):
        trunk.when("invite", lambda session, now: session.reject(code, now))  # type: ignore[attr-defined]
    answers(third)
    stage.dial(caller)
    stage.run(1.0)
    assert caller.names()[-1] == "answered"
    assert [stage.from_service(t, "INVITE")[0].uri.user for t in (first, second, third)] == ["999"] * 3
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("M1", "M4")
@pytest.mark.parametrize("code", [180, 183])
def test_what_a_trunk_plays_before_the_answer_passes_and_stays_the_only_answer(code: int) -> None:
    stage, caller, (trunk,) = leaving()
    plays(trunk, code, then=2.0)
    stage.dial(caller, sdp(caller.host, codecs=(PCMU, PCMA)))
    stage.run(1.0)
    assert caller.events == [("progress", code)]
    (early,) = stage.from_service(caller, f"{code} INVITE")
    assert codecs_of(description(early)) == ["PCMA"]
    assert [peer.address for peer in stage.relay.only.far] == [trunk.host]
    stage.run(2.0)
    (final,) = {m.sdp for m in stage.from_service(caller, "200 INVITE")}
    assert final == early.sdp
    assert stage.from_service(caller, "200 INVITE")[0].to.tag == early.to.tag
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("M4")
def test_ringing_after_early_sound_is_told_with_the_same_description() -> None:
    stage, caller, (trunk,) = leaving()

    def invited(session: Session, now: float) -> None:
        assert isinstance(session, ServerSession)
        session.progress(183, now, sdp(trunk.host))
        trunk.network.at(now + 1.0, lambda later: session.progress(180, later, sdp(trunk.host)))

    trunk.when("invite", invited)
    stage.dial(caller)
    stage.run(2.0)
    assert caller.events == [("progress", 183), ("progress", 180)]
    assert len({message.sdp for message in stage.from_service(caller) if message.sdp}) == 1
    assert stage.notes.names().count("call.ringing") == 1
    caller.session.cancel(stage.now)  # type: ignore[attr-defined]
    stage.finish()


@pytest.mark.parametrize("why", ["delayed offer", "caller takes none", "trunk sends none"])
def test_without_early_media_the_caller_hears_nothing_before_the_answer(why: str) -> None:
    stage, caller, (trunk,) = leaving(early_media=why != "trunk sends none")
    stage.early_media = why != "caller takes none"
    plays(trunk, 180, then=1.0)
    stage.dial(caller, b"" if why == "delayed offer" else None)
    stage.run(0.5)
    assert caller.events == [("progress", 180)]
    assert all(message.sdp is None for message in stage.from_service(caller))
    stage.run(2.0)
    if why == "delayed offer":
        caller.session.acknowledge(sdp(caller.host, codecs=(PCMA,)), stage.now)
        stage.run(0.5)
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize("moment", [0.0005, 0.01, 1.0, 4.5, 6.0])
def test_the_caller_gives_up_at_any_moment(moment: float) -> None:
    stage, caller, (first, second) = leaving(2)
    stage.network.dead.add(first.hop)
    rings(second)
    stage.dial(caller)
    stage.run(moment)
    caller.session.cancel(stage.now)  # type: ignore[attr-defined]
    stage.run(1.0)
    assert caller.session.state.name in ("ENDED", "CANCELLED")
    stage.finish()
    assert stage.call.journal.outcome == "cancelled"


def test_nobody_answers_in_time() -> None:
    stage, caller, (trunk,) = leaving(plan=outbound(seconds=5.0))
    rings(trunk)
    stage.dial(caller)
    stage.run(6.0)
    assert trunk.names()[-1] == "cancelled"
    assert caller.events[-1] == ("failed", 480)
    stage.finish()


def test_an_answer_that_does_not_fit_ends_the_call() -> None:
    stage, caller, (trunk,) = leaving()
    answers(trunk, body=sdp(trunk.host, codecs=("18 G729/8000",)))
    stage.dial(caller)
    stage.run(1.0)
    assert caller.events[-1] == ("failed", 488)
    assert trunk.names()[-1] == "ended"
    stage.finish()


def test_a_challenge_is_answered_and_nobody_hears_of_it() -> None:
    stage, caller, (trunk,) = leaving(username="acme", password="secret")
    challenged: list[str | None] = []

    def invited(session: Session, now: float) -> None:
        assert isinstance(session, ServerSession)
        challenged.append(session.request.get("proxy-authorization"))
        if challenged[-1] is None:
            header = 'Digest realm="carrier.example", nonce="abc", algorithm=MD5, qop="auth"'
            session.reject(407, now, (("Proxy-Authenticate", header),))
        else:
            session.accept(sdp(trunk.host), now)

    trunk.when("invite", invited)
    stage.dial(caller)
    stage.run(1.0)
    assert caller.names() == ["answered"]
    assert challenged[0] is None and 'username="acme"' in (challenged[1] or "")
    assert "call.trunk_failed" not in stage.notes.names()
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize("loss", [0.1, 0.3])
@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_left_over_whatever_is_lost(loss: float, seed: int) -> None:
    stage, caller, (first, second) = leaving(2, faults=Faults(seed, loss, duplication=0.1, most_losses=5))
    first.when("invite", lambda session, now: session.reject(503, now))  # type: ignore[attr-defined]
    plays(second, then=2.0)
    stage.dial(caller)
    stage.run(20.0)
    caller.session.bye(stage.now)
    stage.finish()


def test_the_silence_is_a_setting() -> None:
    stage, caller, (first, second) = leaving(2)
    stage.limits = Limits(trunk_silence=1.0)
    stage.network.dead.add(first.hop)
    answers(second)
    stage.dial(caller)
    stage.run(1.5)
    assert caller.names()[-1] == "answered"
    caller.session.bye(stage.now)
    stage.finish()
