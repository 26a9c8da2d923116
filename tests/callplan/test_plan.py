"""Plans: their guarantee, and the ends of calls that reach no user."""

from __future__ import annotations

import pytest

from b2bua.callplan.causes import ANY, BUSY, Cause
from b2bua.callplan.dialling import Unknown
from b2bua.callplan.plan import Considered, Plan, refuse_suspended, refuse_unknown
from b2bua.callplan.question import Rule
from b2bua.callplan.situation import Caller, Limits
from b2bua.callplan.steps import EngagedTone, Reject
from tests.callplan.company import ACME, FREE, RECEPTION, decided


@pytest.mark.parametrize("steps", [(), (EngagedTone(5.0),), (Reject(480, "Gone", on=BUSY),)])
def test_a_plan_that_could_run_out_of_steps_is_refused(steps: tuple[EngagedTone | Reject, ...]) -> None:
    with pytest.raises(ValueError, match="last step"):
        Plan(Rule.RING, (), steps)


def test_the_same_question_has_the_same_answer() -> None:
    plans = {decided(RECEPTION, ACME, Caller(), FREE, Limits()) for _ in range(3)}
    assert len(plans) == 1


def test_nobody_and_nothing_is_refused() -> None:
    plan = refuse_unknown(Unknown("nobody has it"))
    assert plan == Plan(
        Rule.UNKNOWN,
        (Considered(Rule.UNKNOWN, True, "nobody has it"),),
        (Reject(404, "Not Found", 1, on=ANY),),
        Cause.UNCONDITIONAL,
    )


@pytest.mark.behaviour("P5")
def test_a_suspended_caller_is_refused_by_name() -> None:
    plan = refuse_suspended("Acme Ltd")
    assert plan.rule is Rule.SUSPENDED
    assert plan.steps == (Reject(403, "Forbidden", 21, on=ANY),)
    assert plan.considered[0].why == "Acme Ltd is suspended and may make emergency calls only"


@pytest.mark.behaviour("A3")
def test_a_callers_number_stays_out_of_its_repr() -> None:
    assert "960999" not in repr(Caller("+441632960999", withheld=True))
