"""Time for the SIP core: one timer of the event loop for all deadlines of the endpoint."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime

from b2bua.sip.transactions.timers import NEVER, Timed, TimerQueue

# uvloop counts whole milliseconds and rounds: armed for the very moment it may wake before it, find nothing due
# and spin until the clock ticks.
TICK = 0.001
TOKENS_AT_A_TIME = 256
JUMP = 2.0  # seconds


class LoopTimers(TimerQueue):
    """A queue of deadlines that wakes itself. The loop's clock is monotonic: clock jumps do not matter."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self._armed = NEVER
        self._handle: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """Monotonic seconds, as all deadlines are counted."""
        return self._loop.time()

    def schedule(self, item: Timed, when: float) -> None:
        """Set an item's deadline; the loop's timer is moved only where it would come too late."""
        super().schedule(item, when)
        if when < self._armed:
            self._arm(when)

    def _arm(self, when: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._armed = when
        self._handle = self._loop.call_at(when + TICK, self._due) if when < NEVER else None

    def _due(self) -> None:
        # Armed to the past, so that what is scheduled meanwhile does not move the timer again and again.
        self._armed, self._handle = -NEVER, None
        try:
            self.run(self.now())
        finally:
            # A fault in one item is the loop's to report; the others still get their turn.
            self._arm(self.next_deadline())


class ClockJumps:
    """Sees when the wall clock was set; small corrections, as of NTP, do not count."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._offset = time.time() - monotonic()

    def take(self) -> float:
        """By how many seconds it was set forward since the last call; 0 where it was not."""
        offset = time.time() - self._monotonic()
        jump = offset - self._offset
        if abs(jump) < JUMP:
            return 0.0
        self._offset = offset
        return jump


class WallClock:
    """Turns monotonic seconds into the time of day."""

    def __init__(self, queue: LoopTimers) -> None:
        self._queue = queue

    def at(self, moment: float) -> datetime:
        """The time of day, in UTC, of a monotonic moment of the recent past."""
        return datetime.fromtimestamp(self.epoch() + moment, UTC)

    def epoch(self) -> float:
        """What makes seconds since 1970 of monotonic ones, as the clocks stand now."""
        return time.time() - self._queue.now()


class Tokens:
    """Fresh random names for branches, tags, Call-IDs and relay sessions; the node's letter comes first."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._ready: list[str] = []

    def __call__(self) -> str:
        """Sixty-four random bits in hexadecimal behind the node's name."""
        if not self._ready:
            # A call to the kernel for each token cost more than a message's parsing.
            digits = secrets.token_hex(8 * TOKENS_AT_A_TIME)
            self._ready = [digits[start : start + 16] for start in range(0, len(digits), 16)]
        return self._node + self._ready.pop()

    def origin(self) -> int:
        """A session id for a description of ours (RFC 8866 §5.2): positive and below 2^62."""
        return secrets.randbits(62)
