"""The pool with real worker processes, without calls."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from media.pool import PoolSettings, Worker, WorkerPool
from tests.media.conftest import free_network
from tests.media.support import has_ended, until

StartPool = Callable[..., WorkerPool]
Events = list[dict[str, Any] | None]


@pytest.fixture
async def start_pool(tmp_path: Path) -> AsyncIterator[StartPool]:
    pools: list[WorkerPool] = []

    def begin(**settings: Any) -> WorkerPool:
        pool = WorkerPool(PoolSettings(free_network(), **settings), tmp_path / "writers.lock", lambda: None)
        pools.append(pool)
        pool.start()
        return pool

    yield begin
    for pool in pools:
        await pool.close()


def reserve(pool: WorkerPool, session: str, events: Events | None = None) -> asyncio.Future[Worker | None]:
    found: asyncio.Future[Worker | None] = asyncio.get_running_loop().create_future()
    pool.reserve(session, (events if events is not None else []).append, found.set_result)
    return found


async def reserved(pool: WorkerPool, session: str) -> Worker:
    worker = await reserve(pool, session)
    assert worker is not None
    return worker


async def test_spare_workers_are_kept_warm_each_with_its_address(start_pool: StartPool) -> None:
    pool = start_pool(spare=2, largest=4)
    await until(lambda: pool.spare == 2)
    worker = await reserved(pool, "a")
    await until(lambda: pool.spare == 2)
    assert len(pool.workers) == 3
    assert len({one.address for one in pool.workers}) == 3
    assert pool.sessions == 1
    pool.release(worker, "a")
    assert pool.spare == 3


async def test_a_worker_is_filled_before_a_spare_one_is_touched(start_pool: StartPool) -> None:
    pool = start_pool(spare=2, largest=3, calls_per_worker=2)
    await until(lambda: pool.spare == 2)
    first, second, third = [await reserved(pool, session) for session in "abc"]
    assert first is second
    assert third is not first


async def test_when_all_are_full_the_next_is_refused_at_once(start_pool: StartPool) -> None:
    pool = start_pool(spare=1, largest=1, calls_per_worker=2, wait=60.0)
    await reserved(pool, "a")
    worker = await reserved(pool, "b")
    assert await reserve(pool, "c") is None
    pool.release(worker, "b")
    assert await reserve(pool, "d") is worker


async def test_without_spare_workers_one_is_started_on_demand(start_pool: StartPool) -> None:
    pool = start_pool(spare=0, largest=1)
    assert pool.workers == []
    assert (await reserved(pool, "a")).ready


async def test_a_burst_of_callers_gets_workers_that_start_together(
    start_pool: StartPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All wait for the workers they need, longer than a caller waits for a worker that is there."""
    starting: list[int] = []
    original = asyncio.create_subprocess_exec

    async def count(*command: Any, **options: Any) -> asyncio.subprocess.Process:
        process = await original(*command, **options)
        starting.append(sum(not worker.ready for worker in pool.workers))
        return process

    monkeypatch.setattr("media.pool.asyncio.create_subprocess_exec", count)
    pool = start_pool(spare=1, largest=6, calls_per_worker=4, wait=0.01)
    found = await asyncio.gather(*[reserve(pool, f"s{number}") for number in range(25)])
    assert [worker is None for worker in found] == [False] * 24 + [True]
    assert max(starting) == 6
    assert all(len(worker.sessions) == 4 for worker in pool.workers)


async def test_a_worker_that_hangs_in_its_start_is_ended(
    start_pool: StartPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = asyncio.create_subprocess_exec

    async def hang(*_: str, **options: Any) -> asyncio.subprocess.Process:
        return await original("/bin/sleep", "60", **options)

    with monkeypatch.context() as patch:
        patch.setattr("media.pool.asyncio.create_subprocess_exec", hang)
        pool = start_pool(spare=0, largest=1, wait=0.1, start_within=3.0, first_pause=0.1)
        assert await asyncio.wait_for(reserve(pool, "a"), 15.0) is None
    assert (await reserved(pool, "b")).ready


async def test_no_worker_gets_more_set_ups_than_it_can_take(start_pool: StartPool) -> None:
    pool = start_pool(spare=1, largest=1, setups_per_second=3)
    await pool.first_ready.wait()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for number in range(4):
        pool.release(await reserved(pool, f"s{number}"), f"s{number}")
        if number == 2:
            assert loop.time() - begun < 0.5
    assert loop.time() - begun >= 1.0


async def test_a_worker_is_replaced_after_its_calls(start_pool: StartPool) -> None:
    pool = start_pool(spare=1, largest=2, calls_in_a_life=2)
    first = await reserved(pool, "a")
    assert await reserved(pool, "b") is first
    third = await reserved(pool, "c")
    assert third is not first
    pool.release(first, "a")
    assert not has_ended(first.pid)
    pool.release(first, "b")
    await until(lambda: first not in pool.workers and has_ended(first.pid))


async def test_a_dead_worker_is_told_of_and_replaced(start_pool: StartPool) -> None:
    pool = start_pool(spare=1, largest=2)
    events: Events = []
    worker = await reserve(pool, "a", events)
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    await until(lambda: events == [None])
    assert worker not in pool.workers
    await until(lambda: pool.spare == 1)
    assert (await reserved(pool, "b")).address != worker.address


async def test_workers_that_die_at_their_start_are_tried_ever_less_often(
    start_pool: StartPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[float] = []
    loop = asyncio.get_running_loop()
    original = asyncio.create_subprocess_exec

    async def die(*_: str, **options: Any) -> asyncio.subprocess.Process:
        starts.append(loop.time())
        return await original("/bin/false", **options)

    monkeypatch.setattr("media.pool.asyncio.create_subprocess_exec", die)
    pool = start_pool(spare=1, largest=2, first_pause=0.2, wait=0.3)
    await until(lambda: len(starts) >= 3)
    assert starts[1] - starts[0] >= 0.19
    assert starts[2] - starts[1] >= 0.39
    assert await reserve(pool, "a") is None


async def test_a_worker_that_cannot_be_started_does_not_end_the_pool(
    start_pool: StartPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("media.pool.sys.executable", "/nonexistent")
        pool = start_pool(spare=1, largest=2, first_pause=0.1)
        await until(lambda: pool.workers == [])
    await until(lambda: pool.spare == 1)


async def test_closing_ends_all_workers(start_pool: StartPool) -> None:
    pool = start_pool(spare=2, largest=2)
    await until(lambda: pool.spare == 2)
    pids = [worker.pid for worker in pool.workers]
    await pool.close()
    assert all(has_ended(pid) for pid in pids)
    assert pool.workers == []
