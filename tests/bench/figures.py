"""Figures with their units and targets, and how they are shown and written to `build/bench.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

OURS = "ringplan"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. `at` says under which load, `target` the most (or least) that Ringplan aims at.

    `others` are the cores that other programs kept busy meanwhile, `problem` is why it does not count.
    """

    name: str
    value: float
    unit: str
    at: str = ""
    target: float | None = None
    more_is_better: bool = False
    subject: str = OURS
    others: float = 0.0
    disturbed: bool = False
    problem: str = ""

    @property
    def verdict(self) -> str:
        """What to say beside it: the problem, the disturbance, or how it stands to its target."""
        words = []
        if self.problem:
            words.append(self.problem)
        elif self.target is not None and self.subject == OURS:
            reached = self.value >= self.target if self.more_is_better else self.value <= self.target
            words.append("reached" if reached else "missed")
        if self.disturbed:
            words.append(f"disturbed: others used {self.others:.2f} cores")
        return ", ".join(words)


def shown(value: float) -> str:
    """A value with three digits that mean something."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(figures: Iterable[Figure]) -> str:
    """All figures as lines of text."""
    rows = [("figure", "value", "unit", "at", "target", "")]
    for figure in figures:
        ours = figure.subject == OURS
        aim = "≥" if figure.more_is_better else "≤"
        target = f"{aim} {figure.target:g}" if ours and figure.target is not None else ""
        name = figure.name if ours else f"{figure.subject}: {figure.name}"
        rows.append((name, shown(figure.value), figure.unit, figure.at, target, figure.verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        "  ".join(
            text.rjust(width) if column == 1 else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, [*widths, 0], strict=True))
        ).rstrip()
        for row in rows
    )


def write(path: Path, figures: Iterable[Figure], circumstances: Mapping[str, Any]) -> None:
    """Write the figures, and the circumstances under which they were taken, as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {**circumstances, "figures": [asdict(figure) for figure in figures]}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
