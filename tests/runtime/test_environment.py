"""What goes wrong around the service: a database that is locked, damaged or full, and clocks that are set."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs
from structlog.typing import EventDict

from b2bua.call.ring_user import RingUser
from b2bua.runtime import settings_watch
from b2bua.runtime.records import writer
from tests.runtime.node import Node, running_node, until
from tests.runtime.phone import Phone, converse

LOCKER = (
    "import sqlite3, sys\n"
    "held = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    "held.execute(sys.argv[2])\n"
    "print('locked', flush=True)\n"
    "sys.stdin.read()\n"
)
# Seconds for a whole call, or a registration: what waited for the database would wait as long as it is locked.
AT_ONCE = 5.0


@pytest.fixture
async def node(relay_socket: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Node]:
    monkeypatch.setattr("provisioning.store.store.BUSY_TIMEOUT", 200)
    monkeypatch.setattr(writer, "BACK_OFF", 0.1)
    async with running_node(relay_socket) as running:
        yield running


@contextmanager
def locked_by_another_process(database: Path, begin: str) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", LOCKER, str(database), begin], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == b"locked\n"
        yield
        process.stdin.close()


async def call(caller: Phone, callee: Phone) -> str:
    """A whole call; it has to be as quick as ever."""
    async with asyncio.timeout(AT_ONCE):
        answer = await converse(caller, callee, "202")
        caller.hang_up(answer)
        callee.respond(await callee.request("BYE"), 200)
        await caller.final("BYE", 3)
    return answer.call_id


def failures(logs: list[EventDict]) -> int:
    return sum(one["event"] == "store.write_failed" for one in logs)


def dropped(logs: list[EventDict]) -> list[str]:
    return [one["event"] for one in logs if one["event"].endswith("_dropped")]


async def written(node: Node, call_ids: list[str], usernames: set[str]) -> None:
    await until(lambda: not node.signalling.book._entries, "the records of calls")
    async with asyncio.timeout(20):
        while not await node.signalling.writer.flush():
            await asyncio.sleep(0.05)
    assert sorted(one.call_id for one in await node.store.calls(limit=10_000)) == sorted(call_ids)
    assert {one.username for one in await node.store.load_bindings()} == usernames


@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
async def test_while_another_process_locks_the_database_calls_do_not_notice(node: Node, begin: str) -> None:
    anna = await node.phone("anna")
    with capture_logs() as logs:
        with locked_by_another_process(node.folder / "ringplan.db", begin):
            async with asyncio.timeout(AT_ONCE):
                bert = await node.phone("bert")
            calls = [await call(anna, bert)]
            # Ten times the busy timeout.
            await until(lambda: failures(logs) >= 5, "the writer to have tried in vain for a while")
            calls.append(await call(anna, bert))
            assert node.signalling.writer.backlog >= 2
        await written(node, calls, {"anna", "bert"})
    assert dropped(logs) == []


async def test_with_a_full_disk_calls_go_on_and_all_is_written_when_there_is_room(node: Node) -> None:
    anna = await node.phone("anna")
    await until(lambda: not node.signalling.writer.backlog, "the first binding")
    engine, room = node.store._engine.sync_engine, False

    @event.listens_for(engine, "connect")
    def limit(connection: sqlite3.Connection, record: object) -> None:
        if not room:
            # As many pages as there are: SQLite says "database or disk is full", as it does for ENOSPC.
            connection.execute("PRAGMA max_page_count = 1")

    await node.store._engine.dispose()
    with capture_logs() as logs:
        calls = []
        bert = await node.phone("bert")
        async with asyncio.timeout(20):
            while failures(logs) < 2:  # there is some room in the pages that there are
                calls.append(await call(anna, bert))
                await asyncio.sleep(0.05)
        assert "full" in next(one["reason"] for one in logs if one["event"] == "store.write_failed")
        calls.append(await call(anna, bert))
        room = True
        await node.store._engine.dispose()
        await written(node, calls, {"anna", "bert"})
    assert dropped(logs) == []


async def test_damage_that_appears_while_it_runs_is_told_and_calls_go_on(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_watch, "INTERVAL", 0.1)
    anna, bert = await node.phone("anna"), await node.phone("bert")
    await until(lambda: not node.signalling.writer.backlog, "the bindings")
    database = node.folder / "ringplan.db"
    with sqlite3.connect(database) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    size = database.stat().st_size
    with database.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * (size - 100))
    with capture_logs() as logs:
        await node.store._engine.dispose()
        await call(anna, bert)
        await until(lambda: failures(logs) >= 2, "the damage to be told")
        assert (await anna.register(cseq=7)).code == 200
        await call(anna, bert)
        assert node.signalling.writer.backlog >= 2, "what could not be written is kept"
        await until(lambda: any(one["event"] == "store.read_failed" for one in logs), "the reading to fail")
    assert dropped(logs) == []
    reason = next(one["reason"] for one in logs if one["event"] == "store.write_failed")
    assert "damaged" in reason
    assert "next start" in reason


@pytest.mark.parametrize("seconds", [3600.0, -3600.0, 86400.0, -86400.0])
async def test_a_clock_that_is_set_changes_nothing_for_phones_and_calls(
    node: Node, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(settings_watch, "INTERVAL", 0.05)
    await node.kill()
    await node.start()
    anna, bert = await node.phone("anna"), await node.phone("bert")
    answer = await converse(anna, bert, "202")
    await node.signalling.writer.flush()
    real = time.time
    with capture_logs() as logs:
        monkeypatch.setattr(time, "time", lambda: real() + seconds)
        await until(
            lambda: any(one["event"] == "process.clock_jumped" for one in logs), "the jump to be seen"
        )
        await node.signalling.writer.flush()
    (jumped,) = [one for one in logs if one["event"] == "process.clock_jumped"]
    assert jumped["seconds"] == pytest.approx(seconds, abs=1)
    assert [one for one in logs if one["event"] in ("registration.removed", "call.ended")] == []
    for stored in await node.store.load_bindings():
        assert 550 < stored.expires_at - time.time() <= 600, "by the clock as it is now"
    anna.hang_up(answer)
    bert.respond(await bert.request("BYE"), 200)
    await anna.final("BYE", 3)
    assert (await anna.register(cseq=7)).code == 200, "nonces go by the other clock too"
    await call(anna, bert)
    await node.kill()
    await node.start()
    assert sorted(row["username"] for row in node.signalling.list_registrations()) == ["anna", "bert"]
    assert all(550 < row["expires_in"] <= 600 for row in node.signalling.list_registrations())


async def test_a_clock_put_back_while_the_service_was_down_prolongs_no_registration_beyond_the_longest(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    await node.phone("anna")
    await node.signalling.writer.flush()
    await node.kill()
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 86400)
    await node.start()
    (row,) = node.signalling.list_registrations()
    assert row["expires_in"] <= node.settings.sip.max_expires


@pytest.mark.parametrize("where", ["begin", "_invite"])
async def test_a_fault_in_a_call_is_a_500_and_leaves_nothing_of_it(
    node: Node, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    anna, bert = await node.phone("anna"), await node.phone("bert")

    def fail(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(RingUser, where, fail)
        call_id = await anna.call("202")
        refused = await anna.response("500")
        anna.acknowledge(refused, f"sip:202@{node.address}:5060")
    (fault,) = [one for one in logs if one["event"] == "sip.fault"]
    assert fault["exc_info"]
    assert node.signalling.list_calls() == []
    assert node.signalling.agent.sessions == 0
    assert not any(node.signalling.telephony.services.lines.in_use(user) for user in range(10))
    await until(lambda: not node.signalling.media.relay.sessions, "the relay session to be closed")
    await until(lambda: not node.signalling.book._entries, "the record")
    await node.signalling.writer.flush()
    found = await node.store.call(call_id)
    assert found is not None
    assert (found[0].code, found[0].hung_up_by) == (500, "service (fault)")
    await call(anna, bert)
