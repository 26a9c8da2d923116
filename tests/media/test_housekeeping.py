"""What is done beside the calls: owners are told, old messages and mailboxes go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from media import housekeeping as housekeeping_module
from media import wav
from media.archive import Archive
from media.greetings import Greetings
from media.housekeeping import Housekeeping
from media.mailbox import Mailbox
from media.message import Caller, Counts, Envelope, Message
from tests.media.people import People
from tests.media.support import tone, until

USER, OTHER = 1, 2


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path)


@pytest.fixture
def people() -> People:
    return People({USER: ""})


Begin = Callable[..., Housekeeping]
Changed = list[int]


@pytest.fixture
def changed() -> Changed:
    return []


@pytest.fixture
async def begin(mailbox: Mailbox, people: People, changed: Changed) -> AsyncIterator[Begin]:
    archive = Archive(mailbox, Greetings(mailbox.root), mailbox.root / "lock", 1.0, 0.5)
    kept: list[Housekeeping] = []

    def make(
        keep: timedelta | None = None, visited: tuple[int, ...] = (), repaired: tuple[Message, ...] = ()
    ) -> Housekeeping:
        made = Housekeeping(mailbox, archive, people, keep, changed.append, lambda user: user in visited)
        kept.append(made)
        made.begin(repaired)
        return made

    yield make
    for made in kept:
        await made.end()
    archive.close()


def stored(mailbox: Mailbox, age: timedelta, user: int = USER) -> Message:
    received = datetime.now(UTC) - age
    recording = mailbox.begin(user, Envelope(Caller(), received, "a@test.example", "busy"), "s1")
    wav.write(recording.next_part(), tone(440, 1.0).tobytes())
    message = mailbox.deposit(recording)
    assert message is not None
    return message


async def test_at_the_start_owners_are_told_again_of_new_messages_of_a_day(
    begin: Begin, mailbox: Mailbox, people: People
) -> None:
    old = stored(mailbox, timedelta(hours=25))
    fresh, heard = stored(mailbox, timedelta(hours=23)), stored(mailbox, timedelta(hours=1))
    mailbox.save(USER, heard.id)
    older = stored(mailbox, timedelta(days=3), OTHER)
    await begin(repaired=(older,)).end()
    assert people.told == [older, fresh]
    assert old not in people.told


async def test_a_message_is_told_of_though_the_host_is_about_to_end(
    begin: Begin, mailbox: Mailbox, people: People
) -> None:
    housekeeping = begin()
    message = stored(mailbox, timedelta(days=2))
    housekeeping.stored(message)
    await housekeeping.end()
    assert people.told == [message]


async def test_an_owner_who_cannot_be_told_is_no_reason_to_stop(
    begin: Begin, mailbox: Mailbox, people: People
) -> None:
    people.failing = True
    with capture_logs() as logs:
        housekeeping = begin()
        housekeeping.stored(stored(mailbox, timedelta(days=2)))
        await until(lambda: len(logs) == 2)
        await housekeeping.end()
    assert {entry["event"] for entry in logs} == {"mailbox.owner_not_told", "mailbox.clean_up_failed"}


@pytest.mark.behaviour("V3")
async def test_a_message_that_found_no_room_is_stored_and_told_later(
    begin: Begin, mailbox: Mailbox, people: People, changed: Changed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping_module, "STORE_AGAIN", 0.02)
    message = stored(mailbox, timedelta(0))
    answers = iter([(), (message,)])

    async def later(self: Archive) -> tuple[Message, ...]:
        return next(answers, ())

    monkeypatch.setattr(Archive, "store_again", later)
    people.told.clear()
    begin()
    await until(lambda: changed == [USER])
    await until(lambda: people.told.count(message) == 2)


async def test_messages_are_kept_for_so_many_days(begin: Begin, mailbox: Mailbox, changed: Changed) -> None:
    stored(mailbox, timedelta(days=31))
    stored(mailbox, timedelta(days=29))
    begin(timedelta(days=30))
    await until(lambda: changed == [USER])
    assert mailbox.counts(USER) == Counts(1, 0)


async def test_messages_are_kept_for_ever(
    begin: Begin, mailbox: Mailbox, people: People, changed: Changed
) -> None:
    stored(mailbox, timedelta(days=9999))
    people.gone = (OTHER,)
    stored(mailbox, timedelta(0), OTHER)
    begin(None)
    await until(lambda: changed == [OTHER])
    assert mailbox.counts(USER) == Counts(1, 0)


@pytest.mark.behaviour("P7")
async def test_mailboxes_of_users_long_deleted_go_unless_somebody_is_in_them(
    begin: Begin, mailbox: Mailbox, people: People, changed: Changed
) -> None:
    stored(mailbox, timedelta(0))
    stored(mailbox, timedelta(0), OTHER)
    people.gone = (USER, OTHER, 99)
    begin(visited=(USER,))
    await until(lambda: changed == [OTHER])
    assert mailbox.mailboxes() == (USER,)
