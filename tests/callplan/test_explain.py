"""Plans and results in words and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from b2bua.callplan.causes import UNANSWERED, Cause
from b2bua.callplan.dialling import Unknown
from b2bua.callplan.explain import in_words, results_to_json, to_json
from b2bua.callplan.narrative import narrative
from b2bua.callplan.outcome import Ended, StepResult
from b2bua.callplan.plan import refuse_unknown, visit_portal
from b2bua.callplan.settings import Treatment
from b2bua.callplan.situation import Caller, Limits, Situation
from b2bua.callplan.steps import EngagedTone, Occasion, Portal, Reject, Ring, Voicemail
from tests.callplan.company import (
    ACME,
    BUSY,
    ENGAGED_TONE,
    FREE,
    KEEP_RINGING,
    NUMBERING,
    RECEPTION,
    SALES,
    UNREGISTERED,
    VOICEMAIL,
    VOICEMAIL_AT_ONCE,
    decided,
)

USERS = NUMBERING.users
RING = Ring(10, 20.0)
MAILBOX = Voicemail(10, Occasion.NO_ANSWER, on=UNANSWERED)
TONE = EngagedTone(5.0)
PORTAL = Portal(10)
REJECT = Reject(486, "Busy Here", 17)


@pytest.mark.parametrize(
    ("not_answered", "busy", "situation", "words"),
    [
        (
            VOICEMAIL,
            ENGAGED_TONE,
            FREE,
            "Reception’s devices ring for 20 seconds; then the caller hears the greeting of Reception and "
            "may leave a message. If a device is busy or declines the call, the caller hears the engaged "
            "tone for 5 seconds; then the call ends with 486 Busy Here.",
        ),
        (
            KEEP_RINGING,
            VOICEMAIL_AT_ONCE,
            FREE,
            "Reception’s devices, and any that registers meanwhile, ring for at most 180 seconds; then the "
            "call ends with 480 Temporarily Unavailable. If a device is busy or declines the call, the "
            "caller hears the greeting of Reception and may leave a message.",
        ),
        (
            VOICEMAIL,
            ENGAGED_TONE,
            BUSY,
            "The caller hears the engaged tone for 5 seconds; then the call ends with 486 Busy Here.",
        ),
        (
            VOICEMAIL,
            ENGAGED_TONE,
            UNREGISTERED,
            "The caller hears the greeting of Reception and may leave a message.",
        ),
    ],
)
def test_plans_in_words(not_answered: Treatment, busy: Treatment, situation: Situation, words: str) -> None:
    user = replace(RECEPTION, not_answered=not_answered, busy=busy)
    assert in_words(decided(user, ACME, Caller(), situation, Limits()), USERS) == words


def test_a_refusal_in_words() -> None:
    assert in_words(refuse_unknown(Unknown("nobody")), USERS) == "The call ends with 404 Not Found."


def test_possessives_durations_and_former_users() -> None:
    user = replace(SALES, not_answered=replace(VOICEMAIL, after=1))
    plan = decided(user, ACME, Caller(), FREE, Limits(engaged_tone=0.25))
    assert in_words(plan, USERS).startswith("Sales’ devices ring for 1 second; then")
    assert in_words(plan, {}).startswith("A former user’s devices ring for 1 second; then")
    assert "engaged tone for 0.2 seconds" in in_words(plan, USERS)


def test_a_plan_as_json() -> None:
    plan = decided(RECEPTION, ACME, Caller(), FREE, Limits())
    value = json.loads(json.dumps(to_json(plan, USERS)))
    assert list(value) == ["rule", "considered", "steps"]
    assert value["rule"] == "ring"
    assert value["considered"][1] == {
        "rule": "suspended",
        "applies": False,
        "why": "neither Reception nor Acme Ltd is suspended",
    }
    assert value["considered"][-1] == {"rule": "ring", "applies": True, "why": "no other rule applies"}
    email = "reception@acme.example"
    assert value["steps"] == [
        {
            "do": "ring",
            "user": email,
            "seconds": 20,
            "on": ["unconditional"],
            "options": {"waits": False, "queues": False},
        },
        {"do": "engaged-tone", "seconds": 5.0, "on": ["busy"]},
        {"do": "reject", "on": ["busy"], "options": {"code": 486, "reason": "Busy Here", "q850": 17}},
        {
            "do": "voicemail",
            "user": email,
            "on": ["no-answer", "unavailable"],
            "options": {"occasion": "no-answer"},
        },
        {
            "do": "reject",
            "on": ["unconditional", "no-answer", "busy", "unavailable"],
            "options": {"code": 480, "reason": "Temporarily Unavailable", "q850": 19},
        },
    ]


@pytest.mark.behaviour("W1")
def test_a_call_of_the_own_portal_as_json() -> None:
    value = to_json(visit_portal("1571", RECEPTION), USERS)
    assert value["rule"] == "portal"
    assert value["steps"] == [
        {"do": "portal", "user": "reception@acme.example", "on": ["unconditional"]},
        {
            "do": "reject",
            "on": ["unconditional", "no-answer", "busy", "unavailable"],
            "options": {"code": 503, "reason": "Service Unavailable", "q850": 41},
        },
    ]


def test_a_former_user_is_null_in_json() -> None:
    steps = to_json(decided(RECEPTION, ACME, Caller(), FREE, Limits()), {})["steps"]
    assert isinstance(steps, list)
    assert steps[0]["user"] is None


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (
            StepResult(RING, Ended.ANSWERED, 4.21, device="reception"),
            "Reception’s devices rang; reception answered after 4.2 seconds.",
        ),
        (StepResult(RING, Ended.ANSWERED, 4.21), "Reception’s devices rang; one answered after 4.2 seconds."),
        (
            StepResult(RING, Ended.NO_ANSWER, 20.003),
            "Reception’s devices rang for 20 seconds and nobody answered.",
        ),
        (
            StepResult(RING, Ended.BUSY, 1.0),
            "Reception’s devices rang; after 1 second the call was declined as busy.",
        ),
        (StepResult(RING, Ended.UNAVAILABLE, 0.1), "Reception’s devices could not be reached."),
        (
            StepResult(RING, Ended.UNAVAILABLE, 4.0, code=488),
            "Reception’s devices rang; within 4 seconds one answered, but with no sound that can be used here.",
        ),
        (
            StepResult(RING, Ended.NO_ANSWER, 20.0, code=488),
            "Reception’s devices rang for 20 seconds and nobody answered with sound that can be used here.",
        ),
        (StepResult(RING, Ended.FAILED, 0.1), "Reception’s devices could not be reached."),
        (
            StepResult(RING, Ended.ABANDONED, 3),
            "Reception’s devices rang, and the caller hung up after 3 seconds.",
        ),
        (StepResult(TONE, Ended.COMPLETED, 5), "The caller heard the engaged tone for 5 seconds."),
        (StepResult(TONE, Ended.FAILED, 0), "The engaged tone could not be played."),
        (
            StepResult(TONE, Ended.ABANDONED, 2),
            "The caller heard the engaged tone and hung up after 2 seconds.",
        ),
        (
            StepResult(MAILBOX, Ended.ANSWERED, 12, message=7.34),
            "The caller left Reception a message of 7.3 seconds.",
        ),
        (
            StepResult(MAILBOX, Ended.ANSWERED, 12),
            "The voicemail of Reception answered, and the caller left no message.",
        ),
        (StepResult(MAILBOX, Ended.FAILED, 0), "The voicemail of Reception could not take the call."),
        (
            StepResult(MAILBOX, Ended.ABANDONED, 2),
            "The caller heard the greeting of Reception and hung up after 2 seconds.",
        ),
        (StepResult(PORTAL, Ended.ANSWERED, 1), "The voice portal of Reception answered."),
        (StepResult(PORTAL, Ended.FAILED, 1), "The voice portal of Reception could not take the call."),
        (
            StepResult(PORTAL, Ended.ABANDONED, 1),
            "Before the voice portal of Reception could answer, the caller hung up after 1 second.",
        ),
        (StepResult(REJECT, Ended.COMPLETED, 0), "The call ended with 486 Busy Here."),
        (
            StepResult(REJECT, Ended.ABANDONED, 0),
            "Before the call could end with 486 Busy Here, the caller hung up after 0 seconds.",
        ),
    ],
)
def test_results_in_words(result: StepResult, words: str) -> None:
    assert narrative([result], USERS) == (words,)


def test_results_as_json() -> None:
    results = [
        StepResult(RING, Ended.NO_ANSWER, 20.00049),
        StepResult(MAILBOX, Ended.ANSWERED, 12.5, message=7.3),
    ]
    assert results_to_json(results, USERS) == [
        {"do": "ring", "user": "reception@acme.example", "ended": "no-answer", "after": 20.0},
        {
            "do": "voicemail",
            "user": "reception@acme.example",
            "ended": "answered",
            "after": 12.5,
            "message": 7.3,
        },
    ]
    answered = results_to_json([StepResult(RING, Ended.ANSWERED, 1.0, device="reception")], USERS)
    assert answered[0]["device"] == "reception"
    assert results_to_json([StepResult(TONE, Ended.COMPLETED, 5.0)], USERS) == [
        {"do": "engaged-tone", "ended": "completed", "after": 5.0}
    ]


def test_causes_have_the_values_of_rfc_4458() -> None:
    assert {cause.name: cause.value for cause in Cause} == {
        "UNCONDITIONAL": 302,
        "UNAVAILABLE": 503,
        "NO_ANSWER": 408,
        "BUSY": 486,
    }
