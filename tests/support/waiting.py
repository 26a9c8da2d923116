"""Waiting for something to become true, with a deadline: the only kind of waiting the tests do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_AGAIN_AFTER = 0.02
"""Seconds between two looks at a condition."""
PATIENCE = 3
"""How many times longer than on a machine of one's own something may take where four tests share two cores."""


def wait_for(condition: Callable[[], T | None], timeout: float, what: str) -> T:
    """Return the first true value of `condition`.

    `timeout` is in seconds of a machine with nothing else to do. Raises TimeoutError, naming `what`, after PATIENCE
    times as long.
    """
    timeout *= PATIENCE
    deadline = time.monotonic() + timeout
    while True:
        if value := condition():
            return value
        if time.monotonic() >= deadline:
            raise TimeoutError(f"waited {timeout:g} s in vain for {what}")
        time.sleep(LOOK_AGAIN_AFTER)
