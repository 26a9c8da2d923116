from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from media import wav
from media.greetings import Greetings
from media.mailbox import Mailbox
from provisioning.store import restore as restore_module
from provisioning.store.backup import MANIFEST, BackupError, Manifest, describe, take_backup
from provisioning.store.database import head_revision
from provisioning.store.restore import restore_backup
from provisioning.store.store import database, open_store
from tests.provisioning.store.test_backup import SOUND, execute, fill, leave_message, messages_in
from tests.provisioning.templates import CHEAP


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A backup of two users and a message, whose machine is lost."""
    fill(tmp_path / "lost", "ann", "ben")
    leave_message(tmp_path / "lost", 2, "first")
    Greetings(tmp_path / "lost" / "mailbox").put(1, "busy", SOUND)
    taken = take_backup(tmp_path / "lost", tmp_path / "backups")
    shutil.rmtree(tmp_path / "lost")
    return taken.path


def emails(data: Path) -> list[str]:
    async def read() -> list[str]:
        async with await open_store(data, CHEAP) as store:
            return [user.email for user in (await store.directory("ringplan")).users]

    return asyncio.run(read())


def refresh(backup: Path, path: str) -> None:
    """Put the present checksum of a file into the manifest."""
    manifest = Manifest.model_validate_json((backup / MANIFEST).read_bytes())
    files = tuple(describe(backup / path, path) if one.path == path else one for one in manifest.files)
    changed = manifest.model_copy(update={"files": files})
    (backup / MANIFEST).write_text(changed.model_dump_json())


@pytest.mark.parametrize("before", ["absent", "empty", "locked"])
def test_an_empty_machine_has_users_and_messages_again(backup: Path, tmp_path: Path, before: str) -> None:
    data = tmp_path / "deep" / "data"
    if before != "absent":
        data.mkdir(parents=True)
    if before == "locked":
        (data / "service.lock").touch()
    restored = restore_backup(backup, data)
    assert restored.kept is None
    assert (restored.manifest.messages, messages_in(data)) == (1, messages_in(backup))
    assert emails(data) == ["ann@acme.example", "ben@acme.example"]
    (message,) = Mailbox(data / "mailbox").list(2)
    assert message.path.read_bytes() == next(backup.rglob("new/*.wav")).read_bytes()
    greeting = Greetings(data / "mailbox").of(1, "busy")
    assert greeting is not None and wav.read_samples(greeting) == SOUND
    assert restored.manifest.greetings == 1
    for path in (data, data / "mailbox", message.path, greeting, data / "secret.key", data / "ringplan.db"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert {path.name for path in data.parent.iterdir()} == {"data"}


def test_a_restored_mailbox_takes_messages(backup: Path, tmp_path: Path) -> None:
    restore_backup(backup, tmp_path / "data")
    leave_message(tmp_path / "data", 2, "second", 1)
    assert [message.id[-6:] for message in Mailbox(tmp_path / "data" / "mailbox").list(2)] == [
        "-first",
        "second",
    ]


def test_present_data_is_refused_without_force_and_kept_aside_with_it(backup: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    fill(data, "cay")
    with pytest.raises(BackupError, match="is not empty"):
        restore_backup(backup, data)
    assert emails(data) == ["cay@acme.example"]
    restored = restore_backup(backup, data, force=True)
    assert restored.kept is not None
    assert restored.kept.name.startswith("data.before-")
    assert emails(restored.kept) == ["cay@acme.example"]
    assert emails(data) == ["ann@acme.example", "ben@acme.example"]


def flip_a_byte(backup: Path, name: str) -> None:
    path = next(backup.rglob(name))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def damage_the_database_and_its_checksum(backup: Path) -> None:
    path = backup / "ringplan.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + bytes(len(whole) - 4096))
    refresh(backup, "ringplan.db")


def replace_by_a_link(backup: Path) -> None:
    path = next(backup.rglob("*.wav"))
    moved = backup.parent / "moved.wav"
    path.rename(moved)
    path.symlink_to(moved)


def lead_outside(backup: Path) -> None:
    text = (backup / MANIFEST).read_text()
    (backup / MANIFEST).write_text(text.replace('"secret.key"', '"../secret.key"'))
    shutil.copy(backup / "secret.key", backup.parent / "secret.key")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda backup: flip_a_byte(backup, "*.wav"), r"\.wav is not what was backed up"),
        (lambda backup: flip_a_byte(backup, "secret.key"), r"secret\.key is not what was backed up"),
        (lambda backup: flip_a_byte(backup, "ringplan.db"), r"ringplan\.db is not what was backed up"),
        (damage_the_database_and_its_checksum, r"is damaged: ringplan\.db is damaged"),
        (lambda backup: next(backup.rglob("*.json")).unlink(), "is missing|is not a backup"),
        (lambda backup: next(backup.rglob("*.wav")).unlink(), r"\.wav is missing"),
        (lambda backup: (backup / "secret.key").unlink(), r"secret\.key is missing"),
        (lambda backup: (backup / "more").touch(), "more does not belong to it"),
        (replace_by_a_link, "was not restored"),
        (lead_outside, r"\.\./secret\.key is missing|secret\.key is missing"),
        (lambda backup: (backup / MANIFEST).unlink(), "is not a backup"),
        (lambda backup: (backup / MANIFEST).write_text("{"), "is damaged, or a newer version's"),
    ],
)
def test_a_damaged_backup_is_refused_and_the_data_left_alone(
    backup: Path, tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    data = tmp_path / "data"
    fill(data, "cay")
    spoil(backup)
    with pytest.raises(BackupError, match=says):
        restore_backup(backup, data, force=True)
    assert emails(data) == ["cay@acme.example"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".data", "data."))]


def test_another_format_is_refused_with_its_key(backup: Path, tmp_path: Path) -> None:
    manifest = json.loads((backup / MANIFEST).read_text())
    (backup / MANIFEST).write_text(json.dumps(manifest | {"format": 2}))
    with pytest.raises(BackupError, match="newer version's: format"):
        restore_backup(backup, tmp_path / "data")


def test_a_newer_schema_is_refused_with_its_version(backup: Path, tmp_path: Path) -> None:
    execute(backup / "ringplan.db", "UPDATE alembic_version SET version_num = '9999'")
    refresh(backup, "ringplan.db")
    with pytest.raises(BackupError, match=r"newer version of Ringplan .*schema 9999.*Install that version"):
        restore_backup(backup, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_an_older_schema_is_restored_and_migrated_when_it_is_opened(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations = tmp_path / "migrations"
    shutil.copytree(database.MIGRATIONS, migrations)
    (migrations / "versions" / "9998_next.py").write_text(
        "from alembic import op\n"
        f"revision, down_revision = '9998', {head_revision()!r}\n"
        "def upgrade() -> None:\n"
        "    op.execute('CREATE TABLE added (x)')\n"
    )
    monkeypatch.setattr(database, "MIGRATIONS", migrations)
    restore_backup(backup, tmp_path / "data")
    path, _ = database.prepare(tmp_path / "data")
    assert execute(path, "SELECT version_num FROM alembic_version") == [("9998",)]
    assert execute(path, "SELECT * FROM added") == []


def test_if_the_last_step_fails_the_present_data_is_back_in_its_place(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    fill(data, "cay")
    rename = Path.rename

    def failing(path: Path, target: Path) -> Path:
        if target == data and path.name.startswith(".data.restored"):
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(BackupError, match="Input/output error"):
        restore_backup(backup, data, force=True)
    assert emails(data) == ["cay@acme.example"]


def test_what_a_killed_restore_left_behind_is_removed(backup: Path, tmp_path: Path) -> None:
    left = tmp_path / ".data.restored-x"
    left.mkdir()
    (left / "secret.key").touch()
    restore_backup(backup, tmp_path / "data")
    assert not left.exists()


def test_the_lock_is_that_of_the_service() -> None:
    from b2bua.supervisor import service

    assert f'"{restore_module.SERVICE_LOCK}"' in Path(service.__file__).read_text("utf-8")


def test_the_copy_opens_without_a_log_beside_it(backup: Path) -> None:
    with closing(sqlite3.connect(f"{(backup / 'ringplan.db').as_uri()}?immutable=1", uri=True)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
