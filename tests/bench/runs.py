"""One measured load: SIPp's calls, what they cost, and whether the figures can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.accounting import Meter, Usage
from tests.bench.sipp import Counted, Load, answer, place
from tests.bench.subject import Subject

DISTURBED = 0.1
"""Cores that other programs kept busy: above it a run is disturbed."""
TRIES = 3
"""How often a disturbed run is made at most."""
CLEAN_RETRANSMISSIONS = 0.01
"""Repeated messages a call, below which a rate counts as held."""
LATE = 1.05
"""A load that took so many times its time was not at its rate."""


@dataclass(frozen=True, slots=True)
class Run:
    """A load that has ended: what both SIPps counted, how long its calls came, and what it cost."""

    load: Load
    counted: Counted
    seconds: float
    usage: Usage

    @property
    def complete(self) -> int:
        """Calls that ended as the scenario says."""
        return self.counted.calls

    def cpu_ms(self, role: str) -> float:
        """CPU milliseconds a complete call."""
        return self.usage.cpu[role] * 1000 / max(1, self.complete)

    @property
    def disturbed(self) -> bool:
        """Whether other programs took part of the machine."""
        return self.usage.others > DISTURBED

    @property
    def problem(self) -> str:
        """Why the load does not count as carried; empty if it does."""
        if self.counted.failed or self.complete < self.load.calls:
            return f"{self.load.calls - self.complete} of {self.load.calls} calls failed"
        if self.counted.retransmissions > CLEAN_RETRANSMISSIONS * self.load.calls:
            return f"{self.counted.retransmissions} retransmissions"
        if self.seconds > self.load.seconds * LATE + self.load.hold + 2:
            return f"the calls took {self.seconds:.1f} s instead of {self.load.seconds:g}"
        return ""


def carry(subject: Subject, load: Load, folder: Path, source: tuple[str, int]) -> Run:
    """Place a load from `source` through the subject to its phones."""
    with answer(folder / "phones", subject.phones) as phones:
        meter = Meter(subject.roles)
        with place(load, folder / "load", source, subject.sip) as calling:
            counted = calling.wait(load.seconds + load.hold + 60)
        seconds = meter.read().seconds
        subject.written()
        usage = meter.read()
        answered = phones.finish()
    # A call has two ends: it is complete if neither failed, and counts once.
    both = Counted(counted.calls, counted.failed + answered.failed, counted.retransmissions)
    return Run(load, both + Counted(retransmissions=answered.retransmissions), seconds, usage)


def undisturbed(measure: Callable[[], Run], tries: int = TRIES) -> Run:
    """Measure until nothing else ran on the machine, at most `tries` times; the least disturbed run."""
    runs: list[Run] = []
    while len(runs) < tries and (not runs or runs[-1].disturbed):
        runs.append(measure())
    return min(runs, key=lambda run: run.usage.others)
