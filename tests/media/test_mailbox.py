"""Mailboxes on disk, and what a kill between any two steps of a deposit leaves behind."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from media import wav
from media.mailbox import DiskFull, Mailbox, Recording
from media.message import Caller, Counts, Envelope, Message
from tests.media.support import tone, wav_samples

USER = 7
RECEIVED = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
ENVELOPE = Envelope(Caller("+441632960123", "Ann Example"), RECEIVED, "call@test.example", "busy")


class Killed(BaseException):
    """The process dies here."""


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path / "mailbox")


def recording(
    mailbox: Mailbox, *parts: float, session: str = "s1", envelope: Envelope = ENVELOPE
) -> Recording:
    """A recording with parts of so many seconds, as recorders leave them when they are killed."""
    made = mailbox.begin(USER, envelope, session)
    for seconds in parts:
        made.next_part().write_bytes(wav.header(0) + tone(440, seconds).tobytes())
    return made


def test_a_deposit_becomes_a_message(mailbox: Mailbox) -> None:
    message = mailbox.deposit(recording(mailbox, 1.0, 0.5))
    assert message is not None
    assert message.seconds == 1.5
    assert message.envelope == ENVELOPE
    assert mailbox.list(USER) == (message,)
    assert mailbox.counts(USER) == Counts(new=1, saved=0)
    assert mailbox.mailboxes() == (USER,)
    assert wav.is_complete(message.path)
    assert len(wav_samples(message.path)) == 12000
    assert not list(mailbox.interrupted())


def test_a_user_without_a_mailbox_has_no_messages(mailbox: Mailbox) -> None:
    assert mailbox.mailboxes() == ()
    assert mailbox.list(USER) == ()
    assert mailbox.counts(USER) == Counts(0, 0)


def test_messages_are_listed_in_the_order_they_came(mailbox: Mailbox) -> None:
    for minutes in (5, 1, 3):
        envelope = Envelope(Caller(), RECEIVED + timedelta(minutes=minutes), f"{minutes}", "busy")
        mailbox.deposit(recording(mailbox, 1.0, session=f"z{9 - minutes}", envelope=envelope))
    assert [message.envelope.call_id for message in mailbox.list(USER)] == ["1", "3", "5"]


def test_saved_messages_are_counted_apart(mailbox: Mailbox) -> None:
    message = mailbox.deposit(recording(mailbox, 1.0))
    assert message is not None
    for path in (message.path, message.path.with_suffix(".json")):
        path.rename(mailbox.path(USER) / "saved" / path.name)
    assert mailbox.counts(USER) == Counts(new=0, saved=1)
    assert [stored.state for stored in mailbox.list(USER)] == ["saved"]


@pytest.mark.behaviour("A3")
def test_a_withheld_caller_has_neither_number_nor_name() -> None:
    assert Caller("+441632960123", "Ann Example", withheld=True) == Caller(None, None, True)


@pytest.mark.behaviour("V2")
@pytest.mark.parametrize(("seconds", "kept"), [(1.9, False), (2.0, True)])
def test_less_sound_than_the_minimum_is_dropped(mailbox: Mailbox, seconds: float, kept: bool) -> None:
    made = recording(mailbox)
    silence = np.zeros(8000 * 4, dtype=np.int16).tobytes()
    wav.write(made.next_part(), silence + tone(440, seconds).tobytes() + silence)
    assert (mailbox.deposit(made, min_seconds=2.0) is not None) == kept
    assert not list(mailbox.interrupted())
    assert mailbox.counts(USER).new == int(kept)


@pytest.mark.behaviour("V2", "V3")
@pytest.mark.parametrize("interrupted", [False, True])
def test_that_a_message_was_cut_off_is_known_of_it_for_good(mailbox: Mailbox, interrupted: bool) -> None:
    whole, cut = recording(mailbox, 1.0, session="s1"), recording(mailbox, 1.0, session="s2")
    cut.mark_incomplete()
    if interrupted:
        for found in tuple(mailbox.interrupted()):
            mailbox.repair(found)
    else:
        mailbox.deposit(whole)
        mailbox.deposit(cut)
    assert [message.incomplete for message in mailbox.list(USER)] == [False, True]
    mailbox.save(USER, cut.id)
    saved = mailbox.find(USER, cut.id)
    assert saved is not None and saved.incomplete
    assert not list(mailbox.interrupted())


@pytest.mark.parametrize(("cut", "seconds"), [(False, 5.0), (True, 1.5)])
def test_a_silent_end_is_cut_where_asked(mailbox: Mailbox, cut: bool, seconds: float) -> None:
    made = recording(mailbox)
    wav.write(made.next_part(), tone(440, 1.0).tobytes() + np.zeros(8000 * 4, dtype=np.int16).tobytes())
    message = mailbox.deposit(made, cut_silent_end=cut)
    assert message is not None
    assert message.seconds == seconds


def test_ten_parts_and_more_stay_in_order(mailbox: Mailbox) -> None:
    made = recording(mailbox, *[0.1] * 11)
    assert [part.name for part in made.parts()] == [f"part-{number}.wav" for number in range(11)]
    assert made.seconds() == pytest.approx(1.1)


def test_a_full_disk_refuses_to_begin(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(DiskFull):
            mailbox.begin(USER, ENVELOPE, "s1")
    assert not list(mailbox.interrupted())


def killed_at(call: int, patch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Let the process die before the `call`th step that changes the disk; returns how many there were."""
    count = 0

    def wrap(holder: object, name: str) -> None:
        original = getattr(holder, name)

        def step(*args: object, **kwargs: object) -> object:
            nonlocal count
            count += 1
            if count == call:
                raise Killed
            return original(*args, **kwargs)

        patch.setattr(holder, name, step)

    wrap(os, "fsync")
    wrap(Path, "rename")
    wrap(Path, "write_text")
    wrap(Path, "unlink")
    wrap(Path, "hardlink_to")
    wrap(Path, "mkdir")
    wrap(os, "unlink")
    wrap(os, "rmdir")
    return lambda: count


@pytest.mark.behaviour("V3")
def test_a_kill_at_any_step_of_a_deposit_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, died = 0, True
    while died:
        steps += 1
        mailbox = Mailbox(tmp_path / str(steps))
        made = recording(mailbox, 1.0, 0.5)
        with monkeypatch.context() as patch:
            killed_at(steps, patch)
            try:
                mailbox.deposit(made)
                died = False
            except Killed:
                pass
        counted = mailbox.counts(USER).new
        complete = [wav.seconds(message.path) for message in mailbox.list(USER)]
        assert complete == [1.5] * counted, "a message that is counted is whole"
        for left in list(mailbox.interrupted()):
            mailbox.repair(left)
        (message,) = mailbox.list(USER)
        assert (message.seconds, message.envelope) == (1.5, ENVELOPE)
        assert wav.is_complete(message.path)
        assert not list((mailbox.path(USER) / "tmp").iterdir())
    assert steps > 8


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is brought to disk and what is renamed, in order."""
    steps: list[str] = []
    fsync, rename = os.fsync, Path.rename
    monkeypatch.setattr(
        os,
        "fsync",
        lambda fd: (steps.append("sync " + Path(f"/proc/self/fd/{fd}").readlink().name), fsync(fd))[1],
    )
    monkeypatch.setattr(
        Path, "rename", lambda self, to: (steps.append("rename " + self.name), rename(self, to))[1]
    )
    return steps


def test_the_sound_is_on_disk_before_the_message_is_counted(mailbox: Mailbox, done: list[str]) -> None:
    mailbox.deposit(recording(mailbox, 1.0))
    order = [done.index(step) for step in ("sync message.wav", "rename message.wav", "sync message.json")]
    assert order == sorted(order)
    assert done.index("sync new") < done.index("rename message.json")
    assert done[-1] == "sync new"


@pytest.mark.behaviour("V3")
def test_a_message_has_its_new_place_on_disk_before_it_loses_the_old_one(
    mailbox: Mailbox, done: list[str]
) -> None:
    message = stored(mailbox)
    done.clear()
    mailbox.save(USER, message.id)
    assert done == ["sync saved", f"rename {message.id}.json", "sync saved", "sync new"]


def test_an_interrupted_begin_is_cleared_away(mailbox: Mailbox) -> None:
    (mailbox.path(USER) / "tmp" / "20260301T093000000000-s1").mkdir(parents=True)
    assert not list(mailbox.interrupted())
    assert not list((mailbox.path(USER) / "tmp").iterdir())


@pytest.mark.behaviour("V3")
def test_an_interrupted_recording_is_kept_as_far_as_it_came(mailbox: Mailbox) -> None:
    recording(mailbox, 1.0, 0.25)
    (left,) = mailbox.interrupted()
    message = mailbox.repair(left, min_seconds=1.0)
    assert message is not None
    assert message.seconds == 1.25


def test_a_short_interrupted_recording_is_dropped(mailbox: Mailbox) -> None:
    recording(mailbox, 0.5)
    (left,) = mailbox.interrupted()
    assert mailbox.repair(left, min_seconds=2.0) is None
    assert not list(mailbox.interrupted())


def test_a_message_already_saved_is_not_stored_twice(mailbox: Mailbox) -> None:
    made = recording(mailbox, 1.0)
    message = mailbox.deposit(made)
    assert message is not None
    for path in (message.path, message.path.with_suffix(".json")):
        path.rename(mailbox.path(USER) / "saved" / path.name)
    recording(mailbox, 1.0)
    (left,) = mailbox.interrupted()
    assert mailbox.repair(left) is None
    assert mailbox.counts(USER) == Counts(0, 1)


# What becomes of a message


def stored(mailbox: Mailbox, session: str = "s1", received: datetime = RECEIVED) -> Message:
    message = mailbox.deposit(
        recording(mailbox, 1.0, session=session, envelope=replace(ENVELOPE, received=received))
    )
    assert message is not None
    return message


def files(mailbox: Mailbox) -> set[str]:
    """Everything there is of messages: `<state>/<name>`."""
    return {f"{path.parent.name}/{path.name}" for path in mailbox.path(USER).rglob("*.*") if path.is_file()}


@pytest.mark.behaviour("W5")
def test_a_message_is_saved_deleted_and_restored(mailbox: Mailbox) -> None:
    message = stored(mailbox)
    assert mailbox.save(USER, message.id)
    saved = mailbox.find(USER, message.id)
    assert saved == replace(
        message, state="saved", path=message.path.parent.parent / "saved" / message.path.name
    )
    assert wav.seconds(saved.path) == 1.0
    assert mailbox.counts(USER) == Counts(0, 1)
    assert mailbox.delete(USER, message.id)
    assert mailbox.counts(USER) == Counts(0, 0)
    assert mailbox.find(USER, message.id) is None
    assert mailbox.list(USER) == ()
    assert mailbox.restore(USER, message.id, "new")
    assert mailbox.list(USER) == (message,)
    assert files(mailbox) == {f"new/{message.id}.wav", f"new/{message.id}.json"}


def test_what_is_not_there_is_left_alone(mailbox: Mailbox) -> None:
    message = stored(mailbox)
    assert not mailbox.restore(USER, message.id, "new")
    assert not mailbox.save(USER, "another")
    assert mailbox.delete(USER, message.id)
    assert not mailbox.delete(USER, message.id)
    assert not mailbox.save(USER, message.id)
    mailbox.purge(USER)
    assert not mailbox.restore(USER, message.id, "new")
    assert files(mailbox) == set()


def test_purging_some_leaves_the_others(mailbox: Mailbox) -> None:
    one, other = stored(mailbox, "s1"), stored(mailbox, "s2")
    for message in (one, other):
        mailbox.delete(USER, message.id)
    mailbox.purge(USER, [one.id])
    assert not mailbox.restore(USER, one.id, "new")
    assert mailbox.restore(USER, other.id, "new")


CHANGES: dict[str, tuple[Callable[[Mailbox, str], object], Callable[[Mailbox, str], object], set[Counts]]] = {
    "save": (
        lambda mailbox, id: None,
        lambda mailbox, id: mailbox.save(USER, id),
        {Counts(1, 0), Counts(0, 1)},
    ),
    "delete": (
        lambda mailbox, id: None,
        lambda mailbox, id: mailbox.delete(USER, id),
        {Counts(1, 0), Counts(0, 0)},
    ),
    "delete a saved one": (
        lambda mailbox, id: mailbox.save(USER, id),
        lambda mailbox, id: mailbox.delete(USER, id),
        {Counts(0, 1), Counts(0, 0)},
    ),
    "restore": (
        lambda mailbox, id: mailbox.delete(USER, id),
        lambda mailbox, id: mailbox.restore(USER, id, "saved"),
        {Counts(0, 0), Counts(0, 1)},
    ),
    "purge": (
        lambda mailbox, id: mailbox.delete(USER, id),
        lambda mailbox, id: mailbox.purge(USER),
        {Counts(0, 0)},
    ),
    "expire": (
        lambda mailbox, id: None,
        lambda mailbox, id: mailbox.expire(USER, RECEIVED + timedelta(days=1)),
        {Counts(1, 0), Counts(0, 0)},
    ),
}


@pytest.mark.behaviour("V3", "W5")
@pytest.mark.parametrize("name", CHANGES)
def test_a_kill_at_any_step_of_a_change_leaves_a_message_once_or_not(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before repair and after it: at its old place or its new one, with its whole sound; no file without a message."""
    before, change, allowed = CHANGES[name]
    steps, died, seen = 0, True, set()
    while died:
        steps += 1
        mailbox = Mailbox(tmp_path / str(steps))
        message = stored(mailbox)
        before(mailbox, message.id)
        with monkeypatch.context() as patch:
            killed_at(steps, patch)
            try:
                change(mailbox, message.id)
                died = False
            except Killed:
                pass
        for _ in ("as it was left", "repaired"):
            counts = mailbox.counts(USER)
            assert counts in allowed
            listed = mailbox.list(USER)
            assert len(listed) == counts.new + counts.saved
            assert all(wav.seconds(one.path) == 1.0 and wav.is_complete(one.path) for one in listed)
            mailbox.clear_up(USER)
        seen.add(counts)
        expected = {f"{one.state}/{one.id}{end}" for one in listed for end in (".wav", ".json")}
        assert files(mailbox) == expected
    assert seen == allowed
    assert steps > 2


@pytest.mark.behaviour("V3")
def test_a_change_interrupted_by_a_kill_can_be_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, died = 0, True
    while died:
        steps += 1
        mailbox = Mailbox(tmp_path / str(steps))
        message = stored(mailbox)
        with monkeypatch.context() as patch:
            killed_at(steps, patch)
            try:
                mailbox.save(USER, message.id)
                died = False
            except Killed:
                pass
        mailbox.save(USER, message.id)
        assert mailbox.counts(USER) == Counts(0, 1)
        mailbox.clear_up(USER)
        (saved,) = mailbox.list(USER)
        assert wav.seconds(saved.path) == 1.0
    assert steps > 4


def test_clearing_up_leaves_the_sound_of_a_recording_that_could_not_be_repaired(mailbox: Mailbox) -> None:
    made = recording(mailbox, 1.0)
    sound = mailbox.path(USER) / "new" / f"{made.id}.wav"
    made.parts()[0].rename(sound)
    mailbox.clear_up(USER)
    assert sound.exists()


def test_a_message_that_is_moved_while_they_are_listed_is_listed_once(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = stored(mailbox)
    read = Path.read_text
    moved: list[bool] = []

    def meanwhile(path: Path, *args: str) -> str:
        text = read(path, *args)
        if not moved:
            moved.append(mailbox.save(USER, message.id))
        return text

    monkeypatch.setattr(Path, "read_text", meanwhile)
    assert [one.state for one in mailbox.list(USER)] == ["saved"]
    moved.clear()
    monkeypatch.setattr(Path, "read_text", lambda path, *args: (path.unlink(), read(path, *args))[1])
    assert mailbox.list(USER) == ()


@pytest.mark.parametrize(("hours", "left"), [(0, 2), (1, 1), (2, 0)])
def test_old_messages_expire(mailbox: Mailbox, hours: int, left: int) -> None:
    one = stored(mailbox, "s1")
    stored(mailbox, "s2", RECEIVED + timedelta(minutes=90))
    mailbox.save(USER, one.id)
    expired = mailbox.expire(USER, RECEIVED + timedelta(hours=hours))
    assert (len(expired), len(mailbox.list(USER))) == (2 - left, left)


@pytest.mark.behaviour("P7")
def test_a_whole_mailbox_is_removed(mailbox: Mailbox) -> None:
    stored(mailbox)
    mailbox.remove(USER)
    assert mailbox.mailboxes() == ()


def test_the_recording_of_a_greeting_never_becomes_a_message(mailbox: Mailbox) -> None:
    made = mailbox.greeting(USER, "p1")
    mailbox.drop(made)
    assert mailbox.mailboxes() == ()
    made.folder.mkdir(parents=True)
    made.next_part().write_bytes(wav.header(0) + tone(440, 5.0).tobytes())
    assert list(mailbox.interrupted()) == []
    assert not made.folder.exists()


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"seconds": 1, "caller": {"fax": 1}}', "\x00\xff"])
def test_a_damaged_message_is_named_and_hides_no_other(mailbox: Mailbox, record: str) -> None:
    whole, damaged = stored(mailbox, "s1"), stored(mailbox, "s2", RECEIVED + timedelta(seconds=1))
    damaged.path.with_suffix(".json").write_text(record, "latin-1")
    with capture_logs() as logs:
        assert mailbox.list(USER) == (whole,)
        assert mailbox.find(USER, damaged.id) is None
    assert {(line["event"], line["message"]) for line in logs} == {("mailbox.message_damaged", damaged.id)}
