"""Which lines are in use, and who waits for one: busy is decided here, not on the phone (BEHAVIOUR B1, B2)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

from b2bua.sip.transactions.timers import Timed, TimerQueue


class Waiter(Timed):
    """A caller in the queue for a line of a user."""

    __slots__ = ("calls", "free", "user")

    def __init__(self, user: int, calls: int, free: Callable[[float], None]) -> None:
        super().__init__()
        self.user = user
        self.calls = calls
        """How many lines the user has."""
        self.free = free
        """Called when it is this caller's turn."""

    def on_deadline(self, now: float) -> None:
        """The line is free."""
        self.free(now)


class LineUse:
    """How many calls each user has: live, alerting, held and outgoing ones.

    Calls that a mailbox took do not count, nor visits to the voice portal. Callers who wait for a line get it in the
    order in which they came. The queue of deadlines calls them, not the call that ended: so a fault in one call is
    not a fault in another.
    """

    def __init__(self, queue: TimerQueue) -> None:
        self._queue = queue
        self._calls: Counter[int] = Counter()
        self._waiting: defaultdict[int, list[Waiter]] = defaultdict(list)

    def occupy(self, user: int) -> None:
        """A call of this user begins."""
        self._calls[user] += 1

    def release(self, user: int, now: float) -> None:
        """A call of this user is over, or was given up. Whoever has waited longest gets the line."""
        self._calls[user] -= 1
        if self._calls[user] <= 0:
            del self._calls[user]
        waiting = self._waiting.get(user)
        if waiting and self._calls[user] < waiting[0].calls:
            self._queue.schedule(waiting[0], now)

    def in_use(self, user: int) -> int:
        """How many calls this user has."""
        return self._calls[user]

    def wait(self, waiter: Waiter) -> None:
        """Wait for a line."""
        self._waiting[waiter.user].append(waiter)

    def leave(self, waiter: Waiter, now: float) -> None:
        """Wait no longer. A line that has just become free goes to the next caller."""
        waiting = self._waiting[waiter.user]
        if waiter in waiting:
            waiting.remove(waiter)
        self._queue.schedule(waiter, float("inf"))
        if not waiting:
            del self._waiting[waiter.user]
        elif self._calls[waiter.user] < waiting[0].calls:
            self._queue.schedule(waiting[0], now)
