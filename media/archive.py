"""The one writer of the mailboxes: stores, moves and removes messages and greetings, and repairs at the start.

Its one thread joins, measures, moves and syncs files, one after the other, so that the event loop never waits for a
disk and no two changes meet.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from media import wav
from media.greetings import MAX_SECONDS, Greetings
from media.mailbox import Mailbox, Recording
from media.message import Message, State

log = structlog.get_logger()

T = TypeVar("T")

GREETING_MARGIN = 0.25
"""What is kept before the first sound of a greeting and after its last, in seconds."""


class StillWriting(RuntimeError):
    """Workers of another host hold on to their recordings, which therefore cannot be repaired."""


class NotStored(OSError):
    """A recording cannot be stored now. It stays where it is, until `store_again` or the next start can."""


class Archive:
    """Writes messages. `lock` is held (shared) by every worker that may still write a recording."""

    def __init__(
        self, mailbox: Mailbox, greetings: Greetings, lock: Path, lock_within: float, min_seconds: float
    ) -> None:
        self._mailbox = mailbox
        self._greetings = greetings
        self._lock = lock
        self._lock_within = lock_within
        self._min_seconds = min_seconds
        self._thread = ThreadPoolExecutor(1, "mailbox")
        self._waiting: dict[Recording, bool] = {}

    async def deposit(self, recording: Recording, cut_silent_end: bool) -> Message | None:
        """Make a message of a recording; None if it is too short. Raises NotStored."""
        try:
            message = await self._run(
                lambda: self._mailbox.deposit(recording, self._min_seconds, cut_silent_end)
            )
        except (OSError, wav.NotRecording) as error:
            if isinstance(error, OSError):
                self._waiting[recording] = cut_silent_end
            log.error("mailbox.store_failed", mailbox=recording.user, message=recording.id, error=repr(error))
            raise NotStored(repr(error)) from error
        if message is None:
            log.info("mailbox.message_dropped", mailbox=recording.user, message=recording.id)
            return None
        log.info(
            "mailbox.message_stored",
            mailbox=message.user,
            message=message.id,
            seconds=message.seconds,
            call_id=message.envelope.call_id,
        )
        return message

    async def store_again(self) -> tuple[Message, ...]:
        """Try once more what the disk did not take; the messages that came of it."""
        stored = []
        for recording, cut_silent_end in tuple(self._waiting.items()):
            try:
                message = await self.deposit(recording, cut_silent_end)
            except NotStored:
                continue
            del self._waiting[recording]
            if message is not None:
                stored.append(message)
        return tuple(stored)

    async def list(self, user: int) -> tuple[Message, ...]:
        """A user's messages, oldest first, after every change asked for before."""
        return await self._run(lambda: self._mailbox.list(user))

    async def save(self, user: int, message: str) -> bool:
        """Make a new message a saved one; whether that changed anything. Raises OSError."""
        changed = await self._run(lambda: self._mailbox.save(user, message))
        if changed:
            log.info("mailbox.message_saved", mailbox=user, message=message)
        return changed

    async def delete(self, user: int, message: str) -> bool:
        """Delete a message, so that it can be restored; whether that changed anything. Raises OSError."""
        changed = await self._run(lambda: self._mailbox.delete(user, message))
        if changed:
            log.info("mailbox.message_deleted", mailbox=user, message=message)
        return changed

    async def restore(self, user: int, message: str, state: State) -> bool:
        """Bring a deleted message back; whether that changed anything. Raises OSError."""
        changed = await self._run(lambda: self._mailbox.restore(user, message, state))
        if changed:
            log.info("mailbox.message_restored", mailbox=user, message=message)
        return changed

    async def purge(self, user: int, messages: frozenset[str]) -> None:
        """Remove deleted messages for good. Raises OSError."""
        await self._run(lambda: self._mailbox.purge(user, messages))

    async def mend(self, recording: Recording) -> None:
        """Make parts that a worker did not live to close files that can be played. Raises OSError."""

        def mend() -> None:
            for part in recording.parts():
                if not wav.is_complete(part):
                    wav.mend(part)

        await self._run(mend)

    async def use_greeting(self, recording: Recording, occasion: str) -> None:
        """Make a recording the user's greeting, without the silence around it. Raises OSError, wav.NotRecording."""

        def put() -> None:
            samples = wav.join(recording.parts())
            span = wav.sound_span(samples)
            start = max(0.0, span.start - GREETING_MARGIN)
            end = min(span.end + GREETING_MARGIN, start + MAX_SECONDS)
            cut = samples[2 * int(start * wav.RATE) : 2 * int(end * wav.RATE)]
            self._greetings.put(recording.user, occasion, cut)

        await self._run(put)
        log.info("greeting.changed", mailbox=recording.user, occasion=occasion)

    async def remove_greeting(self, user: int, occasion: str) -> None:
        """Go back to the system's greeting. Raises OSError."""
        if await self._run(lambda: self._greetings.remove(user, occasion)):
            log.info("greeting.removed", mailbox=user, occasion=occasion)

    async def expire(self, before: datetime) -> frozenset[int]:
        """Remove every message received before this time; whose mailboxes that changed.

        One mailbox at a time, so that callers' messages are stored in between.
        """
        changed = set()
        for user in await self._run(self._mailbox.mailboxes):
            if expired := await self._run(partial(self._mailbox.expire, user, before)):
                log.info("mailbox.expired", mailbox=user, messages=len(expired))
                changed.add(user)
        return frozenset(changed)

    async def remove(self, user: int) -> None:
        """Remove a whole mailbox (P7). Raises OSError."""
        await self._run(lambda: self._mailbox.remove(user))
        log.info("mailbox.removed", mailbox=user)

    async def repair(self) -> tuple[Message, ...]:
        """Finish what was interrupted once nobody writes any more; the messages that came of it.

        Raises StillWriting.
        """
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            await self._acquire(lock)
            return await self._run(self._repair_all)
        finally:
            os.close(lock)

    def close(self) -> None:
        """End the thread after what it has to do."""
        self._thread.shutdown()

    async def _run(self, change: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, change)

    async def _acquire(self, lock: int) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._lock_within
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if loop.time() > deadline:
                    raise StillWriting(f"{self._lock} is held by workers of another media host") from None
                await asyncio.sleep(0.05)
            else:
                return

    def _repair_all(self) -> tuple[Message, ...]:
        repaired = []
        for recording in tuple(self._mailbox.interrupted()):
            try:
                message = self._mailbox.repair(recording, self._min_seconds)
            except (OSError, ValueError, KeyError) as error:
                log.error(
                    "mailbox.repair_failed",
                    mailbox=recording.user,
                    message=recording.id,
                    error=repr(error),
                )
                continue
            log.info(
                "mailbox.repaired",
                mailbox=recording.user,
                message=recording.id,
                kept=message is not None,
                seconds=message.seconds if message else 0.0,
            )
            if message is not None:
                repaired.append(message)
        for user in self._mailbox.mailboxes():
            self._mailbox.clear_up(user)
        return tuple(repaired)
