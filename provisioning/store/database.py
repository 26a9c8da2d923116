"""The SQLite file: created, checked, copied and brought to this version's schema before anyone opens it.

Everything here is synchronous and runs once at start, in a thread, under a lock that keeps two starting
processes apart.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from provisioning.store.errors import StoreError, no_room, unusable
from provisioning.store.secrets import SecretKey, create_key, read_key

DATABASE = "ringplan.db"
KEY = "secret.key"
BACKUPS = "backups"
MIGRATIONS = Path(__file__).parent / "migrations"
DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
UNEXPLAINED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR)
"""Of these SQLite knows why, but does not say it: a disk too full for its shared memory is a "disk I/O error"."""
SHARED_MEMORY = 32768
"""Bytes of the file that SQLite makes beside a database with a write-ahead log."""


def prepare(data_dir: Path) -> tuple[Path, SecretKey]:
    """The database of `data_dir`, sound and of this version's schema, and its key; both new if there is none.

    A file of an older schema is copied to DATA/backups first. Raises StoreError, with the remedy, if the file
    is damaged, empty, of a newer version, not ours, if its key is missing, or if the disk is full, read-only or
    closed to us; nothing is changed then.
    """
    path = data_dir / DATABASE
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _lock(data_dir / "database.lock"):
            if not path.exists():
                return path, _create(path)
            key = read_key(data_dir / KEY)
            revision = _check(path)
            if revision != head_revision():
                _copy(path, data_dir / BACKUPS / f"ringplan-{revision}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.db")
                _migrate(path)
            return path, key
    except OSError as error:
        raise StoreError(unusable(data_dir, error)) from error
    except (sqlite3.Error, DBAPIError) as error:
        told = trouble(path, error)
        if told is None:
            raise
        if told.kind in UNEXPLAINED:
            _try_what_sqlite_could_not(path)
        raise told from error


class Trouble(StoreError):
    """What SQLite said of the file, by its primary result code `kind`."""

    def __init__(self, kind: int, text: str) -> None:
        super().__init__(text)
        self.kind = kind

    @property
    def is_damage(self) -> bool:
        """Whether the file itself is not what it was."""
        return self.kind in DAMAGE


def trouble(path: Path, error: sqlite3.Error | DBAPIError) -> Trouble | None:
    """What is wrong with the file or its disk, and the remedy; None where the fault is in what was asked of it.

    The codes: https://sqlite.org/rescode.html.
    """
    said = error.orig if isinstance(error, DBAPIError) else error
    kind = getattr(said, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    name = getattr(said, "sqlite_errorname", "")
    match kind:
        case kind if kind in DAMAGE:
            return Trouble(kind, _damaged(path, str(said)))
        case sqlite3.SQLITE_FULL:
            return Trouble(kind, no_room(path.parent, str(said)))
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Trouble(
                kind,
                f"Another process keeps {path} locked ({said}). End it (fuser {path}), or try again later.",
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return Trouble(
                kind,
                f"{path} cannot be opened and written ({said}, {name}). It, {path.name}-wal, {path.name}-shm and the "
                "folder must belong to the user who runs Ringplan, on a file system that is not read-only.",
            )
        case sqlite3.SQLITE_IOERR:
            return Trouble(
                kind,
                f"The disk that holds {path} fails ({said}, {name}), or there is no room on it (df -h). The file "
                "itself may be sound; dmesg says more.",
            )
        case _:
            return None


def _try_what_sqlite_could_not(path: Path) -> None:
    """Open the files for writing, and write as much as SQLite needs. Raises StoreError where the system says why."""
    try:
        for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            if file.exists():
                os.close(os.open(file, os.O_RDWR))
        with tempfile.TemporaryFile(dir=path.parent, buffering=0) as probe:
            left = SHARED_MEMORY
            while left:
                left -= probe.write(bytes(left))
            os.fsync(probe.fileno())
    except OSError as error:
        raise StoreError(unusable(path.parent, error)) from error


def revisions() -> tuple[str, ...]:
    """The schema revisions that this version of Ringplan knows, oldest first: each file of them begins with its own."""
    return tuple(
        sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))
    )


def head_revision() -> str:
    """The schema revision that this version of Ringplan reads and writes."""
    return revisions()[-1]


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _create(path: Path) -> SecretKey:
    """Built aside and renamed, so that a kill at any moment leaves no half database behind."""
    key_path = path.with_name(KEY)
    key = read_key(key_path) if key_path.exists() else create_key(key_path)
    new = path.with_suffix(".new")
    for leftover in path.parent.glob(f"{new.name}*"):
        leftover.unlink()
    new.touch(mode=0o600)
    _migrate(new)
    new.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return key


def _migrate(path: Path) -> None:
    """All revisions that are missing, in one transaction."""
    import_module("provisioning.store.migrating").upgrade(path, MIGRATIONS)


def _check(path: Path) -> str:
    """The revision of a sound file that this version can use."""
    if path.stat().st_size == 0:
        raise StoreError(_damaged(path, "it is empty"))
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as connection:
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise StoreError(_damaged(path, verdict))
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if "alembic_version" not in tables or "settings_version" not in tables:
            raise StoreError(f"{path} is not a Ringplan database. Move it away, or name another data_dir.")
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    revision = str(row[0]) if row else "base"
    if revision not in ("base", *revisions()):
        raise StoreError(
            f"{path} was written by a newer version of Ringplan (schema {revision}; this version's is "
            f"{head_revision()}). Start that version, or restore a copy from {path.parent / BACKUPS}."
        )
    return revision


def _damaged(path: Path, why: str) -> str:
    copies = sorted((path.parent / BACKUPS).glob("ringplan-*.db"), key=lambda copy: copy.stat().st_mtime)
    restore = f"cp {copies[-1]} {path}" if copies else f"cp YOUR-BACKUP {path}"
    return (
        f"{path} is damaged ({' '.join(why.split())}). It was left as it is. Stop Ringplan, move {path.name}, "
        f"{path.name}-wal and {path.name}-shm away, then restore a copy ({restore}) or save what can be read "
        f"(sqlite3 MOVED-FILE .recover | sqlite3 {path})."
    )


def _copy(source: Path, target: Path) -> None:
    """A consistent copy, what is still in the write-ahead log included; it has its name once it is whole."""
    target.parent.mkdir(mode=0o700, exist_ok=True)
    part = target.with_suffix(".part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(part)) as copy:
            old.backup(copy)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
