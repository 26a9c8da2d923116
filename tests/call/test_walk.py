"""The walk: every way through every plan ends, and its unanswered time is bounded."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import inf

import pytest

from b2bua.call.walk import Walk, advance, begin, next_step
from b2bua.callplan.causes import ANY, BUSY, UNANSWERED, Cause
from b2bua.callplan.identity import Identity
from b2bua.callplan.plan import Plan
from b2bua.callplan.question import Rule
from b2bua.callplan.settings import Action, Treatment
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
from tests.callplan.company import ACME, NOON, RECEPTION, decided

LIMITS = Limits()
RING = Ring(10, 20.0)
KEEP = Ring(10, 180.0, waits=True)
MAILBOX = Voicemail(10, Occasion.NO_ANSWER, on=UNANSWERED)
BUSY_MAILBOX = Voicemail(10, Occasion.BUSY, on=BUSY)
TONE = EngagedTone(5.0)
ENGAGED = Reject(486, "Busy Here", on=BUSY)
END = Reject(480, "Temporarily Unavailable", on=ANY)


def plan_of(*steps: Ring | Voicemail | EngagedTone | Reject, cause: Cause = Cause.UNCONDITIONAL) -> Plan:
    return Plan(Rule.RING, (), (*steps, END), cause)


WHOLE = plan_of(RING, MAILBOX, TONE, ENGAGED)


@pytest.mark.parametrize(
    ("position", "cause", "found"),
    [
        (-1, Cause.UNCONDITIONAL, (0, RING)),
        (-1, Cause.BUSY, (2, TONE)),
        (0, Cause.NO_ANSWER, (1, MAILBOX)),
        (0, Cause.UNAVAILABLE, (1, MAILBOX)),
        (0, Cause.BUSY, (2, TONE)),
        (2, Cause.BUSY, (3, ENGAGED)),
        (1, Cause.NO_ANSWER, (4, END)),
        (3, Cause.UNCONDITIONAL, (4, END)),
        (4, Cause.BUSY, None),
    ],
)
def test_next_step(position: int, cause: Cause, found: object) -> None:
    assert next_step(WHOLE, position, cause) == found


SECOND_DIAL = Dial("+441632960999", Identity(), 45.0, by=10, on=ANY)
TOLD = Announce(Announcement.REDIRECTING)
ONWARD = Transfer(10, 11, on=ANY)


@pytest.mark.parametrize("code", [None, 486, 599, 600, 603, 699])
@pytest.mark.parametrize(
    "steps", [(SECOND_DIAL,), (TOLD, SECOND_DIAL), (ONWARD,), (TOLD, SECOND_DIAL, ONWARD)]
)
def test_a_6xx_from_elsewhere_passes_over_whoever_would_be_called_next(
    steps: tuple[Step, ...], code: int | None
) -> None:
    first = Dial("+441632960998", Identity(), 45.0, by=10)
    walk = begin(Plan(Rule.DEFLECTED, (), (first, *steps, END)), LIMITS, now=0.0)
    walk = advance(walk, 1.0, Cause.BUSY, code)
    assert walk.step == (END if code is not None and code >= 600 else steps[0])


def test_a_6xx_leaves_a_mailbox_that_follows() -> None:
    first = Dial("+441632960998", Identity(), 45.0, by=10)
    mailbox = Voicemail(10, Occasion.NO_ANSWER, on=ANY)
    walk = begin(Plan(Rule.DEFLECTED, (), (first, SECOND_DIAL, mailbox, END)), LIMITS, now=0.0)
    assert advance(walk, 1.0, Cause.BUSY, 603).step == mailbox


def test_no_answer_leads_to_the_mailbox_and_its_failure_to_the_end() -> None:
    walk = begin(WHOLE, LIMITS, now=100.0)
    assert (walk.step, walk.deadline) == (RING, 120.0)
    walk = advance(walk, 120.0, Cause.NO_ANSWER)
    assert (walk.step, walk.deadline, walk.entered) == (MAILBOX, inf, 120.0)
    walk = advance(walk, 121.0)
    assert walk.step is END
    assert walk.cause is Cause.NO_ANSWER


@pytest.mark.behaviour("N7")
def test_a_busy_device_leads_to_the_busy_action_at_once() -> None:
    walk = advance(begin(WHOLE, LIMITS, now=0.0), 1.5, Cause.BUSY)
    assert (walk.step, walk.deadline) == (TONE, 6.5)
    assert advance(walk, 6.5).step is ENGAGED


def test_a_busy_mailbox_that_fails_does_not_fall_into_the_no_answer_one() -> None:
    walk = begin(plan_of(BUSY_MAILBOX, MAILBOX, cause=Cause.BUSY), LIMITS, now=0.0)
    assert walk.step is BUSY_MAILBOX
    assert advance(walk, 0.1).step is END


def test_the_walk_after_the_last_step_is_an_error() -> None:
    walk = begin(plan_of(), LIMITS, now=0.0)
    with pytest.raises(ValueError, match="the walk is over"):
        advance(walk, 1.0)


@pytest.mark.behaviour("R11")
def test_a_ring_ends_with_the_calls_unanswered_time() -> None:
    later_hop = begin(WHOLE, LIMITS, now=160.0, began=0.0)
    assert later_hop.deadline == 170.0
    assert advance(later_hop, 170.0, Cause.NO_ANSWER).step is MAILBOX


@pytest.mark.behaviour("R11")
def test_with_no_unanswered_time_left_the_mailbox_is_taken_at_once() -> None:
    plan = plan_of(RING, replace(RING, user=11, on=UNANSWERED), MAILBOX)
    walk = advance(begin(plan, LIMITS, now=150.0, began=0.0), 170.0, Cause.NO_ANSWER)
    assert walk.step is MAILBOX
    assert advance(begin(plan, LIMITS, 150.0, began=0.0), 169.9, Cause.NO_ANSWER).step == plan.steps[1]


@pytest.mark.behaviour("R11")
def test_with_no_unanswered_time_left_the_tone_is_passed_over() -> None:
    walk = advance(begin(WHOLE, LIMITS, now=165.0, began=0.0), 170.0, Cause.BUSY)
    assert walk.step is ENGAGED
    close = advance(begin(WHOLE, LIMITS, now=165.0, began=0.0), 168.0, Cause.BUSY)
    assert (close.step, close.deadline) == (TONE, 170.0)


@pytest.mark.behaviour("R11", "N1")
def test_keep_ringing_has_its_own_limit_and_ends_with_480() -> None:
    walk = begin(plan_of(KEEP), LIMITS, now=50.0)
    assert walk.deadline == 230.0
    assert begin(plan_of(KEEP), LIMITS, now=60.0, began=50.0).deadline == 230.0
    assert advance(walk, 230.0, Cause.NO_ANSWER).step is END


def ends(walk: Walk) -> list[tuple[float, Walk]]:
    """Every end of a walk in which nobody answers, with the unanswered time it came to."""
    step = walk.step
    if step is walk.plan.steps[-1]:
        return [(walk.entered - walk.began, walk)]
    if isinstance(step, Ring):
        ways = [
            (walk.deadline, Cause.NO_ANSWER),
            (walk.deadline, Cause.BUSY),
            (walk.entered, Cause.UNAVAILABLE),
            (walk.entered, Cause.BUSY),
        ]
        return [end for when, cause in ways for end in ends(advance(walk, when, cause))]
    if isinstance(step, Reject):
        return [(walk.entered - walk.began, walk)]
    over = walk.deadline if isinstance(step, EngagedTone) else walk.entered
    return ends(advance(walk, over))


TREATMENTS = [Treatment(action, after=after) for action, after in product(Action, (0.0, 20.0, 120.0))]


@pytest.mark.behaviour("R11")
@pytest.mark.parametrize("arrived", [0.0, 60.0, 169.0, 170.0, 179.0])
def test_every_walk_through_every_plan_ends_in_time(arrived: float) -> None:
    states = tuple(product((False, True), repeat=2))
    for not_answered, busy, (line_busy, registered) in product(TREATMENTS, TREATMENTS, states):
        user = replace(RECEPTION, not_answered=not_answered, busy=busy)
        plan = decided(user, ACME, Caller(), Situation(NOON, line_busy, registered), LIMITS)
        for unanswered, walk in ends(begin(plan, LIMITS, now=arrived, began=0.0)):
            assert isinstance(walk.step, Reject)
            keeps = any(isinstance(step, Ring) and step.waits for step in plan.steps)
            assert unanswered <= max(arrived, LIMITS.keep_ringing if keeps else LIMITS.max_unanswered)
