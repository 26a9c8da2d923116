"""Calls that leave by a trunk: who may make them, and as whom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from b2bua.callplan.causes import ANY, NOT_ANSWERED
from b2bua.callplan.explain import in_words
from b2bua.callplan.identity import Identity
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.plan import Plan
from b2bua.callplan.question import Rule
from b2bua.callplan.route import route
from b2bua.callplan.settings import Customer, Trunk, User
from b2bua.callplan.situation import Caller, Limits, Situation
from b2bua.callplan.steps import Dial, Reject
from tests.callplan.company import ACME, OTHER, RECEPTION, SALES

USER = replace(RECEPTION, default_number="+441632960101", presentation_number="+441632960100")
SHOWN = Identity("+441632960100", "+441632960101")
TRUNKS = (Trunk(2, "Second", "192.0.2.2", order=2), Trunk(1, "First", "192.0.2.1", order=1))
ENDS = (
    Reject(480, "Temporarily Unavailable", 19, on=NOT_ANSWERED, as_elsewhere=True),
    Reject(503, "Service Unavailable", 34, on=ANY, as_elsewhere=True),
)


def nobody(_: User) -> Situation:
    raise AssertionError("the situation of nobody is asked for")


def plan_of(
    dialled: str,
    user: User = USER,
    customer: Customer = ACME,
    trunks: tuple[Trunk, ...] = TRUNKS,
    *,
    withheld: bool = False,
) -> Plan:
    tables = Numbering.of((customer, OTHER), (user, SALES), trunks)
    caller = Caller("201", user.name, withheld, user.id)
    return route(dialled, caller, tables, nobody, Limits()).plan


def test_trunks_are_in_their_order() -> None:
    assert [trunk.name for trunk in Numbering.of((), (), TRUNKS).trunks] == ["First", "Second"]


@pytest.mark.behaviour("I2", "I6")
def test_a_number_elsewhere_is_dialled_with_the_users_identity() -> None:
    plan = plan_of("01632960999")
    assert plan.rule is Rule.OUTBOUND
    assert plan.steps == (Dial("+441632960999", SHOWN, 170.0), *ENDS)
    assert plan.considered[0].why == (
        "+441632960999 is a national number elsewhere, and Acme Ltd may call such numbers"
    )
    assert in_words(plan, {}) == (
        "The call goes out to +441632960999 by a trunk and may ring for 170 seconds; then the call ends with "
        "480 Temporarily Unavailable, or with what was answered there."
    )


@pytest.mark.behaviour("I4")
def test_a_withheld_call_says_so() -> None:
    (dialled, *_) = plan_of("01632960999", withheld=True).steps
    assert isinstance(dialled, Dial) and dialled.identity.withheld


@pytest.mark.behaviour("I6")
@pytest.mark.parametrize("code", ["101", "111", "116123", "1800101632960999"])
def test_a_service_code_goes_out_unaltered(code: str) -> None:
    plan = plan_of(code)
    assert (plan.rule, plan.steps[0]) == (Rule.OUTBOUND, Dial(code, SHOWN, 170.0))


@pytest.mark.behaviour("I6")
@pytest.mark.parametrize(
    ("dialled", "kind"),
    [
        ("09098790000", "premium"),
        ("0845 000 0000", "premium"),
        ("07600 000000", "premium"),
        ("118500", "premium"),
        ("0012125550100", "international"),
        ("01534 000000", "international"),
        ("07797 000000", "international"),
    ],
)
def test_premium_and_international_numbers_are_barred_unless_allowed(dialled: str, kind: str) -> None:
    plan = plan_of(dialled)
    assert plan.steps == (Reject(403, "Forbidden", 21, on=ANY),)
    assert f"Acme Ltd may not call {kind} numbers" in plan.considered[0].why
    allowed = replace(ACME, allowed_classes=ACME.allowed_classes | {kind})
    assert isinstance(plan_of(dialled, customer=allowed).steps[0], Dial)


@pytest.mark.behaviour("I6")
def test_every_class_can_be_barred() -> None:
    inside = replace(ACME, allowed_classes=frozenset({"internal"}))
    for dialled in ("01632960999", "07700900123"):
        assert plan_of(dialled, customer=inside).steps[0] == Reject(403, "Forbidden", 21, on=ANY)


@pytest.mark.behaviour("I5")
def test_without_a_number_there_are_internal_and_emergency_calls_only() -> None:
    numberless = replace(USER, default_number=None)
    for dialled in ("01632960999", "101"):
        plan = plan_of(dialled, numberless)
        assert plan.steps == (Reject(403, "Forbidden", 21, on=ANY),)
        assert "Reception has no number" in plan.considered[0].why
    emergency = plan_of("999", numberless).steps[0]
    assert isinstance(emergency, Dial) and emergency.identity == Identity()


@pytest.mark.behaviour("E1", "E2", "R1")
@pytest.mark.parametrize("dialled", ["999", "112", "18000", "141999", "1470112"])
@pytest.mark.parametrize(
    ("user", "customer"),
    [
        (USER, ACME),
        (replace(USER, suspended=True), ACME),
        (USER, replace(ACME, suspended=True, allowed_classes=frozenset())),
    ],
)
def test_nothing_stops_an_emergency_call(dialled: str, user: User, customer: Customer) -> None:
    plan = plan_of(dialled, user, customer, withheld=True)
    code = dialled.removeprefix("1470").removeprefix("141")
    network = Identity("+441632960101", "+441632960101")
    assert plan.rule is Rule.EMERGENCY
    assert plan.steps == (Dial(code, network, 170.0, emergency=True), *ENDS)


@pytest.mark.parametrize(
    ("dialled", "rule", "code", "why"),
    [
        (
            "01632960999",
            Rule.OUTBOUND,
            404,
            "nobody here has the number +441632960999, and there is no trunk",
        ),
        ("101", Rule.OUTBOUND, 503, "101 is a service number, but there is no trunk"),
        ("999", Rule.EMERGENCY, 503, "999 is an emergency number, but there is no trunk"),
    ],
)
def test_without_trunks_nothing_goes_out(dialled: str, rule: Rule, code: int, why: str) -> None:
    plan = plan_of(dialled, trunks=())
    assert plan.rule is rule
    (step,) = plan.steps
    assert isinstance(step, Reject) and step.code == code and not step.as_elsewhere
    assert why in plan.considered[0].why


@pytest.mark.parametrize("dialled", ["+441632960999", "999", "101"])
def test_a_caller_from_outside_never_leaves_by_a_trunk(dialled: str) -> None:
    tables = Numbering.of((ACME, OTHER), (USER, SALES), TRUNKS)
    found = route(dialled, Caller("+441632960998"), tables, nobody, Limits())
    assert found.plan.rule is Rule.UNKNOWN
    assert found.plan.steps == (Reject(404, "Not Found", 1, on=ANY),)
