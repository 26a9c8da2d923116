"""One channel's rounds: what is due is told, and what came of it is written into the queue.

A result that the database refuses is kept in memory and written before anything else is told: nobody is told again
and again because the database is locked.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

import structlog
from sqlalchemy.exc import OperationalError

from provisioning.notifier import schedule
from provisioning.notifier.outcome import Dropped, Outcome, Postponed, Refused, Taken
from provisioning.notifier.queue import Entry, Outbox
from provisioning.notifier.recipient import Recipient, read_recipient
from provisioning.store.errors import StoreError
from provisioning.store.outbox import Channel
from provisioning.store.store import Store

log = structlog.get_logger()

BATCH = 50

# The database is locked or damaged, the disk full or gone: later, or when it was restored, it may work.
PASSING = (OperationalError, OSError, StoreError)


class Teller(Protocol):
    """A way to tell. Raises nothing for what the other side does."""

    @property
    def at_once(self) -> int:
        """How many may be told at the same time."""
        ...

    async def tell(self, entry: Entry, recipient: Recipient) -> Outcome:
        """Tell one user of one thing."""
        ...

    async def rest(self) -> None:
        """Nothing more for now: close what is open."""
        ...


class Courier:
    """Takes what waits for one channel out of the queue. `teller` is None where the channel is switched off."""

    def __init__(
        self, store: Store, channel: Channel, teller: Teller | None, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._outbox = Outbox(store)
        self._channel = channel
        self._teller = teller
        self._clock = clock
        # Results that are not in the queue yet, by entry.
        self._unwritten: dict[int, Callable[[], Awaitable[None]]] = {}
        self._failures = 0
        """Rounds in a row in which the channel failed as a whole and took nothing."""

    async def round(self, stop: asyncio.Event) -> float:
        """Tell what is due, but begin nothing after `stop`. Returns the seconds in which to leave the channel alone.

        Raises one of PASSING where the database fails; what was told by then is remembered.
        """
        for entry in list(self._unwritten):
            await self._write(entry)
        entries = deque(await self._outbox.due(self._clock(), BATCH, self._channel))
        if not entries:
            return 0.0
        failed_as_a_whole = took_something = False

        async def work() -> None:
            nonlocal failed_as_a_whole, took_something
            while entries and not failed_as_a_whole and not stop.is_set():
                entry = entries.popleft()
                outcome = await self._outcome(entry)
                failed_as_a_whole |= isinstance(outcome, Postponed) and outcome.for_all
                took_something |= isinstance(outcome, Taken)
                self._unwritten[entry.id] = self._result(entry, outcome)
                await self._write(entry.id)

        try:
            # A worker that the database stops does not take another's mail out of its hands.
            workers = (work() for _ in range(self._teller.at_once if self._teller else 1))
            ends = await asyncio.gather(*workers, return_exceptions=True)
        finally:
            if self._teller is not None:
                await self._teller.rest()
        for end in ends:
            if end is not None:
                raise end
        if took_something or not failed_as_a_whole:
            self._failures = 0
        if not failed_as_a_whole:
            return 0.0
        self._failures += 1
        return schedule.rest(self._failures)

    async def _write(self, entry: int) -> None:
        await self._unwritten[entry]()
        del self._unwritten[entry]

    async def _outcome(self, entry: Entry) -> Outcome:
        if self._teller is None:
            return Dropped(f"{self._channel} is switched off")
        recipient = await read_recipient(self._store, entry.news.user)
        if recipient is None:
            return Dropped("the user was deleted")
        try:
            return await self._teller.tell(entry, recipient)
        except Exception:
            self._log(entry).error("notification.fault", exc_info=True)
            return Postponed("a fault of Ringplan's own, see the log")

    def _result(self, entry: Entry, outcome: Outcome) -> Callable[[], Awaitable[None]]:
        """Say what came of an attempt; returns what is to be written of it."""
        log, outbox, now = self._log(entry), self._outbox, self._clock()
        attempts = entry.attempts + 1
        match outcome:
            case Taken():
                waited = round((now - entry.created_at).total_seconds(), 1)
                log.info("notification.sent", waited=waited)
                return lambda: outbox.taken(entry.id, now)
            case Postponed(reason=reason) if due_at := schedule.next_try(entry.created_at, attempts, now):
                again_in = round((due_at - now).total_seconds())
                log.warning("notification.delayed", attempts=attempts, again_in=again_in, reason=reason)
                return lambda: outbox.again(entry.id, due_at, reason)
            case Postponed(reason=reason) | Refused(reason=reason):
                log.error("notification.given_up", attempts=attempts, reason=reason)
        return lambda: outbox.gave_up(entry.id, outcome.reason, now)

    def _log(self, entry: Entry) -> structlog.stdlib.BoundLogger:
        bound: structlog.stdlib.BoundLogger = log.bind(
            channel=self._channel.value, notification=entry.id, kind=entry.news.event, user=entry.news.user
        )
        return bound
