"""A 2xx of ours whose ACK has not come yet (RFC 3261 §13.3.1.4)."""

from __future__ import annotations

from collections.abc import Callable

from b2bua.sip.transactions.server_transaction import ServerTransaction
from b2bua.sip.transactions.timers import Timed, TimerQueue, Timers


class Unacknowledged(Timed):
    """Repeats the 2xx until its ACK comes: also over reliable transports. `late` is told after 64 T1 without one."""

    __slots__ = ("_interval", "_late", "_longest", "_queue", "_until", "transaction")

    def __init__(
        self,
        transaction: ServerTransaction,
        queue: TimerQueue,
        timers: Timers,
        late: Callable[[float], None],
        now: float,
    ) -> None:
        super().__init__()
        self.transaction = transaction
        self._queue = queue
        self._late = late
        self._interval = timers.t1
        self._longest = timers.t2
        self._until = now + timers.timeout
        queue.schedule(self, now + self._interval)

    def on_deadline(self, now: float) -> None:
        """The ACK is late."""
        if now >= self._until:
            self._late(now)
            return
        self.transaction.resend()
        self._interval = min(2 * self._interval, self._longest)
        self._queue.schedule(self, min(now + self._interval, self._until))
