"""The rules: their order, and the steps of every combination of settings and situation."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from b2bua.callplan.asked import Rule
from b2bua.callplan.causes import ANY, Cause
from b2bua.callplan.plan import Plan
from b2bua.callplan.rules import RULES
from b2bua.callplan.settings import Action, Customer, OutOfHours, Treatment, User
from b2bua.callplan.situation import Caller, Limits, Situation
from b2bua.callplan.steps import EngagedTone, Occasion, Reject, Ring, Step, Voicemail
from tests.callplan.company import (
    ACME,
    BUSY,
    ENGAGED_TONE,
    FREE,
    KEEP_RINGING,
    NOON,
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

# (not answered, line busy, situation) → (rule, steps, the cause they begin with), written out by hand.
TABLE: list[tuple[Treatment, Treatment, Situation, Rule, tuple[Step, ...], Cause]] = [
    (
        KEEP_RINGING,
        ENGAGED_TONE,
        FREE,
        Rule.RING,
        (KEEP, TONE, ENGAGED_IF_BUSY, UNANSWERED),
        Cause.UNCONDITIONAL,
    ),
    (
        KEEP_RINGING,
        VOICEMAIL_AT_ONCE,
        FREE,
        Rule.RING,
        (KEEP, BUSY_MAILBOX, ENGAGED_IF_BUSY, UNANSWERED),
        Cause.UNCONDITIONAL,
    ),
    (
        VOICEMAIL,
        ENGAGED_TONE,
        FREE,
        Rule.RING,
        (RING, MAILBOX, TONE, ENGAGED_IF_BUSY, UNANSWERED),
        Cause.UNCONDITIONAL,
    ),
    (
        VOICEMAIL,
        VOICEMAIL_AT_ONCE,
        FREE,
        Rule.RING,
        (RING, MAILBOX, BUSY_MAILBOX, ENGAGED_IF_BUSY, UNANSWERED),
        Cause.UNCONDITIONAL,
    ),
    (VOICEMAIL_AT_ONCE, ENGAGED_TONE, FREE, Rule.RING, (MAILBOX, UNANSWERED), Cause.NO_ANSWER),
    (VOICEMAIL, ENGAGED_TONE, BUSY, Rule.BUSY, (TONE, ENGAGED), Cause.BUSY),
    (VOICEMAIL, VOICEMAIL_AT_ONCE, BUSY, Rule.BUSY, (BUSY_MAILBOX, ENGAGED), Cause.BUSY),
    (KEEP_RINGING, ENGAGED_TONE, BUSY, Rule.BUSY, (TONE, ENGAGED), Cause.BUSY),
    (VOICEMAIL, ENGAGED_TONE, UNREGISTERED, Rule.UNREGISTERED, (MAILBOX, UNANSWERED), Cause.UNAVAILABLE),
    (
        KEEP_RINGING,
        ENGAGED_TONE,
        UNREGISTERED,
        Rule.UNREGISTERED,
        (KEEP, TONE, ENGAGED_IF_BUSY, UNANSWERED),
        Cause.UNCONDITIONAL,
    ),
    # Redirects do not act yet: the defaults stand in for them.
    (
        TO_USER,
        ENGAGED_TONE,
        FREE,
        Rule.RING,
        (KEEP, TONE, ENGAGED_IF_BUSY, UNANSWERED),
        Cause.UNCONDITIONAL,
    ),
    (VOICEMAIL, TO_NUMBER, BUSY, Rule.BUSY, (TONE, ENGAGED), Cause.BUSY),
]


def plan_of(user: User, situation: Situation = FREE, customer: Customer = ACME) -> Plan:
    return decided(user, customer, Caller(), situation, LIMITS)


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


@pytest.mark.parametrize(
    ("user", "rule", "words"),
    [
        (replace(RECEPTION, reject_anonymous=True), Rule.ANONYMOUS, "anonymous calls are to be rejected"),
        (replace(RECEPTION, permanent_redirect="+441632960555"), Rule.PERMANENT_REDIRECT, "redirect is set"),
        (replace(RECEPTION, out_of_hours=OutOfHours(enabled=True)), Rule.OUT_OF_HOURS, "switched on"),
        (replace(RECEPTION, not_answered=replace(TO_USER, always=True)), Rule.ALWAYS_REDIRECT, "always"),
        (replace(RECEPTION, busy=replace(TO_NUMBER, always=True)), Rule.ALWAYS_REDIRECT, "always"),
    ],
)
def test_what_does_not_act_yet_says_so(user: User, rule: Rule, words: str) -> None:
    considered = {one.rule: one for one in plan_of(user).considered}
    assert not considered[rule].applies
    assert words in considered[rule].why
    assert "does not act yet" in considered[rule].why
    assert "does not act yet" not in {one.rule: one.why for one in plan_of(RECEPTION).considered}[rule]


@pytest.mark.parametrize(
    ("user", "situation", "words"),
    [
        (
            replace(RECEPTION, not_answered=TO_USER),
            FREE,
            "not answered is set to redirect to another user, which does not act yet, "
            "so the devices keep ringing",
        ),
        (
            replace(RECEPTION, not_answered=TO_NUMBER),
            UNREGISTERED,
            "not answered is set to redirect to another number, which does not act yet",
        ),
        (
            replace(RECEPTION, busy=TO_NUMBER),
            BUSY,
            "line busy is set to redirect to another number, which does not act yet, "
            "so the caller to a busy line hears the engaged tone",
        ),
        (replace(RECEPTION, busy=TO_USER), FREE, "line busy is set to redirect to another user"),
        (replace(RECEPTION, busy=VOICEMAIL), BUSY, "the delay of line busy does not act yet"),
    ],
)
def test_an_action_that_does_not_act_yet_is_named(user: User, situation: Situation, words: str) -> None:
    assert words in plan_of(user, situation).considered[-1].why


def test_ring_time_never_exceeds_the_unanswered_limit() -> None:
    plan = decided(RECEPTION, ACME, Caller(), FREE, Limits(max_unanswered=7.5))
    assert isinstance(plan.steps[0], Ring)
    assert plan.steps[0].seconds == 7.5


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
        for result in (
            (Cause.NO_ANSWER, Cause.BUSY, Cause.UNAVAILABLE) if isinstance(step, Ring) else (cause,)
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
        assert reachable(plan) == set(range(len(plan.steps))), "no step is there in vain"
        assert [one.applies for one in plan.considered] == [False] * (len(plan.considered) - 1) + [True]
        assert plan.considered[-1].rule is plan.rule
        assert all(one.why for one in plan.considered)
        if suspended:
            assert len(plan.steps) == 1
        elif line_busy:
            assert not ringing
