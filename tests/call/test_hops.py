"""Redirects as they happen: to users and numbers, announced, queued, by a phone's 302, in circles."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest

from b2bua.callplan.settings import Action, Interval, OutOfHours, Treatment, User
from b2bua.callplan.situation import Caller, Limits
from b2bua.sip.dialogs.session import Session
from b2bua.sip.dialogs.uas import ServerSession
from b2bua.sip.text.message import Response
from tests.call.stage import (
    ANNOUNCED,
    CALLED,
    EVENTS,
    G722,
    PCMA,
    Stage,
    answers,
    codecs_of,
    description,
    follows,
    heard,
    refuses,
    rings,
    sdp,
)
from tests.callplan.company import RECEPTION, VOICEMAIL, WORKSHOP
from tests.sip.wire import Phone, Reaction

NUMBER = "+441632960999"
OUTSIDE = Caller("+441632960998", network="+441632960998")
TO_WORKSHOP = Treatment(Action.USER, after=5.0, user=WORKSHOP.id)
TO_NUMBER = Treatment(Action.NUMBER, after=5.0, number=NUMBER)
ANNOUNCED_NUMBER = replace(TO_NUMBER, announce=True)


def company(called: User, *others: User, trunks: int = 1) -> tuple[Stage, Phone, list[Phone]]:
    """A stage with a caller from outside, and so many carriers."""
    stage = Stage()
    stage.who = OUTSIDE
    stage.called = called
    stage.others = (*others, *(user for user in stage.others if user.id not in {each.id for each in others}))
    return stage, stage.caller(), [stage.carrier(f"203.0.113.{n + 1}") for n in range(trunks)]


@pytest.mark.behaviour("N3")
def test_an_unanswered_call_goes_on_to_another_user_whose_rules_apply() -> None:
    stage, caller, _ = company(
        replace(RECEPTION, not_answered=TO_WORKSHOP), replace(WORKSHOP, not_answered=VOICEMAIL)
    )
    first, second = stage.device("192.0.2.11"), stage.device("192.0.2.12", user=WORKSHOP.id)
    rings(first)
    rings(second)
    stage.dial(caller)
    stage.run(4.9)
    assert stage.from_service(second) == []
    stage.run(0.5)
    assert "CANCEL" in stage.names_to(first)
    assert stage.names_to(second)[0] == "INVITE"
    assert stage.from_service(second, "INVITE")[0].from_.uri.user == OUTSIDE.number
    stage.run(21.0)
    assert stage.mailboxes.only.user == WORKSHOP.id
    assert caller.session.active
    caller.session.bye(stage.now)
    stage.finish()
    assert [result.ended.value for result in stage.call.journal.steps] == [
        "no-answer",
        "completed",
        "no-answer",
        "answered",
    ]
    assert len(stage.call.itinerary.onward) == 1


@pytest.mark.behaviour("D7")
def test_nobody_is_visited_twice() -> None:
    back = replace(TO_WORKSHOP, user=RECEPTION.id)
    stage, caller, _ = company(
        replace(RECEPTION, not_answered=TO_WORKSHOP), replace(WORKSHOP, not_answered=back)
    )
    for host, user in (("192.0.2.11", CALLED), ("192.0.2.12", WORKSHOP.id)):
        rings(stage.device(host, user=user))
    stage.dial(caller)
    stage.run(15.0)
    assert caller.events[-1] == ("failed", 482)
    stage.finish()
    assert stage.call.journal.outcome == "loop"


@pytest.mark.behaviour("N4", "D4", "D5")
def test_an_unanswered_call_goes_on_to_a_number() -> None:
    stage, caller, (trunk,) = company(replace(RECEPTION, not_answered=TO_NUMBER))
    rings(stage.device("192.0.2.11"))
    answers(trunk, after=2.0)
    stage.dial(caller)
    stage.run(6.0)
    (invite,) = stage.from_service(trunk, "INVITE")
    assert invite.uri.user == "441632960999"
    assert invite.from_.uri.user == "441632960998"
    assert "<sip:441632960101@" in (invite.get("p-asserted-identity") or "")
    assert invite.get("diversion").startswith("<sip:441632960101@")
    assert ";reason=no-answer;counter=1" in invite.get("diversion")
    assert ";cause=408" in invite.get("history-info")
    stage.run(3.0)
    assert caller.session.active
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("N4")
def test_busy_there_is_busy_here() -> None:
    stage, caller, (trunk,) = company(replace(RECEPTION, not_answered=TO_NUMBER))
    rings(stage.device("192.0.2.11"))
    refuses(trunk, 486)
    stage.dial(caller)
    stage.run(8.0)
    assert caller.events[-1] == ("failed", 486)
    stage.finish()


@pytest.mark.behaviour("D1", "M1", "M2")
def test_an_announced_redirect_has_ringback_as_sound_and_one_answer() -> None:
    stage, caller, (trunk,) = company(replace(RECEPTION, not_answered=ANNOUNCED_NUMBER))
    device = stage.device("192.0.2.11")
    rings(device)

    def invited(session: Session, now: float) -> None:
        assert isinstance(session, ServerSession)
        session.progress(180, now)
        trunk.network.at(now + 2.0, lambda later: session.accept(sdp(trunk.host), later))

    trunk.when("invite", invited)
    stage.dial(caller)
    stage.run(1.0)
    # From the first provisional on.
    assert caller.events == [("progress", 180)]
    assert [tone for tone, _ in stage.relay.only.tones] == ["ringback"]
    stage.run(4.5)
    assert stage.relay.only.tones[-1][0] == "redirecting"
    assert stage.from_service(trunk) == []
    stage.run(ANNOUNCED)
    assert stage.relay.only.tones[-1][0] == "ringback"
    stage.run(2.5)
    assert caller.session.active
    said = {message.sdp for message in stage.from_service(caller) if message.sdp}
    assert len(said) == 1
    tags = {message.to.tag for message in stage.from_service(caller) if message.sdp}
    assert len(tags) == 1
    # Whoever was called later was offered exactly what the caller was answered.
    assert [codec.name for codec in description(stage.from_service(trunk, "INVITE")[0]).audio.codecs] == [
        "PCMA",
        "telephone-event",
    ]
    assert len(stage.relay.sessions) == 1
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("B3", "M3")
@pytest.mark.parametrize("plain", [False, True])
def test_a_tone_after_an_announcement_is_told_no_other_way(plain: bool) -> None:
    """A caller without 100rel is sent a 183 twice, in case one is lost; another sound is no news."""
    to_workshop = replace(ANNOUNCED_NUMBER, number=WORKSHOP.default_number, always=True)
    stage, _, _ = company(replace(RECEPTION, not_answered=to_workshop), replace(WORKSHOP, max_calls=1))
    caller = stage.caller("192.0.2.3", plain=plain)
    stage.device("192.0.2.12", user=WORKSHOP.id)
    stage.lines.occupy(WORKSHOP.id)
    stage.dial(caller)
    stage.run(ANNOUNCED + 1.0)
    assert [tone for tone, _ in stage.relay.only.tones] == ["redirecting", "engaged"]
    stage.run(5.0)
    assert caller.events[-1] == ("failed", 486)
    assert stage.names_to(caller).count("183 INVITE") == 1 + plain
    stage.lines.release(WORKSHOP.id, stage.now)
    stage.finish()


@pytest.mark.behaviour("M1")
def test_a_device_that_answers_an_announced_plan_has_the_callers_session() -> None:
    stage, caller, _ = company(replace(RECEPTION, not_answered=ANNOUNCED_NUMBER))
    first, second = stage.device("192.0.2.11"), stage.device("192.0.2.12")
    rings(first)
    answers(second, after=2.0)
    stage.dial(caller)
    stage.run(3.0)
    assert caller.session.active and second.session.active
    assert "CANCEL" in stage.names_to(first)
    assert [peer.address for peer in stage.relay.only.far] == [second.host]
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("D1")
@pytest.mark.parametrize("why", ["delayed offer", "no early sound", "no codec of ours", "relay full"])
def test_where_no_sound_can_be_sent_the_announcement_is_left_out(why: str) -> None:
    stage, caller, (trunk,) = company(replace(RECEPTION, not_answered=replace(ANNOUNCED_NUMBER, always=True)))
    stage.early_media = why != "no early sound"
    answers(trunk)
    if why == "relay full":
        stage.relay.mode = "full"
    offer = {"delayed offer": b"", "no codec of ours": sdp(caller.host, codecs=("9 G722/8000",))}.get(why)
    answers(trunk, body=sdp(trunk.host, codecs=("9 G722/8000",)) if why == "no codec of ours" else None)
    stage.dial(caller, offer)
    stage.run(1.0)
    if why == "relay full":
        assert caller.events[-1] == ("failed", 480)
        stage.finish()
        return
    assert caller.names()[-1] == "answered"
    assert all(
        message.sdp is None
        for message in stage.from_service(caller)
        if message.cseq and hasattr(message, "code") and message.code < 200
    )
    if why == "delayed offer":
        caller.session.acknowledge(sdp(caller.host), stage.now)
        stage.run(0.5)
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("D1")
def test_a_carrier_that_is_answered_first_hears_the_announcement_after_the_answer() -> None:
    stage, caller, (trunk,) = company(replace(RECEPTION, not_answered=replace(ANNOUNCED_NUMBER, always=True)))
    stage.answers_first = True
    answers(trunk, after=1.0)
    stage.dial(caller)
    stage.run(1.0)
    assert caller.names()[-1] == "answered"
    assert stage.from_service(trunk) == []
    assert stage.relay.only.tones[-1][0] == "redirecting"
    stage.run(ANNOUNCED + 2.0)
    assert trunk.session.active and caller.session.active
    assert stage.call.state == "answered"
    caller.session.bye(stage.now)
    stage.finish()


def test_a_carrier_that_was_answered_first_is_hung_up_where_nobody_takes_the_call() -> None:
    stage, caller, (trunk,) = company(replace(RECEPTION, not_answered=replace(ANNOUNCED_NUMBER, always=True)))
    stage.answers_first = True
    refuses(trunk, 486)
    stage.dial(caller)
    stage.run(ANNOUNCED + 2.0)
    assert caller.names()[-1] == "ended"
    stage.finish()


@pytest.mark.parametrize("moment", [0.0005, 0.5, 1.0, 4.0, 6.0])
def test_a_caller_gives_up_at_any_moment_of_an_announced_redirect(moment: float) -> None:
    stage, caller, (trunk,) = company(replace(RECEPTION, not_answered=replace(ANNOUNCED_NUMBER, after=1.0)))
    rings(stage.device("192.0.2.11"))
    rings(trunk)
    stage.dial(caller)
    stage.run(moment)
    caller.outgoing.cancel(stage.now)
    stage.finish()
    assert stage.call.journal.outcome == "cancelled"


@pytest.mark.behaviour("A2", "D1")
@pytest.mark.parametrize("answers_first", [False, True])
def test_an_anonymous_caller_is_told_and_turned_away(answers_first: bool) -> None:
    stage, caller, _ = company(replace(RECEPTION, reject_anonymous=True))
    stage.who = replace(OUTSIDE, withheld=True)
    stage.answers_first = answers_first
    device = stage.device("192.0.2.11")
    stage.dial(caller)
    stage.run(1.0)
    assert stage.relay.only.tones[-1][0] == "anonymous-rejected"
    stage.run(ANNOUNCED)
    assert caller.events[-1] == ("failed", 433)
    assert "200 INVITE" not in stage.names_to(caller), "it is never answered for that"
    (refusal,) = stage.from_service(caller, "433 INVITE")
    assert refusal.get("reason") == "Q.850;cause=24"
    assert stage.from_service(device) == []
    stage.finish()


@pytest.mark.behaviour("R5", "O2")
def test_out_of_hours_takes_the_call() -> None:
    hours = OutOfHours(enabled=True, intervals=(), treatment=Treatment(Action.VOICEMAIL))
    all_day = tuple(Interval(day, time(0), time(0)) for day in range(7))
    stage, caller, _ = company(replace(RECEPTION, out_of_hours=replace(hours, intervals=all_day)))
    device = stage.device("192.0.2.11")
    stage.dial(caller)
    stage.run(1.0)
    assert stage.from_service(device) == []
    assert stage.mailboxes.only.occasion == "out-of-hours"
    caller.session.bye(stage.now)
    stage.finish()


def queued(seconds: float = 10.0) -> tuple[Stage, Phone, Phone, Phone]:
    """A user on the phone, and a caller who waits for the line: its voicemail follows after so many seconds."""
    stage, talker, _ = company(replace(RECEPTION, busy=Treatment(Action.VOICEMAIL, after=seconds)))
    device = stage.device("192.0.2.11")
    answers(device)
    stage.dial(talker)
    stage.run(1.0)
    assert talker.session.active
    waiter = stage.caller("192.0.2.2")
    stage.dial(waiter)
    stage.run(1.0)
    return stage, talker, device, waiter


@pytest.mark.behaviour("B2")
def test_a_caller_waits_for_a_busy_line_with_ringback_and_rings_when_it_is_free() -> None:
    stage, talker, device, waiter = queued()
    assert waiter.events == [("progress", 180)]
    assert stage.names_to(device).count("INVITE") == 1
    talker.session.bye(stage.now)
    stage.run(0.5)
    assert stage.names_to(device).count("INVITE") == 2
    stage.run(0.5)
    assert waiter.session.active
    waiter.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("B2")
def test_a_line_that_stays_busy_leads_to_the_busy_action() -> None:
    stage, talker, _, waiter = queued()
    stage.run(10.0)
    assert stage.mailboxes.only.occasion == "busy"
    assert waiter.session.active
    for phone in (waiter, talker):
        phone.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("B2")
def test_a_line_that_is_free_but_not_answered_leads_to_the_busy_action_in_time() -> None:
    stage, talker, device, waiter = queued()
    talker.session.bye(stage.now)
    rings(device)
    stage.run(8.0)
    assert stage.mailboxes.places == {}
    stage.run(2.0)
    assert stage.mailboxes.only.occasion == "busy"
    waiter.session.bye(stage.now)
    stage.finish()


def test_a_waiting_caller_who_gives_up_leaves_the_queue() -> None:
    stage, talker, device, waiter = queued()
    waiter.outgoing.cancel(stage.now)
    stage.run(0.5)
    talker.session.bye(stage.now)
    stage.run(1.0)
    assert stage.names_to(device).count("INVITE") == 1
    stage.finish()


def says_302(phone: Phone, contact: str) -> None:
    def invited(session: Session, now: float) -> None:
        assert isinstance(session, ServerSession)
        session.reject(302, now, (("Contact", contact),))

    phone.when("invite", invited)


@pytest.mark.parametrize(
    "contact",
    [
        "<sip:202@elsewhere.example>",
        "<tel:2-0-2;phone-context=192.0.2.100>",
        "<sip:202;phone-context=elsewhere.example@elsewhere.example>",
    ],
)
def test_a_302_is_the_users_redirect_to_a_colleague(contact: str) -> None:
    stage, caller, _ = company(replace(RECEPTION, not_answered=VOICEMAIL))
    device, other = stage.device("192.0.2.11"), stage.device("192.0.2.13")
    colleague = stage.device("192.0.2.12", user=WORKSHOP.id)
    says_302(device, contact)
    rings(other)
    answers(colleague)
    stage.dial(caller)
    stage.run(1.0)
    assert caller.session.active and colleague.session.active
    assert "CANCEL" in stage.names_to(other)
    caller.session.bye(stage.now)
    stage.finish()
    assert stage.call.journal.steps[0].ended.value == "deflected"


@pytest.mark.parametrize(
    "contact",
    [
        "<sip:01632960999@elsewhere.example>",
        "<tel:1632960999;phone-context=+44>",
        "<sip:%2B44-1632-960-999;ext=2@elsewhere.example;user=phone>",
    ],
)
def test_a_302_to_a_number_leaves_by_a_trunk_under_the_users_rules(contact: str) -> None:
    stage, caller, (trunk,) = company(replace(RECEPTION, not_answered=VOICEMAIL))
    says_302(stage.device("192.0.2.11"), contact)
    answers(trunk)
    stage.dial(caller)
    stage.run(1.0)
    (invite,) = stage.from_service(trunk, "INVITE")
    assert invite.uri.user == "441632960999"
    assert "reason=unconditional" in invite.get("diversion")
    caller.session.bye(stage.now)
    stage.finish()


FIRST, SECOND = "<sip:01632960998@x.example>;q=0.9", "<sip:01632960999@x.example>;q=0.5"


@pytest.mark.parametrize(
    "contacts", [f"{SECOND}, {FIRST}", f"<sip:09098790000@x>;q=1, {FIRST}, <sip:x y>, {SECOND}"]
)
def test_a_302_names_several_and_the_best_is_called_then_the_next(contacts: str) -> None:
    stage, caller, (trunk,) = company(replace(RECEPTION, not_answered=VOICEMAIL))
    stage.limits = Limits(redirected_calls=1)
    says_302(stage.device("192.0.2.11"), contacts)
    trunk.when("invite", in_turn_by_number(trunk))
    stage.dial(caller)
    stage.run(2.0)
    assert [invite.uri.user for invite in stage.from_service(trunk, "INVITE")] == [
        "441632960998",
        "441632960999",
    ]
    assert caller.session.active and trunk.session.active
    caller.session.bye(stage.now)
    stage.finish()
    assert [r.ended.value for r in stage.call.journal.steps] == ["deflected", "busy", "answered"]


@pytest.mark.behaviour("D8")
@pytest.mark.parametrize("code", [600, 603, 604, 606, 607, 699])
@pytest.mark.parametrize("next_one", [SECOND, "<sip:202@x.example>;q=0.5"])
def test_a_6xx_from_one_that_a_302_names_ends_the_search(next_one: str, code: int) -> None:
    """RFC 3261 §16.7 step 5: nobody wants this call."""
    stage, caller, (trunk,) = company(replace(RECEPTION, not_answered=VOICEMAIL))
    says_302(stage.device("192.0.2.11"), f"{FIRST}, {next_one}")
    refuses(trunk, code)
    stage.dial(caller)
    stage.run(2.0)
    assert [invite.uri.user for invite in stage.from_service(trunk, "INVITE")] == ["441632960998"]
    assert caller.events[-1] == ("failed", code)
    stage.finish()
    ended = [(r.ended.value, r.code) for r in stage.call.journal.steps]
    assert (ended[0], ended[1][1], ended[2]) == (("deflected", None), code, ("completed", code))
    assert len(ended) == 3, "the number, and the refusal"


def in_turn_by_number(trunk: Phone) -> Reaction:
    """The first call is refused as busy, the second answered."""

    def invited(session: Session, now: float) -> None:
        assert isinstance(session, ServerSession)
        if len(trunk.sessions) == 1:
            session.reject(486, now)
        else:
            session.accept(sdp(trunk.host), now)

    return invited


@pytest.mark.parametrize(
    "contact", ["<sip:x y>", "<sip:nobody.example>", '"open', "*", "<ftp:x>", "<sip:201@h:99999>"]
)
def test_a_302_that_cannot_be_read_is_a_refusal(contact: str) -> None:
    stage, caller, _ = company(replace(RECEPTION, not_answered=VOICEMAIL))
    says_302(stage.device("192.0.2.11"), contact)
    stage.dial(caller)
    stage.run(0.5)
    assert caller.session.active and stage.mailboxes.only.occasion == "no-answer"
    caller.session.bye(stage.now)
    stage.finish()
    # The devices could not be reached, at once: nothing rang for 20 seconds.
    (rang, answered) = stage.call.journal.steps
    assert (rang.ended.value, answered.ended.value) == ("unavailable", "answered") and rang.seconds < 0.2


@pytest.mark.behaviour("D8")
@pytest.mark.parametrize(
    "target",
    ["09098790000", "999", "201", "nobody", "202;phone-context=+44", "202;phone-context=x", "0906123456"],
)
def test_a_302_where_the_user_may_not_call_is_not_followed(target: str) -> None:
    stage, caller, (trunk,) = company(replace(RECEPTION, not_answered=VOICEMAIL))
    says_302(stage.device("192.0.2.11"), f"<sip:{target}@elsewhere.example>")
    stage.dial(caller)
    stage.run(1.0)
    assert stage.from_service(trunk) == []
    assert stage.mailboxes.only.user == CALLED
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("D7")
def test_simultaneous_redirected_calls_of_a_user_are_capped() -> None:
    stage, first, (trunk,) = company(replace(RECEPTION, not_answered=replace(TO_NUMBER, always=True)))
    stage.limits = Limits(redirected_calls=1)
    answers(trunk)
    stage.dial(first)
    stage.run(1.0)
    assert first.session.active
    second = stage.caller("192.0.2.2")
    stage.dial(second)
    stage.run(1.0)
    assert second.events[-1][0] == "failed"
    first.session.bye(stage.now)
    stage.run(1.0)
    third = stage.caller("192.0.2.3")
    stage.dial(third)
    stage.run(1.0)
    assert third.session.active
    third.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("R11")
def test_the_unanswered_time_of_all_hops_is_bounded() -> None:
    slow = replace(TO_WORKSHOP, after=100.0)
    stage, caller, _ = company(
        replace(RECEPTION, not_answered=slow), replace(WORKSHOP, not_answered=replace(VOICEMAIL, after=120.0))
    )
    for host, user in (("192.0.2.11", CALLED), ("192.0.2.12", WORKSHOP.id)):
        rings(stage.device(host, user=user))
    stage.dial(caller)
    stage.run(169.0)
    assert caller.names()[-1] == "progress"
    stage.run(2.0)
    assert caller.session.active
    assert stage.mailboxes.only.user == WORKSHOP.id
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("D2")
def test_with_the_dialled_number_presented_nothing_of_the_caller_reaches_anybody() -> None:
    present = replace(TO_NUMBER, always=True, present_dialled_number=True)
    stage, _, (trunk,) = company(replace(RECEPTION, not_answered=present))
    caller = stage.caller("198.18.0.5")
    answers(trunk)
    stage.dial(caller)
    stage.run(1.0)
    caller.session.bye(stage.now)
    stage.run(1.0)
    whole = b"".join(p.data for p in stage.network.sent if p.target == trunk.hop)
    assert b"960998" not in whole and caller.host.encode() not in whole
    (invite,) = stage.from_service(trunk, "INVITE")
    assert invite.from_.uri.user == "441632960101"
    stage.finish()


@pytest.mark.behaviour("D6")
def test_the_caller_never_sees_the_target() -> None:
    stage, caller, (trunk,) = company(replace(RECEPTION, not_answered=replace(TO_NUMBER, always=True)))
    answers(trunk)
    stage.dial(caller)
    stage.run(1.0)
    trunk.session.bye(stage.now)
    stage.run(1.0)
    whole = b"".join(p.data for p in stage.network.sent if p.target == caller.hop)
    assert b"960999" not in whole and b"carrier" not in whole
    stage.finish()


@pytest.mark.behaviour("M1")
@pytest.mark.parametrize("target", ["number", "device"])
def test_a_target_without_the_callers_one_codec_gets_all_of_them_and_the_caller_a_new_offer(
    target: str,
) -> None:
    stage, caller, (trunk,) = company(replace(RECEPTION, not_answered=ANNOUNCED_NUMBER))
    device = stage.device("192.0.2.11")
    rings(device)
    there = trunk if target == "number" else device

    def invited(session: Session, now: float) -> None:
        assert isinstance(session, ServerSession)
        if "G722" in codecs_of(heard(session.offered)):
            session.accept(sdp(there.host, codecs=(G722,)), now)
        else:
            session.reject(488, now)

    there.when("invite", invited)
    follows(caller, (G722,))
    stage.dial(caller, sdp(caller.host, codecs=(G722, PCMA, EVENTS)))
    stage.run(5.0 + ANNOUNCED + 4.0)
    assert caller.session.active and stage.call.journal.outcome == "answered"
    # The answer is the one that was given early; what was agreed on then is told by a re-INVITE.
    first = {
        message.sdp for message in stage.from_service(caller) if isinstance(message, Response) and message.sdp
    }
    assert len(first) == 1
    offers = stage.from_service(caller, "INVITE")
    assert len(offers) == 1 and "G722" in codecs_of(description(offers[0]))
    assert stage.call.caller.heard is not None and codecs_of(stage.call.caller.heard) == ["G722"]
    caller.session.bye(stage.now)
    stage.finish()


def events_at(number: int) -> str:
    return f"{number} telephone-event/8000"


def announced_to_a_number() -> tuple[Stage, Phone, Phone]:
    """A caller whose keys have number 96 was answered early; the trunk then answers with 101."""
    stage, caller, (trunk,) = company(replace(RECEPTION, not_answered=replace(ANNOUNCED_NUMBER, always=True)))
    answers(trunk, body=sdp(trunk.host, codecs=(PCMA, events_at(101))))
    stage.dial(caller, sdp(caller.host, codecs=(PCMA, events_at(96))))
    return stage, caller, trunk


def told(stage: Stage, phone: Phone) -> list[int | None]:
    """The numbers of keys in our offers to a phone."""
    return [description(offer).audio.telephone_event for offer in stage.from_service(phone, "INVITE")]


@pytest.mark.behaviour("M7")
@pytest.mark.parametrize(("answered", "again"), [(101, [96, 101]), (96, [96])])
def test_keys_after_an_early_answer_have_the_number_that_the_other_side_wants(
    answered: int, again: list[int]
) -> None:
    stage, caller, trunk = announced_to_a_number()
    follows(caller, (PCMA, events_at(answered)))
    follows(trunk, (PCMA, events_at(101)))
    stage.run(ANNOUNCED + 4.0)
    assert told(stage, caller) == [101]
    # A caller that wants them under 101 as well now must get them so; one that stays with 96 gets 96, as before.
    assert told(stage, trunk) == again
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("M7")
def test_a_number_that_is_another_in_each_answer_is_not_haggled_over() -> None:
    stage, caller, trunk = announced_to_a_number()
    follows(caller, (PCMA, events_at(97)))
    follows(trunk, (PCMA, events_at(102)))
    stage.run(ANNOUNCED + 10.0)
    assert (told(stage, caller), told(stage, trunk)) == ([101], [96, 97])
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("M7")
@pytest.mark.parametrize("code", [488, 491, 501])
def test_a_caller_who_takes_no_other_number_keeps_the_call(code: int) -> None:
    stage, caller, _ = announced_to_a_number()
    caller.when("offer", lambda session, now: session.refuse_offer(code, now))
    stage.run(ANNOUNCED + 60.0)
    assert set(told(stage, caller)) == {101}
    assert len(told(stage, caller)) == (6 if code == 491 else 1)
    assert caller.session.active and stage.call.caller.said is not None
    assert stage.call.caller.said.audio.telephone_event == 96
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("M7")
def test_who_answers_with_the_callers_number_changes_nothing() -> None:
    stage, caller, (trunk,) = company(replace(RECEPTION, not_answered=replace(ANNOUNCED_NUMBER, always=True)))
    answers(trunk, body=sdp(trunk.host, codecs=(PCMA, events_at(96))))
    stage.dial(caller, sdp(caller.host, codecs=(PCMA, events_at(96))))
    stage.run(ANNOUNCED + 4.0)
    assert caller.session.active
    assert (told(stage, caller), told(stage, trunk)) == ([], [96])
    caller.session.bye(stage.now)
    stage.finish()
