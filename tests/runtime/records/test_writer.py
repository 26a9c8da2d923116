"""Writing behind calls, with a real database that is locked, refuses, or is slow."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from b2bua.callplan.missed import Missed
from b2bua.runtime.records import writer as module
from b2bua.runtime.records.writer import Writer
from media.message import Caller
from provisioning.file.apply import apply_changes
from provisioning.file.company_file import parse_company_file
from provisioning.notifier.queue import Outbox
from provisioning.store.bindings import StoredBinding
from provisioning.store.calllog import CallRecord, TraceEntry
from provisioning.store.outbox import CallMissed, Channel
from provisioning.store.store import Store, open_store
from tests.runtime.node import CHEAP, company

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    monkeypatch.setattr("provisioning.store.store.BUSY_TIMEOUT", 50)
    monkeypatch.setattr(module, "INTERVAL", 0.02)
    monkeypatch.setattr(module, "BACK_OFF", 0.05)
    async with await open_store(tmp_path, CHEAP) as opened:
        await apply_changes(opened, parse_company_file(company(keys="notify = { missed_call = true }")))
        yield opened


def record(call_id: str) -> CallRecord:
    return CallRecord(call_id, NOON, NOON, "201", "R9", "answered", leg_call_ids=(f"b-{call_id}",))


def entry() -> TraceEntry:
    return TraceEntry(NOON.timestamp(), "in", "a", "127.0.0.2:5060", "INVITE sip:201@x.example SIP/2.0")


def binding(contact: str, **changes: Any) -> StoredBinding:
    made = StoredBinding("anna", contact, 1, "c", 1, 4e9, "UDP", "127.0.0.1:5060", "127.0.0.2:5060")
    return replace(made, **changes)


async def written(store: Store) -> list[str]:
    return sorted(call.call_id for call in await store.calls(limit=1000))


async def traced(store: Store) -> list[int]:
    """How many messages each call has."""
    found = [await store.call(call_id) for call_id in await written(store)]
    return [len(traces) for _, traces in filter(None, found)]


async def contacts(store: Store) -> list[str]:
    return sorted(one.contact for one in await store.load_bindings())


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process holds a transaction open."""
    other = sqlite3.connect(path / "ringplan.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


async def wait_empty(writer: Writer) -> None:
    async with asyncio.timeout(20):
        while writer.backlog:
            await asyncio.sleep(0.01)


async def test_a_locked_database_loses_and_doubles_nothing(store: Store, tmp_path: Path) -> None:
    writer = Writer(store)
    work = asyncio.create_task(writer.run())
    with capture_logs() as logs:
        with locked(tmp_path):
            for number in range(5):
                writer.call(record(f"early-{number}"), [entry()])
            writer.bound(binding("<sip:a@x.example>"))
            async with asyncio.timeout(20):
                while sum(one["event"] == "store.write_failed" for one in logs) < 2:
                    await asyncio.sleep(0.01)
            writer.call(record("late"), [entry()])
            assert writer.backlog == 7
        await wait_empty(writer)
    assert await written(store) == [*(f"early-{number}" for number in range(5)), "late"]
    assert await traced(store) == [1] * 6
    assert await contacts(store) == ["<sip:a@x.example>"]
    work.cancel()


def missed(call_id: str, user: int = 1) -> CallMissed:
    return CallMissed(user, call_id, NOON, Caller("+441632960998"), "201", Missed.NOT_ANSWERED)


async def told(store: Store) -> list[tuple[str, str]]:
    """The calls of which somebody is to be told, each with the channel."""
    waiting = await Outbox(store).due(datetime.now(UTC), 1000)
    return sorted(
        (entry.news.call_id, entry.channel) for entry in waiting if isinstance(entry.news, CallMissed)
    )


@pytest.mark.behaviour("V5")
async def test_a_call_and_the_news_that_it_was_missed_are_written_together_or_not_at_all(
    store: Store, tmp_path: Path
) -> None:
    writer = Writer(store, (Channel.MAIL, Channel.WEBHOOK))
    writer.call(record("missed"), [entry()], [missed("missed"), missed("missed", user=2)])
    writer.call(record("answered"), [entry()])
    with locked(tmp_path):
        assert not await writer.flush()
    assert await told(store) == []
    assert await writer.flush()
    assert await written(store) == ["answered", "missed"]
    assert await told(store) == [
        ("missed", "mail"),
        ("missed", "mail"),
        ("missed", "webhook"),
        ("missed", "webhook"),
    ]
    # Nobody is told of a call that is not in the log.
    writer.call(record("broken \udcff"), [], [missed("gone")])
    writer.call(record("fine"), [], [missed("fine")])
    assert await writer.flush()
    assert await written(store) == ["answered", "fine", "missed"]
    assert {call_id for call_id, _ in await told(store)} == {"missed", "fine"}


async def test_the_last_word_on_a_binding_counts_whatever_came_before(store: Store, tmp_path: Path) -> None:
    writer = Writer(store)
    one, two, three = (binding(f"<sip:{name}@x.example>") for name in ("one", "two", "three"))
    writer.bound(one)
    writer.unbound(one.key)
    writer.bound(two)
    writer.unbound(two.key)
    writer.bound(replace(two, cseq=7))
    writer.bound(three)
    assert await writer.flush()
    assert {row.contact: row.cseq for row in await store.load_bindings()} == {
        two.contact: 7,
        three.contact: 1,
    }
    with locked(tmp_path):
        writer.unbound(two.key)
        writer.bound(replace(three, cseq=2))
        assert not await writer.flush()
        # What comes while a batch waits is newer than the batch.
        writer.bound(replace(two, cseq=9))
        writer.unbound(three.key)
    assert await writer.flush()
    assert {row.contact: row.cseq for row in await store.load_bindings()} == {two.contact: 9}


async def test_newer_words_during_a_batch_that_fails_win(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(store)
    first = binding("<sip:one@x.example>")

    async def failing(changed: Any, removed: Any) -> None:
        writer.unbound(first.key)
        raise OSError("disk gone")

    writer.bound(first)
    with monkeypatch.context() as patch:
        patch.setattr(store, "save_bindings", failing)
        assert not await writer.flush()
    assert await writer.flush()
    assert await contacts(store) == []


async def test_stopping_in_the_middle_of_a_batch_doubles_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(store)
    begun = asyncio.Event()
    write = store.write_calls

    async def slow(*batch: Any) -> None:
        await write(*batch)
        begun.set()  # on disk, but the writer has not heard of it yet
        await asyncio.sleep(0.05)

    monkeypatch.setattr(store, "write_calls", slow)
    work = asyncio.create_task(writer.run())
    writer.call(record("one"), [entry()])
    await begun.wait()
    work.cancel()
    await asyncio.wait({work})
    writer.call(record("two"), [])
    assert await writer.flush()
    assert await written(store) == ["one", "two"]
    assert writer.backlog == 0


async def test_one_record_that_cannot_be_written_takes_no_other_with_it(store: Store) -> None:
    writer = Writer(store)
    for name in ("one", "broken \udcff", "two"):
        writer.call(record(name), [])
    writer.bound(binding("<sip:fine@x.example>"))
    writer.bound(binding("<sip:broken@x.example>", user_agent="\udcff"))
    with capture_logs() as logs:
        assert await writer.flush()
    assert await written(store) == ["one", "two"]
    assert await contacts(store) == ["<sip:fine@x.example>"]
    assert {one["event"] for one in logs} == {"store.call_dropped", "store.binding_dropped"}


async def test_big_backlogs_go_in_batches_and_have_a_bound(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 25)
    monkeypatch.setattr(module, "BATCH", 10)
    sizes = []
    write = store.write_calls

    async def counted(calls: Any, *missed: Any) -> None:
        sizes.append(len(calls))
        if len(sizes) == 1:
            writer.call(record("during"), [])
        await write(calls, *missed)

    monkeypatch.setattr(store, "write_calls", counted)
    writer = Writer(store)
    with capture_logs() as logs:
        for number in range(27):
            writer.call(record(f"{number:02}"), [])
        assert await writer.flush()
    dropped = [one["call_id"] for one in logs if one["event"] == "store.call_dropped"]
    assert dropped == ["00", "01", "12"], "the oldest, but never one that is being written"
    assert sizes == [10, 10, 5]
    assert await written(store) == [f"{number:02}" for number in range(2, 27) if number != 12] + ["during"]
