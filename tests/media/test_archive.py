"""The writer of the mailboxes: what it does when a recording cannot be stored or repaired."""

from __future__ import annotations

import errno
import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from media import wav
from media.archive import Archive, NotStored, StillWriting
from media.greetings import Greetings
from media.mailbox import Caller, Envelope, Mailbox, Recording
from tests.media.support import tone

ENVELOPE = Envelope(Caller(), datetime(2026, 3, 1, tzinfo=UTC), "call@test.example", "busy")


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path)


@pytest.fixture
def archive(mailbox: Mailbox) -> Archive:
    lock = mailbox.root / "writers.lock"
    return Archive(mailbox, Greetings(mailbox.root), lock, lock_within=0.2, min_seconds=0.5)


def recording(mailbox: Mailbox, user: int = 1) -> Recording:
    made = mailbox.begin(user, ENVELOPE, "s1")
    made.next_part().write_bytes(wav.header(0) + tone(440, 1.0).tobytes())
    return made


@pytest.mark.behaviour("V3")
async def test_what_cannot_be_stored_is_stored_at_the_next_start(
    archive: Archive, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    made = recording(mailbox)
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr("media.mailbox.wav.write", full)
        with pytest.raises(NotStored):
            await archive.deposit(made, cut_silent_end=False)
    assert [entry["event"] for entry in logs] == ["mailbox.store_failed"]
    await archive.repair()
    assert [message.seconds for message in mailbox.list(1)] == [1.0]


async def test_one_broken_recording_does_not_keep_others_from_repair(
    archive: Archive, mailbox: Mailbox
) -> None:
    recording(mailbox, user=1).next_part().write_bytes(b"not a recording" * 10)
    recording(mailbox, user=2)
    with capture_logs() as logs:
        await archive.repair()
    assert [(entry["event"], entry["mailbox"]) for entry in logs] == [
        ("mailbox.repair_failed", 1),
        ("mailbox.repaired", 2),
    ]
    assert mailbox.counts(2).new == 1
    assert len(list(mailbox.interrupted())) == 1


async def test_nothing_is_repaired_while_somebody_writes(archive: Archive, mailbox: Mailbox) -> None:
    recording(mailbox)
    writer = os.open(mailbox.root / "writers.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(writer, fcntl.LOCK_SH)
    with pytest.raises(StillWriting):
        await archive.repair()
    assert mailbox.counts(1).new == 0
    os.close(writer)
    await archive.repair()
    assert mailbox.counts(1).new == 1
