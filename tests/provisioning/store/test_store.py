from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from provisioning.store.errors import StoreError
from provisioning.store.model import Number, SettingsVersion
from provisioning.store.store import Store, open_store, read_version
from tests.provisioning.changing import changing_settings
from tests.provisioning.templates import CHEAP


async def test_the_file_is_opened_as_calls_need_it(store: Store) -> None:
    async with store.reading() as session:
        pragmas = [
            (await session.execute(text(f"PRAGMA {pragma}"))).scalar_one()
            for pragma in ("journal_mode", "foreign_keys", "busy_timeout")
        ]
    assert pragmas == ["wal", 1, 5000]


async def test_a_change_of_settings_raises_the_version_in_its_own_transaction(store: Store) -> None:
    before = await store.settings_version()
    async with changing_settings(store) as session:
        assert await read_version(session) == before + 1
        assert await store.settings_version() == before
    assert await store.settings_version() == before + 1


async def test_a_change_that_fails_changes_nothing(store: Store) -> None:
    before = await store.settings_version()
    with pytest.raises(IntegrityError):
        async with changing_settings(store) as session:
            session.add(Number(number="+441632960100", customer_id=999))
    async with store.reading() as session:
        assert (await session.scalars(select(Number))).all() == []
    assert await store.settings_version() == before


async def test_the_text_of_an_error_does_not_repeat_what_was_to_be_stored(store: Store) -> None:
    with pytest.raises(IntegrityError) as failed:
        async with changing_settings(store) as session:
            session.add(Number(number="+441632960100", customer_id=999))
    assert "960100" not in str(failed.value)


async def test_a_reader_sees_one_state_while_another_process_writes(tmp_path: Path) -> None:
    async with await open_store(tmp_path, CHEAP) as one, await open_store(tmp_path, CHEAP) as other:
        async with one.reading() as session:
            before = await read_version(session)
            async with changing_settings(other):
                pass
            assert await read_version(session) == before
        assert await one.settings_version() == before + 1


async def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    async with await open_store(tmp_path, CHEAP) as one, await open_store(tmp_path, CHEAP) as other:

        async def raise_version(store: Store) -> None:
            async with store.writing() as session:
                version = await read_version(session)
                await asyncio.sleep(0)
                (await session.get_one(SettingsVersion, 1)).version = version + 1

        await asyncio.gather(*(raise_version(store) for store in (one, other) * 2))
        assert await one.settings_version() == 5


async def test_writers_of_one_process_stand_in_line_however_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is refused, though SQLite itself would not wait at all, and each has its turn in the order they came."""
    monkeypatch.setattr("provisioning.store.store.BUSY_TIMEOUT", 0)
    turns: list[int] = []

    async def write(number: int) -> None:
        async with changing_settings(store) as session:
            turns.append(number)
            await session.execute(text("SELECT 1"))

    async with await open_store(tmp_path / "data", CHEAP) as store:
        before = await store.settings_version()
        await asyncio.gather(*(write(number) for number in range(30)))
        assert await store.settings_version() == before + 30
    assert turns == list(range(30))


async def test_a_closed_store_is_found_again(tmp_path: Path) -> None:
    async with await open_store(tmp_path, CHEAP) as store, changing_settings(store):
        pass
    async with await open_store(tmp_path, CHEAP) as store:
        assert await store.settings_version() == 2


async def test_a_damaged_store_is_refused(tmp_path: Path) -> None:
    await (await open_store(tmp_path, CHEAP)).close()
    (tmp_path / "ringplan.db").write_bytes(b"")
    with pytest.raises(StoreError, match="is damaged"):
        await open_store(tmp_path, CHEAP)


async def test_a_disk_that_fills_while_it_is_open_is_told_with_the_remedy(store: Store) -> None:
    engine = store._engine.sync_engine

    @event.listens_for(engine, "connect")
    def limit(connection: Any, record: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")

    await store._engine.dispose()
    with pytest.raises(StoreError, match="There is no room"):
        async with store.writing() as session:
            await session.execute(text("CREATE TABLE more (x)"))
            await session.execute(text("INSERT INTO more VALUES (zeroblob(1000000))"))


async def test_a_statement_that_is_wrong_is_no_trouble_of_the_disk(store: Store) -> None:
    with pytest.raises(OperationalError):
        async with store.reading() as session:
            await session.execute(text("SELECT nonsense"))
