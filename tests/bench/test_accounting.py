"""Reading /proc, and what a meter says of a process that is busy and of others."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.bench.accounting import (
    TICKS,
    Meter,
    ProcessTimes,
    Usage,
    memory_kb,
    parse_machine,
    parse_memory,
    parse_process,
    tree,
    wait_until_calm,
)

BUSY = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"


def test_a_process_is_its_own_time_and_that_of_its_ended_children() -> None:
    numbers = " ".join(str(number) for number in range(5, 53))
    text = f"4711 (a) name (b)) S 42 {numbers}"
    # Field 14 is the tenth of `numbers`, which begin with field 5.
    assert parse_process(text) == ProcessTimes(42, (14 + 15 + 16 + 17) / TICKS)


def test_the_machine_is_busy_but_for_idle_and_waiting() -> None:
    assert parse_machine("cpu  100 20 30 5000 600 7 8 9 0 0\ncpu0 1 1 1 1 1 1 1 1\n") == 174 / TICKS


def test_memory_is_the_proportional_size() -> None:
    assert parse_memory("56 rollup\nRss:      900 kB\nPss:      512 kB\nPss_Dirty: 1 kB\n") == 512


def test_a_tree_is_a_process_and_all_below_it() -> None:
    known = {pid: ProcessTimes(parent, 0) for pid, parent in {1: 0, 2: 1, 3: 2, 4: 1, 5: 9}.items()}
    assert tree([2], known) == {2, 3}
    assert tree([1, 77], known) == {1, 2, 3, 4}


def test_idle_time_is_taken_off_by_the_second() -> None:
    used, idle = Usage(10, {"signalling": 3.0}, 0.5), Usage(2, {"signalling": 0.1}, 0.0)
    assert used.without(idle) == Usage(10, {"signalling": 2.5}, 0.5)


def test_a_busy_child_counts_for_its_role_even_once_it_has_ended() -> None:
    meter = Meter({"own": [os.getpid()], "none": []})
    subprocess.run([sys.executable, "-c", BUSY], check=True)
    usage = meter.read()
    assert usage.cpu["own"] == pytest.approx(usage.total)
    assert 0.28 <= usage.total < 2
    assert usage.cpu["none"] == 0


def test_a_process_that_never_rests_is_not_calm() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            with pytest.raises(TimeoutError, match="still busy"):
                wait_until_calm([busy.pid], timeout=1)
        finally:
            busy.kill()
    with subprocess.Popen(["sleep", "60"]) as sleeping:
        wait_until_calm([sleeping.pid], timeout=10)
        assert memory_kb([sleeping.pid]) > 0
        sleeping.kill()
