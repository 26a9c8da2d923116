"""Each worker has its share of the long tests, not at the end of its stretch, and none is lost."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.support.order import dealt, seconds

TESTS = [
    *((f"tests/call/test_{file}.py", number) for file in range(10) for number in range(80)),
    *((f"tests/clients/test_{file}.py", number) for file in range(8) for number in range(3)),
    *(("tests/stories/test_stories.py", number) for number in range(40)),
    *((f"tests/sip/test_{file}.py", number) for file in range(10) for number in range(70)),
]


def stretches(workers: int) -> list[list[tuple[str, int]]]:
    order = dealt(TESTS, lambda test: test[0], workers)
    assert sorted(order) == sorted(TESTS)
    cut = [len(order) * worker // workers for worker in range(workers + 1)]
    return [order[begin:end] for begin, end in pairwise(cut)]


@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_all_have_as_much(workers: int) -> None:
    shares = [sum(seconds(path) for path, _ in stretch) for stretch in stretches(workers)]
    assert max(shares) - min(shares) <= 2 * 12


@pytest.mark.parametrize("workers", [2, 4])
def test_quick_ones_are_at_the_end_and_between(workers: int) -> None:
    for stretch in stretches(workers):
        long = [bool(seconds(path)) for path, _ in stretch]
        assert long[0]
        assert not any(long[-len(long) // 10 :])
        assert sum(before and not after for before, after in pairwise(long)) >= 3


def test_a_files_tests_stay_together_but_for_stories() -> None:
    for stretch in stretches(2):
        files = [path for path, _ in stretch if path.startswith("tests/clients/")]
        at = [index for index, (path, _) in enumerate(stretch) if path == files[0]]
        assert at == list(range(at[0], at[-1] + 1))


def test_few_tests_of_a_run_are_dealt_too() -> None:
    assert sorted(dealt(TESTS[800:803], lambda test: test[0], 8)) == TESTS[800:803]
    assert dealt([], str, 4) == []
