"""When a run counts, when it is made again, and which rate is the highest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.accounting import Usage
from tests.bench.calls import highest
from tests.bench.runs import Run, undisturbed
from tests.bench.sipp import Counted, Load

QUIET = Usage(22, {"signalling": 3.0, "relay": 0.5}, 0.02)
RUN = Run(Load("trunk_call", Path("users"), rate=100, seconds=20), Counted(2000, 0, 19), 20.5, QUIET)


def test_cpu_is_told_by_complete_calls() -> None:
    assert RUN.cpu_ms("signalling") == pytest.approx(1.5)
    assert RUN.cpu_ms("relay") == pytest.approx(0.25)


def test_a_clean_run_has_no_problem() -> None:
    assert RUN.problem == ""


@pytest.mark.parametrize(
    ("counted", "seconds", "problem"),
    [
        (Counted(1999, 1, 0), 20.5, "1 of 2000 calls failed"),
        (Counted(2000, 3, 0), 20.5, "3 of 2000 calls failed"),
        (Counted(1990, 0, 0), 20.5, "10 of 2000 calls failed"),
        (Counted(2000, 0, 21), 20.5, "21 retransmissions"),
        (Counted(2000, 0, 0), 24.0, "the calls took 24.0 s instead of 20"),
    ],
)
def test_what_is_wrong_is_said(counted: Counted, seconds: float, problem: str) -> None:
    assert replace(RUN, counted=counted, seconds=seconds).problem == problem


def disturbed_by(*cores: float) -> tuple[float, int]:
    """The others' share of the run that is taken, and how many were made, of at most three."""
    usages = iter([Usage(1, {}, each) for each in cores])
    made: list[Usage] = []

    def measure() -> Usage:
        made.append(next(usages))
        return made[-1]

    return undisturbed(measure, lambda usage: usage, 3).others, len(made)


def test_a_disturbed_run_is_made_again_until_it_is_quiet() -> None:
    assert disturbed_by(0.05, 0.0) == (0.05, 1)
    assert disturbed_by(0.5, 0.05, 0.0) == (0.05, 2)


def test_the_least_disturbed_run_is_taken_when_it_is_never_quiet() -> None:
    assert disturbed_by(0.5, 0.3, 0.4) == (0.3, 3)


@pytest.mark.parametrize("limit", [0, 20, 75, 100, 130, 399, 400, 520, 1260])
def test_the_highest_rate_is_found_to_a_step(limit: int) -> None:
    found = highest(lambda rate: rate <= limit, first=100)
    step = 25 if found < 500 else 50
    assert found <= limit < found + step
