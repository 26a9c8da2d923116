"""From what was dialled to the plan, in one go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from b2bua.callplan.journey import Journey
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.question import Rule
from b2bua.callplan.route import route
from b2bua.callplan.settings import Customer, User
from b2bua.callplan.situation import Caller, Limits, Situation
from b2bua.callplan.steps import Portal, Reject, Ring
from tests.callplan.company import (
    ACME,
    BUSY,
    FREE,
    NUMBERING,
    OTHER,
    RECEPTION,
    SALES,
    UNREGISTERED,
    WORKSHOP,
)

FROM_WORKSHOP = Caller("202", "Workshop", user=11)


def free(_: User) -> Situation:
    return FREE


def must_not_be_asked(_: User) -> Situation:
    raise AssertionError("the situation of nobody is asked for")


def test_an_extension_rings_its_user() -> None:
    found = route("201", FROM_WORKSHOP, NUMBERING, free, Limits())
    assert (found.user, found.journey.dialled) == (10, "201")
    assert isinstance(found.plan.steps[0], Ring)
    assert found.plan.steps[0].user == 10


def test_a_number_rings_another_customers_user() -> None:
    found = route("01632960200", FROM_WORKSHOP, NUMBERING, free, Limits())
    assert isinstance(found.plan.steps[0], Ring)
    assert found.plan.steps[0].user == 20


@pytest.mark.parametrize(("situation", "rule"), [(BUSY, Rule.BUSY), (UNREGISTERED, Rule.UNREGISTERED)])
def test_the_situation_is_that_of_the_called_user(situation: Situation, rule: Rule) -> None:
    asked: list[int] = []

    def look(user: User) -> Situation:
        asked.append(user.id)
        return situation

    assert route("201", FROM_WORKSHOP, NUMBERING, look, Limits()).plan.rule is rule
    assert asked == [10]


def test_a_caller_from_outside() -> None:
    found = route("+441632960101", Caller("+441632960999"), NUMBERING, free, Limits())
    assert found.journey == Journey("+441632960101", (10,))
    assert route("201", Caller(), NUMBERING, must_not_be_asked, Limits()).plan.rule is Rule.UNKNOWN


def test_unknown_is_404() -> None:
    found = route("299", FROM_WORKSHOP, NUMBERING, must_not_be_asked, Limits())
    assert found.plan.rule is Rule.UNKNOWN
    assert isinstance(found.plan.steps[0], Reject)
    assert found.plan.steps[0].code == 404


@pytest.mark.behaviour("P5", "R2")
@pytest.mark.parametrize(
    ("customer", "user", "name"),
    [
        (replace(ACME, suspended=True), WORKSHOP, "Acme Ltd"),
        (ACME, replace(WORKSHOP, suspended=True), "Workshop"),
    ],
)
def test_the_suspended_call_nobody_but_emergency(customer: Customer, user: User, name: str) -> None:
    tables = Numbering.of((customer, OTHER), (RECEPTION, user, SALES))
    for dialled in ("201", "01632960200", "299", "101"):
        refused = route(dialled, FROM_WORKSHOP, tables, must_not_be_asked, Limits()).plan
        assert refused.rule is Rule.SUSPENDED
        assert name in refused.considered[0].why
    emergency = route("999", FROM_WORKSHOP, tables, must_not_be_asked, Limits())
    assert emergency.user is None
    assert emergency.plan.rule is Rule.EMERGENCY


@pytest.mark.behaviour("W1")
def test_an_access_code_leads_to_the_callers_own_portal_and_visits_nobody() -> None:
    found = route("1411571", FROM_WORKSHOP, NUMBERING, must_not_be_asked, Limits())
    assert found.plan.rule is Rule.PORTAL
    assert found.plan.steps[0] == Portal(11)
    assert found.user is None
    # Where no worker can be had, the phone is told so.
    assert [step.code for step in found.plan.steps if isinstance(step, Reject)] == [503]


@pytest.mark.behaviour("W1", "W2")
@pytest.mark.parametrize(("has_pin", "said"), [(True, False), (False, True)])
def test_it_is_explained_that_a_user_without_a_pin_gets_nowhere(has_pin: bool, said: bool) -> None:
    tables = Numbering.of((ACME,), (replace(WORKSHOP, has_pin=has_pin),))
    (considered,) = route("*1571", FROM_WORKSHOP, tables, must_not_be_asked, Limits()).plan.considered
    assert considered.why.startswith("*1571 is the access code of the voice portal")
    assert ("no PIN" in considered.why) is said
