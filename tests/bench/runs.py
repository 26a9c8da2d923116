"""One measured load: SIPp's calls, what they cost, and whether the figures can be trusted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from tests.bench.accounting import Meter, Usage
from tests.bench.figures import Figure
from tests.bench.sipp import Counted, Load, answer, place
from tests.bench.subject import Address, Subject

DISTURBED = 0.1
"""Cores that other programs kept busy: above it a run is disturbed."""
TRIES = 3
"""How often a disturbed run is made at most."""
CLEAN_RETRANSMISSIONS = 0.01
"""Repeated messages a call, below which a rate counts as held."""
LATE = 1.05
"""A load that took so many times its time was not at its rate."""
EXPIRY = 33.0
"""Seconds after a call in which its last transaction ends (Timers H, J and L of RFC 3261 and 6026: 64 T1)."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a benchmark takes its time: seconds of calls, whether timers may run out, how often at most."""

    seconds: float
    to_the_end: bool
    tries: int


FULL = Pace(20.0, True, TRIES)
QUICK = Pace(6.0, False, 1)


@dataclass(frozen=True, slots=True)
class Run:
    """A load that has ended: what both SIPps counted, how long its calls came, and what it cost."""

    load: Load
    counted: Counted
    seconds: float
    usage: Usage

    def cpu_ms(self, role: str) -> float:
        """CPU milliseconds a complete call."""
        return self.usage.cpu[role] * 1000 / max(1, self.counted.calls)

    @property
    def disturbed(self) -> bool:
        """Whether other programs took part of the machine."""
        return self.usage.others > DISTURBED

    @property
    def failure(self) -> str:
        """How many calls failed; empty if none did."""
        failed = max(self.counted.failed, self.load.calls - self.counted.calls)
        return f"{failed} of {self.load.calls} calls failed" if failed else ""

    @property
    def problem(self) -> str:
        """Why the load does not count as carried; empty if it does."""
        if self.failure:
            return self.failure
        if self.counted.retransmissions > CLEAN_RETRANSMISSIONS * self.load.calls:
            return f"{self.counted.retransmissions} retransmissions"
        if self.seconds > self.load.seconds * LATE + self.load.hold + 2:
            return f"the calls took {self.seconds:.1f} s instead of {self.load.seconds:g}"
        return ""

    def figure(
        self, subject: Subject, name: str, role: str = "signalling", target: float | None = None
    ) -> Figure:
        """CPU a call of one role as a figure."""
        at = f"{self.load.rate:g}/s"
        figure = Figure(name, self.cpu_ms(role), "ms", at, target, subject=subject.name)
        return marked(figure, self.usage, self.problem)


def marked(figure: Figure, usage: Usage, problem: str = "") -> Figure:
    """The figure with what there is to say against the measurement it comes from."""
    others = round(usage.others, 3)
    return replace(figure, others=others, disturbed=usage.others > DISTURBED, problem=problem)


def carry(subject: Subject, load: Load, folder: Path, source: Address, settle: float = 0.0) -> Run:
    """Place a load from `source` through the subject to its phones; its costs until `settle` seconds later."""
    with answer(folder / "phones", subject.phones) as phones:
        meter = Meter(subject.roles)
        with place(load, folder / "load", source, subject.sip) as calling:
            counted = calling.wait(load.seconds + load.hold + 60)
        seconds = meter.read().seconds
        subject.written()
        time.sleep(settle)
        usage = meter.read()
        answered = phones.finish()
    # A call has two ends: it is complete if neither failed, and counts once.
    both = Counted(counted.calls, counted.failed + answered.failed, counted.retransmissions)
    return Run(load, both + Counted(retransmissions=answered.retransmissions), seconds, usage)


T = TypeVar("T")


def undisturbed(measure: Callable[[], T], usage: Callable[[T], Usage], tries: int) -> T:
    """Measure until nothing else ran on the machine, at most `tries` times; the least disturbed result."""
    taken: list[T] = []
    while len(taken) < tries and (not taken or usage(taken[-1]).others > DISTURBED):
        taken.append(measure())
    return min(taken, key=lambda each: usage(each).others)


def costs(subject: Subject, load: Load, folder: Path, source: Address, pace: Pace) -> Callable[[Load], Run]:
    """A function that measures loads like `load`, after a warm-up with it.

    At full pace the timers of every call run out within the measurement, and what the subject uses when idle
    is taken off.
    """
    carry(subject, load, folder / "warm-up", source)
    idle: Usage | None = None
    if pace.to_the_end:
        time.sleep(EXPIRY)
        idle = Meter.idle(subject.roles, pace.seconds)

    def measure(load: Load) -> Run:
        settle = EXPIRY if idle is not None else 0.0
        run = undisturbed(
            lambda: carry(subject, load, folder / f"{load.rate:g}", source, settle),
            lambda run: run.usage,
            pace.tries,
        )
        return run if idle is None else replace(run, usage=run.usage.without(idle))

    return measure
