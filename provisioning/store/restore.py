"""Putting a backup back: built and checked beside the data directory, then put into its place.

Nothing of the present data is touched until every file of the backup was copied, compared with its checksum
and the database looked through. What was there before is renamed, never removed. An older schema is brought to
this version's when the database is next opened; a newer one is refused.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from provisioning.store import database
from provisioning.store.backup import (
    MANIFEST,
    BackupError,
    BackupFile,
    Manifest,
    check_database,
    copy_file,
    sync,
    sync_tree,
)
from provisioning.store.database import DATABASE, KEY

SERVICE_LOCK = "service.lock"
"""The only file that a data directory may hold and still count as empty: whoever restores has it locked."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that was put back, and where the data that was there before is kept, if any was."""

    manifest: Manifest
    kept: Path | None


def restore_backup(backup: Path, data_dir: Path, force: bool = False) -> Restored:
    """Make `data_dir` what it was when `backup` was taken. The service may not run; the caller sees to that.

    Raises BackupError, and leaves the data as it is, for a backup that is damaged or of a newer version, and
    for a data directory that is not empty unless `force`: what is in it is then kept as `<name>.before-<time>`.
    """
    data_dir = data_dir.resolve()
    try:
        occupied = data_dir.exists() and any(entry.name != SERVICE_LOCK for entry in data_dir.iterdir())
        if occupied and not force:
            raise BackupError(
                f"{data_dir} is not empty. With --force its present data is kept aside and replaced."
            )
        data_dir.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _built(data_dir) as new:
            manifest = _copy_checked(backup, new)
            kept = _put_in_place(new, data_dir, occupied)
    except OSError as error:
        raise BackupError(f"{backup} was not restored to {data_dir}: {error}.") from error
    return Restored(manifest, kept)


def read_manifest(backup: Path) -> Manifest:
    """What `backup` says it is. Raises BackupError if it is no backup, or its files are not the listed ones."""
    try:
        manifest = Manifest.model_validate_json((backup / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise BackupError(f"{backup} is not a backup: it has no {MANIFEST}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise BackupError(
            f"{backup / MANIFEST} is damaged, or a newer version's: "
            f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}."
        ) from None
    there = {
        str(path.relative_to(backup)) for path in backup.rglob("*") if path.is_symlink() or not path.is_dir()
    }
    listed = {file.path for file in manifest.files}
    if missing := sorted((listed | {DATABASE, KEY}) - there):
        raise BackupError(f"{backup} is damaged: {missing[0]} is missing.")
    if strange := sorted(there - listed - {MANIFEST}):
        raise BackupError(f"{backup} is damaged: {strange[0]} does not belong to it.")
    return manifest


def _copy_checked(backup: Path, new: Path) -> Manifest:
    """Copy the files of a backup to `new`. Raises BackupError if one is not what was backed up."""
    manifest = read_manifest(backup)
    for file in manifest.files:
        if _differs(file, copy_file(backup / file.path, new, file.path)):
            raise BackupError(f"{backup} is damaged: {file.path} is not what was backed up (checksum).")
    try:
        revision = check_database(new / DATABASE)
    except BackupError as error:
        raise BackupError(f"{backup} is damaged: {error}") from None
    if revision not in database.revisions():
        raise BackupError(
            f"{backup} was taken by a newer version of Ringplan ({manifest.ringplan}, schema {revision}; this "
            f"version's is {database.head_revision()}). Install that version, then restore it."
        )
    sync_tree(new)
    return manifest


def _differs(listed: BackupFile, copied: BackupFile) -> bool:
    return (listed.size, listed.sha256) != (copied.size, copied.sha256)


def _put_in_place(new: Path, data_dir: Path, occupied: bool) -> Path | None:
    """Rename `new` to `data_dir`, whose data is renamed first; returns where that is kept."""
    kept = None
    if occupied:
        kept = data_dir.with_name(f"{data_dir.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        data_dir.rename(kept)
    elif data_dir.exists():
        (data_dir / SERVICE_LOCK).unlink(missing_ok=True)
    try:
        new.rename(data_dir)
    except OSError:
        if kept is not None:
            kept.rename(data_dir)
        raise
    sync(data_dir.parent)
    return kept


@contextmanager
def _built(data_dir: Path) -> Iterator[Path]:
    """A new folder beside `data_dir`, mode 0700, removed unless it was renamed; what a kill left goes first."""
    prefix = f".{data_dir.name}.restored-"
    for dead in data_dir.parent.glob(f"{prefix}*"):
        shutil.rmtree(dead)
    new = Path(tempfile.mkdtemp(prefix=prefix, dir=data_dir.parent))
    try:
        yield new
    finally:
        if new.exists():
            shutil.rmtree(new)
