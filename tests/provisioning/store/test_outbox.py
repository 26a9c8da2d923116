"""The queue of what is to be told: what gets in, in which order it comes out, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from b2bua.callplan.missed import Missed
from media.message import Caller
from provisioning.notifier.queue import REMEMBERED, Outbox
from provisioning.store.model import Notification, User
from provisioning.store.outbox import CallMissed, Channel, News, VoicemailLeft
from provisioning.store.store import Store, outbox
from tests.provisioning.changing import changing_settings
from tests.provisioning.companies import customer, user
from tests.provisioning.file.test_apply import applied

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OUTSIDE = Caller("+441632960998", "Ms Outside")
MESSAGE = VoicemailLeft(1, "m-1", 7.25, NOON, OUTSIDE)
CALL = CallMissed(1, "a@phone.example", NOON, OUTSIDE, "+441632960101", Missed.ENGAGED)
BOTH = (Channel.MAIL, Channel.WEBHOOK)


@pytest.fixture
async def people(store: Store) -> Store:
    """1 wants mail of both, 2 of messages, 3 of missed calls, 4 of nothing; 5 was deleted."""
    switches = ((True, True), (True, False), (False, True), (False, False), (True, True))
    await applied(
        store,
        customer(
            *(
                user(
                    f"user{number}",
                    f"notify = {{ voicemail = {str(voicemail).lower()}, missed_call = {str(missed).lower()} }}",
                )
                for number, (voicemail, missed) in enumerate(switches, 1)
            )
        ),
    )
    async with changing_settings(store) as session:
        await session.execute(update(User).where(User.id == 5).values(deleted_at=NOON))
    return store


async def put(
    store: Store, news: Sequence[News], channels: Sequence[Channel] = BOTH, now: datetime = NOON
) -> None:
    async with store.writing() as session:
        await outbox.put(session, news, channels, now)


async def rows(store: Store) -> list[Notification]:
    async with store.reading() as session:
        return list(await session.scalars(select(Notification).order_by(Notification.id)))


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


@pytest.mark.behaviour("V5")
async def test_mail_goes_by_the_switches_and_a_webhook_hears_of_everybody_who_is_there(
    people: Store,
) -> None:
    news: list[News] = [replace(event, user=number) for event in (MESSAGE, CALL) for number in range(1, 7)]
    await put(people, news)
    found = {
        channel: [(row.event, row.user_id) for row in await rows(people) if row.channel == channel]
        for channel in BOTH
    }
    assert found[Channel.MAIL] == [("voicemail", 1), ("voicemail", 2), ("missed-call", 1), ("missed-call", 3)]
    assert found[Channel.WEBHOOK] == [
        (event, number) for event in ("voicemail", "missed-call") for number in (1, 2, 3, 4)
    ]


async def test_without_channels_or_events_nothing_is_queued(people: Store) -> None:
    await put(people, [MESSAGE], ())
    await put(people, [])
    await put(people, [replace(MESSAGE, user=4)], [Channel.MAIL])
    assert await rows(people) == []


async def test_two_calls_may_have_the_same_call_id(people: Store) -> None:
    await put(people, [CALL, replace(CALL, at=NOON + MINUTE), replace(CALL, user=3)], [Channel.MAIL])
    assert len(await rows(people)) == 3


@pytest.mark.behaviour("A3")
async def test_a_withheld_caller_is_nowhere_in_the_queue(people: Store) -> None:
    hidden = Caller("+441632960998", "Ms Outside", withheld=True)
    await put(people, [replace(MESSAGE, caller=hidden), replace(CALL, caller=hidden)])
    text = str([row.payload | {"key": row.key} for row in await rows(people)])
    assert "960998" not in text and "Outside" not in text
    assert all(entry.news.caller == Caller(withheld=True) for entry in await Outbox(people).due(NOON, 9))


async def test_what_is_put_with_something_that_fails_is_not_there(people: Store) -> None:
    with pytest.raises(RuntimeError):
        async with people.writing() as session:
            await outbox.put(session, [MESSAGE], BOTH, NOON)
            raise RuntimeError
    assert await Outbox(people).waiting() == 0


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
