"""A store with people to tell, and the clock of a test."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from provisioning.store.model import Notification, User
from provisioning.store.outbox import Channel, News
from provisioning.store.store import Store, outbox
from tests.provisioning.changing import changing_settings
from tests.provisioning.companies import customer, user
from tests.provisioning.file.test_apply import applied
from tests.provisioning.notifier.entries import NOON


class Clock:
    """A time of day that goes on when the test says so."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        """So many seconds pass."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Queue:
    """The queue of a store as a test uses it."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def put(self, *news: News, channel: Channel = Channel.MAIL) -> None:
        """Queue these for one channel."""
        async with self.store.writing() as session:
            await outbox.put(session, news, (channel,), NOON)

    async def rows(self) -> list[Notification]:
        """All rows, in the order in which they were queued."""
        async with self.store.reading() as session:
            return list(await session.scalars(select(Notification).order_by(Notification.id)))

    async def row(self) -> Notification:
        """The only row."""
        (row,) = await self.rows()
        return row

    async def delete_user(self, number: int) -> None:
        """Somebody deletes a user."""
        async with changing_settings(self.store) as session:
            await session.execute(update(User).where(User.id == number).values(deleted_at=NOON))


@pytest.fixture
async def queue(store: Store) -> Queue:
    """The empty queue of a store with two users, who want mail about everything."""
    both = "notify = { voicemail = true, missed_call = true }"
    paris = f'{both}\ntimezone = "Europe/Paris"'
    await applied(store, customer(user("alice", paris), user("bob", both)))
    return Queue(store)
