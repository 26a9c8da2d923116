"""A courier's rounds: the queue after each outcome, what the log says, and what a failing database does."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from media.message import Caller
from provisioning.notifier.courier import BATCH, Courier
from provisioning.notifier.outcome import Outcome, Postponed, Refused, Taken
from provisioning.notifier.queue import Entry
from provisioning.notifier.recipient import Recipient
from provisioning.store import store as store_module
from provisioning.store.errors import StoreError
from provisioning.store.outbox import Channel, News
from tests.provisioning.notifier.conftest import Clock, Queue
from tests.provisioning.notifier.entries import CALL, MESSAGE, NOON

LATER = Postponed("Greylisted")
DOWN = Postponed("nobody there", for_all=True)


class Teller:
    """Tells whatever it is asked to, with the outcome that the test chooses."""

    def __init__(self, *outcomes: Outcome | Exception, at_once: int = 1) -> None:
        self.at_once = at_once
        self.outcomes = list(outcomes)
        self.told: list[Entry] = []
        self.rests = 0
        self.now = self.most = 0
        self.together = asyncio.Barrier(at_once)
        """So many are being told before one of them has been."""
        self.before: Callable[[Entry], None] = lambda entry: None

    async def tell(self, entry: Entry, recipient: Recipient) -> Outcome:
        assert recipient.user == entry.news.user
        self.now += 1
        self.most = max(self.most, self.now)
        await self.together.wait()
        self.now -= 1
        self.told.append(entry)
        self.before(entry)
        outcome = self.outcomes.pop(0) if self.outcomes else Taken()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def rest(self) -> None:
        self.rests += 1


@pytest.fixture
def stop() -> asyncio.Event:
    return asyncio.Event()


@contextmanager
def locked(queue: Queue) -> Iterator[None]:
    """Another process holds the database's lock."""
    path = queue.store._engine.url.database
    assert path
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def messages(count: int) -> list[News]:
    return [replace(MESSAGE, message=f"m-{number}") for number in range(count)]


async def test_what_is_due_is_told_once(queue: Queue, clock: Clock, stop: asyncio.Event) -> None:
    await queue.put(MESSAGE, CALL)
    teller = Teller()
    courier = Courier(queue.store, Channel.MAIL, teller, clock)
    clock.advance(0.5)
    with capture_logs() as logs:
        assert await courier.round(stop) == 0
        assert await courier.round(stop) == 0
    assert [entry.news for entry in teller.told] == [MESSAGE, CALL]
    assert teller.rests == 1, "its connection is closed after a round that used it"
    assert [(row.ended_at, row.error, row.attempts) for row in await queue.rows()] == [
        (clock.now, None, 1)
    ] * 2
    assert logs[0] == {
        "event": "notification.sent",
        "log_level": "info",
        "channel": "mail",
        "kind": "voicemail",
        "notification": 1,
        "user": 1,
        "waited": 0.5,
    }


async def test_each_channel_has_its_own(queue: Queue, clock: Clock, stop: asyncio.Event) -> None:
    await queue.put(MESSAGE, channel=Channel.WEBHOOK)
    await queue.put(CALL)
    teller = Teller()
    await Courier(queue.store, Channel.WEBHOOK, teller, clock).round(stop)
    assert [entry.news for entry in teller.told] == [MESSAGE]


async def test_what_is_postponed_is_tried_again_in_its_time(
    queue: Queue, clock: Clock, stop: asyncio.Event
) -> None:
    await queue.put(MESSAGE)
    teller = Teller(LATER, LATER)
    courier = Courier(queue.store, Channel.MAIL, teller, clock)
    with capture_logs() as logs:
        for pause, times in ((59, 1), (1, 2), (119, 2), (1, 3)):
            assert await courier.round(stop) == 0
            clock.advance(pause)
            await courier.round(stop)
            assert len(teller.told) == times
    assert [log.get("again_in") for log in logs] == [60, 120, None]
    assert (logs[0]["event"], logs[0]["reason"]) == ("notification.delayed", "Greylisted")
    row = await queue.row()
    assert (row.attempts, row.error, row.ended_at) == (3, None, clock.now)


async def test_after_three_days_it_is_given_up(queue: Queue, clock: Clock, stop: asyncio.Event) -> None:
    await queue.put(MESSAGE)
    courier = Courier(queue.store, Channel.MAIL, Teller(*[LATER] * 200), clock)
    with capture_logs() as logs:
        while (row := await queue.row()).ended_at is None:
            clock.now = row.due_at
            await courier.round(stop)
    assert row.ended_at == NOON + timedelta(days=3)
    assert row.error == "Greylisted"
    assert (logs[-1]["event"], logs[-1]["attempts"]) == ("notification.given_up", row.attempts)


async def test_what_is_refused_is_given_up_at_once(queue: Queue, clock: Clock, stop: asyncio.Event) -> None:
    await queue.put(MESSAGE)
    with capture_logs() as logs:
        await Courier(queue.store, Channel.MAIL, Teller(Refused("550 No such user")), clock).round(stop)
    row = await queue.row()
    assert (row.error, row.ended_at) == ("550 No such user", clock.now)
    assert [(log["event"], log["log_level"], log["reason"]) for log in logs] == [
        ("notification.given_up", "error", "550 No such user")
    ]


async def test_a_channel_that_is_down_is_left_alone(queue: Queue, clock: Clock, stop: asyncio.Event) -> None:
    await queue.put(*messages(5))
    courier = Courier(queue.store, Channel.MAIL, Teller(DOWN, Taken(), DOWN), clock)
    assert await courier.round(stop) == 30
    assert [row.attempts for row in await queue.rows()] == [1, 0, 0, 0, 0], "the others were not tried"
    assert await courier.round(stop) == 30, "it took one meanwhile"
    assert [row.attempts for row in await queue.rows()] == [1, 1, 1, 0, 0]


async def test_a_channel_that_came_back_rests_as_at_first(
    queue: Queue, clock: Clock, stop: asyncio.Event
) -> None:
    await queue.put(*messages(4))
    courier = Courier(queue.store, Channel.MAIL, Teller(DOWN, DOWN), clock)
    assert [await courier.round(stop) for _ in range(3)] == [30, 60, 0]
    await queue.put(CALL)
    courier._teller = Teller(DOWN)
    assert await courier.round(stop) == 30


async def test_where_a_channel_is_off_its_rows_end_quietly(
    queue: Queue, clock: Clock, stop: asyncio.Event
) -> None:
    await queue.put(MESSAGE, CALL)
    with capture_logs() as logs:
        await Courier(queue.store, Channel.MAIL, None, clock).round(stop)
    assert [(row.error, row.ended_at) for row in await queue.rows()] == [
        ("mail is switched off", clock.now)
    ] * 2
    assert logs == []


async def test_who_was_deleted_is_not_told(queue: Queue, clock: Clock, stop: asyncio.Event) -> None:
    await queue.put(MESSAGE)
    await queue.delete_user(1)
    teller = Teller()
    with capture_logs() as logs:
        await Courier(queue.store, Channel.MAIL, teller, clock).round(stop)
    assert ((await queue.row()).error, teller.told, logs) == ("the user was deleted", [], [])


async def test_a_fault_of_ours_delays_that_one_and_no_other(
    queue: Queue, clock: Clock, stop: asyncio.Event
) -> None:
    await queue.put(MESSAGE, CALL)
    with capture_logs() as logs:
        await Courier(queue.store, Channel.MAIL, Teller(KeyError("x")), clock).round(stop)
    first, second = await queue.rows()
    assert (first.ended_at, first.attempts) == (None, 1)
    assert second.ended_at == clock.now
    assert [log["event"] for log in logs] == [
        "notification.fault",
        "notification.delayed",
        "notification.sent",
    ]


async def test_several_are_told_at_once_but_no_more_than_allowed(
    queue: Queue, clock: Clock, stop: asyncio.Event
) -> None:
    await queue.put(*messages(20))
    one, four = Teller(), Teller(at_once=4)
    await Courier(queue.store, Channel.MAIL, one, clock).round(stop)
    assert (len(one.told), one.most) == (20, 1)
    await queue.put(*messages(20), channel=Channel.WEBHOOK)
    await Courier(queue.store, Channel.WEBHOOK, four, clock).round(stop)
    assert len({entry.id for entry in four.told}) == len(four.told) == 20
    assert four.most == 4


async def test_a_long_queue_is_taken_in_batches(queue: Queue, clock: Clock, stop: asyncio.Event) -> None:
    await queue.put(*messages(BATCH + 1))
    teller = Teller()
    courier = Courier(queue.store, Channel.MAIL, teller, clock)
    await courier.round(stop)
    assert len(teller.told) == BATCH
    await courier.round(stop)
    assert len(teller.told) == BATCH + 1


async def test_nothing_is_begun_after_the_stop(queue: Queue, clock: Clock, stop: asyncio.Event) -> None:
    await queue.put(*messages(3))
    teller = Teller()
    teller.before = lambda entry: stop.set()
    await Courier(queue.store, Channel.MAIL, teller, clock).round(stop)
    assert [row.ended_at is not None for row in await queue.rows()] == [True, False, False]


async def test_who_was_told_is_not_told_again_because_the_database_is_locked(
    queue: Queue, clock: Clock, stop: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue.put(MESSAGE)
    # New connections, which wait only for a moment until another process has written.
    monkeypatch.setattr(store_module, "BUSY_TIMEOUT", 50)
    await queue.store._engine.dispose()
    teller = Teller()
    courier = Courier(queue.store, Channel.MAIL, teller, clock)
    with locked(queue):
        for _ in range(3):
            with pytest.raises(StoreError, match="locked"):
                await courier.round(stop)
        assert len(teller.told) == 1
        assert teller.rests == 1
    told_at = clock.now
    clock.advance(100)
    await courier.round(stop)
    assert (len(teller.told), (await queue.row()).ended_at) == (1, told_at)


async def test_a_withheld_caller_is_in_no_line_of_the_log(
    queue: Queue, clock: Clock, stop: asyncio.Event
) -> None:
    await queue.put(replace(CALL, caller=Caller("+441632960998", "Ms Outside")))
    outcomes = (LATER, DOWN, KeyError("x"), Refused("550"))
    courier = Courier(queue.store, Channel.MAIL, Teller(*outcomes), clock)
    with capture_logs() as logs:
        for _ in outcomes:
            await courier.round(stop)
            clock.advance(3600)
    assert len(logs) == 5
    assert "960998" not in str(logs)
    assert "Outside" not in str(logs)
