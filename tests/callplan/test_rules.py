"""The rules: their order, and the steps of every combination of settings and situation."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from itertools import product

import pytest

from b2bua.callplan.actions import has_voicemail
from b2bua.callplan.causes import ANY, Cause
from b2bua.callplan.identity import Identity
from b2bua.callplan.journey import MOST_DIVERSIONS, Diversion, Journey
from b2bua.callplan.plan import Plan
from b2bua.callplan.question import Rule
from b2bua.callplan.rules import RULES
from b2bua.callplan.settings import Action, Customer, Interval, OutOfHours, Treatment, User
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
from tests.callplan.company import (
    ACME,
    BUSY,
    ENGAGED_TONE,
    FREE,
    KEEP_RINGING,
    NOON,
    OTHER,
    RECEPTION,
    UNREGISTERED,
    VOICEMAIL,
    VOICEMAIL_AT_ONCE,
    decided,
)

LIMITS = Limits()
IF_BUSY = frozenset({Cause.BUSY})
IF_UNANSWERED = frozenset({Cause.NO_ANSWER, Cause.UNAVAILABLE})
AT_FIRST = frozenset({Cause.UNCONDITIONAL})

RING = Ring(10, 20.0, on=AT_FIRST)
KEEP = Ring(10, 180.0, waits=True, on=AT_FIRST)
MAILBOX = Voicemail(10, Occasion.NO_ANSWER, on=IF_UNANSWERED)
BUSY_MAILBOX = Voicemail(10, Occasion.BUSY, on=IF_BUSY)
TONE = EngagedTone(5.0, on=IF_BUSY)
ENGAGED = Reject(486, "Busy Here", 17, on=ANY)
ENGAGED_IF_BUSY = Reject(486, "Busy Here", 17, on=IF_BUSY)
UNANSWERED = Reject(480, "Temporarily Unavailable", 19, on=ANY)

TO_USER = Treatment(Action.USER, after=20, user=11)
TO_NUMBER = Treatment(Action.NUMBER, after=20, number="+441632960555")

TO_WORKSHOP = Transfer(10, 11, on=IF_UNANSWERED)
OUT = Identity(redirecting="+441632960101")
DIALLED_SHOWN = Identity("+441632960101", "+441632960101", redirecting="+441632960101", dialled_shown=True)


def out(cause: Cause, on: frozenset[Cause], identity: Identity = OUT) -> Dial:
    """The redirect to a number, with its own entry among the diversions."""
    diversions = (Diversion("+441632960101", cause),)
    return Dial("+441632960555", replace(identity, diversions=diversions), 45.0, by=10, on=on)


AS_THERE = replace(UNANSWERED, as_elsewhere=True)
QUEUE = Ring(10, 20.0, queues=True, on=IF_BUSY)
BUSY_THERE = replace(AS_THERE, on=IF_BUSY)
AT_ONCE = replace(TO_NUMBER, after=0)
OPTIONS = replace(TO_NUMBER, announce=True, present_dialled_number=True)
REDIRECTING = Announce(Announcement.REDIRECTING, on=IF_UNANSWERED)
ASKED_FIRST, BUSY_FIRST = Cause.UNCONDITIONAL, Cause.BUSY
KEEPS_RINGING = (KEEP, TONE, ENGAGED_IF_BUSY, UNANSWERED)

# (not answered, line busy, situation) → (rule, steps, the cause they begin with), written out by hand.
TABLE: list[tuple[Treatment, Treatment, Situation, Rule, tuple[Step, ...], Cause]] = [
    (KEEP_RINGING, ENGAGED_TONE, FREE, Rule.RING, KEEPS_RINGING, ASKED_FIRST),
    (
        KEEP_RINGING,
        VOICEMAIL_AT_ONCE,
        FREE,
        Rule.RING,
        (KEEP, BUSY_MAILBOX, ENGAGED_IF_BUSY, UNANSWERED),
        ASKED_FIRST,
    ),
    (
        VOICEMAIL,
        ENGAGED_TONE,
        FREE,
        Rule.RING,
        (RING, TONE, ENGAGED_IF_BUSY, MAILBOX, UNANSWERED),
        ASKED_FIRST,
    ),
    # The delay of line busy is for a busy line, not for a device that is busy (N7).
    (
        VOICEMAIL,
        VOICEMAIL,
        FREE,
        Rule.RING,
        (RING, BUSY_MAILBOX, ENGAGED_IF_BUSY, MAILBOX, UNANSWERED),
        ASKED_FIRST,
    ),
    (
        TO_USER,
        ENGAGED_TONE,
        FREE,
        Rule.RING,
        (RING, TONE, ENGAGED_IF_BUSY, TO_WORKSHOP, UNANSWERED),
        ASKED_FIRST,
    ),
    (
        TO_NUMBER,
        TO_USER,
        FREE,
        Rule.RING,
        (RING, Transfer(10, 11, on=IF_BUSY), out(Cause.NO_ANSWER, IF_UNANSWERED), AS_THERE),
        ASKED_FIRST,
    ),
    (
        OPTIONS,
        TO_NUMBER,
        FREE,
        Rule.RING,
        (
            RING,
            out(Cause.BUSY, IF_BUSY),
            BUSY_THERE,
            REDIRECTING,
            out(Cause.NO_ANSWER, IF_UNANSWERED, DIALLED_SHOWN),
            AS_THERE,
        ),
        ASKED_FIRST,
    ),
    (VOICEMAIL_AT_ONCE, ENGAGED_TONE, FREE, Rule.RING, (MAILBOX, UNANSWERED), Cause.NO_ANSWER),
    (
        AT_ONCE,
        ENGAGED_TONE,
        FREE,
        Rule.RING,
        (out(Cause.NO_ANSWER, IF_UNANSWERED), AS_THERE),
        Cause.NO_ANSWER,
    ),
    (VOICEMAIL, ENGAGED_TONE, BUSY, Rule.BUSY, (TONE, ENGAGED), BUSY_FIRST),
    (KEEP_RINGING, ENGAGED_TONE, BUSY, Rule.BUSY, (TONE, ENGAGED), BUSY_FIRST),
    (VOICEMAIL, VOICEMAIL_AT_ONCE, BUSY, Rule.BUSY, (BUSY_MAILBOX, ENGAGED), BUSY_FIRST),
    (VOICEMAIL, VOICEMAIL, BUSY, Rule.BUSY, (QUEUE, BUSY_MAILBOX, ENGAGED), BUSY_FIRST),
    (
        VOICEMAIL,
        TO_USER,
        BUSY,
        Rule.BUSY,
        (QUEUE, Transfer(10, 11, on=IF_BUSY), UNANSWERED),
        BUSY_FIRST,
    ),
    (VOICEMAIL, TO_NUMBER, BUSY, Rule.BUSY, (QUEUE, out(Cause.BUSY, IF_BUSY), AS_THERE), BUSY_FIRST),
    (VOICEMAIL, AT_ONCE, BUSY, Rule.BUSY, (out(Cause.BUSY, IF_BUSY), AS_THERE), BUSY_FIRST),
    (VOICEMAIL, ENGAGED_TONE, UNREGISTERED, Rule.UNREGISTERED, (MAILBOX, UNANSWERED), Cause.UNAVAILABLE),
    (TO_USER, ENGAGED_TONE, UNREGISTERED, Rule.UNREGISTERED, (TO_WORKSHOP, UNANSWERED), Cause.UNAVAILABLE),
    (
        TO_NUMBER,
        ENGAGED_TONE,
        UNREGISTERED,
        Rule.UNREGISTERED,
        (out(Cause.UNAVAILABLE, IF_UNANSWERED), AS_THERE),
        Cause.UNAVAILABLE,
    ),
    (KEEP_RINGING, ENGAGED_TONE, UNREGISTERED, Rule.UNREGISTERED, KEEPS_RINGING, ASKED_FIRST),
    (
        replace(TO_NUMBER, always=True),
        ENGAGED_TONE,
        BUSY,
        Rule.ALWAYS_REDIRECT,
        (out(Cause.UNCONDITIONAL, ANY), AS_THERE),
        ASKED_FIRST,
    ),
    (
        KEEP_RINGING,
        replace(TO_NUMBER, always=True),
        UNREGISTERED,
        Rule.ALWAYS_REDIRECT,
        (out(Cause.UNCONDITIONAL, ANY), AS_THERE),
        ASKED_FIRST,
    ),
]


def plan_of(user: User, situation: Situation = FREE, customer: Customer = ACME) -> Plan:
    return decided(user, customer, Caller(), situation, LIMITS)


@pytest.mark.behaviour("N3", "N4", "N7", "B2", "D1", "D5")
@pytest.mark.parametrize(("not_answered", "busy", "situation", "rule", "steps", "cause"), TABLE)
def test_steps(
    not_answered: Treatment,
    busy: Treatment,
    situation: Situation,
    rule: Rule,
    steps: tuple[Step, ...],
    cause: Cause,
) -> None:
    plan = plan_of(replace(RECEPTION, not_answered=not_answered, busy=busy), situation)
    assert (plan.rule, plan.steps, plan.cause) == (rule, steps, cause)


def test_rules_stand_in_the_order_of_the_behaviour() -> None:
    assert [rule.value for rule, _ in RULES] == [
        "emergency",
        "suspended",
        "anonymous",
        "permanent-redirect",
        "out-of-hours",
        "always-redirect",
        "busy",
        "unregistered",
        "ring",
    ]


@pytest.mark.parametrize("situation", [FREE, BUSY, UNREGISTERED])
@pytest.mark.parametrize(("user", "customer"), [(True, False), (False, True), (True, True)])
def test_suspension_beats_everything(user: bool, customer: bool, situation: Situation) -> None:
    plan = plan_of(replace(RECEPTION, suspended=user), situation, replace(ACME, suspended=customer))
    assert plan.rule is Rule.SUSPENDED
    assert plan.steps == (Reject(480, "Temporarily Unavailable", None, on=ANY),)


def test_busy_beats_unregistered() -> None:
    assert plan_of(RECEPTION, Situation(NOON, busy=True, registered=False)).rule is Rule.BUSY


OUTSIDE = Caller("+441632960998", withheld=True, network="+441632960998")
NIGHT = OutOfHours(True, tuple(Interval(day, time(18), time(8)) for day in range(7)))
MIDNIGHT = datetime(2026, 3, 3, 0, 0, tzinfo=UTC)


@pytest.mark.behaviour("R3", "A2")
@pytest.mark.parametrize(
    ("caller", "code"),
    [
        (OUTSIDE, 433),
        (replace(OUTSIDE, anonymous_code=603), 603),
        (Caller("201", withheld=True, user=20, customer=OTHER.id), 433),
        (Caller("202", withheld=True, user=11, customer=ACME.id), None),
        (replace(OUTSIDE, withheld=False), None),
        (Caller(), None),
    ],
)
def test_anonymous_callers_from_outside_are_turned_away(caller: Caller, code: int | None) -> None:
    plan = decided(replace(RECEPTION, reject_anonymous=True), ACME, caller, BUSY)
    if code is None:
        assert plan.rule is Rule.BUSY
        return
    assert plan.rule is Rule.ANONYMOUS
    assert plan.steps == (
        Announce(Announcement.ANONYMOUS, on=ANY),
        Reject(code, "Anonymity Disallowed", 24, on=ANY),
    )


@pytest.mark.behaviour("R5", "O2", "D5")
@pytest.mark.parametrize(
    ("after", "busy", "registered", "rings"),
    [(0, False, True, False), (15, False, True, True), (15, True, True, False), (15, False, False, False)],
)
@pytest.mark.parametrize(
    ("treatment", "steps"),
    [
        (VOICEMAIL, (Voicemail(10, Occasion.OUT_OF_HOURS, on=ANY), UNANSWERED)),
        (TO_USER, (Transfer(10, 11, reason=Cause.UNCONDITIONAL, on=ANY), UNANSWERED)),
        (TO_NUMBER, (out(Cause.UNCONDITIONAL, ANY), AS_THERE)),
    ],
)
def test_out_of_hours(
    treatment: Treatment,
    steps: tuple[Step, ...],
    after: float,
    busy: bool,
    registered: bool,
    rings: bool,
) -> None:
    user = replace(RECEPTION, out_of_hours=replace(NIGHT, treatment=replace(treatment, after=after)))
    plan = plan_of(user, Situation(MIDNIGHT, busy, registered))
    assert plan.rule is Rule.OUT_OF_HOURS
    assert plan.steps == ((Ring(10, 15), *steps) if rings else steps)
    assert plan_of(user, Situation(NOON)).rule is Rule.RING


@pytest.mark.behaviour("O3")
def test_the_users_zone_beats_the_customers() -> None:
    user = replace(RECEPTION, out_of_hours=NIGHT, timezone="Australia/Sydney")
    assert plan_of(user, FREE).rule is Rule.OUT_OF_HOURS
    assert "on Monday, 23:00 in Australia/Sydney, Reception is out of hours: Monday, 18:00 to 08:00" in (
        plan_of(user, FREE).considered[-1].why
    )
    assert plan_of(user, Situation(MIDNIGHT)).rule is Rule.RING


@pytest.mark.behaviour("R3", "R4", "R5", "R6", "R7", "E4")
def test_each_rule_beats_all_that_come_after_it() -> None:
    """Everything at once is set; taking away what won makes the next rule win."""
    always = replace(TO_NUMBER, always=True)
    user = replace(
        RECEPTION,
        suspended=True,
        reject_anonymous=True,
        permanent_redirect="+441632960555",
        out_of_hours=NIGHT,
        not_answered=always,
    )
    situation = Situation(MIDNIGHT, busy=True, registered=False, called_back=True)
    won = []
    for change in (
        {"called_back": False},
        {"suspended": False},
        {"reject_anonymous": False},
        {"permanent_redirect": None},
        {"out_of_hours": OutOfHours()},
        {"not_answered": TO_NUMBER},
        {"busy": False},
        {"registered": True},
        {},
    ):
        won.append(decided(user, ACME, OUTSIDE, situation).rule)
        if change.keys() & {"called_back", "registered"} or change == {"busy": False}:
            situation = replace(situation, **change)
        else:
            user = replace(user, **change)
    assert won == [rule for rule, _ in RULES]


@pytest.mark.behaviour("R6")
def test_always_of_not_answered_wins_over_that_of_line_busy() -> None:
    other = Treatment(Action.NUMBER, number="+441632960556", always=True)
    plan = plan_of(replace(RECEPTION, not_answered=replace(TO_NUMBER, always=True), busy=other), BUSY)
    assert plan.steps[0] == out(Cause.UNCONDITIONAL, ANY)
    plan = plan_of(replace(RECEPTION, busy=other))
    assert isinstance(plan.steps[0], Dial) and plan.steps[0].number == "+441632960556"


@pytest.mark.behaviour("E4")
def test_who_is_called_back_after_an_emergency_rings_whatever_is_set() -> None:
    user = replace(RECEPTION, suspended=True, permanent_redirect="+441632960555")
    plan = plan_of(user, Situation(NOON, busy=True, registered=False, called_back=True))
    assert plan.rule is Rule.EMERGENCY
    assert plan.steps == (KEEP, UNANSWERED)


FAILS: list[tuple[Treatment, str]] = [
    (Treatment(Action.NUMBER, number="+441632960101"), "calls cannot be redirected to oneself"),
    (Treatment(Action.NUMBER, number="999"), "calls are never redirected to 999"),
    (Treatment(Action.NUMBER, number="+4918000"), "calls are never redirected to +4918000"),
    (Treatment(Action.NUMBER, number="+33612345678"), "may not call international numbers"),
    (Treatment(Action.NUMBER, number="+441632960777"), "+441632960777 is blocked as a target"),
    (Treatment(Action.NUMBER, number="+441632960102"), "a number of Acme Ltd that nobody has"),
    (Treatment(Action.NUMBER), "neither an extension nor a telephone number"),
    (Treatment(Action.USER, user=10), "another user of Acme Ltd is needed"),
    (Treatment(Action.USER, user=20), "another user of Acme Ltd is needed"),
    (Treatment(Action.USER), "another user of Acme Ltd is needed"),
]


@pytest.mark.behaviour("D8", "D9")
@pytest.mark.parametrize(("treatment", "why"), FAILS)
def test_a_redirect_that_is_refused_ends_in_voicemail_if_that_is_on(treatment: Treatment, why: str) -> None:
    """Whatever was let pass when saved, or has changed since, is judged again."""
    user = replace(RECEPTION, not_answered=replace(treatment, after=20))
    plan = plan_of(user)
    assert plan.steps == (RING, TONE, ENGAGED_IF_BUSY, UNANSWERED)
    assert why in plan.considered[-1].why
    plan = plan_of(replace(user, busy=VOICEMAIL))
    assert plan.steps == (RING, BUSY_MAILBOX, ENGAGED_IF_BUSY, MAILBOX, UNANSWERED)
    plan = plan_of(replace(user, out_of_hours=OutOfHours(enabled=True)))
    assert plan.steps == (RING, TONE, ENGAGED_IF_BUSY, MAILBOX, UNANSWERED)


@pytest.mark.behaviour("D9")
def test_the_action_of_a_switched_off_out_of_hours_is_no_voicemail() -> None:
    assert not has_voicemail(replace(RECEPTION, not_answered=KEEP_RINGING))
    assert has_voicemail(RECEPTION)


@pytest.mark.behaviour("D8", "I5")
def test_a_redirect_needs_a_number_and_a_trunk() -> None:
    numberless = replace(RECEPTION, not_answered=AT_ONCE, default_number=None)
    assert "Reception has no number" in plan_of(numberless).considered[-1].why
    plan = decided(replace(RECEPTION, not_answered=AT_ONCE), ACME, Caller(), FREE, trunks=())
    assert "there is no trunk to carry the call" in plan.considered[-1].why


@pytest.mark.behaviour("D7")
def test_a_call_that_was_redirected_too_often_goes_to_no_further_number() -> None:
    diversions = tuple(Diversion("+441632960997", Cause.BUSY) for _ in range(MOST_DIVERSIONS))
    journey = Journey("201", (10,), diversions)
    plan = decided(replace(RECEPTION, not_answered=AT_ONCE), ACME, Caller(), FREE, journey=journey)
    assert plan.steps == (Reject(482, "Loop Detected", 25, on=ANY),)
    mailbox = replace(RECEPTION, not_answered=AT_ONCE, busy=VOICEMAIL)
    plan = decided(mailbox, ACME, Caller(), FREE, journey=journey)
    assert plan.steps == (MAILBOX, Reject(482, "Loop Detected", 25, on=ANY))


def test_ring_time_never_exceeds_the_unanswered_limit() -> None:
    plan = decided(RECEPTION, ACME, Caller(), FREE, Limits(max_unanswered=7.5))
    assert isinstance(plan.steps[0], Ring)
    assert plan.steps[0].seconds == 7.5
    plan = decided(replace(RECEPTION, busy=VOICEMAIL), ACME, Caller(), BUSY, Limits(max_unanswered=7.5))
    assert isinstance(plan.steps[0], Ring)
    assert (plan.steps[0].queues, plan.steps[0].seconds) == (True, 7.5)


def test_limits_reach_the_steps() -> None:
    limits = Limits(max_unanswered=1.0, keep_ringing=2.0, engaged_tone=0.3)
    plan = decided(replace(RECEPTION, not_answered=KEEP_RINGING), ACME, Caller(), FREE, limits)
    assert plan.steps[0] == Ring(10, 2.0, waits=True, on=AT_FIRST)
    assert plan.steps[1] == EngagedTone(0.3, on=IF_BUSY)


ACTIONS = [
    Treatment(action, after=after, user=11, number="+441632960555") for action in Action for after in (0, 20)
]
COMBINATIONS = list(product(ACTIONS, ACTIONS, (False, True), (False, True), (False, True)))


def reachable(plan: Plan) -> set[int]:
    """Every position that some course of events leads to."""
    seen: set[tuple[int, Cause]] = set()
    open_ = [(-1, plan.cause)]
    while open_:
        position, cause = open_.pop()
        step = plan.steps[position] if position >= 0 else None
        if isinstance(step, Transfer):
            continue
        for result in (
            (Cause.NO_ANSWER, Cause.BUSY, Cause.UNAVAILABLE)
            if isinstance(step, Ring) and not step.queues
            else (cause,)
        ):
            found = next(
                (i for i in range(position + 1, len(plan.steps)) if result in plan.steps[i].on), None
            )
            if found is not None and (found, result) not in seen:
                seen.add((found, result))
                open_.append((found, result))
    return {position for position, _ in seen}


@pytest.mark.parametrize("chunk", range(4))
def test_every_combination_of_settings_and_situation(chunk: int) -> None:
    for not_answered, busy, suspended, line_busy, registered in COMBINATIONS[chunk::4]:
        user = replace(RECEPTION, not_answered=not_answered, busy=busy, suspended=suspended)
        plan = plan_of(user, Situation(NOON, line_busy, registered))
        ringing = [step for step in plan.steps if isinstance(step, Ring)]
        assert len(ringing) <= 1, "nobody is rung twice"
        assert all(step.seconds <= LIMITS.keep_ringing for step in ringing)
        last = len(plan.steps) - 1
        assert reachable(plan) | {last} == set(range(last + 1)), "no step is there in vain"
        assert [one.applies for one in plan.considered] == [False] * (len(plan.considered) - 1) + [True]
        assert plan.considered[-1].rule is plan.rule
        assert all(one.why for one in plan.considered)
        if suspended:
            assert len(plan.steps) == 1
        elif line_busy:
            assert all(step.queues for step in ringing)
