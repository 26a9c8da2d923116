"""One caller's visit to a mailbox: what can be heard there, and what a script asks of it and of the users' side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import structlog

from media import wav
from media.archive import Archive, NotStored
from media.greetings import Greetings
from media.mailbox import Mailbox, Recording
from media.message import Message
from media.owners import Owners, OwnersUnavailable, PinVerdict
from media.scripts import script
from media.scripts.script import (
    Answer,
    Arrival,
    Arrive,
    CheckPin,
    Delete,
    Done,
    Errand,
    Failed,
    Keep,
    Kept,
    Open,
    Opened,
    PinChecked,
    PinSet,
    RemoveGreeting,
    Restore,
    Save,
    SetPin,
    Sound,
    UseGreeting,
)

log = structlog.get_logger()

OWNERS_WITHIN = 10.0
"""How long the users' side may take, in seconds, before a caller is told that the service is unavailable."""


def _reason(errand: Errand, error: Exception) -> str:
    """What the log says of a failure: where a PIN was at stake, only what the users' side says on purpose."""
    if isinstance(errand, CheckPin | SetPin) and not isinstance(error, OwnersUnavailable):
        return type(error).__name__
    return repr(error)


@dataclass(frozen=True, slots=True)
class House:
    """What all visits share: the mailboxes, who writes them, and whom to tell of changes."""

    mailbox: Mailbox
    greetings: Greetings
    archive: Archive
    owners: Owners
    prompts: Path
    stored: Callable[[str, Message], None]
    """A message of a session is safe on disk."""
    changed: Callable[[int], None]
    """The counts of a user's mailbox are others than before."""


@dataclass(slots=True)
class Visit:
    """One session's. `recording` is where it records, if it ever does."""

    house: House
    token: str
    user: int
    recording: Recording | None
    kept: bool = False
    """Whether a message was made, or tried to be made, of what was recorded."""
    _deleted: set[str] = field(default_factory=set)

    def files(self, sound: Sound) -> tuple[Path, ...]:
        """The WAV files of a sound; none if it is not there, or no longer."""
        match sound:
            case script.Stored(message=id):
                message = self.house.mailbox.find(self.user, id)
                return () if message is None else (message.path,)
            case script.Greeting(occasion=occasion):
                path = self.house.greetings.of(self.user, occasion)
                return () if path is None else (path,)
            case script.Recording():
                parts = self.recording.parts() if self.recording is not None else ()
                return tuple(part for part in parts if wav.sample_bytes(part))
            case str():
                return (self.house.prompts / f"{sound}.wav",)

    async def mend(self) -> None:
        """A worker died: what it recorded last is to be heard as far as it came."""
        if self.recording is not None and not self.kept:
            with suppress(OSError):  # then it cannot be heard, but it can still be kept
                await self.house.archive.mend(self.recording)

    def next_part(self) -> Path:
        """Where to record now. Raises OSError, too in a visit that was given no place to record."""
        if self.recording is None:
            raise FileNotFoundError("this visit records nothing")
        self.recording.folder.mkdir(parents=True, exist_ok=True)
        return self.recording.next_part()

    def recorded_seconds(self) -> float:
        """The length of what was recorded so far."""
        return self.recording.seconds() if self.recording is not None else 0.0

    def cut_off(self) -> None:
        """The disk takes no more of what is recorded: that is said of the message."""
        log.error(
            "mailbox.recording_cut",
            mailbox=self.user,
            session=self.token,
            seconds=round(self.recorded_seconds(), 1),
        )
        if self.recording is not None:
            self.recording.mark_incomplete()

    def forget(self) -> None:
        """Drop what was recorded."""
        for part in self.recording.parts() if self.recording is not None else ():
            part.unlink(missing_ok=True)

    async def run(self, errand: Errand) -> Answer:
        """Do what a script asks; Failed, and a line in the log, when it cannot be done."""
        try:
            match errand:
                case Arrive() | CheckPin() | SetPin():
                    async with asyncio.timeout(OWNERS_WITHIN):
                        return await self._ask(errand)
                case _:
                    return await self._change(errand)
        except (
            Exception
        ) as error:  # whatever the database or the disk raises: the caller is told, others go on
            log.error(
                "media.errand_failed",
                mailbox=self.user,
                session=self.token,
                errand=type(errand).__name__,
                reason=_reason(errand, error),
            )
            return Failed()

    async def leave(self) -> None:
        """The session is over: nothing can be restored any more, and what was not kept goes."""
        try:
            if self._deleted:
                await self.house.archive.purge(self.user, frozenset(self._deleted))
            if self.recording is not None and not self.kept:
                self.house.mailbox.drop(self.recording)
        except OSError as error:  # the next start clears up
            log.error("mailbox.purge_failed", mailbox=self.user, error=repr(error))

    async def _ask(self, question: Arrive | CheckPin | SetPin) -> Answer:
        """The users' side. No PIN is ever logged."""
        owners = self.house.owners
        match question:
            case Arrive():
                owner, locked = await owners.owner(self.user), await owners.locked(self.user)
                if owner is None or not owner.has_pin:
                    log.warning("portal.refused", mailbox=self.user, session=self.token, reason="no-pin")
                elif locked:
                    log.warning("portal.refused", mailbox=self.user, session=self.token, reason="locked")
                return Arrival(owner, locked)
            case CheckPin(pin=pin):
                verdict = await owners.check_pin(self.user, pin)
                if verdict is PinVerdict.RIGHT:
                    log.info("portal.opened", mailbox=self.user, session=self.token)
                else:
                    log.warning("portal.refused", mailbox=self.user, session=self.token, reason=verdict.value)
                return PinChecked(verdict)
            case SetPin(pin=pin):
                problem = await owners.set_pin(self.user, pin)
                if problem is None:
                    log.info("portal.pin_changed", mailbox=self.user, session=self.token)
                return PinSet(problem)

    async def _change(self, errand: Errand) -> Answer:
        """Mailbox and greetings."""
        archive, changed = self.house.archive, False
        match errand:
            case Keep(cut_silent_end=cut):
                return await self._keep(cut)
            case Open():
                return Opened(await archive.list(self.user), datetime.now(UTC))
            case Save(message=id):
                changed = await archive.save(self.user, id)
            case Delete(message=id):
                if changed := await archive.delete(self.user, id):
                    self._deleted.add(id)
            case Restore(message=id, state=state):
                changed = await archive.restore(self.user, id, state)
                self._deleted.discard(id)
            case UseGreeting(occasion=occasion) if self.recording is not None:
                await archive.use_greeting(self.recording, occasion)
            case RemoveGreeting(occasion=occasion):
                await archive.remove_greeting(self.user, occasion)
        if changed:
            self.house.changed(self.user)
        return Done()

    async def _keep(self, cut_silent_end: bool) -> Answer:
        if self.recording is None or self.kept:
            return Kept(False)
        self.kept = True
        try:
            message = await self.house.archive.deposit(self.recording, cut_silent_end)
        except NotStored:
            return Failed()
        if message is not None:
            self.house.stored(self.token, message)
            self.house.changed(self.user)
        return Kept(message is not None)
