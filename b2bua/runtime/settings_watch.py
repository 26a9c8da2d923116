"""The settings followed: each change in the database reaches all that goes by them, and the next call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from b2bua.runtime.carriers.trunks import TrunkLines
from b2bua.runtime.clock import ClockJumps
from b2bua.runtime.directory import Directory
from b2bua.runtime.message_waiting import MessageWaiting
from b2bua.runtime.registrations import Registrations
from provisioning.store.errors import StoreError
from provisioning.store.store import Store

log = structlog.get_logger()

INTERVAL = 1.0
"""Seconds between two looks at settings_version."""


class SettingsWatch:
    """Reads the directory anew when its version is another than `version`, which was read last."""

    def __init__(
        self,
        store: Store,
        realm: str,
        version: int,
        registrations: Registrations,
        message_waiting: MessageWaiting,
        trunks: TrunkLines,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._realm = realm
        self._version = version
        self._registrations = registrations
        self._message_waiting = message_waiting
        self._trunks = trunks
        self._clock = clock
        self._changing = asyncio.Lock()

    async def reload(self) -> int:
        """Read the settings again; the next call follows them (R10). Returns their version.

        Raises StoreError, SQLAlchemyError, OSError.
        """
        async with self._changing:
            directory = Directory(await self._store.directory(self._realm))
            if directory.version != self._version:
                editors = await self._store.editors(self._version)
                self._version = directory.version
                self._registrations.replace_directory(directory, self._clock())
                self._message_waiting.directory_changed(self._clock())
                self._trunks.follow(directory.trunks)
                log.info("settings.changed", version=directory.version, by=editors)
            return self._version

    async def run(self) -> None:
        """Look until cancelled; notice too when the wall clock was set."""
        jumps = ClockJumps(self._clock)
        while True:
            await asyncio.sleep(INTERVAL)
            if jump := jumps.take():
                log.warning("process.clock_jumped", seconds=round(jump, 1))
                self._registrations.store_again(self._clock())
            try:
                if await self._store.settings_version() != self._version:
                    await self.reload()
            except (SQLAlchemyError, StoreError, OSError) as error:
                log.error("store.read_failed", reason=str(error).partition("\n")[0])
