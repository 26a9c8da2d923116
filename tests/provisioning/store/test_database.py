from __future__ import annotations

import errno
import re
import resource
import shutil
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from provisioning.store import database
from provisioning.store.database import head_revision, prepare, trouble
from provisioning.store.errors import StoreError, unusable
from provisioning.store.secrets import SecretKey

HEAD = head_revision()


def execute(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement).fetchall()


def test_a_new_data_directory_gets_a_database_and_a_key_that_are_the_owners_alone(tmp_path: Path) -> None:
    path, _ = prepare(tmp_path / "deep" / "data")
    assert path == tmp_path / "deep" / "data" / "ringplan.db"
    assert execute(path, "SELECT version FROM settings_version") == [(1,)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.with_name("secret.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not list(path.parent.glob("*.new*"))


def test_an_odd_path_is_taken_as_it_is(tmp_path: Path) -> None:
    path, _ = prepare(tmp_path / "50% off?#x")
    assert path.exists()


def test_a_second_start_finds_its_data_and_its_key_and_copies_nothing(tmp_path: Path) -> None:
    path, key = prepare(tmp_path)
    token = key.encrypt("a password")
    execute(path, "UPDATE settings_version SET version = 7")
    again, same_key = prepare(tmp_path)
    assert execute(again, "SELECT version FROM settings_version") == [(7,)]
    assert same_key.decrypt(token) == "a password"
    assert not (tmp_path / "backups").exists()


def test_a_kill_while_the_first_database_was_made_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "ringplan.new").write_bytes(b"half a database")
    (tmp_path / "ringplan.new-journal").write_bytes(b"its journal")
    path, _ = prepare(tmp_path)
    assert execute(path, "PRAGMA integrity_check") == [("ok",)]
    assert not list(tmp_path.glob("*.new*"))


@pytest.fixture
def next_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The migrations with one more, which adds a table; the path of its file."""
    migrations = tmp_path / "migrations"
    shutil.copytree(database.MIGRATIONS, migrations)
    revision = migrations / "versions" / "9998_next.py"
    revision.write_text(
        "from alembic import op\n"
        "import sqlalchemy as sa\n"
        f"revision, down_revision = '9998', {head_revision()!r}\n"
        "def upgrade() -> None:\n"
        "    op.create_table('added', sa.Column('x', sa.Integer()))\n"
    )
    monkeypatch.setattr(database, "MIGRATIONS", migrations)
    return revision


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A data directory of this version."""
    prepare(tmp_path / "data")
    return tmp_path / "data"


def test_an_older_schema_is_copied_with_what_is_in_the_log_and_then_migrated(
    older: Path, next_schema: Path
) -> None:
    path = older / "ringplan.db"
    with closing(sqlite3.connect(path)) as reader:
        # A connection that stays open keeps the change in the write-ahead log.
        reader.execute("PRAGMA journal_mode = WAL")
        reader.execute("SELECT * FROM settings_version").fetchall()
        execute(path, "UPDATE settings_version SET version = 42")
        prepare(older)
    assert execute(path, "SELECT version_num FROM alembic_version") == [("9998",)]
    assert execute(path, "SELECT * FROM added") == []
    (copy,) = (older / "backups").iterdir()
    assert re.fullmatch(rf"ringplan-{HEAD}-\d{{8}}T\d{{6}}Z\.db", copy.name)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert execute(copy, "SELECT version FROM settings_version") == [(42,)]
    assert execute(copy, "SELECT version_num FROM alembic_version") == [(HEAD,)]


def test_a_migration_that_fails_halfway_changes_nothing(older: Path, next_schema: Path) -> None:
    whole = next_schema.read_text()
    next_schema.write_text(whole + "    op.execute('nonsense')\n")
    with pytest.raises(OperationalError):
        prepare(older)
    path = older / "ringplan.db"
    assert execute(path, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert execute(path, "SELECT name FROM sqlite_master WHERE name = 'added'") == []
    next_schema.write_text(whole)
    prepare(older)
    assert execute(path, "SELECT * FROM added") == []


def test_a_trunk_of_the_first_schema_writes_british_numbers(tmp_path: Path) -> None:
    first = tmp_path / "migrations"
    shutil.copytree(database.MIGRATIONS, first, ignore=shutil.ignore_patterns("000[2-9]*", "00[1-9][0-9]*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", first)
        path, _ = prepare(tmp_path / "data")
    columns = 'id, name, host, transport, "order", register, allow_from, number_format, identity'
    execute(
        path,
        f"INSERT INTO trunks ({columns}, answer_first, early_media) "
        "VALUES (1, 'carrier', '192.0.2.1', 'udp', 1, 0, '[]', 'e164', 'screened', 0, 1)",
    )
    prepare(tmp_path / "data")
    assert execute(path, "SELECT name, country FROM trunks") == [("carrier", "GB")]
    columns = "caller_from, next_trunk_codes, final_codes"
    assert execute(path, f"SELECT {columns} FROM trunks") == [("from", "[]", "[]")]


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path, _ = prepare(tmp_path)
    execute(path, "UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"newer version of Ringplan \(schema 9999"):
        prepare(tmp_path)
    assert path.read_bytes() == before


def test_a_strange_database_is_refused(tmp_path: Path) -> None:
    prepare(tmp_path)
    path = tmp_path / "ringplan.db"
    path.unlink()
    execute(path, "CREATE TABLE other (x)")
    with pytest.raises(StoreError, match="is not a Ringplan database"):
        prepare(tmp_path)


@pytest.mark.parametrize("damage", ["text", "zeros", "truncated", "empty"])
def test_a_damaged_file_is_refused_with_the_remedy_and_never_emptied(tmp_path: Path, damage: str) -> None:
    path, _ = prepare(tmp_path)
    whole = path.read_bytes()
    broken = {
        "text": b"this was a database",
        "zeros": whole[:4096] + bytes(len(whole) - 4096),
        "truncated": whole[: len(whole) // 2],
        "empty": b"",
    }[damage]
    path.write_bytes(broken)
    with pytest.raises(StoreError) as refused:
        prepare(tmp_path)
    assert "is damaged" in str(refused.value)
    assert "restore a copy" in str(refused.value)
    assert path.read_bytes() == broken


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_a_single_page_in_the_middle_that_is_damaged_is_found(tmp_path: Path, byte: int) -> None:
    path, _ = prepare(tmp_path)
    execute(path, "PRAGMA journal_mode = WAL")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO bindings (username, contact, user_id, call_id, cseq, expires_at, transport, local, remote,"
            " details) VALUES (?, ?, 1, 'c', 1, 0, 'UDP', 'l', 'r', '{}')",
            [(f"user-{number}", "x" * 300) for number in range(500)],
        )
    (page_size,), (pages,) = execute(path, "PRAGMA page_size")[0], execute(path, "PRAGMA page_count")[0]
    assert isinstance(page_size, int) and isinstance(pages, int) and pages > 20
    whole = path.read_bytes()
    for page in (pages // 2, pages - 2):
        broken = bytearray(whole)
        broken[page * page_size : (page + 1) * page_size] = bytes([byte]) * page_size
        path.write_bytes(broken)
        with pytest.raises(StoreError, match=r"is damaged \(.*restore a copy"):
            prepare(tmp_path)
        assert path.read_bytes() == broken
    path.write_bytes(whole)
    prepare(tmp_path)


def test_the_remedy_names_the_newest_copy(tmp_path: Path) -> None:
    path, _ = prepare(tmp_path)
    (tmp_path / "backups").mkdir()
    copy = tmp_path / "backups" / "ringplan-0001-20300101T000000Z.db"
    copy.write_bytes(path.read_bytes())
    path.write_bytes(b"")
    with pytest.raises(StoreError, match=f"cp {copy} {path}"):
        prepare(tmp_path)


def test_a_database_without_its_key_is_refused_and_no_new_key_made(tmp_path: Path) -> None:
    prepare(tmp_path)
    (tmp_path / "secret.key").unlink()
    with pytest.raises(StoreError, match=r"secret\.key is missing"):
        prepare(tmp_path)
    assert not (tmp_path / "secret.key").exists()


def test_a_data_directory_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be used"):
        prepare(tmp_path / "file" / "data")


def test_processes_that_start_at_once_make_one_database_and_one_key(tmp_path: Path) -> None:
    keys: list[SecretKey] = []
    starts = [threading.Thread(target=lambda: keys.append(prepare(tmp_path)[1])) for _ in range(4)]
    for start in starts:
        start.start()
    for start in starts:
        start.join(30)
    token = keys[0].encrypt("a password")
    assert [key.decrypt(token) for key in keys] == ["a password"] * 4


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes: as on a full disk, where it stands in for one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def logged(tmp_path: Path) -> Path:
    """A sound database with a write-ahead log, as a service leaves it."""
    path, _ = prepare(tmp_path)
    execute(path, "PRAGMA journal_mode = WAL")
    return path


def test_a_sound_database_on_a_full_disk_is_not_called_damaged(logged: Path) -> None:
    before = logged.read_bytes()
    # SQLite has no room for its shared memory and calls that a "disk I/O error".
    with largest_file(4096), pytest.raises(StoreError) as refused:
        prepare(logged.parent)
    said = str(refused.value)
    assert said.startswith(f"There is no room on the disk that holds {logged.parent}")
    assert "Make room" in said and "damaged" not in said and "move" not in said
    assert logged.read_bytes() == before
    prepare(logged.parent)


def test_a_disk_that_is_full_at_the_first_start_leaves_no_half_key_and_no_database(tmp_path: Path) -> None:
    for size in (0, 20, 4096, 20_000):
        with largest_file(size), pytest.raises(StoreError, match="There is no room"):
            prepare(tmp_path)
        assert not (tmp_path / "ringplan.db").exists()
        key = tmp_path / "secret.key"
        assert not key.exists() or len(key.read_bytes()) == 45
    path, _ = prepare(tmp_path)
    assert execute(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_copy_for_which_there_is_no_room_is_not_there_and_the_schema_stays(
    older: Path, next_schema: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with largest_file(20_000), pytest.raises(StoreError, match="There is no room"):
        prepare(older)
    assert list((older / "backups").iterdir()) == []
    assert execute(older / "ringplan.db", "SELECT version_num FROM alembic_version") == [(HEAD,)]
    prepare(older)
    assert len(list((older / "backups").iterdir())) == 1


def failure(name: str) -> sqlite3.OperationalError:
    """What Python makes of one of SQLite's extended result codes."""
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorname, error.sqlite_errorcode = name, getattr(sqlite3, name)
    return error


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("SQLITE_CORRUPT", "is damaged"),
        ("SQLITE_CORRUPT_VTAB", "is damaged"),
        ("SQLITE_NOTADB", "is damaged"),
        ("SQLITE_FULL", "There is no room"),
        ("SQLITE_IOERR_READ", "The disk that holds .* fails"),
        ("SQLITE_IOERR_SHMSIZE", "The disk that holds .* fails"),
        ("SQLITE_READONLY", "cannot be opened and written"),
        ("SQLITE_READONLY_DIRECTORY", "cannot be opened and written"),
        ("SQLITE_CANTOPEN", "cannot be opened and written"),
        ("SQLITE_PERM", "cannot be opened and written"),
        ("SQLITE_BUSY", "keeps .* locked"),
        ("SQLITE_LOCKED", "keeps .* locked"),
    ],
)
def test_each_of_sqlites_codes_has_its_sentence(tmp_path: Path, name: str, says: str) -> None:
    told = trouble(tmp_path / "ringplan.db", failure(name))
    assert told is not None and re.search(says, str(told))
    assert told.is_damage is (says == "is damaged")
    assert ("move" in str(told)) is told.is_damage, "only what is damaged is moved away"


def test_a_fault_of_ours_is_no_trouble_of_the_disk(tmp_path: Path) -> None:
    assert trouble(tmp_path / "ringplan.db", failure("SQLITE_ERROR")) is None
    assert trouble(tmp_path / "ringplan.db", sqlite3.ProgrammingError("not SQLite's")) is None


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "no room"),
        (errno.EDQUOT, "no room"),
        (errno.EFBIG, "no room"),
        (errno.EROFS, "mounted read-only"),
        (errno.EACCES, "data_dir .*/data.* is not open to user .*chown"),
        (errno.EPERM, "chown"),
        (errno.EIO, "the disk fails"),
        (errno.ENOTDIR, "data_dir .* cannot be used: /file/data: Not a directory"),
    ],
)
def test_what_the_system_says_is_told_with_the_remedy(number: int, says: str) -> None:
    error = OSError(number, "Not a directory", "/file/data")
    assert re.search(says, unusable(Path("/file/data"), error))


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_the_system_is_asked_where_sqlite_does_not_say_why(
    logged: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def closed(*arguments: object, **named: object) -> None:
        raise failure("SQLITE_CANTOPEN")

    def refuse(*arguments: object, **named: object) -> None:
        raise OSError(number, "refused", str(logged))

    monkeypatch.setattr(database.sqlite3, "connect", closed)
    with pytest.raises(StoreError, match="cannot be opened and written"):
        prepare(logged.parent)
    monkeypatch.setattr(database.tempfile, "TemporaryFile", refuse)
    with pytest.raises(
        StoreError, match="mounted read-only" if number == errno.EROFS else "is not open to user"
    ):
        prepare(logged.parent)


def test_a_file_that_others_own_is_named(logged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root left it, who ran a command on the service's data."""
    shared = logged.with_name("ringplan.db-shm")
    shared.touch()
    whole_open = database.os.open

    def refuse(path: object, flags: int, *mode: int) -> int:
        if path == shared:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return whole_open(path, flags, *mode)  # type: ignore[arg-type]

    def unreadable(*arguments: object, **named: object) -> None:
        raise failure("SQLITE_CANTOPEN")

    monkeypatch.setattr(database.sqlite3, "connect", unreadable)
    monkeypatch.setattr(database.os, "open", refuse)
    with pytest.raises(StoreError, match=f"{shared} is not open to user"):
        prepare(logged.parent)
