"""Mailboxes: voice messages as files on disk, safe against a kill at any moment.

    <root>/<user id>/new/<message id>.wav  .json      messages not heard yet
    <root>/<user id>/saved/…                          messages kept
    <root>/<user id>/deleted/…                        messages that the session which deleted them may restore
    <root>/<user id>/tmp/<message id>/                a recording in progress: envelope.json, part-0.wav,
    part-1.wav …; `incomplete` if the disk took no more; without envelope.json: of a greeting

A message exists once its .json is there, and that is written last. The recording is joined, brought to disk
(fsync), renamed into `new`, the folder brought to disk, and only then the .json goes the same way. A kill
before that leaves the recording in `tmp`, where `repair` finds it at the next start and finishes it. A
message that is saved, deleted or restored gets a second name for its sound first. Then its .json is renamed,
which is the one moment at which it changes its place, and then the first name goes. So it is listed exactly
once at any time. One process writes, any may read. Message ids sort by the time of reception.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from media import wav
from media.message import STATES, Counts, Envelope, Message, State, envelope_from_json, envelope_to_json

log = structlog.get_logger()

DELETED = "deleted"
ENVELOPE = "envelope.json"
INCOMPLETE = "incomplete"
TRAILING_SILENCE = 0.5
"""What is kept after the last sound when a recording's silent end is cut off, in seconds."""


class DiskFull(OSError):
    """The disk that holds the mailboxes has no room for another message."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A message in the making: its folder below `tmp`, into which parts are recorded one after the other."""

    user: int
    id: str
    folder: Path

    def parts(self) -> tuple[Path, ...]:
        """The parts recorded so far, in order."""
        return tuple(sorted(self.folder.glob("part-*.wav"), key=lambda path: int(path.stem[5:])))

    def next_part(self) -> Path:
        """Where the next part goes; the file does not exist yet."""
        return self.folder / f"part-{len(self.parts())}.wav"

    def mark_incomplete(self) -> None:
        """Say on disk that the end is missing: an empty file, for which even a full disk mostly has room."""
        with suppress(OSError):
            (self.folder / INCOMPLETE).touch()

    @property
    def is_incomplete(self) -> bool:
        """Whether the disk took no more before the caller had ended."""
        return (self.folder / INCOMPLETE).exists()

    def seconds(self) -> float:
        """The length of all parts."""
        return sum(wav.seconds(part) for part in self.parts())


class Mailbox:
    """All mailboxes below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, user: int) -> Path:
        """The folder of a user's mailbox, which need not exist yet."""
        return self.root / str(user)

    def mailboxes(self) -> tuple[int, ...]:
        """The user ids that have a mailbox, in order."""
        if not self.root.is_dir():
            return ()
        return tuple(sorted(int(entry.name) for entry in self.root.iterdir() if entry.name.isdecimal()))

    def list(self, user: int) -> tuple[Message, ...]:
        """A user's messages, oldest first; nothing for a user without a mailbox. Damaged ones are left out, and named
        in the log.
        """
        found = {
            message.id: message
            for state in STATES
            for path in (self.path(user) / state).glob("*.json")
            if (message := self._read(user, state, path)) is not None
        }  # one that is saved meanwhile counts once
        return tuple(found[id] for id in sorted(found))

    def find(self, user: int, message: str) -> Message | None:
        """A message by its id, wherever it now is; `None` if it is not there, or deleted."""
        for state in STATES:
            found = self._read(user, state, self.path(user) / state / f"{message}.json")
            if found is not None:
                return found
        return None

    def counts(self, user: int) -> Counts:
        """How many messages a user has, new and saved."""
        new, saved = (sum(1 for _ in (self.path(user) / state).glob("*.json")) for state in ("new", "saved"))
        return Counts(new, saved)

    def free_bytes(self) -> int:
        """Room left on the disk that holds the mailboxes."""
        self.root.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(self.root).free

    def begin(self, user: int, envelope: Envelope, session: str) -> Recording:
        """Make room for a recording. `session` makes its id unique. Raises DiskFull.

        The envelope is not brought to disk here: it must outlive this process, not the machine.
        """
        id = f"{_stamp(envelope.received)}-{session}"
        recording = Recording(user, id, self.path(user) / "tmp" / id)
        try:
            for state in STATES:
                (self.path(user) / state).mkdir(parents=True, exist_ok=True)
            recording.folder.mkdir(parents=True)
            _write(recording.folder / ENVELOPE, envelope_to_json(envelope))
        except OSError as error:
            shutil.rmtree(recording.folder, ignore_errors=True)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull(*error.args) from error
            raise
        return recording

    def greeting(self, user: int, session: str) -> Recording:
        """Where to record a greeting; its folder is made with the first part, and never becomes a message."""
        return Recording(user, session, self.path(user) / "tmp" / session)

    def drop(self, recording: Recording) -> None:
        """Forget a recording and its sound, if there is any."""
        if recording.folder.exists():
            shutil.rmtree(recording.folder)

    def save(self, user: int, message: str) -> bool:
        """Make a new message a saved one, on disk; whether there was a new one of this id."""
        return self._shift(user, message, "new", "saved")

    def delete(self, user: int, message: str) -> bool:
        """Put a message out of the way, on disk, until `restore` or `purge`; whether it was there."""
        return any(self._shift(user, message, state, DELETED) for state in STATES)

    def restore(self, user: int, message: str, state: State) -> bool:
        """Bring a deleted message back, on disk; whether it was there."""
        return self._shift(user, message, DELETED, state)

    def purge(self, user: int, messages: Iterable[str] | None = None) -> None:
        """Remove these deleted messages, or all, for good."""
        if messages is None:
            messages = [path.stem for path in (self.path(user) / DELETED).glob("*.json")]
        for message in messages:
            self._remove(self.path(user) / DELETED / f"{message}.json")

    def expire(self, user: int, before: datetime) -> tuple[str, ...]:
        """Remove the messages received before this (aware) time for good; their ids."""
        end = _stamp(before)
        expired = [
            record
            for state in STATES
            for record in (self.path(user) / state).glob("*.json")
            if record.stem < end
        ]
        for record in expired:
            self._remove(record)
        return tuple(record.stem for record in expired)

    def remove(self, user: int) -> None:
        """Remove a whole mailbox, greetings included."""
        shutil.rmtree(self.path(user))

    def clear_up(self, user: int) -> None:
        """Finish what kills interrupted: nobody can restore what is deleted, and sounds without a message go.

        A sound whose recording is still in `tmp` is left alone: it is no message yet.
        """
        self.purge(user)
        for state in (*STATES, DELETED):
            for sound in (self.path(user) / state).glob("*.wav"):
                recording = self.path(user) / "tmp" / sound.stem
                if not sound.with_suffix(".json").exists() and not recording.exists():
                    sound.unlink()

    def deposit(
        self, recording: Recording, min_seconds: float = 0.0, cut_silent_end: bool = False
    ) -> Message | None:
        """Make a message of a recording, or drop it (None) if it holds under `min_seconds` of sound.

        Counted from the first sound to the last. `cut_silent_end` removes the silence after the last sound
        but for half a second. When this returns the message is on disk.
        """
        kept = self.path(recording.user) / "new" / f"{recording.id}.wav"
        if not kept.exists():
            samples = wav.join(recording.parts())
            span = wav.sound_span(samples)
            if span.seconds < min_seconds or not samples:
                self.drop(recording)
                return None
            if cut_silent_end:
                samples = samples[: 2 * int((span.end + TRAILING_SILENCE) * wav.RATE)]
            joined = recording.folder / "message.wav"
            try:
                wav.write(joined, samples)
            except OSError:
                joined.unlink(missing_ok=True)  # half a copy takes the room that the next try needs
                raise
            _move(joined, kept)
        envelope = envelope_from_json(json.loads((recording.folder / ENVELOPE).read_text("utf-8")))
        seconds, incomplete = round(wav.seconds(kept), 2), recording.is_incomplete
        message = Message(recording.id, recording.user, "new", envelope, seconds, kept, incomplete)
        record = recording.folder / "message.json"
        known = envelope_to_json(envelope) | {"seconds": seconds}
        _write(record, known | {"incomplete": True} if incomplete else known)
        _move(record, kept.with_suffix(".json"))
        self.drop(recording)
        return message

    def interrupted(self) -> Iterator[Recording]:
        """Recordings that a process left behind. Those without an envelope hold no sound and are removed."""
        for user in self.mailboxes():
            for folder in sorted((self.path(user) / "tmp").glob("*")):
                recording = Recording(user, folder.name, folder)
                if (folder / ENVELOPE).exists():
                    yield recording
                else:
                    self.drop(recording)

    def repair(self, recording: Recording, min_seconds: float = 0.0) -> Message | None:
        """Finish an interrupted recording: keep it as far as it came, or drop it if that is too short.

        None too if the message was complete and only its working files had stayed behind.
        """
        if any((self.path(recording.user) / state / f"{recording.id}.json").exists() for state in STATES):
            self.drop(recording)
            return None
        return self.deposit(recording, min_seconds)

    def _shift(self, user: int, message: str, source: str, target: str) -> bool:
        """Move a message to another folder, so that a kill at any moment leaves it in one of the two."""
        record = self.path(user) / source / f"{message}.json"
        moved = self.path(user) / target / record.name
        if not record.exists():
            return False
        moved.parent.mkdir(exist_ok=True)
        sound, second = record.with_suffix(".wav"), moved.with_suffix(".wav")
        second.unlink(missing_ok=True)  # left by an attempt that was interrupted
        second.hardlink_to(sound)
        _sync(second.parent)
        record.rename(moved)
        _sync(moved.parent)
        _sync(record.parent)
        sound.unlink()
        return True

    @staticmethod
    def _remove(record: Path) -> None:
        record.unlink(missing_ok=True)
        record.with_suffix(".wav").unlink(missing_ok=True)

    def _read(self, user: int, state: State, path: Path) -> Message | None:
        try:
            values = json.loads(path.read_text("utf-8"))
            envelope, seconds = envelope_from_json(values), float(values["seconds"])
        except FileNotFoundError:
            return None  # moved or deleted meanwhile
        except (ValueError, TypeError, KeyError) as error:
            log.error("mailbox.message_damaged", mailbox=user, message=path.stem, reason=repr(error))
            return None
        incomplete = values.get("incomplete") is True
        return Message(path.stem, user, state, envelope, seconds, path.with_suffix(".wav"), incomplete)


def _stamp(moment: datetime) -> str:
    """What an id begins with: it sorts by the time."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%S%f")


def _write(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move(source: Path, target: Path) -> None:
    """Bring a file to disk under its final name: the file, its new name, the folder that holds the name."""
    _sync(source)
    source.rename(target)
    _sync(target.parent)
