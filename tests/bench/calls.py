"""CPU a call and a registration, the highest rate, and memory: what SIPp alone can load."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from tests.bench import company
from tests.bench.accounting import Meter, memory_kb
from tests.bench.figures import Figure
from tests.bench.runs import DISTURBED, Pace, Run, carry, costs, marked
from tests.bench.sipp import Load, LoadFailed, answer, place
from tests.bench.subject import Ringplan, Start

CALL_TARGETS = {50: None, 100: 1.5, 300: 1.0}
"""Calls a second, and the most CPU milliseconds that signalling should take for one."""
WARM_UP = 3.0
"""Seconds of calls before the first that are measured: caches are filled, memory is there."""
FIRST_RATE, HELD_FOR = 100, 20.0
HELD, HELD_RATE = 1000, 100


def call(start: Start, folder: Path, pace: Pace) -> Iterator[Figure]:
    """`call_cpu_ms`, and `call_relay_cpu_ms` where there is a relay: a trunk's call to a user."""
    with start(folder) as subject:
        load = Load("trunk_call", company.trunk_calls(folder), 100, WARM_UP)
        measure = costs(subject, load, folder, subject.carrier, pace)
        full = pace.to_the_end and start is Ringplan
        for rate in CALL_TARGETS if full else (100,):
            run = measure(replace(load, rate=rate, seconds=pace.seconds))
            yield run.figure(subject, "call_cpu_ms", target=CALL_TARGETS[rate])
            if "relay" in subject.roles:
                yield run.figure(subject, "call_relay_cpu_ms", "relay")


def auth_call(folder: Path, pace: Pace) -> Iterator[Figure]:
    """`auth_call_cpu_ms`: a device's call to another user, with a digest on the INVITE."""
    with Ringplan(folder) as ringplan:
        load = Load("device_call", company.device_calls(folder), 100, WARM_UP)
        run = costs(ringplan, load, folder, ringplan.device, pace)(replace(load, seconds=pace.seconds))
        yield run.figure(ringplan, "auth_call_cpu_ms")


def registration(start: Start, folder: Path, pace: Pace) -> Iterator[Figure]:
    """`registration_cpu_ms`: REGISTER, 401, REGISTER, 200, of devices that are registered already."""
    with start(folder) as subject:
        users = company.registrations(folder, "registering", company.REGISTERING)
        load = Load("register", users, 100, company.REGISTERING / 100)
        run = costs(subject, load, folder, subject.carrier, pace)(replace(load, seconds=pace.seconds))
        yield run.figure(subject, "registration_cpu_ms", target=0.6)


def max_rate(start: Start, folder: Path, pace: Pace) -> Iterator[Figure]:
    """`max_clean_cps`: the highest rate held without a failed call and nearly without retransmissions."""
    runs: list[Run] = []
    name = ""

    def held(rate: int) -> bool:
        """Whether a fresh start holds this rate; a disturbed failure is tried again."""
        nonlocal name
        for _ in range(pace.tries):
            place_of_it = folder / f"{rate}-{len(runs)}"
            with start(place_of_it) as subject:
                name = subject.name
                load = Load("trunk_call", company.trunk_calls(place_of_it), FIRST_RATE, WARM_UP)
                carry(subject, load, place_of_it / "warm-up", subject.carrier)
                try:
                    run = carry(
                        subject, replace(load, rate=rate, seconds=HELD_FOR), place_of_it, subject.carrier
                    )
                except (LoadFailed, TimeoutError):
                    return False
            runs.append(run)
            if not run.problem:
                return True
            if not run.disturbed:
                return False
        return False

    rate = highest(held, FIRST_RATE)
    # A rate that was held in spite of others is held; one that was not may be their doing.
    others = max((run.usage.others for run in runs if run.problem), default=0.0)
    yield Figure(
        "max_clean_cps",
        rate,
        "calls/s",
        f"{HELD_FOR:g} s",
        400,
        more_is_better=True,
        subject=name,
        others=round(others, 3),
        disturbed=others > DISTURBED,
    )


def highest(held: Callable[[int], bool], first: int) -> int:
    """The highest rate that is held: doubled until one is not, then halved down to steps of 25 (50 from 500 on)."""
    low, high = 0, first
    while held(high):
        low, high = high, 2 * high
    while high - low > (step := 25 if low < 500 else 50):
        middle = (low + high) // 2 // step * step
        if middle in (low, high):
            break
        low, high = (middle, high) if held(middle) else (low, middle)
    return low


def memory(start: Start, folder: Path, pace: Pace) -> Iterator[Figure]:
    """`call_kb`, and `relay_call_kb` where there is a relay: memory of 1,000 calls that are all answered."""
    with start(folder) as subject:
        ramp = HELD / HELD_RATE
        load = Load("trunk_call", company.trunk_calls(folder), HELD_RATE, 1.0)
        carry(subject, load, folder / "warm-up", subject.carrier)
        load = replace(load, seconds=ramp, hold=ramp + 5)
        roles = [role for role in ("signalling", "relay") if role in subject.roles]
        before = {role: memory_kb(subject.roles[role]) for role in roles}
        meter = Meter(subject.roles)
        with (
            answer(folder / "phones", subject.phones) as phones,
            place(load, folder / "load", subject.carrier, subject.sip) as calling,
        ):
            time.sleep(ramp + 2)
            held = {role: memory_kb(subject.roles[role]) for role in roles}
            usage = meter.read()
            counted = calling.wait(60)
            counted += phones.finish()
        run = Run(load, replace(counted, calls=counted.calls // 2), load.seconds, usage)
        for role, name, target in (("signalling", "call_kb", 30.0), ("relay", "relay_call_kb", None)):
            if role in roles:
                value = (held[role] - before[role]) / HELD
                at = f"{HELD} held"
                figure = Figure(name, value, "kB", at, target, subject=subject.name)
                yield marked(figure, usage, run.failure)
