"""What the media host does for the mailboxes beside the calls: tell their owners, and let old messages go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from media.archive import Archive
from media.mailbox import Mailbox
from media.message import Message
from media.owners import Owners

log = structlog.get_logger()

EVERY = 3600.0
"""Seconds between two looks for what has become too old."""
STORE_AGAIN = 60.0
"""Seconds between two tries to store what could not be stored, on a full disk above all."""
TELL_AGAIN = timedelta(hours=24)
"""New messages that are no older are told of again at the start: the last process may have died before it could."""


class Housekeeping:
    """Messages received longer ago than `keep` go (`None`: none ever), and the mailboxes of users long deleted."""

    def __init__(
        self,
        mailbox: Mailbox,
        archive: Archive,
        owners: Owners,
        keep: timedelta | None,
        changed: Callable[[int], None],
        is_visited: Callable[[int], bool],
    ) -> None:
        self._mailbox = mailbox
        self._archive = archive
        self._owners = owners
        self._keep = keep
        self._changed = changed
        self._is_visited = is_visited
        self._telling: set[asyncio.Task[None]] = set()
        self._regular: set[asyncio.Task[None]] = set()

    def begin(self, repaired: Iterable[Message]) -> None:
        """Tell again of what the last process may not have told of, then clean up every hour, store every minute."""
        self._start(self._tell_again(tuple(repaired)))
        self._regular = {asyncio.create_task(self._clean_up()), asyncio.create_task(self._store_again())}

    def stored(self, message: Message) -> None:
        """A message is safe on disk: tell its owner. Nobody waits for that."""
        self._start(self._tell(message))

    async def end(self) -> None:
        """Clean up and store no more; what is being told is told to its end."""
        for task in self._regular:
            task.cancel()
        if self._regular:
            await asyncio.wait(self._regular)
        if self._telling:
            await asyncio.wait(self._telling)

    def _start(self, telling: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(telling)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, message: Message) -> None:
        try:
            await self._owners.message_stored(message)
        except Exception as error:  # whatever the database raises; the next start tells again
            log.error("mailbox.owner_not_told", mailbox=message.user, message=message.id, reason=repr(error))

    async def _tell_again(self, repaired: tuple[Message, ...]) -> None:
        since = datetime.now(UTC) - TELL_AGAIN
        told = {message.id for message in repaired}
        for message in repaired:
            await self._tell(message)
        for user in self._mailbox.mailboxes():
            for message in await self._archive.list(user):
                fresh = message.state == "new" and message.envelope.received >= since
                if fresh and message.id not in told:
                    await self._tell(message)

    async def _store_again(self) -> None:
        while True:
            await asyncio.sleep(STORE_AGAIN)
            for message in await self._archive.store_again():
                self.stored(message)
                self._changed(message.user)

    async def _clean_up(self) -> None:
        while True:
            await self._clean(datetime.now(UTC))
            await asyncio.sleep(EVERY)

    async def _clean(self, now: datetime) -> None:
        """Look once."""
        try:
            if self._keep is not None:
                for user in await self._archive.expire(now - self._keep):
                    self._changed(user)
            gone = set(await self._owners.long_gone(now)).intersection(self._mailbox.mailboxes())
            for user in gone:
                if not self._is_visited(user):
                    await self._archive.remove(user)
                    self._changed(user)
        except Exception as error:  # whatever database or disk raise: it is looked again in an hour
            log.error("mailbox.clean_up_failed", reason=repr(error))
