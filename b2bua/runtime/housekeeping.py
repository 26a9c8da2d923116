"""Giving memory back: what belongs to no call is forgotten in time, and the allocator's free pages go to the system.

Python asks for memory by the megabyte and returns what is quite empty: whatever is left of a burst holds much more
than itself, so it is sought as soon as the burst is over.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
from collections.abc import Callable

from b2bua.sip.sdp import description
from b2bua.sip.text import message

BURST = 32
"""Transactions below which nothing is worth a look at the heap."""


class Housekeeping:
    """Looks after memory as long as `run` goes on.

    `held` tells how many transactions there are: each of them once was a message or several. `keep` is in seconds, as
    long as the slowest of them lasts (64 × T1). `forget` is told to forget what is older than that, in seconds, and
    `empty` to empty the caches: what is in them after a burst is of the burst, and holds the memory around it.
    """

    def __init__(
        self,
        held: Callable[[], int],
        forget: Callable[[float], None],
        keep: float,
        empty: Callable[[], None] | None = None,
        trim: Callable[[], object] | None = None,
    ) -> None:
        self._held = held
        self._forget = forget
        self._keep = keep
        self._empty = empty or empty_caches
        self._trim = _malloc_trim() if trim is None else trim
        self._peak = 0

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.sleep(self._keep / 4)
            if self.look():
                self._empty()
                # It takes milliseconds for a large heap, in which calls go on.
                await asyncio.to_thread(self._trim)

    def look(self) -> bool:
        """Forget what is old, and return whether a burst is over: most of what there was has gone."""
        self._forget(self._keep)
        held = self._held()
        self._peak = max(self._peak, held)
        if self._peak < BURST or held > self._peak // 2:
            return False
        self._peak = held
        return True


def empty_caches() -> None:
    """Forget what was read of messages before, and what nobody knows any more but itself."""
    message.forget_known()
    description.forget_known()
    # Not the oldest generation: it holds the calls in progress, which wait meanwhile.
    gc.collect(1)


def _malloc_trim() -> Callable[[], object]:
    """The GNU C library keeps freed memory that something in use lies behind, until it is asked (malloc_trim(3))."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return (lambda: None) if trim is None else (lambda: trim(0))
