"""Writing behind: what calls and registrations leave for the database, in batches that nothing waits for.

A call is written together with the news of it for those who missed it: both are there, or neither.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import NamedTuple

import structlog
from sqlalchemy.exc import DBAPIError, OperationalError

from provisioning.store.bindings import StoredBinding
from provisioning.store.calllog import CallRecord, TraceEntry
from provisioning.store.errors import StoreError
from provisioning.store.outbox import CallMissed, Channel
from provisioning.store.store import Store

log = structlog.get_logger()

INTERVAL = 0.5  # seconds between batches: bindings are on disk within one
BACK_OFF = 1.0  # seconds after a batch that the database refused
BATCH = 200  # calls
KEPT = 20_000  # calls that wait for a database that cannot be written; the oldest go first

# The database is locked or damaged, the disk full or gone: later, or when it was restored, it may work. Anything
# else is in what was to be written.
PASSING = (OperationalError, OSError, StoreError)

Key = tuple[str, str]


class Finished(NamedTuple):
    """A call that is over, as it waits to be written."""

    record: CallRecord
    trace: Sequence[TraceEntry]
    missed: Sequence[CallMissed]


class Writer:
    """One queue for calls and one for bindings. A batch that fails is kept and tried again."""

    def __init__(self, store: Store, channels: Collection[Channel] = ()) -> None:
        """`channels` are those by which people are told of calls they missed."""
        self._store = store
        self._channels = channels
        self._calls: list[Finished] = []
        self._writing_calls = 0
        # The last word on each binding; None: it is to be removed.
        self._bindings: dict[Key, StoredBinding | None] = {}
        self._waiting = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    @property
    def backlog(self) -> int:
        """How many calls and bindings are not on disk yet."""
        return len(self._calls) + len(self._bindings)

    def call(
        self, record: CallRecord, trace: Sequence[TraceEntry], missed: Sequence[CallMissed] = ()
    ) -> None:
        """Write a call that is over, and tell those who missed it."""
        if len(self._calls) >= KEPT:
            dropped = self._calls.pop(self._writing_calls).record
            log.error("store.call_dropped", call_id=dropped.call_id, reason=f"{KEPT} calls wait already")
        self._calls.append(Finished(record, trace, missed))
        self._waiting.set()

    def bound(self, binding: StoredBinding) -> None:
        """Write a binding that is new or has changed."""
        self._bindings[binding.key] = binding
        self._waiting.set()

    def unbound(self, key: Key) -> None:
        """Remove a binding."""
        self._bindings[key] = None
        self._waiting.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._waiting.wait()
            await asyncio.sleep(INTERVAL)
            self._waiting.clear()
            # A batch that is under way when this is cancelled goes on: whether it was written would be unknown.
            if not await asyncio.shield(asyncio.ensure_future(self.flush())):
                self._waiting.set()
                await asyncio.sleep(BACK_OFF)

    async def flush(self) -> bool:
        """Write all there is now; False where the database refused, and then nothing is lost."""
        async with self._one_at_a_time:
            try:
                await self._write_bindings()
                await self._write_calls()
            except PASSING as error:
                log.error("store.write_failed", reason=_first_line(error), backlog=self.backlog)
                return False
            return True

    async def _write_calls(self) -> None:
        size = BATCH
        while self._calls:
            batch = self._calls[:size]
            self._writing_calls = len(batch)
            try:
                await self._store.write_calls(
                    [(call.record, call.trace) for call in batch],
                    [missed for call in batch for missed in call.missed],
                    self._channels,
                )
            except PASSING:
                raise
            except Exception as error:
                if len(batch) > 1:
                    size = 1  # one of them cannot be written: find out which
                    continue
                log.error("store.call_dropped", call_id=batch[0].record.call_id, reason=_first_line(error))
            finally:
                self._writing_calls = 0
            del self._calls[: len(batch)]

    async def _write_bindings(self) -> None:
        changes, self._bindings = self._bindings, {}
        try:
            try:
                await self._save(changes)
            except PASSING:
                raise
            except Exception:
                for key, binding in changes.items():
                    await self._save_one(key, binding)
        except BaseException:
            # What came meanwhile is newer than what could not be written.
            self._bindings = changes | self._bindings
            raise

    async def _save_one(self, key: Key, binding: StoredBinding | None) -> None:
        try:
            await self._save({key: binding})
        except PASSING:
            raise
        except Exception as error:
            log.error("store.binding_dropped", username=key[0], reason=_first_line(error))

    async def _save(self, changes: dict[Key, StoredBinding | None]) -> None:
        if changes:
            await self._store.save_bindings(
                [binding for binding in changes.values() if binding is not None],
                [key for key, binding in changes.items() if binding is None],
            )


def _first_line(error: Exception) -> str:
    # What the database said, without what SQLAlchemy says about it.
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return str(cause).partition("\n")[0]
