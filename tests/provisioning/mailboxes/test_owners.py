"""The users' side of the mailboxes: what the media host is answered, and what stays on disk of it."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update
from structlog.testing import capture_logs

from media.message import Caller, Envelope, Message
from media.owners import Owner, Owners, OwnersUnavailable, PinProblem, PinVerdict
from provisioning.mailboxes import owners as module
from provisioning.mailboxes.owners import StoredOwners
from provisioning.notifier.queue import Outbox
from provisioning.store.model import Customer, User
from provisioning.store.outbox import Channel, VoicemailLeft
from provisioning.store.pins import hash_matches
from provisioning.store.store import Store, open_store
from tests.provisioning.changing import changing_settings
from tests.provisioning.companies import customer, user
from tests.provisioning.file.test_apply import applied
from tests.provisioning.templates import CHEAP
from tests.provisioning.test_control import signalling
from tests.support.examples import examples

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
PIN, WRONG = "402917", "402918"
ANNAS = f'''voice_portal_pin = "{PIN}"
numbers = ["+441632960101"]
timezone = "Europe/Paris"
notify = {{ voicemail = true }}'''
COMPANY = customer(
    user("anna", ANNAS),
    user("bert", 'voice_portal_pin = ""\nnotify = { voicemail = false, missed_call = false }'),
    keys='numbers = ["+441632960100", "+441632960101"]',
)
ANNA, BERT, NOBODY = 1, 2, 99
MESSAGE = Message(
    "20300601T120000-s",
    ANNA,
    "new",
    Envelope(Caller("+441632960998", "Ms Outside"), NOON, "a@phone.example", "no-answer"),
    7.25,
    Path("/data/mailbox/1/new/20300601T120000-s.wav"),
)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def people(store: Store) -> Store:
    await applied(store, COMPANY)
    return store


@pytest.fixture
def owners(people: Store, clock: Clock, tmp_path: Path) -> StoredOwners:
    return StoredOwners(people, tmp_path / "control.sock", (Channel.MAIL, Channel.WEBHOOK), clock)


async def suspend(store: Store, who: int | None) -> None:
    async with changing_settings(store) as session:
        if who is None:
            await session.execute(update(Customer).values(suspended=True))
        else:
            await session.execute(update(User).where(User.id == who).values(suspended=True))


async def delete(store: Store, who: int, at: datetime) -> None:
    async with changing_settings(store) as session:
        await session.execute(update(User).where(User.id == who).values(deleted_at=at))


async def fail(owners: StoredOwners, times: int) -> None:
    for _ in range(times):
        assert await owners.check_pin(ANNA, WRONG) is PinVerdict.WRONG


@pytest.mark.behaviour("W2")
async def test_whose_mailbox_it_is(owners: StoredOwners, people: Store) -> None:
    protocol: Owners = owners
    assert await protocol.owner(ANNA) == Owner(ANNA, "Europe/Paris", "GB", has_pin=True)
    assert await owners.owner(BERT) == Owner(BERT, "Europe/London", "GB", has_pin=False)
    assert await owners.owner(NOBODY) is None
    await delete(people, BERT, NOON)
    assert await owners.owner(BERT) is None


@pytest.mark.behaviour("P5")
@pytest.mark.parametrize("who", [ANNA, None])
async def test_who_is_suspended_has_no_portal(owners: StoredOwners, people: Store, who: int | None) -> None:
    await suspend(people, who)
    assert await owners.owner(ANNA) is None
    assert await owners.check_pin(ANNA, PIN) is PinVerdict.WRONG
    with pytest.raises(OwnersUnavailable):
        await owners.set_pin(ANNA, "530864")
    assert not await owners.locked(ANNA)


@pytest.mark.behaviour("W4")
async def test_the_right_pin_within_the_tries_opens_and_clears(owners: StoredOwners, clock: Clock) -> None:
    for _ in range(3):
        await fail(owners, 4)
        assert await owners.check_pin(ANNA, PIN) is PinVerdict.RIGHT
    assert not await owners.locked(ANNA)


@pytest.mark.behaviour("W4")
async def test_five_wrong_ones_lock_and_the_right_one_is_not_looked_at(
    owners: StoredOwners, clock: Clock
) -> None:
    with capture_logs() as logs:
        await fail(owners, 5)
        assert await owners.locked(ANNA)
        assert not await owners.locked(BERT)
        clock.now += timedelta(minutes=14, seconds=59)
        assert await owners.check_pin(ANNA, PIN) is PinVerdict.LOCKED
        clock.now += timedelta(seconds=1)
        assert not await owners.locked(ANNA)
        await fail(owners, 1)
        clock.now += timedelta(minutes=29)
        assert await owners.check_pin(ANNA, PIN) is PinVerdict.LOCKED
        clock.now += timedelta(minutes=1)
        assert await owners.check_pin(ANNA, PIN) is PinVerdict.RIGHT
    assert [(one["event"], one["user"], one["until"]) for one in logs] == [
        ("portal.locked", ANNA, "2030-06-01T12:15:00+00:00"),
        ("portal.locked", ANNA, "2030-06-01T12:45:00+00:00"),
    ]
    # It starts from the beginning then.
    await fail(owners, 4)
    assert not await owners.locked(ANNA)


@pytest.mark.behaviour("W2")
@pytest.mark.parametrize("who", [BERT, NOBODY])
async def test_without_a_pin_none_is_right_and_nothing_is_counted(owners: StoredOwners, who: int) -> None:
    for _ in range(7):
        assert await owners.check_pin(who, "") is PinVerdict.WRONG
    assert not await owners.locked(who)


@pytest.mark.behaviour("W4")
async def test_a_new_pin_unlocks(owners: StoredOwners, people: Store, clock: Clock) -> None:
    await fail(owners, 5)
    # The same file again is no new PIN.
    await applied(people, COMPANY)
    assert await owners.locked(ANNA)
    await applied(people, COMPANY.replace(PIN, "530864"))
    assert not await owners.locked(ANNA)
    assert await owners.check_pin(ANNA, "530864") is PinVerdict.RIGHT
    await fail(owners, 5)
    assert await owners.set_pin(ANNA, PIN) is None
    assert not await owners.locked(ANNA)
    await fail(owners, 4)
    assert await owners.check_pin(ANNA, PIN) is PinVerdict.RIGHT


@pytest.mark.behaviour("W3")
@pytest.mark.parametrize(
    ("pin", "problem"),
    [
        ("12345", PinProblem.LENGTH),
        ("777777", PinProblem.SAME_DIGIT),
        ("654321", PinProblem.RUN),
        ("960101", PinProblem.OWN_NUMBER),
    ],
)
async def test_a_new_pin_that_is_refused_changes_nothing(
    owners: StoredOwners, people: Store, pin: str, problem: PinProblem
) -> None:
    await fail(owners, 4)
    before = await people.settings_version()
    assert await owners.set_pin(ANNA, pin) is problem
    assert await people.settings_version() == before
    await fail(owners, 1)
    assert await owners.locked(ANNA)


@pytest.mark.behaviour("W3")
async def test_a_new_pin_is_a_change_of_settings_and_told(
    owners: StoredOwners, people: Store, tmp_path: Path
) -> None:
    before = await people.settings_version()
    with signalling(tmp_path / "control.sock", b'{"v":1,"id":1,"ok":true}\n') as asked:
        assert await owners.set_pin(BERT, "530864") is None
    assert len(asked) == 1
    assert await people.settings_version() == before + 1
    assert (owner := await owners.owner(BERT)) is not None
    assert owner.has_pin
    async with people.reading() as session:
        stored = await session.scalar(select(User.pin_hash).where(User.id == BERT))
    assert stored is not None
    assert stored.startswith("$argon2id$")
    with pytest.raises(OwnersUnavailable):
        await owners.set_pin(NOBODY, "530864")
    assert await people.settings_version() == before + 1


@pytest.mark.behaviour("W4")
async def test_a_try_counts_although_it_is_cut_short(
    owners: StoredOwners, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "hash_matches", killed)
        for _ in range(5):
            with pytest.raises(KeyboardInterrupt):
                await owners.check_pin(ANNA, PIN)
    assert await owners.check_pin(ANNA, PIN) is PinVerdict.LOCKED


@pytest.mark.behaviour("W4")
async def test_a_thousand_guesses_of_parallel_calls_and_two_processes(
    people: Store, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[datetime] = []

    def counted(hasher: PasswordHasher, pin_hash: str | None, pin: str) -> bool:
        looked_at.append(clock.now)
        return hash_matches(hasher, pin_hash, pin)

    monkeypatch.setattr(module, "hash_matches", counted)
    chance = random.Random(4)
    async with await open_store(tmp_path / "data", CHEAP) as other:
        sides = [StoredOwners(store, tmp_path / "none", (), clock) for store in (people, other)]
        for _ in range(examples(20)):
            guesses = [f"{chance.randrange(10**6):06}" for _ in range(50)]
            verdicts = await asyncio.gather(
                *(sides[number % 2].check_pin(ANNA, guess) for number, guess in enumerate(guesses))
            )
            assert PinVerdict.RIGHT not in verdicts, "chance would have to be very kind"
            clock.now += timedelta(seconds=chance.choice((0, 1, 60, 899, 900, 1800, 3599)))
    assert len(looked_at) >= 5
    hour = timedelta(hours=1)
    assert max(sum(start <= time < start + hour for time in looked_at) for start in looked_at) <= 10


@pytest.mark.behaviour("W4")
async def test_of_calls_at_the_same_time_five_are_heard_and_a_right_one_among_them_opens(
    owners: StoredOwners,
) -> None:
    guesses = [WRONG] * 20
    verdicts = await asyncio.gather(*(owners.check_pin(ANNA, guess) for guess in guesses))
    assert sorted(verdicts) == ["locked"] * 15 + ["wrong"] * 5
    assert await owners.set_pin(ANNA, PIN) is None
    verdicts = await asyncio.gather(*(owners.check_pin(ANNA, guess) for guess in (WRONG, PIN, WRONG)))
    assert sorted(verdicts) == ["right", "wrong", "wrong"]


@pytest.mark.behaviour("V5")
async def test_a_message_is_queued_once_for_each_channel(owners: StoredOwners, people: Store) -> None:
    for _ in range(2):
        await owners.message_stored(MESSAGE)
    await owners.message_stored(replace(MESSAGE, user=BERT))
    await owners.message_stored(replace(MESSAGE, user=NOBODY))
    waiting = await Outbox(people).due(NOON, 10)
    told = VoicemailLeft(ANNA, MESSAGE.id, 7.25, NOON, Caller("+441632960998", "Ms Outside"))
    assert [(entry.channel, entry.news) for entry in waiting] == [
        (Channel.MAIL, told),
        (Channel.WEBHOOK, told),
        (Channel.WEBHOOK, replace(told, user=BERT)),
    ]


@pytest.mark.behaviour("P7")
async def test_whose_mailboxes_may_go(owners: StoredOwners, people: Store) -> None:
    await delete(people, BERT, NOON)
    days = timedelta(days=1)
    assert await owners.long_gone(NOON + 30 * days - timedelta(seconds=1)) == ()
    assert await owners.long_gone(NOON + 30 * days) == (BERT,)


@pytest.fixture
async def locked_out(
    people: Store, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[StoredOwners]:
    """Another process holds a transaction open, and we do not wait long."""
    monkeypatch.setattr("provisioning.store.store.BUSY_TIMEOUT", 20)
    async with await open_store(tmp_path / "data", CHEAP) as hasty:
        other = sqlite3.connect(tmp_path / "data" / "ringplan.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield StoredOwners(hasty, tmp_path / "none", (Channel.MAIL,), clock)
        other.execute("ROLLBACK")
        other.close()


async def test_a_database_that_is_locked_is_said_to_be_unavailable(locked_out: StoredOwners) -> None:
    assert await locked_out.owner(ANNA), "reading goes on"
    with pytest.raises(OwnersUnavailable, match="locked"):
        await locked_out.check_pin(ANNA, PIN)
    with pytest.raises(OwnersUnavailable):
        await locked_out.set_pin(ANNA, "530864")
    with pytest.raises(OwnersUnavailable):
        await locked_out.message_stored(MESSAGE)
