"""One row for each statement of docs/behaviour.md that the plan alone decides, written by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import time, timedelta

import pytest

from b2bua.callplan.explain import in_words
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.route import route
from b2bua.callplan.settings import Action, Customer, Interval, OutOfHours, Treatment, User
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
    TRUNK,
    UNREGISTERED,
    VOICEMAIL,
    VOICEMAIL_AT_ONCE,
    WORKSHOP,
)

PORTAL = "The voice portal of Workshop answers and asks for the PIN."
NOTHING_ALLOWED = {"allowed_classes": frozenset[str]()}
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
    """A call, from the workshop unless it says otherwise: the winning rule, and words the plan must hold.

    A `numberless` workshop has no number to call with.
    """

    rule: str
    words: str
    user: User = RECEPTION
    customer: Customer = ACME
    situation: Situation = FREE
    dialled: str = "201"
    caller: Caller = FROM_WORKSHOP
    numberless: bool = False


def row(*ids: str, **what: object) -> object:
    return pytest.param(Row(**what), marks=pytest.mark.behaviour(*ids), id="-".join(ids))  # type: ignore[arg-type]


KEEP = replace(RECEPTION, not_answered=KEEP_RINGING)
PATIENT = replace(RECEPTION, not_answered=replace(VOICEMAIL, after=120))
TO_MAILBOX = replace(RECEPTION, busy=VOICEMAIL_AT_ONCE)

FROM_NOBODY = {"caller": Caller("+441632960998", withheld=True), "dialled": "+441632960101"}
TO_RECEPTION = {"caller": Caller("+441632960998"), "dialled": "+441632960101"}
NOBODY_THERE = {"situation": UNREGISTERED}
NOT_TAKEN = "anonymous calls are not taken; then the call ends with 433 Anonymity Disallowed"
REJECTING = replace(RECEPTION, reject_anonymous=True)
ELSEWHERE = Treatment(Action.NUMBER, after=20, number="+441632960555")
OUT = "call is redirected to +441632960555, where it may ring for 45 seconds"
WAITS = "The caller waits for Reception’s line for 20 seconds, and the devices ring once it is free"
MOVED = {"permanent_redirect": "+441632960555"}
ALWAYS = replace(ELSEWHERE, always=True)
ALL_AWAY = replace(RECEPTION, not_answered=ALWAYS, busy=VOICEMAIL)
LUNCH = (Interval(NOON.weekday(), time(12), time(13)),)
CLOSED = replace(RECEPTION, out_of_hours=OutOfHours(True, LUNCH, VOICEMAIL_AT_ONCE))
OFF = OutOfHours(False, LUNCH, VOICEMAIL_AT_ONCE)
LATER = replace(FREE, now=NOON + timedelta(hours=1))
TO_WORKSHOP = replace(RECEPTION, not_answered=Treatment(Action.USER, after=20, user=WORKSHOP.id))
TO_NUMBER = replace(RECEPTION, not_answered=ELSEWHERE)
ANNOUNCED = replace(RECEPTION, not_answered=replace(ELSEWHERE, announce=True))
PRESENTED = replace(RECEPTION, not_answered=replace(ELSEWHERE, present_dialled_number=True))
BUSY_AWAY = replace(RECEPTION, busy=ELSEWHERE)
BUSY_LATER = replace(RECEPTION, busy=VOICEMAIL)
TO_BARRED = replace(RECEPTION, not_answered=replace(ELSEWHERE, number="+33612345678"))

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
    row("I6", rule="internal", words="403 Forbidden", customer=replace(ACME, allowed_classes=frozenset())),
    row("I6", rule="outbound", words="403 Forbidden", dialled="09098790000"),
    row("I6", "I4", rule="outbound", words="goes out to 101", dialled="141101"),
    row("W1", rule="portal", words=PORTAL, dialled="1571"),
    row("W1", rule="portal", words=PORTAL, dialled="*1571", numberless=True),
    row("W1", "I4", rule="portal", words=PORTAL, dialled="1411571"),
    row("W1", rule="portal", words=PORTAL, dialled="1470*1571", customer=replace(ACME, **NOTHING_ALLOWED)),
    row("W1", rule="unknown", words="404", dialled="1571", caller=Caller("+441632960998")),
    row("W1", rule="unknown", words="404", dialled="*1571", caller=Caller("+441632960998")),
    row("W1", "P5", rule="suspended", words="403", dialled="1571", customer=replace(ACME, suspended=True)),
    row("I4", rule="ring", words=RINGS, dialled="141201"),
    row("I5", rule="internal", words="403 Forbidden", dialled="+441632960200", numberless=True),
    row("I5", rule="ring", words=RINGS, numberless=True),
    row("E1", "R1", rule="emergency", words="The call goes out to 999", dialled="999"),
    row("E1", rule="emergency", words="The call goes out to 112", dialled="1470112", numberless=True),
    row(
        "E1",
        rule="emergency",
        words="The call goes out to 18000",
        dialled="18000",
        customer=replace(ACME, suspended=True, allowed_classes=frozenset()),
    ),
    row(
        "E4",
        "R1",
        rule="emergency",
        words=KEEPS,
        user=replace(RECEPTION, suspended=True),
        situation=replace(BUSY, called_back=True),
        **TO_RECEPTION,
    ),
    row("R3", "A2", rule="anonymous", words=NOT_TAKEN, user=REJECTING, **FROM_NOBODY),
    row("A2", rule="ring", words=RINGS, user=REJECTING, caller=replace(FROM_WORKSHOP, withheld=True)),
    row("A1", rule="ring", words=RINGS, user=REJECTING, caller=Caller(), dialled="+441632960101"),
    row("A2", "R3", rule="anonymous", words=NOT_TAKEN, user=replace(REJECTING, **MOVED), **FROM_NOBODY),
    row("R4", rule="permanent-redirect", words=f"The {OUT}", user=replace(RECEPTION, **MOVED)),
    row("R4", "D3", rule="permanent-redirect", words=f"The {OUT}", user=replace(CLOSED, **MOVED)),
    row(
        "R4",
        "D8",
        "D9",
        rule="permanent-redirect",
        words=GREETING,
        user=replace(RECEPTION, permanent_redirect="+441632960101"),
    ),
    row("R5", "O1", rule="out-of-hours", words=GREETING, user=CLOSED),
    row("R5", "O2", rule="out-of-hours", words=GREETING, user=CLOSED, situation=BUSY),
    row("O1", rule="ring", words=RINGS, user=CLOSED, situation=LATER),
    row("O1", rule="ring", words=RINGS, user=replace(CLOSED, out_of_hours=OFF)),
    row("O3", rule="ring", words=RINGS, user=replace(CLOSED, timezone="Australia/Sydney")),
    row("R5", "R6", rule="out-of-hours", words=GREETING, user=replace(CLOSED, not_answered=ALWAYS)),
    row("R6", "D3", rule="always-redirect", words=f"The {OUT}", user=ALL_AWAY, situation=BUSY),
    row("R6", rule="always-redirect", words=f"The {OUT}", user=ALL_AWAY, situation=UNREGISTERED),
    row(
        "R8",
        "N3",
        rule="unregistered",
        words="The call goes on to Workshop",
        user=TO_WORKSHOP,
        **NOBODY_THERE,
    ),
    row("R9", "N3", rule="ring", words="for 20 seconds; then the call goes on to Workshop", user=TO_WORKSHOP),
    row("N4", rule="ring", words=f"for 20 seconds; then the {OUT}", user=TO_NUMBER),
    row("N4", "D1", rule="ring", words=f"call is being redirected; then the {OUT}", user=ANNOUNCED),
    row("N4", "D2", rule="ring", words="showing the dialled number instead of the caller’s", user=PRESENTED),
    row("N7", "N4", rule="ring", words=f"is busy or declines the call, the {OUT}", user=BUSY_AWAY),
    row("B2", rule="busy", words=f"{WAITS}; then the {OUT}", user=BUSY_AWAY, situation=BUSY),
    row("B2", rule="busy", words=f"{WAITS}; then the caller hears", user=BUSY_LATER, situation=BUSY),
    row("D8", rule="ring", words="then the call ends with 480", user=TO_BARRED),
    row(
        "D8", "D9", rule="ring", words=GREETING.removeprefix("The "), user=replace(TO_BARRED, busy=VOICEMAIL)
    ),
]


@pytest.mark.parametrize("row", ROWS)
def test_behaviour(row: Row) -> None:
    workshop = replace(WORKSHOP, default_number=None) if row.numberless else WORKSHOP
    tables = Numbering.of((row.customer, OTHER), (row.user, workshop, SALES), (TRUNK,))
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
