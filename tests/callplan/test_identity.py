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


@pytest.mark.behaviour("A3")
def test_numbers_stay_out_of_the_repr() -> None:
    assert "960" not in repr(outgoing(USER, ACME, Caller(withheld=True)))
