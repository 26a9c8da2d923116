"""Time for the SIP core: the RFC's base values, and one queue of deadlines for a whole endpoint.

Nothing here reads a clock. The driver asks for the earliest deadline, sleeps, and passes `now` in. Cancelling is
nearly free: an item whose `deadline` no longer equals the queued moment is skipped when its turn comes, or swept
out with its like once they are the larger part of the queue, so that what is over is not kept by a far deadline.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass

NEVER = math.inf
SWEPT_FROM = 256
"""Entries of a queue below which it is not worth a sweep."""


@dataclass(frozen=True, slots=True)
class Timers:
    """RFC 3261's base values in seconds (§17.1.1.1, table 4); everything else is derived from them."""

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0

    @property
    def timeout(self) -> float:
        """64 × T1: timers B, F, H, J, L and M, and how long a 2xx waits for its ACK."""
        return 64 * self.t1


class Timed:
    """Something with one deadline. Subclasses do in `on_deadline` whatever is due."""

    __slots__ = ("deadline",)

    def __init__(self) -> None:
        self.deadline: float = NEVER

    def on_deadline(self, now: float) -> None:
        """Called once when the deadline has passed; it is unset by then."""
        raise NotImplementedError


class TimerQueue:
    """All deadlines of an endpoint in one heap."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timed]] = []
        self._sequence = 0
        self._cancelled = 0

    def __len__(self) -> int:
        return len(self._heap)

    def schedule(self, item: Timed, when: float) -> None:
        """Set an item's only deadline, in monotonic seconds; `NEVER` cancels it."""
        if when == item.deadline:
            return
        cancels = item.deadline < NEVER
        item.deadline = when
        if cancels:
            # Those skipped meanwhile are counted too: a sweep is paid for by as many cancellations all the same.
            self._cancelled += 1
            if self._cancelled > max(SWEPT_FROM, len(self._heap) // 2):
                self._sweep()
        if when < NEVER:
            self._sequence += 1
            heapq.heappush(self._heap, (when, self._sequence, item))

    def next_deadline(self) -> float:
        """The earliest moment at which `run` has work, or `NEVER`."""
        heap = self._heap
        while heap and heap[0][2].deadline != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else NEVER

    def run(self, now: float) -> None:
        """Let everything that is due act. What an item schedules for the past runs in the same call."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            when, _, item = heapq.heappop(heap)
            if item.deadline == when:
                item.deadline = NEVER
                item.on_deadline(now)

    def _sweep(self) -> None:
        """Take out every entry that was cancelled, in place: `run` may be going over the heap."""
        self._heap[:] = [entry for entry in self._heap if entry[2].deadline == entry[0]]
        heapq.heapify(self._heap)
        self._cancelled = 0


class Alarm(Timed):
    """A deadline by itself, for whoever has several: none of them moves another. In monotonic seconds."""

    __slots__ = ("_act", "_queue")

    def __init__(self, queue: TimerQueue, act: Callable[[float], None]) -> None:
        super().__init__()
        self._queue = queue
        self._act = act

    def at(self, when: float) -> None:
        """Act at this moment, and not before; the last call counts, and `NEVER` cancels."""
        self._queue.schedule(self, when)

    def on_deadline(self, now: float) -> None:
        """The moment has come."""
        self._act(now)
