"""How many calls a customer may send out in a minute."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2bua.runtime.guard.call_rate import MINUTE, CallRate


def test_so_many_in_any_minute_and_no_more() -> None:
    quotas = CallRate(3)
    assert [quotas.take(1, now) for now in (10.0, 20.0, 30.0, 30.0, 69.9)] == [True, True, True, False, False]
    assert quotas.take(1, 70.0), "the first is a minute ago"
    assert not quotas.take(1, 79.9)
    assert quotas.take(1, 80.0)


def test_a_call_that_was_refused_does_not_count() -> None:
    quotas = CallRate(1)
    assert quotas.take(1, 0.0)
    assert not any(quotas.take(1, float(now)) for now in range(1, 60))
    assert quotas.take(1, MINUTE)


@pytest.mark.behaviour("P1")
def test_customers_do_not_count_for_each_other() -> None:
    quotas = CallRate(1)
    assert quotas.take(1, 0.0) and quotas.take(2, 0.0)
    assert not quotas.take(1, 1.0) and not quotas.take(2, 1.0)


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(1, 2), st.floats(0, 20)), max_size=60))
def test_never_more_than_so_many_whenever_a_minute_begins(most: int, steps: list[tuple[int, float]]) -> None:
    quotas, now = CallRate(most), 0.0
    taken: dict[int, list[float]] = {1: [], 2: []}
    for customer, later in steps:
        now += later
        recent = [at for at in taken[customer] if at > now - MINUTE]
        may = quotas.take(customer, now)
        assert may == (len(recent) < most)
        if may:
            taken[customer].append(now)
