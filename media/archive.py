"""The one writer of the mailboxes: stores finished recordings, and repairs interrupted ones at the start.

Its thread joins, measures and syncs files, so that the event loop never waits for a disk.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from media import wav
from media.mailbox import Mailbox, Message, Recording

log = structlog.get_logger()


class StillWriting(RuntimeError):
    """Workers of another host hold on to their recordings, which therefore cannot be repaired."""


class Archive:
    """Writes messages. `lock` is held (shared) by every worker that may still write a recording."""

    def __init__(self, mailbox: Mailbox, lock: Path, lock_within: float, min_seconds: float) -> None:
        self._mailbox = mailbox
        self._lock = lock
        self._lock_within = lock_within
        self._min_seconds = min_seconds
        self._thread = ThreadPoolExecutor(1, "mailbox")

    async def deposit(self, recording: Recording, cut_silent_end: bool) -> Message | None:
        """Make a message of a recording; None if it is too short, or cannot be stored now.

        What cannot be stored stays where it is, and the next start tries again.
        """
        try:
            message = await asyncio.get_running_loop().run_in_executor(
                self._thread, self._mailbox.deposit, recording, self._min_seconds, cut_silent_end
            )
        except (OSError, wav.NotRecording) as error:
            log.error("mailbox.store_failed", mailbox=recording.user, message=recording.id, error=repr(error))
            return None
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

    async def repair(self) -> None:
        """Finish interrupted recordings once nobody writes any more. Raises StillWriting."""
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            await self._acquire(lock)
            await asyncio.get_running_loop().run_in_executor(self._thread, self._repair_all)
        finally:
            os.close(lock)

    def close(self) -> None:
        """End the thread after what it has to do."""
        self._thread.shutdown()

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

    def _repair_all(self) -> None:
        for recording in list(self._mailbox.interrupted()):
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
