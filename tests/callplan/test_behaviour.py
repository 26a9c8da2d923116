"""One row for each statement of docs/behaviour.md that the plan alone decides, written by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from b2bua.callplan.explain import in_words
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.route import route
from b2bua.callplan.settings import Customer, User
from b2bua.callplan.situation import Caller, Limits, Situation
from tests.callplan.company import (
    ACME,
    BUSY,
    FREE,
    KEEP_RINGING,
    NOON,
    OTHER,
    RECEPTION,
    SALES,
    UNREGISTERED,
    VOICEMAIL,
    VOICEMAIL_AT_ONCE,
    WORKSHOP,
)

GREETING = "The caller hears the greeting of Reception and may leave a message."
ENGAGED = "The caller hears the engaged tone for 5 seconds; then the call ends with 486 Busy Here."
RINGS = "Reception’s devices ring for 20 seconds; then the caller hears the greeting of Reception"
KEEPS = (
    "Reception’s devices, and any that registers meanwhile, ring for at most 180 seconds; "
    "then the call ends with 480 Temporarily Unavailable."
)
DECLINED = "If a device is busy or declines the call, the caller hears the"


FROM_WORKSHOP = Caller("202", user=WORKSHOP.id)
FROM_SALES = Caller("+441632960200", user=SALES.id)


@dataclass(frozen=True)
class Row:
    """A call, from the workshop unless it says otherwise: the winning rule, and words the plan must hold."""

    rule: str
    words: str
    user: User = RECEPTION
    customer: Customer = ACME
    situation: Situation = FREE
    dialled: str = "201"
    caller: Caller = FROM_WORKSHOP


def row(*ids: str, **what: object) -> object:
    return pytest.param(Row(**what), marks=pytest.mark.behaviour(*ids), id="-".join(ids))  # type: ignore[arg-type]


KEEP = replace(RECEPTION, not_answered=KEEP_RINGING)
PATIENT = replace(RECEPTION, not_answered=replace(VOICEMAIL, after=120))
TO_MAILBOX = replace(RECEPTION, busy=VOICEMAIL_AT_ONCE)

ROWS = [
    row("P1", rule="ring", words="Sales’ devices", dialled="+441632960200"),
    row("P2", rule="ring", words=RINGS, dialled="01632 960101"),
    row("P5", rule="suspended", words="480", user=replace(RECEPTION, suspended=True)),
    row(
        "R2",
        rule="suspended",
        words="480",
        customer=replace(ACME, suspended=True),
        situation=BUSY,
        caller=FROM_SALES,
        dialled="+441632960101",
    ),
    row("R7", rule="busy", words=ENGAGED, situation=replace(BUSY, registered=False)),
    row("R8", rule="unregistered", words=GREETING, situation=UNREGISTERED),
    row("R8", "N1", rule="unregistered", words=KEEPS, user=KEEP, situation=UNREGISTERED),
    row("R9", "N2", rule="ring", words=RINGS),
    row("N1", rule="ring", words=KEEPS, user=KEEP),
    row("N5", rule="ring", words=GREETING, user=replace(RECEPTION, not_answered=VOICEMAIL_AT_ONCE)),
    row("N5", "N2", rule="ring", words="ring for 120 seconds", user=PATIENT),
    row("N7", rule="ring", words=f"{DECLINED} engaged tone for 5 seconds"),
    row("N7", "B2", rule="ring", words=f"{DECLINED} greeting of Reception", user=TO_MAILBOX),
    row("B1", rule="busy", words=ENGAGED, situation=BUSY),
    row("B2", "B3", rule="busy", words=ENGAGED, situation=BUSY),
    row("B2", rule="busy", words=GREETING, user=TO_MAILBOX, situation=BUSY),
    row("I6", rule="ring", words=RINGS, dialled="00441632960101"),
]


@pytest.mark.parametrize("row", ROWS)
def test_behaviour(row: Row) -> None:
    tables = Numbering.of((row.customer, OTHER), (row.user, WORKSHOP, SALES))
    plan = route(row.dialled, row.caller, tables, lambda _: row.situation, Limits()).plan
    assert plan.rule == row.rule
    assert row.words in in_words(plan, tables.users)


@pytest.mark.behaviour("R10")
def test_an_edit_changes_the_next_call_and_never_a_plan_already_made() -> None:
    before = Numbering.of((ACME,), (RECEPTION, WORKSHOP))
    plan = route("201", FROM_WORKSHOP, before, lambda _: FREE, Limits()).plan
    kept = plan.steps
    after = Numbering.of((ACME,), (KEEP, WORKSHOP))
    assert plan.steps is kept
    assert route("201", FROM_WORKSHOP, after, lambda _: FREE, Limits()).plan != plan
    later = replace(FREE, now=NOON + timedelta(hours=9))
    assert route("201", FROM_WORKSHOP, before, lambda _: later, Limits()).plan == plan
