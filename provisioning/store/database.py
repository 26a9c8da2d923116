"""The SQLite file: created, checked, copied and brought to this version's schema before anyone opens it.

Everything here is synchronous and runs once at start, in a thread, under a lock that keeps two starting
processes apart.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event

from provisioning.store.errors import StoreError
from provisioning.store.secrets import SecretKey, create_key, read_key

DATABASE = "ringplan.db"
KEY = "secret.key"
BACKUPS = "backups"
MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(data_dir: Path) -> tuple[Path, SecretKey]:
    """The database of `data_dir`, sound and of this version's schema, and its key; both new if there is none.

    A file of an older schema is copied to DATA/backups first. Raises StoreError, with the remedy, if the file
    is damaged, empty, of a newer version, not ours, or if its key is missing; nothing is changed then.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _lock(data_dir / "database.lock"):
            path = data_dir / DATABASE
            if not path.exists():
                return path, _create(path)
            key = read_key(data_dir / KEY)
            revision = _check(path)
            if revision != head_revision():
                _copy(path, data_dir / BACKUPS / f"ringplan-{revision}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.db")
                _migrate(path)
            return path, key
    except OSError as error:
        raise StoreError(f"The data directory {data_dir} cannot be used: {error}.") from error


def head_revision() -> str:
    """The schema revision that this version of Ringplan reads and writes."""
    head = ScriptDirectory.from_config(_alembic()).get_current_head()
    assert head is not None
    return head


def begin_transactions(engine: Engine) -> None:
    """Begin every transaction where SQLAlchemy says so, with the option `begin` of the connection.

    Python's sqlite3 would do it itself: late, and neither for reading nor for changes of the schema.
    """

    @event.listens_for(engine, "connect")
    def leave_it_to_us(connection: Any, record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


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
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    begin_transactions(engine)
    config = _alembic()
    config.attributes["connection"] = engine
    command.upgrade(config, "head")


def _check(path: Path) -> str:
    """The revision of a sound file that this version can use."""
    if path.stat().st_size == 0:
        raise _damaged(path, "it is empty")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as connection:
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if verdict != "ok":
                raise _damaged(path, verdict)
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if "alembic_version" not in tables or "settings_version" not in tables:
                raise StoreError(
                    f"{path} is not a Ringplan database. Move it away, or name another data_dir."
                )
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise _damaged(path, str(error)) from error
    revision = str(row[0]) if row else "base"
    try:
        ScriptDirectory.from_config(_alembic()).get_revision(revision)
    except CommandError:
        raise StoreError(
            f"{path} was written by a newer version of Ringplan (schema {revision}; this version's is "
            f"{head_revision()}). Start that version, or restore a copy from {path.parent / BACKUPS}."
        ) from None
    return revision


def _damaged(path: Path, why: str) -> StoreError:
    copies = sorted((path.parent / BACKUPS).glob("ringplan-*.db"), key=lambda copy: copy.stat().st_mtime)
    restore = f"cp {copies[-1]} {path}" if copies else f"cp YOUR-BACKUP {path}"
    return StoreError(
        f"{path} is damaged ({' '.join(why.split())}). It was left as it is. Stop Ringplan, move {path.name}, "
        f"{path.name}-wal and {path.name}-shm away, then restore a copy ({restore}) or save what can be read "
        f"(sqlite3 MOVED-FILE .recover | sqlite3 {path})."
    )


def _copy(source: Path, target: Path) -> None:
    """A consistent copy, what is still in the write-ahead log included."""
    target.parent.mkdir(mode=0o700, exist_ok=True)
    target.touch(mode=0o600)
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as copy:
        old.backup(copy)
