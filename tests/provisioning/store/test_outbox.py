"""What gets into the queue of what is to be told: for whom, by which channel, and never a withheld caller."""

from __future__ import annotations

from dataclasses import replace

import pytest

from media.message import Caller
from provisioning.store.outbox import Channel, News
from provisioning.store.store import Store, outbox
from tests.provisioning.news import BOTH, CALL, MESSAGE, MINUTE, NOON, populate, put, rows


@pytest.fixture
async def people(store: Store) -> Store:
    """1 wants mail of both, 2 of messages, 3 of missed calls, 4 of nothing; 5 was deleted."""
    return await populate(store)


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
    assert all(row.payload["caller"]["withheld"] for row in await rows(people))


async def test_what_is_put_with_something_that_fails_is_not_there(people: Store) -> None:
    with pytest.raises(RuntimeError):
        async with people.writing() as session:
            await outbox.put(session, [MESSAGE], BOTH, NOON)
            raise RuntimeError
    assert await rows(people) == []
