"""The hour after an emergency call."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from b2bua.runtime.records.emergencies import MEMORY, Emergencies
from tests.runtime.node import until

NUMBER = "+441632960100"
USER, OTHERS = 7, 8
OTHER = "+441632960101"
pytestmark = pytest.mark.behaviour("E4")


class Clocks:
    """Time that passes for both clocks, and a wall clock that can be set."""

    def __init__(self) -> None:
        self.passed = 50.0
        self.set = 1_800_000_000.0

    def wall(self) -> float:
        return self.set + self.passed

    def monotonic(self) -> float:
        return self.passed


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "emergencies.json"


def start(path: Path, clocks: Clocks) -> Emergencies:
    return Emergencies(path, clocks.wall, clocks.monotonic)


def kept(path: Path) -> set[str]:
    return set(json.loads(path.read_text())) if path.exists() else set()


async def test_a_number_is_remembered_for_exactly_an_hour(path: Path, clocks: Clocks) -> None:
    emergencies = start(path, clocks)
    assert not emergencies.caller(NUMBER)
    emergencies.called(NUMBER, USER)
    assert emergencies.caller(NUMBER) and not emergencies.caller(OTHER)
    clocks.passed += MEMORY - 0.01
    assert emergencies.caller(NUMBER)
    clocks.passed += 0.01
    assert MEMORY == 3600
    assert not emergencies.caller(NUMBER)


async def test_another_call_begins_another_hour(path: Path, clocks: Clocks) -> None:
    emergencies = start(path, clocks)
    emergencies.called(NUMBER, USER)
    clocks.passed += MEMORY / 2
    emergencies.called(OTHER, USER)
    emergencies.called(NUMBER, USER)
    clocks.passed += MEMORY - 1
    assert emergencies.caller(NUMBER) and emergencies.caller(OTHER)


async def test_a_restart_forgets_nothing_and_begins_no_other_hour(path: Path, clocks: Clocks) -> None:
    start(path, clocks).called(NUMBER, USER)
    await until(lambda: kept(path) == {NUMBER}, "the file")
    # The machine was started anew: its monotonic clock begins again.
    clocks.set += clocks.passed + 600
    clocks.passed = 0
    again = start(path, clocks)
    assert again.caller(NUMBER)
    clocks.passed += MEMORY - 601
    assert again.caller(NUMBER)
    clocks.passed += 2
    assert not again.caller(NUMBER)
    assert not start(path, clocks).caller(NUMBER)


@pytest.mark.parametrize("step", [-86400.0, -1.0, 1.0, 86400.0])
async def test_a_clock_that_is_set_changes_nothing(path: Path, clocks: Clocks, step: float) -> None:
    emergencies = start(path, clocks)
    emergencies.called(NUMBER, USER)
    clocks.set += step
    assert emergencies.caller(NUMBER), "who called for help must be reached"
    clocks.passed += MEMORY - 1
    assert emergencies.caller(NUMBER)
    clocks.passed += 1
    assert not emergencies.caller(NUMBER)


async def test_who_showed_the_number_last_is_called_back(path: Path, clocks: Clocks) -> None:
    emergencies = start(path, clocks)
    emergencies.called(NUMBER, USER)
    emergencies.called(OTHER, OTHERS)
    assert (emergencies.caller(NUMBER), emergencies.caller(OTHER)) == (USER, OTHERS)
    emergencies.called(NUMBER, OTHERS)
    await until(lambda: kept(path) == {NUMBER, OTHER}, "the file")
    await asyncio.get_running_loop().shutdown_default_executor()
    assert start(path, clocks).caller(NUMBER) == OTHERS


async def test_a_clock_set_back_over_a_restart_leaves_an_hour_at_most(path: Path, clocks: Clocks) -> None:
    start(path, clocks).called(NUMBER, USER)
    await until(lambda: kept(path) == {NUMBER}, "the file")
    clocks.set -= 86400
    again = start(path, clocks)
    assert again.caller(NUMBER)
    clocks.passed += MEMORY
    assert not again.caller(NUMBER)


async def test_what_is_over_leaves_the_file(path: Path, clocks: Clocks) -> None:
    emergencies = start(path, clocks)
    emergencies.called(NUMBER, USER)
    clocks.passed += MEMORY
    emergencies.called(OTHER, USER)
    await until(lambda: kept(path) == {OTHER}, "the file")


async def test_of_calls_at_the_same_time_none_is_lost(path: Path, clocks: Clocks) -> None:
    emergencies = start(path, clocks)
    numbers = {f"+441632960{number}" for number in range(100, 160)}
    with capture_logs() as logs:
        for number in numbers:
            emergencies.called(number, USER)
        await asyncio.get_running_loop().shutdown_default_executor()
    assert logs == []
    assert kept(path) == numbers


async def test_only_the_service_may_read_the_file(path: Path, clocks: Clocks) -> None:
    start(path, clocks).called(NUMBER, USER)
    await until(path.exists, "the file")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.with_suffix(".part").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"+441632960100": null}',
        b'{"+441632960100": "soon"}',
        b'{"+441632960100": []}',
        b'{"+441632960100": 1800000000}',
        b'{"+441632960100": [7, "soon"]}',
        b'{"+441632960100": [null, 1800000000]}',
        b'{"+441632960100": [7, 1' + b"0" * 400 + b"]}",
        b"[" * 100_000,
        b"\xff\xfe",
    ],
    ids=range(14),
)
async def test_a_broken_file_is_told_and_counts_as_empty(path: Path, clocks: Clocks, content: bytes) -> None:
    path.write_bytes(content)
    with capture_logs() as logs:
        emergencies = start(path, clocks)
    assert [(one["event"], one["log_level"]) for one in logs] == [("store.emergencies_failed", "error")]
    assert not emergencies.caller(NUMBER)
    emergencies.called(NUMBER, USER)
    assert emergencies.caller(NUMBER)
    await until(lambda: path.read_bytes() != content and kept(path) == {NUMBER}, "a whole file again")


async def test_a_first_start_says_nothing(path: Path, clocks: Clocks) -> None:
    with capture_logs() as logs:
        start(path, clocks)
    assert logs == []


async def test_a_folder_that_cannot_be_written_is_told_and_the_number_is_known_meanwhile(
    tmp_path: Path, clocks: Clocks
) -> None:
    emergencies = start(tmp_path / "missing" / "emergencies.json", clocks)
    with capture_logs() as logs:
        emergencies.called(NUMBER, USER)
        await until(lambda: logs, "the event")
    (failed,) = logs
    assert (failed["event"], failed["log_level"]) == ("store.emergencies_failed", "error")
    assert NUMBER not in str(failed)
    assert emergencies.caller(NUMBER)
