"""Backups: the database, its key, the finished voice messages and the greetings as they were at one moment.

    <folder>/ringplan-<UTC time>/manifest.json        what it is, and each file's size and SHA-256
                                 ringplan.db           the database, one file without a write-ahead log
                                 secret.key            the key of the passwords in it
                                 mailbox/<user id>/<state>/<message id>.wav  .json
                                 mailbox/<user id>/greetings/<occasion>.wav

The service may run meanwhile. While writers are kept out of the database, for as long as it takes to list the
messages and greetings, a reading transaction is begun; the database is copied from that later, whatever is
written by then. So the copy of the database names no message that was not listed, and nothing that was listed
belongs to a user whom the copy does not know, and whose number it would give to somebody else. A greeting that
is replaced meanwhile is copied as the old one or the new one, whole.

A backup gets its name when all of it is on disk. Until then it is `.ringplan-….part`; what a killed
process left behind is removed by the next backup.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from media.greetings import Greetings
from media.mailbox import Mailbox
from media.message import STATES, Occasion
from provisioning.store.database import DATABASE, KEY, trouble
from provisioning.store.errors import StoreError
from provisioning.store.secrets import read_key

MAILBOX = "mailbox"
MANIFEST = "manifest.json"
BUSY_TIMEOUT = 30.0
"""Seconds that a backup waits for the transaction of another writer."""
CHUNK = 1 << 20


class BackupError(StoreError):
    """The backup cannot be taken or put back; the text says why and what to do."""


class BackupFile(BaseModel):
    """A file of a backup: its path in it, its bytes, and their SHA-256 in hex."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    size: int
    sha256: str


class Manifest(BaseModel):
    """What a backup is: of which moment (UTC), by which version, of which schema, with which files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    ringplan: str
    taken_at: datetime
    schema_revision: str
    messages: int
    greetings: int
    files: tuple[BackupFile, ...]

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was taken. `left_out` are messages whose sound is missing, and what is only a link."""

    path: Path
    manifest: Manifest
    left_out: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class _Listed:
    """A message as it was listed: its mailbox and id. It may be moved to another state before it is copied."""

    user: int
    id: str


def take_backup(data_dir: Path, folder: Path) -> Backup:
    """Back `data_dir` up into a new folder below `folder`, both made 0700 and every file 0600.

    Raises BackupError, or StoreError for a key that is missing or broken; no backup is there then.
    """
    if not (data_dir / DATABASE).exists():
        raise BackupError(f"There is nothing to back up: {data_dir / DATABASE} does not exist.")
    read_key(data_dir / KEY)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _unfinished(folder) as part:
            with _one_moment(data_dir / DATABASE) as source:
                taken_at = datetime.now(UTC)
                messages, left_out = list_messages(data_dir / MAILBOX)
                greetings, links = list_greetings(data_dir / MAILBOX)
                source.release()
                revision = source.copy(part / DATABASE)
            files = [describe(part / DATABASE, DATABASE), copy_file(data_dir / KEY, part, KEY)]
            copied = 0
            for message in messages:
                if found := _copy_message(data_dir, message, part):
                    files += found
                    copied += 1
                else:
                    left_out.append(data_dir / MAILBOX / str(message.user) / message.id)
            kept = [copy for greeting in greetings if (copy := _copy_greeting(data_dir, greeting, part))]
            manifest = Manifest(
                ringplan=version("ringplan"),
                taken_at=taken_at,
                schema_revision=revision,
                messages=copied,
                greetings=len(kept),
                files=(*files, *kept),
            )
            (part / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", "utf-8")
            (part / MANIFEST).chmod(0o600)
            sync_tree(part)
            final = folder / f"ringplan-{taken_at:%Y%m%dT%H%M%SZ}"
            if final.exists():
                raise BackupError(f"{final} is already there.")
            part.rename(final)
            sync(folder)
    except OSError as error:
        raise BackupError(f"The backup in {folder} was not taken: {error}.") from error
    except sqlite3.Error as error:
        told = trouble(data_dir / DATABASE, error)
        room = told is not None and told.kind in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
        hint = "; is there room on its disk and on that of the backup (df -h)?" if room else "."
        raise BackupError(f"{data_dir / DATABASE} cannot be copied: {error}{hint}") from error
    return Backup(final, manifest, (*left_out, *links))


def list_messages(root: Path) -> tuple[list[_Listed], list[Path]]:
    """The finished messages below the mailboxes' folder, and what is a link, which is never followed."""
    mailbox, listed, links = Mailbox(root), list[_Listed](), list[Path]()
    for user in mailbox.mailboxes():
        if mailbox.path(user).is_symlink():
            links.append(mailbox.path(user))
            continue
        for state in STATES:
            folder = mailbox.path(user) / state
            if folder.is_symlink():
                links.append(folder)
                continue
            for envelope in sorted(folder.glob("*.json")):
                if envelope.is_symlink() or envelope.with_suffix(".wav").is_symlink():
                    links.append(envelope)
                else:
                    listed.append(_Listed(user, envelope.stem))
    return listed, links


def list_greetings(root: Path) -> tuple[list[Path], list[Path]]:
    """The users' own greetings below the mailboxes' folder, and what is a link; links to mailboxes not again."""
    mailbox, greetings, listed, links = Mailbox(root), Greetings(root), list[Path](), list[Path]()
    for user in mailbox.mailboxes():
        if mailbox.path(user).is_symlink():
            continue
        for occasion in Occasion:
            path = greetings.path(user, occasion)
            if path.parent.is_symlink():
                links.append(path.parent)
                break
            if path.is_symlink():
                links.append(path)
            elif path.exists():
                listed.append(path)
    return listed, links


def copy_file(source: Path, root: Path, path: str) -> BackupFile:
    """Copy a file, which may not be a link, to `path` below `root`, made with mode 0600 and brought to disk."""
    target, digest, size = root / path, hashlib.sha256(), 0
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as original:
        for parent in reversed(Path(path).parents):
            (root / parent).mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
            while chunk := original.read(CHUNK):
                copy.write(chunk)
                digest.update(chunk)
                size += len(chunk)
            copy.flush()
            os.fsync(copy.fileno())
    return BackupFile(path=path, size=size, sha256=digest.hexdigest())


def describe(file: Path, path: str) -> BackupFile:
    """The entry of a file that is already in its place."""
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256")
    return BackupFile(path=path, size=file.stat().st_size, sha256=digest.hexdigest())


def check_database(path: Path) -> str:
    """The schema revision of a copied database. Raises BackupError if it is damaged, or cannot be read."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if verdict != "ok":
                raise BackupError(f"{path.name} is damaged: {verdict}.")
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        told = trouble(path, error)
        if told is not None and not told.is_damage:
            raise BackupError(f"{path} cannot be read: {error}.") from error
        raise BackupError(f"{path.name} is damaged or not Ringplan's: {error}.") from error
    return str(row[0]) if row else "base"


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(root: Path) -> None:
    """Bring everything below a folder to disk, and the folder."""
    for path in (*root.rglob("*"), root):
        sync(path)


class _Source:
    """The database at the moment in which nobody could write it."""

    def __init__(self, writer: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        self._writer = writer
        self._reader = reader

    def release(self) -> None:
        """Let others write again; the reading transaction goes on seeing that moment."""
        self._writer.execute("ROLLBACK")

    def copy(self, target: Path) -> str:
        """Copy what was there at that moment; returns its schema revision. Raises BackupError if damaged."""
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(target)) as copy:
            self._reader.backup(copy)
            # One file that can be read without a write-ahead log beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
        return check_database(target)


@contextmanager
def _one_moment(path: Path) -> Iterator[_Source]:
    """Keep writers out and begin to read. Raises sqlite3.OperationalError if a writer does not end in time."""
    where = f"{path.absolute().as_uri()}?mode=rw"
    with (
        closing(sqlite3.connect(where, BUSY_TIMEOUT, isolation_level=None, uri=True)) as writer,
        closing(sqlite3.connect(where, BUSY_TIMEOUT, isolation_level=None, uri=True)) as reader,
    ):
        writer.execute("BEGIN IMMEDIATE")
        reader.execute("BEGIN")
        reader.execute("SELECT version_num FROM alembic_version").fetchone()
        yield _Source(writer, reader)


@contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    """A new folder below `folder`, removed unless it was renamed; what killed backups left is removed first.

    `folder` is locked meanwhile. Raises BackupError if another backup has it.
    """
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"Another backup is being written to {folder}.") from None
        for dead in folder.glob(".ringplan-*.part"):
            shutil.rmtree(dead)
        part = Path(tempfile.mkdtemp(prefix=".ringplan-", suffix=".part", dir=folder))
        try:
            yield part
        finally:
            if part.exists():
                shutil.rmtree(part)
    finally:
        os.close(lock)


def _copy_message(data_dir: Path, message: _Listed, part: Path) -> list[BackupFile] | None:
    """Sound first, then envelope, as they are stored; None if it is in no state, or without its sound.

    Twice round, because it may be moved from one state to another between the looks.
    """
    for state in (*STATES, *STATES):
        sound = f"{MAILBOX}/{message.user}/{state}/{message.id}.wav"
        envelope = f"{MAILBOX}/{message.user}/{state}/{message.id}.json"
        try:
            return [copy_file(data_dir / path, part, path) for path in (sound, envelope)]
        except FileNotFoundError:
            (part / sound).unlink(missing_ok=True)
    return None


def _copy_greeting(data_dir: Path, greeting: Path, part: Path) -> BackupFile | None:
    """None if the user has removed it meanwhile."""
    try:
        return copy_file(greeting, part, str(greeting.relative_to(data_dir)))
    except FileNotFoundError:
        return None
