"""The order of the tests of a parallel run: every worker has its share of the long ones, and quick ones at the end.

Long tests wait, for sound or for a process; quick ones compute. By turns they leave no core idle. pytest-xdist gives
each worker a stretch of the order and lets who is done take from the ends of the others (`--dist worksteal`), so
nothing long may be there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

T = TypeVar("T")

LONG = {
    "tests/clients/": 12,
    "tests/stories/": 5,
    "tests/media/test_portal_killed.py": 14,
    "tests/media/test_process.py": 8,
    "tests/media/test_portal.py": 5,
    "tests/media/test_host.py": 3,
    "tests/media/relay/test_play.py": 3,
    "tests/provisioning/test_main.py": 4,
    "tests/cli/test_backup.py": 4,
    "tests/runtime/test_flood.py": 4,
    "tests/runtime/test_main.py": 2,
}
"""Where the long tests are, and about how many seconds one of them takes."""
UNIT = 30
"""Seconds of long tests of one file after which quick ones have their turn."""


def seconds(path: str) -> int:
    """About how long a test of this file takes; 0 for a quick one."""
    return next((taken for where, taken in LONG.items() if path.startswith(where)), 0)


def dealt(tests: Sequence[T], path: Callable[[T], str], workers: int) -> list[T]:
    """The tests in the order for so many workers; `path` is the file of one."""
    long = [test for test in tests if seconds(path(test))]
    quick = [test for test in tests if not seconds(path(test))]
    order: list[T] = []
    for left in range(workers, 0, -1):
        size = (len(tests) - len(order)) // left
        fair = sum(seconds(path(test)) for test in long) / left
        share: list[T] = []
        taken = 0.0
        while long and len(share) < size and taken + seconds(path(long[0])) / 2 <= fair:
            taken += seconds(path(long[0]))
            share.append(long.pop(0))
        if left == 1:
            share += long
        rest = max(0, size - len(share))
        order += _by_turns(list(_units(share, path)), quick[:rest])
        del quick[:rest]
    return order


def _units(long: Sequence[T], path: Callable[[T], str]) -> Iterator[list[T]]:
    """Tests of one file together, as far as their fixtures are the file's; a long file in parts."""
    for _, of_file in groupby(long, path):
        unit: list[T] = []
        for test in of_file:
            unit.append(test)
            if sum(seconds(path(one)) for one in unit) >= UNIT and "stories" in path(test):
                yield unit
                unit = []
        if unit:
            yield unit


def _by_turns(units: Sequence[Sequence[T]], quick: Sequence[T]) -> list[T]:
    """A unit of long tests, then its share of the quick ones, and so on."""
    order: list[T] = []
    for number, unit in enumerate(units):
        begin, end = (len(quick) * at // (len(units) + 1) for at in (number, number + 1))
        order += [*unit, *quick[begin:end]]
    return order + list(quick[len(quick) * len(units) // (len(units) + 1) :])
