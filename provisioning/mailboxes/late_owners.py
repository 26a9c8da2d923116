"""Owners for a media host that takes messages whether or not there is a database to tell of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from media.message import Message
from media.owners import Owner, OwnersUnavailable, PinProblem, PinVerdict
from provisioning.mailboxes.owners import StoredOwners, unavailable

log = structlog.get_logger()

BACK_OFF = 5.0  # seconds after the database refused


class LateOwners:
    """Implements `media.owners.Owners`: opens the store behind, again and again until that succeeds.

    Until then a caller's question is answered by OwnersUnavailable, and one that no caller waits for waits itself. A
    message is never refused: it waits here until it is in the queue. What waits is lost with the process; the host
    tells of its newest messages again when it starts.
    """

    def __init__(self, open_owners: Callable[[], Awaitable[StoredOwners]]) -> None:
        """`open_owners` opens the store; it may raise StoreError and OSError as often as it likes."""
        self._open = open_owners
        self._owners: StoredOwners | None = None
        self._opened = asyncio.Event()
        self._untold: dict[tuple[int, str], Message] = {}
        self._news = asyncio.Event()
        self._reason = ""

    async def run(self) -> None:
        """Open the store, then tell of messages, until cancelled."""
        while True:
            try:
                await self._work()
            except Exception as error:
                self._say(error)
                await asyncio.sleep(BACK_OFF)

    async def close(self) -> None:
        """`run` is over: tell what still waits, if that can be done at once, and give the store back."""
        if self._owners is not None:
            try:
                await self._tell_all(self._owners)
            except OwnersUnavailable as error:
                self._say(error)
            await self._owners.close()

    async def _work(self) -> None:
        if self._owners is None:
            with unavailable():
                self._owners = await self._open()
            self._opened.set()
        while True:
            await self._tell_all(self._owners)
            self._reason = ""
            self._news.clear()
            await self._news.wait()

    async def _tell_all(self, owners: StoredOwners) -> None:
        while self._untold:
            key, message = next(iter(self._untold.items()))
            try:
                await owners.message_stored(message)
            except OwnersUnavailable:
                raise
            except Exception:
                log.error("owners.message_untold", user=message.user, message=message.id, exc_info=True)
            del self._untold[key]

    def _say(self, error: Exception) -> None:
        """Once for each reason: a disk that is gone stays so for hours. Only a fault of ours has a traceback."""
        if (reason := str(error) or repr(error)) != self._reason:
            self._reason = reason
            fault = None if isinstance(error, OwnersUnavailable) else error
            log.error("owners.unavailable", reason=reason, waiting=len(self._untold), exc_info=fault)

    async def owner(self, user: int) -> Owner | None:
        """See `Owners`."""
        return await self._there.owner(user)

    async def locked(self, user: int) -> bool:
        """See `Owners`."""
        return await self._there.locked(user)

    async def check_pin(self, user: int, pin: str) -> PinVerdict:
        """See `Owners`."""
        return await self._there.check_pin(user, pin)

    async def set_pin(self, user: int, pin: str) -> PinProblem | None:
        """See `Owners`."""
        return await self._there.set_pin(user, pin)

    async def message_stored(self, message: Message) -> None:
        """Tell of it as soon as the database lets us; never raises, and waits for nothing."""
        self._untold[message.user, message.id] = message
        self._news.set()

    async def long_gone(self, now: datetime) -> tuple[int, ...]:
        """See `Owners`."""
        await self._opened.wait()
        return await self._there.long_gone(now)

    @property
    def _there(self) -> StoredOwners:
        if self._owners is None:
            raise OwnersUnavailable("the database is not open yet")
        return self._owners
