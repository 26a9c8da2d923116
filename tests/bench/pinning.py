"""Two cores: one for what is measured, one for the load, so that neither takes the other's time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path


class TooFewCores(Exception):
    """This machine has no second core to keep the load away from what is measured."""


@cache
def cores() -> tuple[int, int]:
    """The core of what is measured, and the core of the load. Raises TooFewCores.

    They are chosen once, before this process is pinned itself.
    """
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise TooFewCores("the benchmarks need two cores: one for the service, one for the load")
    return allowed[0], allowed[1]


def pin(core: int) -> None:
    """Keep this process on one core, all its threads, and what it starts from now on."""
    for task in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


@contextmanager
def measured_core() -> Iterator[None]:
    """What is started inside runs on the core of what is measured, this process itself on the other."""
    measured, load = cores()
    pin(measured)
    try:
        yield
    finally:
        pin(load)
