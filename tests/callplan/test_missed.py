"""Who missed a call, and why: each clause of V5, over hops that the real rules made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from b2bua.callplan.causes import ANY, Cause
from b2bua.callplan.hops import Hop, deflect, follow
from b2bua.callplan.identity import Identity
from b2bua.callplan.missed import Missed, MissedBy, missed
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.outcome import Ended, StepResult
from b2bua.callplan.question import Rule
from b2bua.callplan.route import route
from b2bua.callplan.settings import Action, Treatment, User
from b2bua.callplan.situation import Caller, Limits, Situation
from b2bua.callplan.steps import (
    Announce,
    Announcement,
    Dial,
    EngagedTone,
    Occasion,
    Reject,
    Ring,
    Step,
    Transfer,
    Voicemail,
)
from tests.callplan.company import ACME, BUSY, FREE, OTHER, RECEPTION, SALES, TRUNK, UNREGISTERED, WORKSHOP

LIMITS = Limits()
OUTSIDE = Caller("+441632960998", "Ms Outside")
WITHHELD = Caller(None, "", withheld=True)
INSIDE = Caller(user=11, customer=1)
NUMBER = "+441632960101"
MOBILE = Treatment(Action.NUMBER, number="+447700900123")
ALWAYS = replace(MOBILE, always=True)
TO_WORKSHOP = Transfer(10, 11, on=ANY)
REFUSED = Reject(480, "No", on=ANY)


def tables(*users: User, suspended: bool = False) -> Numbering:
    known = {user.id: user for user in (RECEPTION, WORKSHOP, SALES, *users)}
    return Numbering.of((replace(ACME, suspended=suspended), OTHER), known.values(), (TRUNK,))


def came(
    *users: User,
    caller: Caller = OUTSIDE,
    dialled: str = NUMBER,
    situation: Situation = FREE,
    suspended: bool = False,
    visited: tuple[int, ...] = (),
) -> Hop:
    numbering = tables(*users, suspended=suspended)
    return route(dialled, caller, numbering, lambda _: situation, LIMITS, (), visited)


def went_on(
    hop: Hop,
    *users: User,
    step: Transfer = TO_WORKSHOP,
    situation: Situation = FREE,
    cause: Cause = Cause.NO_ANSWER,
) -> Hop:
    return follow(step, cause, hop.caller, hop.journey, tables(*users), lambda _: situation, LIMITS)


def tried(step: Step, ended: Ended, message: float | None = None) -> StepResult:
    return StepResult(step, ended, 1.0, message=message)


RANG = tried(Ring(10, 20), Ended.NO_ANSWER)
TOLD = tried(REFUSED, Ended.COMPLETED)
HANDED_ON = tried(TO_WORKSHOP, Ended.COMPLETED)


def who(hops: Sequence[Hop], *results: StepResult, hung_up: bool = False) -> list[tuple[int, Missed]]:
    return [(by.user, by.how) for by in missed(hops, results, hung_up=hung_up)]


REDIRECTED = Dial("+447700900123", Identity(), 45, by=10)


@pytest.mark.behaviour("V5", "W1")
def test_nobody_misses_a_call_of_the_own_portal() -> None:
    hop = came(caller=INSIDE, dialled="1571")
    for ended in (Ended.ANSWERED, Ended.FAILED, Ended.ABANDONED):
        assert who([hop], tried(hop.plan.steps[0], ended), hung_up=True) == []


@pytest.mark.behaviour("V5")
@pytest.mark.parametrize(
    ("hop", "results", "hung_up", "why"),
    [
        (came(), (RANG, TOLD), False, Missed.NOT_ANSWERED),
        (came(), (tried(Ring(10, 20), Ended.ABANDONED),), True, Missed.HUNG_UP),
        # An operator or a stop of the service ended it.
        (came(), (tried(Ring(10, 20), Ended.ABANDONED),), False, Missed.NOT_ANSWERED),
        (came(), (RANG, tried(REDIRECTED, Ended.NO_ANSWER), TOLD), False, Missed.NOT_ANSWERED),
        (came(), (RANG, tried(REDIRECTED, Ended.BUSY), TOLD), False, Missed.ENGAGED),
        (came(), (tried(Ring(10, 20), Ended.BUSY), TOLD), False, Missed.ENGAGED),
        (came(situation=UNREGISTERED), (TOLD,), False, Missed.NOT_ANSWERED),
        (came(situation=BUSY), (tried(EngagedTone(5), Ended.COMPLETED), TOLD), False, Missed.ENGAGED),
        (came(situation=BUSY), (tried(EngagedTone(5), Ended.ABANDONED),), True, Missed.ENGAGED),
        # The mailbox answered, but nothing was said.
        (
            came(),
            (RANG, tried(Voicemail(10, Occasion.NO_ANSWER, ANY), Ended.ANSWERED)),
            True,
            Missed.NOT_ANSWERED,
        ),
        (
            came(),
            (RANG, tried(Voicemail(10, Occasion.NO_ANSWER, ANY), Ended.FAILED), TOLD),
            False,
            Missed.NOT_ANSWERED,
        ),
        (came(replace(RECEPTION, permanent_redirect="+447700900123")), (TOLD,), False, Missed.NOT_ANSWERED),
        (came(replace(RECEPTION, not_answered=ALWAYS)), (TOLD,), False, Missed.NOT_ANSWERED),
        # Whoever was called for help calls back, in vain.
        (came(situation=replace(FREE, called_back=True)), (RANG, TOLD), False, Missed.NOT_ANSWERED),
        # Withheld, and not rejected for it.
        (came(caller=WITHHELD), (RANG, TOLD), False, Missed.NOT_ANSWERED),
    ],
)
def test_missed(hop: Hop, results: tuple[StepResult, ...], hung_up: bool, why: Missed) -> None:
    assert who([hop], *results, hung_up=hung_up) == [(10, why)]


@pytest.mark.behaviour("V5", "A2")
@pytest.mark.parametrize(
    ("hop", "results", "rule"),
    [
        (came(), (tried(Ring(10, 20), Ended.ANSWERED),), Rule.RING),
        # Answered elsewhere.
        (came(), (RANG, tried(REDIRECTED, Ended.ANSWERED)), Rule.RING),
        # A message was left.
        (came(), (RANG, tried(Voicemail(10, Occasion.NO_ANSWER, ANY), Ended.ANSWERED, 4.0)), Rule.RING),
        (
            came(replace(RECEPTION, reject_anonymous=True), caller=WITHHELD),
            (tried(Announce(Announcement.ANONYMOUS), Ended.COMPLETED), TOLD),
            Rule.ANONYMOUS,
        ),
        (came(replace(RECEPTION, suspended=True)), (TOLD,), Rule.SUSPENDED),
        (came(suspended=True), (TOLD,), Rule.SUSPENDED),
        # Refused before it came to anybody.
        (came(dialled="+441632960999"), (TOLD,), Rule.UNKNOWN),
        (came(dialled="299", caller=INSIDE), (TOLD,), Rule.UNKNOWN),
        (came(visited=(10,)), (TOLD,), Rule.LOOP),
        (came(replace(WORKSHOP, suspended=True), caller=INSIDE, dialled="201"), (TOLD,), Rule.SUSPENDED),
        # From users, to elsewhere.
        (came(caller=INSIDE, dialled="01632960555"), (TOLD,), Rule.OUTBOUND),
        (came(caller=INSIDE, dialled="999"), (TOLD,), Rule.EMERGENCY),
        (came(caller=INSIDE, dialled="999", visited=(10,)), (TOLD,), Rule.EMERGENCY),
    ],
)
def test_missed_by_nobody(hop: Hop, results: tuple[StepResult, ...], rule: Rule) -> None:
    assert hop.plan.rule is rule
    assert who([hop], *results) == []


@pytest.mark.behaviour("V5")
def test_everybody_whom_the_call_came_to_missed_it() -> None:
    first = came()
    hops = [first, went_on(first)]
    assert who(hops, RANG, HANDED_ON, tried(Ring(11, 20), Ended.NO_ANSWER), TOLD) == [
        (10, Missed.NOT_ANSWERED),
        (11, Missed.NOT_ANSWERED),
    ]
    assert who(hops, RANG, HANDED_ON, tried(Ring(11, 20), Ended.ABANDONED), hung_up=True) == [
        (10, Missed.NOT_ANSWERED),
        (11, Missed.HUNG_UP),
    ]
    engaged = [first, went_on(first, situation=BUSY)]
    assert who(engaged, RANG, HANDED_ON, TOLD) == [(10, Missed.NOT_ANSWERED), (11, Missed.ENGAGED)]
    assert who(hops, RANG, HANDED_ON, tried(Ring(11, 20), Ended.ANSWERED)) == []
    message = tried(Voicemail(11, Occasion.NO_ANSWER, ANY), Ended.ANSWERED, 4.0)
    assert who(hops, RANG, HANDED_ON, message) == []


@pytest.mark.behaviour("V5")
def test_a_redirect_that_leads_nowhere_was_missed_by_whoever_it_started_from() -> None:
    first = came()
    for last in (
        went_on(first, replace(WORKSHOP, suspended=True)),
        went_on(first, step=Transfer(10, 99, on=ANY)),
        went_on(first, step=Transfer(10, 10, on=ANY)),
        deflect(("999",), RECEPTION, first.caller, first.journey, tables(), FREE, LIMITS),
    ):
        assert who([first, last], RANG, HANDED_ON, TOLD) == [(10, Missed.NOT_ANSWERED)]
    # The second user rejects it; the first one would have taken it.
    withheld = came(caller=WITHHELD)
    rejecting = went_on(withheld, replace(WORKSHOP, reject_anonymous=True, customer=2))
    assert rejecting.plan.rule is Rule.ANONYMOUS
    assert who([withheld, rejecting], RANG, HANDED_ON, TOLD) == [(10, Missed.NOT_ANSWERED)]


@pytest.mark.behaviour("V5")
def test_a_phone_that_redirects_is_no_new_user() -> None:
    first = came()
    there = deflect(("+447700900123",), RECEPTION, first.caller, first.journey, tables(), FREE, LIMITS)
    gone = tried(Dial("+447700900123", Identity(), 45, by=10), Ended.ABANDONED)
    assert who([first, there], tried(Ring(10, 20), Ended.DEFLECTED), gone, hung_up=True) == [
        (10, Missed.HUNG_UP)
    ]


@pytest.mark.behaviour("V5", "D2", "A3")
def test_each_sees_the_caller_that_their_phone_would_have_shown() -> None:
    first = came(dialled="201", caller=INSIDE)
    shown = went_on(first, replace(WORKSHOP, id=12, extension="203"), step=Transfer(10, 12, on=ANY))
    hidden = went_on(came(), step=replace(TO_WORKSHOP, present_dialled_number=True, number="+441632960103"))
    results = (RANG, HANDED_ON, TOLD)
    assert [by.caller.number for by in missed([first, shown], results, hung_up=False)] == ["202", "202"]
    assert missed([came(), hidden], results, hung_up=False) == (
        MissedBy(10, OUTSIDE, Missed.NOT_ANSWERED),
        MissedBy(11, Caller(NUMBER), Missed.NOT_ANSWERED),
    )
    (by,) = missed([came(caller=WITHHELD)], (TOLD,), hung_up=False)
    assert by.caller.withheld
