"""The notifier: a courier for each channel, which looks into the queue every second, and the end of old rows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import structlog

from provisioning.notifier.courier import PASSING, Courier, Teller
from provisioning.notifier.queue import Outbox
from provisioning.store.outbox import Channel
from provisioning.store.store import Store

log = structlog.get_logger()

LOOK_AGAIN = 1.0
"""Seconds between two looks at a queue that was empty: one query of an index."""
PURGE_EVERY = 3600.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds after the database failed, twice as long each further time."""


def utc_now() -> datetime:
    """The time of day: the queue outlasts every process."""
    return datetime.now(UTC)


class Notifier:
    """Tells what is queued, by each channel at its own pace, from `run` until `stop`."""

    def __init__(
        self,
        store: Store,
        tellers: Mapping[Channel, Teller],
        clock: Callable[[], datetime] = utc_now,
        look_again: float = LOOK_AGAIN,
    ) -> None:
        """`tellers` are the channels that are set up; what is queued for another ends untold."""
        self._outbox = Outbox(store)
        self._tellers = tellers
        self._couriers = [Courier(store, channel, tellers.get(channel), clock) for channel in Channel]
        self._clock = clock
        self._look_again = look_again
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Begin nothing new; `run` returns when what is being told has been told."""
        self._stop.set()

    async def run(self) -> None:
        """Work until `stop`."""
        for channel in Channel:
            if channel not in self._tellers:
                log.info("notification.off", channel=channel.value)
        async with asyncio.TaskGroup() as group:
            for courier in self._couriers:
                group.create_task(self._repeat(partial(courier.round, self._stop)))
            group.create_task(self._repeat(self._purge))

    async def _repeat(self, work: Callable[[], Awaitable[float]]) -> None:
        """Do it again and again; it says how long to rest, and a database that fails is left alone for longer."""
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            try:
                rest = max(await work(), self._look_again)
                pause = FIRST_PAUSE
            except PASSING as error:
                reason = str(error).partition("\n")[0]
                log.error("notification.queue_failed", reason=reason)
                rest, pause = pause, min(2 * pause, LONGEST_PAUSE)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), rest)

    async def _purge(self) -> float:
        await self._outbox.purge(self._clock())
        return PURGE_EVERY
