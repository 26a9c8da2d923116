"""Writing behind: what calls and registrations leave for the database, in batches that nothing waits for."""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError

from provisioning.bindings import StoredBinding
from provisioning.calllog import CallRecord, TraceEntry
from provisioning.store import Store

log = structlog.get_logger()

INTERVAL = 0.25  # seconds between batches: bindings are on disk within one
BACK_OFF = 1.0  # seconds after a batch that the database refused
BATCH = 200  # calls
KEPT = 20_000  # calls that wait for a database that cannot be written; the oldest go first


class Writer:
    """One queue for calls and one for bindings. A batch that fails is kept and tried again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._calls: list[tuple[CallRecord, list[TraceEntry]]] = []
        self._changed: dict[tuple[str, str], StoredBinding] = {}
        self._removed: dict[tuple[str, str], None] = {}
        self._waiting = asyncio.Event()

    @property
    def backlog(self) -> int:
        """How many calls and bindings are not on disk yet."""
        return len(self._calls) + len(self._changed) + len(self._removed)

    def call(self, record: CallRecord, trace: list[TraceEntry]) -> None:
        """Write a call that is over."""
        if len(self._calls) >= KEPT:
            del self._calls[0]
            log.error("store.call_dropped", kept=KEPT)
        self._calls.append((record, trace))
        self._waiting.set()

    def bound(self, binding: StoredBinding) -> None:
        """Write a binding that is new or has changed."""
        self._removed.pop(binding.key, None)
        self._changed[binding.key] = binding
        self._waiting.set()

    def unbound(self, key: tuple[str, str]) -> None:
        """Remove a binding."""
        self._changed.pop(key, None)
        self._removed[key] = None
        self._waiting.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._waiting.wait()
            await asyncio.sleep(INTERVAL)
            self._waiting.clear()
            try:
                await self.flush()
            except (SQLAlchemyError, OSError) as error:
                log.error("store.write_failed", reason=str(error).partition("\n")[0], backlog=self.backlog)
                self._waiting.set()
                await asyncio.sleep(BACK_OFF)

    async def flush(self) -> None:
        """Write all there is now. Raises SQLAlchemyError or OSError, and then has lost nothing."""
        await self._flush_bindings()
        while self._calls:
            batch = self._calls[:BATCH]
            await self._store.write_calls(
                [record for record, _ in batch], [entry for _, trace in batch for entry in trace]
            )
            del self._calls[: len(batch)]

    async def _flush_bindings(self) -> None:
        changed, removed = self._changed, self._removed
        if not changed and not removed:
            return
        self._changed, self._removed = {}, {}
        try:
            await self._store.save_bindings(list(changed.values()), list(removed))
        except BaseException:
            # What came meanwhile is newer than what could not be written.
            for key in (*self._changed, *self._removed):
                changed.pop(key, None)
                removed.pop(key, None)
            self._changed = changed | self._changed
            self._removed = removed | self._removed
            raise
