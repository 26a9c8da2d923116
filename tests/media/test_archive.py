"""The writer of the mailboxes: what it does when a recording cannot be stored or repaired."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from media import wav
from media.archive import Archive, NotStored, StillWriting
from media.greetings import Greetings
from media.mailbox import Mailbox, Recording
from media.message import Caller, Envelope
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


@pytest.mark.behaviour("V3")
async def test_what_cannot_be_stored_is_stored_when_there_is_room_again(
    archive: Archive, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(path: Path, samples: bytes) -> None:
        path.write_bytes(samples[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    first, second, broken = recording(mailbox, user=1), recording(mailbox, user=2), recording(mailbox, user=3)
    broken.next_part().write_bytes(b"not a recording" * 10)
    with monkeypatch.context() as patch:
        patch.setattr("media.mailbox.wav.write", half)
        for made in (first, second, broken):
            with pytest.raises(NotStored):
                await archive.deposit(made, cut_silent_end=False)
        assert await archive.store_again() == ()
        assert not list(mailbox.root.glob("*/tmp/*/message.wav")), "half a copy takes no room"
    assert [message.user for message in await archive.store_again()] == [1, 2]
    assert (mailbox.counts(1).new, mailbox.counts(2).new) == (1, 1)
    with capture_logs() as logs:
        assert await archive.store_again() == ()
    assert logs == [], "each is stored once, and what is no recording is not tried again"


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


async def test_changes_are_made_in_the_order_they_were_asked_for(archive: Archive, mailbox: Mailbox) -> None:
    message = await archive.deposit(recording(mailbox), cut_silent_end=False)
    assert message is not None
    changes = [
        archive.save(1, message.id),
        archive.delete(1, message.id),
        archive.list(1),
        archive.restore(1, message.id, "saved"),
        archive.list(1),
    ]
    results = await asyncio.gather(*changes)
    assert results[:4] == [True, True, (), True]
    assert [one.state for one in results[4]] == ["saved"]  # type: ignore[union-attr]


async def test_a_caller_does_not_wait_until_all_mailboxes_are_looked_through(
    archive: Archive, mailbox: Mailbox
) -> None:
    made = recording(mailbox, user=1)
    for user in range(2, 12):
        recording(mailbox, user)
    cleaning = asyncio.create_task(archive.expire(ENVELOPE.received))
    await asyncio.sleep(0)
    assert await archive.deposit(made, cut_silent_end=False)
    assert not cleaning.done()
    assert await cleaning == frozenset()


async def test_what_was_deleted_is_gone_after_a_restart(archive: Archive, mailbox: Mailbox) -> None:
    message = await archive.deposit(recording(mailbox), cut_silent_end=False)
    assert message is not None
    await archive.delete(1, message.id)
    await archive.repair()
    assert not await archive.restore(1, message.id, "new")
    assert not list(mailbox.path(1).rglob("*.wav"))


@pytest.mark.behaviour("V1")
async def test_a_recorded_greeting_loses_the_silence_around_it(archive: Archive, mailbox: Mailbox) -> None:
    made = mailbox.greeting(1, "p1")
    made.folder.mkdir(parents=True)
    silence = np.zeros(8000, dtype=np.int16).tobytes()
    wav.write(made.next_part(), silence + tone(440, 1.0).tobytes())
    wav.write(made.next_part(), tone(440, 1.0).tobytes() + silence)
    await archive.use_greeting(made, "busy")
    greeting = Greetings(mailbox.root).of(1, "busy")
    assert greeting is not None
    assert wav.seconds(greeting) == pytest.approx(2.5, abs=0.1)
    await archive.remove_greeting(1, "busy")
    assert Greetings(mailbox.root).of(1, "busy") is None


async def test_a_part_that_was_not_closed_is_mended(archive: Archive, mailbox: Mailbox) -> None:
    made = recording(mailbox)
    assert not wav.is_complete(made.parts()[0])
    await archive.mend(made)
    assert wav.is_complete(made.parts()[0])
    assert wav.seconds(made.parts()[0]) == 1.0


async def test_a_greeting_is_two_minutes_at_most(archive: Archive, mailbox: Mailbox) -> None:
    made = mailbox.greeting(1, "p1")
    made.folder.mkdir(parents=True)
    wav.write(made.next_part(), tone(440, 121.0).tobytes())
    await archive.use_greeting(made, "busy")
    greeting = Greetings(mailbox.root).of(1, "busy")
    assert greeting is not None
    assert wav.seconds(greeting) == 120.0
