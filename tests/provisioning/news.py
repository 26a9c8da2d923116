"""What is to be told, and a store with people who want to be told different things."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from b2bua.callplan.missed import Missed
from media.message import Caller
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


async def populate(store: Store) -> Store:
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
