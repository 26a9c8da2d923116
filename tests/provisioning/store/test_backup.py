from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from media import wav
from media.greetings import Greetings
from media.mailbox import Mailbox
from media.message import Caller, Envelope
from provisioning.file.apply import apply_changes
from provisioning.file.company_file import parse_company_file
from provisioning.store import backup as backup_module
from provisioning.store.backup import MANIFEST, BackupError, Manifest, take_backup
from provisioning.store.calllog import CallRecord
from provisioning.store.database import head_revision
from provisioning.store.errors import StoreError
from provisioning.store.store import open_store
from tests.provisioning.companies import customer, user
from tests.provisioning.templates import CHEAP

NOW = datetime(2030, 6, 1, 12, 0, tzinfo=UTC)
SOUND = b"\x00\x20\x00\xe0" * 8000
SETTING = "UPDATE settings_version SET version = version + 1"


def execute(path: Path, statement: str, timeout: float = 5.0) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path, timeout)) as connection, connection:
        return connection.execute(statement).fetchall()


def fill(data: Path, *users: str) -> None:
    """Give a data directory a company with these users."""

    async def work() -> None:
        async with await open_store(data, CHEAP) as store:
            company = parse_company_file(customer(*[user(name) for name in users]))
            await apply_changes(store, company)

    asyncio.run(work())


def leave_message(data: Path, mailbox: int, session: str, seconds: int = 0) -> str:
    """A stored message; returns its id."""
    box = Mailbox(data / "mailbox")
    received = NOW + timedelta(seconds=seconds)
    recording = box.begin(mailbox, Envelope(Caller("+441632960299"), received, "call-1", "busy"), session)
    wav.write(recording.next_part(), SOUND)
    message = box.deposit(recording)
    assert message is not None
    return message.id


def log_message(data: Path, message: str) -> None:
    """A call of the log that left this message."""

    async def work() -> None:
        async with await open_store(data, CHEAP) as store:
            record = CallRecord(f"call-{message}", NOW, NOW, "201", "busy", "voicemail", message_id=message)
            await store.write_calls([(record, ())])

    asyncio.run(work())


def messages_in(folder: Path) -> set[tuple[int, str]]:
    box = Mailbox(folder / "mailbox")
    return {(owner, message.id) for owner in box.mailboxes() for message in box.list(owner)}


def logged_in(database: Path) -> set[str]:
    return {name for (name,) in execute(database, "SELECT message_id FROM calls WHERE message_id NOT NULL")}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with the users 1 and 2, of whom the second has a message."""
    fill(tmp_path / "data", "ann", "ben")
    leave_message(tmp_path / "data", 2, "first")
    return tmp_path / "data"


def test_it_holds_database_key_and_messages_and_says_so(data: Path, tmp_path: Path) -> None:
    taken = take_backup(data, tmp_path / "backups")
    assert taken.path.parent == tmp_path / "backups"
    assert taken.path.name == f"ringplan-{taken.manifest.taken_at:%Y%m%dT%H%M%SZ}"
    assert (taken.manifest.messages, taken.manifest.schema_revision) == (1, head_revision())
    assert taken.manifest == Manifest.model_validate_json((taken.path / MANIFEST).read_bytes())
    there = {str(path.relative_to(taken.path)) for path in taken.path.rglob("*") if path.is_file()}
    assert there == {file.path for file in taken.manifest.files} | {MANIFEST}
    for file in taken.manifest.files:
        content = (taken.path / file.path).read_bytes()
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert (taken.path / "secret.key").read_bytes() == (data / "secret.key").read_bytes()
    assert messages_in(taken.path) == messages_in(data)
    assert execute(taken.path / "ringplan.db", "SELECT email FROM users ORDER BY id") == [
        ("ann@acme.example",),
        ("ben@acme.example",),
    ]


def test_it_is_its_owners_alone(data: Path, tmp_path: Path) -> None:
    taken = take_backup(data, tmp_path / "backups")
    for path in (taken.path.parent, taken.path, *taken.path.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_what_is_still_in_the_write_ahead_log_is_copied_into_one_file(data: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(data / "ringplan.db")) as open_reader:
        open_reader.execute("SELECT * FROM settings_version").fetchall()
        execute(data / "ringplan.db", "UPDATE settings_version SET version = 42")
        assert (data / "ringplan.db-wal").stat().st_size
        taken = take_backup(data, tmp_path / "backups")
    assert execute(taken.path / "ringplan.db", "SELECT version FROM settings_version") == [(42,)]
    assert execute(taken.path / "ringplan.db", "PRAGMA journal_mode") == [("delete",)]


def test_it_is_of_the_one_moment_in_which_messages_are_listed(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody writes while they are listed; what is written after that, while it is copied, is not in it."""
    list_messages, copy = backup_module.list_messages, backup_module._Source.copy
    log_message(data, leave_message(data, 1, "before"))

    def listing(root: Path) -> Any:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            execute(data / "ringplan.db", SETTING, timeout=0)
        return list_messages(root)

    def copying(source: Any, target: Path) -> str:
        fill(data, "ann", "ben", "cay")
        log_message(data, leave_message(data, 1, "after"))
        leave_message(data, 3, "of-cay")
        return copy(source, target)

    monkeypatch.setattr(backup_module, "list_messages", listing)
    monkeypatch.setattr(backup_module._Source, "copy", copying)
    taken = take_backup(data, tmp_path / "backups")
    assert len(messages_in(data)) == 4
    assert {message.rpartition("-")[2] for _, message in messages_in(taken.path)} == {"first", "before"}
    assert {message.rpartition("-")[2] for message in logged_in(taken.path / "ringplan.db")} == {"before"}
    assert execute(taken.path / "ringplan.db", "SELECT count(*) FROM users") == [(2,)]


def test_every_backup_agrees_with_itself_while_others_write(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, failures, written = threading.Event(), list[BaseException](), threading.Semaphore(0)

    def write() -> None:
        try:
            number = 0
            while not done.is_set():
                number += 1
                log_message(data, leave_message(data, 1 + number % 2, f"m{number}", number))
                written.release()
        except BaseException as error:  # shown by the test
            failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        counts = []
        for number in range(4):
            assert written.acquire(timeout=20)
            taken = take_backup(data, tmp_path / f"backups-{number}")
            held = {message for _, message in messages_in(taken.path)}
            logged = logged_in(taken.path / "ringplan.db")
            assert logged <= held
            # A message is stored before its call is logged: at most that of the writer's turn, and the first.
            assert len(held - logged) <= 2
            counts.append(len(held))
    finally:
        done.set()
        writer.join(20)
    assert not failures
    assert counts[-1] > counts[0]


def test_a_message_that_is_moved_meanwhile_is_kept_and_a_deleted_one_left_out(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved, deleted = leave_message(data, 1, "moved"), leave_message(data, 1, "deleted")
    new, saved = data / "mailbox" / "1" / "new", data / "mailbox" / "1" / "saved"
    copy = backup_module._Source.copy

    def copying(source: Any, target: Path) -> str:
        for suffix in (".wav", ".json"):
            (new / f"{moved}{suffix}").rename(saved / f"{moved}{suffix}")
            (new / f"{deleted}{suffix}").unlink()
        return copy(source, target)

    monkeypatch.setattr(backup_module._Source, "copy", copying)
    taken = take_backup(data, tmp_path / "backups")
    assert (taken.path / "mailbox" / "1" / "saved" / f"{moved}.wav").exists()
    assert {message for owner, message in messages_in(taken.path) if owner == 1} == {moved}
    assert [path.name for path in taken.left_out] == [deleted]


def test_unfinished_recordings_are_not_in_it_and_links_are_not_followed(data: Path, tmp_path: Path) -> None:
    box = Mailbox(data / "mailbox")
    begun = box.begin(1, Envelope(Caller(), NOW, "call-1", "busy"), "begun")
    wav.write(begun.next_part(), SOUND)
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    (data / "mailbox" / "1" / "new" / "link.json").symlink_to(secret)
    (data / "mailbox" / "9").symlink_to(data / "mailbox" / "2")
    taken = take_backup(data, tmp_path / "backups")
    assert len(messages_in(taken.path)) == taken.manifest.messages == 1
    assert {path.name for path in taken.left_out} == {"link.json", "9"}
    assert not (taken.path / "mailbox" / "9").exists()
    assert not (taken.path / "mailbox" / "1").exists()


def test_greetings_are_in_it_and_links_are_not_followed(data: Path, tmp_path: Path) -> None:
    greetings = Greetings(data / "mailbox")
    greetings.put(1, "busy", SOUND)
    greetings.put(2, "out-of-hours", SOUND * 2)
    (greetings.path(1, "busy").parent / ".busy.wav.77.1").write_bytes(b"half of one")
    secret = tmp_path / "secret.wav"
    secret.write_bytes(b"secret")
    greetings.path(1, "no-answer").symlink_to(secret)
    (data / "mailbox" / "8").mkdir()
    (data / "mailbox" / "8" / "greetings").symlink_to(data / "mailbox" / "1" / "greetings")
    (data / "mailbox" / "9").symlink_to(data / "mailbox" / "1")
    taken = take_backup(data, tmp_path / "backups")
    copied = {str(path.relative_to(taken.path)) for path in taken.path.rglob("greetings/*")}
    assert copied == {"mailbox/1/greetings/busy.wav", "mailbox/2/greetings/out-of-hours.wav"}
    assert copied < {file.path for file in taken.manifest.files}
    assert (taken.manifest.greetings, taken.manifest.messages) == (2, 1)
    assert {str(path.relative_to(data / "mailbox")) for path in taken.left_out} == {
        "1/greetings/no-answer.wav",
        "8/greetings",
        "9",
    }
    assert wav.read_samples(Greetings(taken.path / "mailbox").path(1, "busy")) == SOUND


def test_a_greeting_that_is_replaced_or_removed_meanwhile(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    greetings = Greetings(data / "mailbox")
    greetings.put(1, "busy", SOUND)
    greetings.put(1, "no-answer", SOUND)
    real = backup_module.list_greetings

    def listed_then_changed(root: Path) -> Any:
        found = real(root)
        greetings.put(1, "busy", SOUND * 2)
        greetings.remove(1, "no-answer")
        return found

    monkeypatch.setattr(backup_module, "list_greetings", listed_then_changed)
    taken = take_backup(data, tmp_path / "backups")
    kept = Greetings(taken.path / "mailbox")
    assert wav.read_samples(kept.path(1, "busy")) == SOUND * 2
    assert (kept.of(1, "no-answer"), taken.manifest.greetings, taken.left_out) == (None, 1, ())


KILLED_AT = {
    "key": "patch('copy_file', 1)",
    "sound": "patch('copy_file', 2)",
    "envelope": "patch('copy_file', 3)",
    "sync": "patch('sync_tree', 1)",
}
VICTIM = """
import os, signal, sys
from pathlib import Path
from provisioning.store import backup
def patch(name, at):
    real, calls = getattr(backup, name), []
    def counted(*arguments):
        calls.append(arguments)
        if len(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)
    setattr(backup, name, counted)
{patch}
backup.take_backup(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("at", KILLED_AT)
def test_a_kill_leaves_nothing_with_a_backups_name_and_the_next_one_tidies(
    data: Path, tmp_path: Path, at: str
) -> None:
    folder = tmp_path / "backups"
    text = VICTIM.format(patch=KILLED_AT[at])
    killed = subprocess.run([sys.executable, "-c", text, data, folder], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not list(folder.glob("ringplan-*"))
    assert len(list(folder.iterdir())) == 1
    taken = take_backup(data, folder)
    assert list(folder.iterdir()) == [taken.path]


def test_two_at_once_in_one_folder_are_kept_apart(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_messages = backup_module.list_messages

    def listing(root: Path) -> Any:
        with pytest.raises(BackupError, match="Another backup is being written"):
            take_backup(data, tmp_path / "backups")
        return list_messages(root)

    monkeypatch.setattr(backup_module, "list_messages", listing)
    assert take_backup(data, tmp_path / "backups").path.exists()


def no_database(data: Path) -> None:
    (data / "ringplan.db").unlink()


def no_key(data: Path) -> None:
    (data / "secret.key").unlink()


def truncated(data: Path) -> None:
    path = data / "ringplan.db"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def with_a_corrupt_page(data: Path) -> None:
    path = data / "ringplan.db"
    path.write_bytes(path.read_bytes()[:-4096] + bytes(4096))


def foreign(data: Path) -> None:
    execute(data / "ringplan.db", "DROP TABLE alembic_version")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (no_database, "nothing to back up"),
        (no_key, "secret.key is missing"),
        (truncated, "ringplan.db (is damaged|cannot be copied)"),
        (with_a_corrupt_page, "ringplan.db is damaged"),
        (foreign, "ringplan.db cannot be copied: no such table"),
    ],
)
def test_what_cannot_be_backed_up_is_refused_and_nothing_left(
    data: Path, tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    spoil(data)
    with pytest.raises(StoreError, match=says):
        take_backup(data, tmp_path / "backups")
    assert not (tmp_path / "backups").exists() or not list((tmp_path / "backups").iterdir())


def test_a_database_that_stays_locked_is_refused(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_module, "BUSY_TIMEOUT", 0.05)
    with closing(sqlite3.connect(data / "ringplan.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(BackupError, match="cannot be copied: database is locked"):
            take_backup(data, tmp_path / "backups")
    assert not list((tmp_path / "backups").iterdir())


def test_a_folder_that_cannot_be_one_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BackupError, match="was not taken"):
        take_backup(data, tmp_path / "file" / "backups")


def test_a_full_disk_leaves_nothing(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BackupError, match="No space left"):
        take_backup(data, tmp_path / "backups")
    assert not list((tmp_path / "backups").iterdir())
