"""10,000 short calls and 50,000 registrations with quick timers: nothing fails, and nothing grows.

About five minutes each. TORTURE_SCALE=0.1 makes a tenth of it, for a look.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import ServiceFactory
from tests.support.addresses import fresh_address
from tests.support.service import Service
from tests.support.waiting import wait_for
from tests.torture.company import Company
from tests.torture.figures import Size, assert_untroubled, gauges, settle, sizes
from tests.torture.load import REGISTRATIONS, Load

SCALE = float(os.environ.get("TORTURE_SCALE", "1"))
CALLS, REGISTERED = round(10_000 * SCALE), round(50_000 * SCALE)
PARTS = 5
"""The load comes in so many parts. The first warms up: pools fill, tables get their size."""
CALLS_A_SECOND, REGISTRATIONS_A_SECOND = 30.0, 250.0
BYTES_A_CALL, BYTES_A_REGISTRATION = 1000, 100
"""How much resident memory may grow after the warm-up, on average, in any process."""
CANCELLED = 600
"""Deadlines that may wait to be swept out."""
FILES_MORE = 3
IDLE_WITHIN = 40.0

QUICK = {
    "RINGPLAN_SIP__T1": "0.1",
    "RINGPLAN_SIP__T2": "0.4",
    "RINGPLAN_SIP__T4": "0.2",
    "RINGPLAN_SIP__MIN_EXPIRES": "1",
    "RINGPLAN_SIP__NONCE_LIFETIME": "30",
    "RINGPLAN_LOG__LEVEL": "warning",
    "RINGPLAN_MEDIA__PORTS": "20000-29999",
    "RINGPLAN_MEDIA__SESSIONS": "1000",
}
"""Timers that make a transaction last 6.4 s at most (64 T1), so that old ones end while new ones come."""


def shown(when: str, found: dict[str, Size]) -> None:
    print(f"  {when}: " + "; ".join(f"{kind} {size}" for kind, size in found.items()), flush=True)


def assert_flat(found: Sequence[dict[str, Size]], units: int, allowed: int) -> None:
    """No process grows by more than `allowed` bytes a unit, nor holds more files than after the warm-up.

    What is kept for ever makes each part of `units` grow; a moment in which much went on at once makes one part
    jump, as the allocator keeps what it once had. So the median of the parts counts.
    """
    for kind in found[0]:
        sizes = [each[kind] for each in found]
        slopes = [(after.rss - before.rss) * 1024 / units for before, after in pairwise(sizes)]
        print(
            f"  {kind}: {[round(slope) for slope in slopes]} bytes each, {sizes[0].files} files -> {sizes[-1].files}"
        )
        assert statistics.median(slopes) < allowed, f"{kind} grows: {[str(size) for size in sizes]}"
        assert sizes[-1].files <= sizes[0].files + FILES_MORE, f"{kind} holds {sizes[-1].files} files"


def assert_clean(service: Service) -> None:
    """No gauge and no event speaks of anything left, or of anything wrong."""
    assert gauges(service)["ringplan_timers"] < CANCELLED
    assert_untroubled(service)


@pytest.mark.timeout(1200)
def test_short_calls(new_service: ServiceFactory, tmp_path: Path, chance: random.Random) -> None:
    service = new_service(QUICK)
    company = Company("short", range(201, 301), mailboxes=range(401, 411))
    service.apply(company.file())
    callees, ringing = company.extensions[:40], company.extensions[40:50]
    callers = company.extensions[50:]
    kinds: list[tuple[str, list[str], float, str]] = [
        ("call", callees, 0.86, fresh_address()),
        ("call_and_cancel", ringing, 0.06, fresh_address()),
        ("call_refused_404", ["999999999"], 0.06, fresh_address()),
        ("call", company.mailboxes, 0.02, fresh_address()),
    ]
    answering, ringing_at = fresh_address(), fresh_address()
    with ExitStack() as open_things:
        # Callers too are registered: strangers would have to wait where the machine is busy.
        for address, extensions in (
            (answering, callees),
            (ringing_at, ringing),
            *((address, callers) for *_, address in kinds),
        ):
            rows = [company.row(each, company.username(each), "3600") for each in extensions]
            folder = tmp_path / f"register-{address}"
            with Load("register", folder, address, service.sip, rows=rows, fields=REGISTRATIONS) as load:
                load.finish(60)
        open_things.enter_context(Load("answer", tmp_path / "answering", answering, service.sip))
        open_things.enter_context(Load("ring", tmp_path / "ringing", ringing_at, service.sip))
        found: list[dict[str, Size]] = []
        began = time.monotonic()
        for part in range(PARTS):
            loads = []
            for number, (scenario, called, share, address) in enumerate(kinds):
                rows = [
                    company.row(chance.choice(callers), chance.choice(called))
                    for _ in range(max(1, round(CALLS / PARTS * share)))
                ]
                load = Load(
                    scenario,
                    tmp_path / f"part{part}-{number}",
                    address,
                    service.sip,
                    rows=rows,
                    rate=CALLS_A_SECOND * share,
                    pause=0.2,
                )
                loads.append(open_things.enter_context(load))
            for load in loads:
                load.finish(300)
            settle(service, IDLE_WITHIN)
            found.append(sizes(service))
            shown(f"{CALLS * (part + 1) // PARTS} calls, {time.monotonic() - began:.0f} s", found[-1])
        assert_flat(found, CALLS // PARTS, BYTES_A_CALL)
    assert_clean(service)


@pytest.mark.timeout(1200)
def test_registrations(new_service: ServiceFactory, tmp_path: Path, chance: random.Random) -> None:
    """Half refresh a contact, a quarter are new contacts that expire, a quarter are signed off again."""
    service = new_service(QUICK)
    company = Company("registered", range(2001, 2501))
    service.apply(company.file())
    found: list[dict[str, Size]] = []
    began = time.monotonic()
    for part in range(PARTS):
        rows = []
        while len(rows) < REGISTERED // PARTS:
            extension = chance.choice(company.extensions)
            kind, contact = chance.randrange(6), f"c{chance.getrandbits(40)}"
            if kind == 0:
                # Signed on and off again, with something between, lest they overtake each other.
                rows.append(company.row(extension, contact, "60"))
                rows.append(company.row(chance.choice(company.extensions), "desk", "2"))
                rows.append(company.row(extension, contact, "0"))
            elif kind < 3:
                rows.append(company.row(extension, contact, "1"))
            else:
                rows.append(company.row(extension, "desk", "2"))
        with Load(
            "register",
            tmp_path / f"part{part}",
            fresh_address(),
            service.sip,
            rows=rows,
            rate=REGISTRATIONS_A_SECOND,
            fields=REGISTRATIONS,
        ) as load:
            load.finish(300)
        settle(service, IDLE_WITHIN)
        found.append(sizes(service))
        shown(f"{len(rows) * (part + 1)} registrations, {time.monotonic() - began:.0f} s", found[-1])
    wait_for(
        lambda: gauges(service)["ringplan_registrations"] < 1 + len(rows) // 100, 70, "the registrations' end"
    )
    assert_flat(found, REGISTERED // PARTS, BYTES_A_REGISTRATION)
    assert_clean(service)
