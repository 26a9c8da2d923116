"""The delay that a service adds between INVITE and 180, to the microsecond.

Messages are timed where they leave and where the kernel receives them, so that this program's own slowness is
not counted. What the phone itself took is taken off; a 180 that the service sent on its own needs no phone.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from tests.bench import company
from tests.bench.accounting import Meter, Usage
from tests.bench.figures import Figure
from tests.bench.parties import Call, Carrier, Phones, Ring
from tests.bench.runs import Pace, marked, undisturbed
from tests.bench.subject import Start, Subject

RATE, WARM_UP = 50.0, 2.0
HOLD, RING = 0.1, 0.1
SILENT = 40000
"""A port for sound that nobody sends."""


@dataclass(frozen=True, slots=True)
class Delays:
    """Milliseconds, sorted: to the caller's 180, and to the INVITE that the phone gets; and calls that failed."""

    ringing: Sequence[float]
    invited: Sequence[float]
    failed: int


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of the sorted values do not exceed (nearest rank)."""
    if not ordered:
        return float("nan")
    return ordered[max(0, ceil(len(ordered) * share) - 1)]


def added(call: Call, ring: Ring) -> float:
    """Seconds between INVITE and 180 that the phone did not take."""
    phone = ring.alerted - ring.invited if call.ringing > ring.alerted else 0.0
    return call.ringing - call.sent - phone


def summarise(calls: Iterable[Call], rings: Iterable[Ring]) -> Delays:
    """Join each call with its ringing at the phone: the next one of that user after the INVITE left."""
    waiting: dict[int, list[Ring]] = {}
    for ring in sorted(rings, key=lambda ring: ring.invited):
        waiting.setdefault(ring.index, []).append(ring)
    ringing, invited, failed = [], [], 0
    for call in sorted(calls, key=lambda call: call.sent):
        own = waiting.get(int(call.number[-3:]), [])
        if not (own and call.ringing and call.final == 200):
            failed += 1
            continue
        ring = own.pop(0)
        ringing.append(added(call, ring) * 1000)
        invited.append((ring.invited - call.sent) * 1000)
    return Delays(sorted(ringing), sorted(invited), failed)


async def probe(subject: Subject, rate: float, seconds: float) -> Delays:
    """Make calls at a steady rate and time them."""
    loop = asyncio.get_running_loop()
    phones = Phones(subject.phones, lambda: (subject.phones[0], SILENT), RING)
    carrier = Carrier(subject.carrier, subject.sip)
    try:
        start = loop.time()
        for index in range(round(rate * seconds)):
            await asyncio.sleep(start + index / rate - loop.time())
            call = carrier.dial(company.number(index % company.CALLED), (subject.carrier[0], SILENT))
            loop.call_later(RING + HOLD + 0.1, carrier.hang_up, call)
        await asyncio.sleep(RING + HOLD + 1)
        return summarise(carrier.calls.values(), phones.rings.values())
    finally:
        carrier.close()
        phones.close()


def delay(start: Start, folder: Path, pace: Pace) -> Iterator[Figure]:
    """`delay_p50_ms`, `delay_p99_ms`: added between INVITE and 180; the same until the phone has the INVITE."""
    with start(folder) as subject:
        asyncio.run(probe(subject, RATE, WARM_UP))

        def measure() -> tuple[Usage, Delays]:
            meter = Meter(subject.roles)
            with no_collection():
                delays = asyncio.run(probe(subject, RATE, pace.seconds))
            return meter.read(), delays

        usage, delays = undisturbed(measure, lambda taken: taken[0], pace.tries)
        problem = f"{delays.failed} calls failed" if delays.failed else ""
        for name, values, share, target in (
            ("delay_p50_ms", delays.ringing, 0.5, None),
            ("delay_p99_ms", delays.ringing, 0.99, 4.0),
            ("invite_p50_ms", delays.invited, 0.5, None),
            ("invite_p99_ms", delays.invited, 0.99, None),
        ):
            value, at = percentile(values, share), f"{RATE:g}/s"
            yield marked(Figure(name, value, "ms", at, target, subject=subject.name), usage, problem)


@contextmanager
def no_collection() -> Iterator[None]:
    """Without Python's garbage collector in this process."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
