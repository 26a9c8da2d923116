"""How figures are shown and written."""

from __future__ import annotations

import json
from pathlib import Path

from tests.bench.figures import Figure, shown, table, write

CALL = Figure("call_cpu_ms", 1.234, "ms", "100/s", 1.5)
RATE = Figure("max_clean_cps", 375, "calls/s", "20 s", 400, more_is_better=True)
PEER = Figure("call_cpu_ms", 4.8, "ms", "100/s", 1.5, subject="sippy")


def test_three_digits_are_shown() -> None:
    assert [shown(value) for value in (0.3456, 12.345, 357.8)] == ["0.35", "12.3", "358"]


def test_a_verdict_is_the_target_the_problem_and_the_disturbance() -> None:
    assert (CALL.verdict, RATE.verdict) == ("reached", "missed")
    failed = Figure(
        "call_kb", 1, "kB", target=30, problem="2 of 1000 calls failed", others=0.5, disturbed=True
    )
    assert failed.verdict == "2 of 1000 calls failed, disturbed: others used 0.50 cores"


def test_targets_are_not_the_peers() -> None:
    lines = table([CALL, PEER, RATE]).split("\n")
    assert [line.split() for line in lines] == [
        ["figure", "value", "unit", "at", "target"],
        ["call_cpu_ms", "1.23", "ms", "100/s", "≤", "1.5", "reached"],
        ["sippy:", "call_cpu_ms", "4.80", "ms", "100/s"],
        ["max_clean_cps", "375", "calls/s", "20", "s", "≥", "400", "missed"],
    ]


def test_figures_are_written_with_units_and_circumstances(tmp_path: Path) -> None:
    path = tmp_path / "build" / "bench.json"
    write(path, [CALL], {"cores": 2})
    written = json.loads(path.read_text())
    assert written["cores"] == 2
    assert written["figures"][0]["name"] == "call_cpu_ms"
    assert (written["figures"][0]["value"], written["figures"][0]["unit"]) == (1.234, "ms")
