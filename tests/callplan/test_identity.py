"""Who is shown outside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from b2bua.callplan.identity import Identity, in_emergency, outgoing
from b2bua.callplan.situation import Caller, Limits
from tests.callplan.company import ACME, RECEPTION

USER = replace(RECEPTION, default_number="+441632960101", presentation_number="+441632960100")


@pytest.mark.behaviour("I2")
def test_the_presentation_number_is_seen_and_the_default_number_known() -> None:
    assert outgoing(USER, ACME, Caller()) == Identity("+441632960100", "+441632960101")
    plain = replace(USER, presentation_number=None)
    assert outgoing(plain, ACME, Caller(withheld=True)) == Identity(
        "+441632960101", "+441632960101", withheld=True
    )


@pytest.mark.behaviour("E2")
def test_in_an_emergency_it_is_the_default_number() -> None:
    assert in_emergency(replace(USER, withhold_number=True), ACME, Limits()) == Identity(
        "+441632960101", "+441632960101"
    )


@pytest.mark.behaviour("I1", "I2", "I3")
@pytest.mark.parametrize(
    ("chosen", "override", "shown"),
    [
        ("+441632960109", True, "+441632960109"),
        ("+441632960109", False, "+441632960100"),
        ("+441632960103", True, "+441632960100"),
        ("+448450000000", True, "+441632960100"),
        (None, True, "+441632960100"),
    ],
)
def test_a_number_that_the_user_picks_beats_the_presentation_number(
    chosen: str | None, override: bool, shown: str
) -> None:
    """If it is one of the user's own, of a kind that may be presented, and the customer lets users choose."""
    user = replace(USER, numbers=("+441632960101", "+441632960109", "+448450000000"))
    identity = outgoing(user, replace(ACME, users_override=override), Caller(chosen=chosen))
    assert identity == Identity(shown, "+441632960101")


@pytest.mark.behaviour("I3")
@pytest.mark.parametrize("stored", ["+441632960999", "+448450000000", "+449098790000", "+44118999"])
def test_a_presentation_number_that_is_no_longer_allowed_is_not_shown(stored: str) -> None:
    customer = replace(ACME, numbers=("+441632960101", *({stored} - {"+441632960999"})))
    user = replace(USER, presentation_number=stored)
    assert outgoing(user, customer, Caller()).presented == "+441632960101"


@pytest.mark.behaviour("E2")
def test_in_an_emergency_somebody_else_s_number_is_better_than_none() -> None:
    numberless = replace(USER, default_number=None)
    limits = Limits(emergency_number="+441632960990")
    company = replace(ACME, emergency_number="+441632960102")
    assert in_emergency(numberless, company, limits).network == "+441632960102"
    assert in_emergency(numberless, ACME, limits) == Identity("+441632960990", "+441632960990")
    assert in_emergency(numberless, ACME, Limits()) == Identity()
    assert in_emergency(USER, company, limits).presented == "+441632960101"


@pytest.mark.behaviour("A3")
def test_numbers_stay_out_of_the_repr() -> None:
    assert "960" not in repr(outgoing(USER, ACME, Caller(withheld=True)))
