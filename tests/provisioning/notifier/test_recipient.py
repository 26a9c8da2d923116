from __future__ import annotations

from zoneinfo import ZoneInfo

from provisioning.notifier.recipient import Recipient, read_recipient
from tests.provisioning.notifier.conftest import Queue


async def test_a_user_is_told_in_the_own_zone_or_the_companys(queue: Queue) -> None:
    assert await read_recipient(queue.store, 1) == Recipient(
        1, "Alice", "alice@acme.example", "GB", ZoneInfo("Europe/Paris")
    )
    bob = await read_recipient(queue.store, 2)
    assert bob is not None
    assert bob.zone == ZoneInfo("Europe/London")


async def test_who_was_deleted_or_never_was_is_nobody(queue: Queue) -> None:
    await queue.delete_user(1)
    assert await read_recipient(queue.store, 1) is None
    assert await read_recipient(queue.store, 99) is None
