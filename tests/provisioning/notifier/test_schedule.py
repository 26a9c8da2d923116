from __future__ import annotations

from datetime import timedelta

import pytest

from provisioning.notifier.schedule import KEPT_TRYING, next_try, rest
from tests.provisioning.notifier.entries import NOON

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("failures", "minutes"),
    [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (8, 60), (10_000, 60)],
)
def test_a_minute_then_twice_as_long_up_to_an_hour(failures: int, minutes: int) -> None:
    now = NOON + timedelta(hours=5)
    assert next_try(NOON, failures, now) == now + minutes * MINUTE


def test_all_tries_of_something_that_never_works() -> None:
    now, tries = NOON, 0
    while (due := next_try(NOON, tries + 1, now)) is not None:
        assert now < due <= NOON + KEPT_TRYING
        now, tries = due, tries + 1
    assert now == NOON + KEPT_TRYING, "the last time is at the end"
    assert 70 < tries < 80


def test_nothing_is_tried_again_after_three_days() -> None:
    assert next_try(NOON, 1, NOON + KEPT_TRYING - MINUTE / 2) == NOON + KEPT_TRYING
    assert next_try(NOON, 1, NOON + KEPT_TRYING) is None


def test_a_channel_rests_for_longer_each_time() -> None:
    assert [rest(failures) for failures in (1, 2, 3, 4, 5, 10_000)] == [30, 60, 120, 240, 300, 300]
