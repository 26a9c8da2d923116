"""Wrong passwords by source: pauses that grow, silence that grows, and forgetting."""

from __future__ import annotations

import pytest

from b2bua.registrar.failures import LONGEST_PAUSE, BackOff, Blocked, Failures

A, B = "192.0.2.9", "192.0.2.10"
BACK_OFF = BackOff(failures=6, window=60.0, silence=100.0, longest=350.0)


def fails(book: Failures, times: int, now: float, source: str = A, **how: bool) -> Blocked | None:
    """So many failures at one moment; what came of the last."""
    blocked = None
    for _ in range(times):
        assert blocked is None
        blocked = book.failed(source, now, **how)
    return blocked


def test_the_first_failures_cost_nothing_and_then_the_pauses_double() -> None:
    book = Failures(BACK_OFF)
    pauses = []
    for _ in range(5):
        assert book.failed(A, 10.0) is None
        pauses.append(book.pause(A, 10.0))
    assert pauses == [0, 0, 1, 2, 4]
    assert book.pause(A, 12.0) == 2
    assert book.pause(A, 14.0) == 0
    assert book.pause(B, 10.0) == 0
    assert not book.silent(A, 10.0)


def test_too_many_in_a_window_end_in_silence_that_is_told_once() -> None:
    book = Failures(BACK_OFF)
    assert fails(book, 6, 10.0) == Blocked(100.0, 6)
    assert book.silent(A, 109.9)
    assert not book.silent(B, 11.0)
    assert not book.silent(A, 110.0)
    assert book.pause(A, 110.0) == 0, "afterwards it begins anew"
    assert book.failed(A, 110.0) is None


def test_failures_of_an_older_window_do_not_count() -> None:
    book = Failures(BACK_OFF)
    fails(book, 5, 10.0)
    assert fails(book, 5, 70.1) is None
    assert book.failed(A, 70.1) == Blocked(100.0, 6)


@pytest.mark.parametrize(("grows", "expected"), [(True, [100, 200, 350, 350]), (False, [100, 100, 100, 100])])
def test_each_silence_is_twice_as_long_up_to_the_longest(grows: bool, expected: list[float]) -> None:
    book, now, seconds = Failures(BACK_OFF), 0.0, []
    for _ in expected:
        blocked = fails(book, 6, now, grows=grows)
        assert blocked is not None
        seconds.append(blocked.seconds)
        now += blocked.seconds
    assert seconds == expected


def test_after_much_quiet_it_is_forgotten() -> None:
    book = Failures(BACK_OFF)
    fails(book, 6, 0.0)
    assert fails(book, 6, 100.0 + 350.0) == Blocked(200.0, 6), "not yet"
    assert fails(book, 6, 650.0 + 350.1) == Blocked(100.0, 6)


def test_who_may_not_be_silenced_has_to_pause() -> None:
    book = Failures(BACK_OFF)
    assert fails(book, 50, 0.0, silence=False) is None
    assert not book.silent(A, 0.0)
    assert book.pause(A, 0.0) == LONGEST_PAUSE


def test_one_failure_may_be_enough() -> None:
    book = Failures(BackOff(failures=1, silence=5.0))
    assert book.failed(A, 0.0) == Blocked(5.0, 1)


def test_of_many_sources_the_latest_are_kept() -> None:
    book = Failures(BACK_OFF, most=10)
    for number in range(100):
        book.failed(f"192.0.2.{number}", 0.0)
        fails(book, 1, 0.0, source="busy", silence=False)
    assert len(book) == 10
    assert book.pause("busy", 0.0) == LONGEST_PAUSE


def test_it_doubles_no_further_than_numbers_go() -> None:
    book, now = Failures(BackOff(failures=1, silence=1.0, longest=10.0)), 0.0
    for _ in range(2000):
        blocked = book.failed(A, now)
        assert blocked is not None
        now += blocked.seconds
    assert blocked == Blocked(10.0, 1)


def test_sources_that_are_forgiven_take_no_room() -> None:
    book = Failures(BACK_OFF)
    for number in range(100):
        book.failed(f"192.0.2.{number}", 0.0)
    assert len(book) == 100
    book.failed(A, 2000.0)
    assert len(book) == 1
