"""A media host's owners while the database is away: questions fail at once, messages wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from media.owners import OwnersUnavailable, PinVerdict
from provisioning.mailboxes import late_owners as module
from provisioning.mailboxes.late_owners import LateOwners
from provisioning.mailboxes.owners import StoredOwners
from provisioning.notifier.queue import Outbox
from provisioning.store.errors import StoreError
from provisioning.store.outbox import Channel
from provisioning.store.store import Store, open_store
from tests.provisioning.companies import EVERY_KEY
from tests.provisioning.file.test_apply import applied
from tests.provisioning.mailboxes.test_owners import ANNA, MESSAGE, NOON, PIN
from tests.provisioning.templates import CHEAP


class Opening:
    """Opens the store of a folder once it may."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.refusals = ["The disk is gone.", "The disk is gone.", "Damaged."]
        self.tries = 0

    async def __call__(self) -> StoredOwners:
        self.tries += 1
        if self.refusals:
            raise StoreError(self.refusals.pop(0))
        return StoredOwners(await open_store(self.folder, CHEAP), self.folder / "none", (Channel.WEBHOOK,))


@pytest.fixture
async def opening(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opening:
    monkeypatch.setattr(module, "BACK_OFF", 0.01)
    await applied(store, EVERY_KEY)
    return Opening(tmp_path / "data")


@pytest.fixture
async def owners(opening: Opening) -> AsyncIterator[LateOwners]:
    owners = LateOwners(opening)
    yield owners
    await owners.close()


async def queued(store: Store, number: int) -> list[str]:
    """The messages in the queue, once there are so many."""
    async with asyncio.timeout(20):
        while len(found := await Outbox(store).due(NOON.replace(year=2099), 100)) < number:
            await asyncio.sleep(0.01)
    return [entry.key.split(":")[2] for entry in found]


async def ended(work: asyncio.Task[None]) -> None:
    work.cancel()
    await asyncio.wait({work})


async def test_every_callers_question_fails_until_the_store_is_open(
    owners: LateOwners, opening: Opening
) -> None:
    for question in (
        owners.owner(ANNA),
        owners.locked(ANNA),
        owners.check_pin(ANNA, PIN),
        owners.set_pin(ANNA, PIN),
    ):
        with pytest.raises(OwnersUnavailable):
            await question
    with capture_logs() as logs:
        work = asyncio.create_task(owners.run())
        await owners.message_stored(MESSAGE)
        async with asyncio.timeout(20):
            while opening.tries < 4 or await asked(owners) is None:
                await asyncio.sleep(0.01)
    assert await owners.check_pin(ANNA, PIN) is PinVerdict.RIGHT
    assert [(one["event"], one["reason"]) for one in logs] == [
        ("owners.unavailable", "The disk is gone."),
        ("owners.unavailable", "Damaged."),
    ], "each reason is said once"
    await ended(work)


@pytest.mark.behaviour("P7")
async def test_a_question_that_no_caller_waits_for_waits_for_the_store(
    owners: LateOwners, opening: Opening
) -> None:
    """The media host looks for mailboxes of users long deleted as it starts, when the store is just being opened."""
    asking = asyncio.create_task(owners.long_gone(NOON))
    work = asyncio.create_task(owners.run())
    with capture_logs():
        assert await asyncio.wait_for(asking, 5) == ()
    assert opening.tries == 4
    await ended(work)


async def asked(owners: LateOwners) -> object:
    try:
        return await owners.owner(ANNA)
    except OwnersUnavailable:
        return None


@pytest.mark.behaviour("V5")
async def test_messages_wait_for_the_store_and_are_told_in_order(
    owners: LateOwners, opening: Opening, store: Store
) -> None:
    work = asyncio.create_task(owners.run())
    for name in "abc":
        await owners.message_stored(replace(MESSAGE, id=name))
    await owners.message_stored(replace(MESSAGE, id="a"))
    assert await queued(store, 3) == ["a", "b", "c"]
    await owners.message_stored(replace(MESSAGE, id="d"))
    assert await queued(store, 4) == ["a", "b", "c", "d"]
    await ended(work)


@pytest.mark.behaviour("V5")
async def test_a_message_that_could_not_be_queued_is_tried_again(
    owners: LateOwners, opening: Opening, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = StoredOwners.message_stored
    failures = iter([OwnersUnavailable("locked"), OwnersUnavailable("locked")])

    async def failing(self: StoredOwners, message: object) -> None:
        for failure in failures:
            raise failure
        await told(self, message)  # type: ignore[arg-type]

    monkeypatch.setattr(StoredOwners, "message_stored", failing)
    opening.refusals.clear()
    with capture_logs() as logs:
        work = asyncio.create_task(owners.run())
        await owners.message_stored(MESSAGE)
        assert await queued(store, 1) == [MESSAGE.id]
    assert [(one["reason"], one["waiting"]) for one in logs] == [("locked", 1)]
    await ended(work)


async def test_a_fault_with_one_message_keeps_back_no_other(
    owners: LateOwners, opening: Opening, store: Store
) -> None:
    opening.refusals.clear()
    with capture_logs() as logs:
        work = asyncio.create_task(owners.run())
        await owners.message_stored(replace(MESSAGE, id="broken \udcff"))
        await owners.message_stored(replace(MESSAGE, id="fine"))
        assert await queued(store, 1) == ["fine"]
    assert [one["event"] for one in logs] == ["owners.message_untold"]
    await ended(work)


@pytest.mark.behaviour("V5")
async def test_the_end_tells_what_still_waits(opening: Opening, store: Store) -> None:
    opening.refusals.clear()
    owners = LateOwners(opening)
    work = asyncio.create_task(owners.run())
    async with asyncio.timeout(20):
        while await asked(owners) is None:
            await asyncio.sleep(0.01)
    await ended(work)
    await owners.message_stored(MESSAGE)
    await owners.close()
    assert await queued(store, 1) == [MESSAGE.id]


async def test_the_end_before_the_store_was_open(opening: Opening) -> None:
    owners = LateOwners(opening)
    await owners.message_stored(MESSAGE)
    await owners.close()
    assert opening.tries == 0
