"""The queue as the notifier uses it: in which order it comes out, and how each entry ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import update

from media.message import Caller
from provisioning.notifier.queue import REMEMBERED, Outbox
from provisioning.store.model import Notification
from provisioning.store.outbox import Channel
from provisioning.store.store import Store
from tests.provisioning.news import CALL, MESSAGE, MINUTE, NOON, populate, put, rows


@pytest.fixture
async def people(store: Store) -> Store:
    """1 wants mail of both, 2 of messages, 3 of missed calls, 4 of nothing; 5 was deleted."""
    return await populate(store)


async def keys(store: Store, now: datetime = NOON, limit: int = 100) -> list[str]:
    return [entry.key for entry in await Outbox(store).due(now, limit)]


@pytest.mark.behaviour("V5")
async def test_an_event_comes_out_as_it_went_in_once_a_channel(people: Store) -> None:
    for _ in range(2):
        await put(people, [MESSAGE, CALL])
    entries = await Outbox(people).due(NOON, 100)
    assert [(entry.channel, entry.news, entry.attempts, entry.created_at) for entry in entries] == [
        (Channel.MAIL, MESSAGE, 0, NOON),
        (Channel.WEBHOOK, MESSAGE, 0, NOON),
        (Channel.MAIL, CALL, 0, NOON),
        (Channel.WEBHOOK, CALL, 0, NOON),
    ]
    assert [entry.id for entry in await Outbox(people).due(NOON, 100, Channel.WEBHOOK)] == [
        entry.id for entry in entries if entry.channel is Channel.WEBHOOK
    ]


async def test_the_longest_due_comes_first_and_what_waits_is_left_alone(people: Store) -> None:
    queue = Outbox(people)
    events = [replace(MESSAGE, message=name) for name in "abc"]
    for number, event in enumerate(events):
        await put(people, [event], [Channel.MAIL], NOON + number * MINUTE)
    names = [f"{event.key}:mail" for event in events]
    assert await keys(people) == names[:1]
    assert await keys(people, NOON + 2 * MINUTE, limit=2) == names[:2]
    first = (await queue.due(NOON, 1))[0]
    await queue.again(first.id, NOON + 3 * MINUTE, "451 try later")
    assert await keys(people, NOON + 2 * MINUTE) == names[1:]
    assert await keys(people, NOON + 3 * MINUTE) == [*names[1:], names[0]]
    (again,) = (entry for entry in await queue.due(NOON + 3 * MINUTE, 9) if entry.id == first.id)
    assert again == replace(first, attempts=1)
    assert (await rows(people))[0].error == "451 try later"
    assert await queue.waiting() == 3


async def test_what_was_taken_or_given_up_has_ended_and_stays_so(people: Store) -> None:
    queue = Outbox(people)
    await put(people, [MESSAGE])
    mail, webhook = await queue.due(NOON, 9)
    await queue.again(mail.id, NOON, "451")
    await queue.taken(mail.id, NOON + MINUTE)
    await queue.gave_up(webhook.id, "410 Gone", NOON + MINUTE)
    assert await queue.waiting() == 0
    for entry in (mail, webhook):
        await queue.again(entry.id, NOON, "too late")
    await queue.gave_up(mail.id, "too late", NOON)
    assert await keys(people, NOON + 60 * MINUTE) == []
    assert [(row.attempts, row.error, row.ended_at) for row in await rows(people)] == [
        (2, None, NOON + MINUTE),
        (1, "410 Gone", NOON + MINUTE),
    ]
    # Told again, it is not queued again.
    await put(people, [MESSAGE])
    assert await queue.waiting() == 0


async def test_only_what_ended_long_ago_is_forgotten(people: Store) -> None:
    queue = Outbox(people)
    await put(people, [replace(MESSAGE, message=name) for name in "abc"], [Channel.MAIL])
    old, new, _ = await queue.due(NOON, 9)
    await queue.taken(old.id, NOON)
    await queue.gave_up(new.id, "no", NOON + MINUTE)
    assert await queue.purge(NOON + REMEMBERED) == 0
    assert await queue.purge(NOON + REMEMBERED + MINUTE / 2) == 1
    assert [row.user_id for row in await rows(people)] == [1, 1]
    assert await queue.waiting() == 1


@pytest.mark.parametrize(
    "broken",
    [{"payload": {"user": 1}}, {"event": "fax"}, {"channel": "pigeon"}],
    ids=lambda values: next(iter(values)),
)
async def test_what_cannot_be_read_keeps_nobody_waiting(people: Store, broken: dict[str, object]) -> None:
    await put(people, [MESSAGE], [Channel.MAIL])
    await put(people, [CALL], [Channel.MAIL], NOON + MINUTE)
    first, _ = await rows(people)
    async with people.writing() as session:
        await session.execute(update(Notification).where(Notification.id == first.id).values(**broken))
    entries = await Outbox(people).due(NOON + 2 * MINUTE, 10)
    assert [entry.news for entry in entries] == [CALL]
    ended, waiting = await rows(people)
    assert ended.ended_at is not None and "cannot be read" in (ended.error or "")
    assert waiting.ended_at is None


@pytest.mark.behaviour("A3")
async def test_a_withheld_caller_comes_out_withheld(people: Store) -> None:
    hidden = Caller("+441632960998", "Ms Outside", withheld=True)
    await put(people, [replace(MESSAGE, caller=hidden), replace(CALL, caller=hidden)])
    entries = await Outbox(people).due(NOON, 9)
    assert [entry.news.caller for entry in entries] == [Caller(withheld=True)] * 4
