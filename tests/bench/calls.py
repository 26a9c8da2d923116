"""CPU a call and a registration, and the highest rate: everything that SIPp alone can load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.bench import company
from tests.bench.figures import Figure
from tests.bench.runs import Run, carry, undisturbed
from tests.bench.sipp import Load
from tests.bench.subject import Ringplan

CALL_TARGETS = {50: None, 100: 1.5, 300: 1.0}
"""Calls a second, and the most CPU milliseconds that signalling should take for one."""
WARM_UP = 3.0
"""Seconds of calls before the first that are measured: caches are filled, memory is there."""


def _figure(run: Run, name: str, value: float, target: float | None = None, unit: str = "ms") -> Figure:
    return Figure(
        name,
        value,
        unit,
        f"{run.load.rate:g}/s",
        target,
        others=round(run.usage.others, 3),
        disturbed=run.disturbed,
        problem=run.problem,
    )


def call(folder: Path, quick: bool) -> Iterator[Figure]:
    """`call_cpu_ms` and `call_relay_cpu_ms`: a trunk's call to a user."""
    with Ringplan(folder) as ringplan:
        calls = company.trunk_calls(folder)
        carry(ringplan, Load("trunk_call", calls, 100, WARM_UP), folder / "warm-up", ringplan.carrier)
        for rate, target in CALL_TARGETS.items():
            if quick and rate != 100:
                continue
            load = Load("trunk_call", calls, rate, 6 if quick else 20)
            run = _measured(partial(carry, ringplan, load, folder / f"{rate}", ringplan.carrier), quick)
            yield _figure(run, "call_cpu_ms", run.cpu_ms("signalling"), target)
            yield _figure(run, "call_relay_cpu_ms", run.cpu_ms("relay"))


def auth_call(folder: Path, quick: bool) -> Iterator[Figure]:
    """`auth_call_cpu_ms`: a device's call to another user, with a digest on the INVITE."""
    with Ringplan(folder) as ringplan:
        calls = company.device_calls(folder)
        carry(ringplan, Load("device_call", calls, 100, WARM_UP), folder / "warm-up", ringplan.device)
        load = Load("device_call", calls, 100, 6 if quick else 20)
        run = _measured(lambda: carry(ringplan, load, folder / "calls", ringplan.device), quick)
        yield _figure(run, "auth_call_cpu_ms", run.cpu_ms("signalling"))
        yield _figure(run, "auth_call_relay_cpu_ms", run.cpu_ms("relay"))


def registration(folder: Path, quick: bool) -> Iterator[Figure]:
    """`registration_cpu_ms`: REGISTER, 401, REGISTER, 200, of devices that are registered already."""
    with Ringplan(folder) as ringplan:
        users = company.registrations(folder, "registering", company.REGISTERING)
        carry(
            ringplan,
            Load("register", users, 100, company.REGISTERING / 100),
            folder / "first",
            ringplan.device,
        )
        load = Load("register", users, 100, 6 if quick else 20)
        run = _measured(lambda: carry(ringplan, load, folder / "again", ringplan.device), quick)
        yield _figure(run, "registration_cpu_ms", run.cpu_ms("signalling"), 0.6)


def _measured(measure: Callable[[], Run], quick: bool) -> Run:
    return undisturbed(measure, 1) if quick else undisturbed(measure)
