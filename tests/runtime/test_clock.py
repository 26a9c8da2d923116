from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import uvloop

from b2bua.runtime.clock import ClockJumps, LoopTimers, Tokens, WallClock
from b2bua.sip.transactions.timers import NEVER, Alarm

Body = Callable[[LoopTimers], Awaitable[None]]


@pytest.fixture(params=["asyncio", "uvloop"])
def on_loop(request: pytest.FixtureRequest) -> Callable[[Body], None]:
    """Runs a coroutine on a fresh loop of each kind."""

    def run(body: Body) -> None:
        async def main() -> None:
            async with asyncio.timeout(30):
                await body(LoopTimers(asyncio.get_running_loop()))

        if request.param == "uvloop":
            uvloop.run(main())
        else:
            asyncio.run(main())

    return run


def test_an_earlier_deadline_moves_the_timer_and_none_is_lost(on_loop: Callable[[Body], None]) -> None:
    async def body(queue: LoopTimers) -> None:
        rang: list[tuple[int, float]] = []
        done = asyncio.Event()
        chance = random.Random(1)
        delays = [chance.uniform(0, 0.3) for _ in range(300)]
        start = queue.now()

        def ring(number: int) -> Callable[[float], None]:
            def act(now: float) -> None:
                rang.append((number, now - start - delays[number]))
                if len(rang) == len(delays):
                    done.set()

            return act

        for number, delay in enumerate(delays):
            Alarm(queue, ring(number)).at(start + delay)
        await done.wait()
        assert sorted(number for number, _ in rang) == list(range(300))
        assert all(late >= 0 for _, late in rang), "never before its time"
        assert sorted(late for _, late in rang)[150] < 0.05

    on_loop(body)


def test_what_is_scheduled_from_inside_a_deadline_rings_too(on_loop: Callable[[Body], None]) -> None:
    async def body(queue: LoopTimers) -> None:
        rang: list[str] = []
        done = asyncio.Event()
        first, at_once, soon, last = (
            Alarm(queue, lambda now, name=name: act(name, now))  # type: ignore[misc]
            for name in ("first", "at once", "soon", "last")
        )

        def act(name: str, now: float) -> None:
            rang.append(name)
            if name == "first":
                last.at(now + 0.06)
                soon.at(now + 0.03)
                at_once.at(now)
            if name == "last":
                done.set()

        first.at(queue.now() + 0.01)
        await done.wait()
        assert rang == ["first", "at once", "soon", "last"]

    on_loop(body)


def test_the_last_word_on_an_alarm_counts(on_loop: Callable[[Body], None]) -> None:
    async def body(queue: LoopTimers) -> None:
        rang: list[str] = []
        done = asyncio.Event()
        moved = Alarm(queue, lambda now: rang.append("moved"))
        cancelled = Alarm(queue, lambda now: rang.append("cancelled"))
        start = queue.now()
        moved.at(start + 0.01)
        moved.at(start + 0.05)
        cancelled.at(start + 0.02)
        cancelled.at(NEVER)
        Alarm(queue, lambda now: rang.append("between")).at(start + 0.03)
        Alarm(queue, lambda now: done.set()).at(start + 0.08)
        await done.wait()
        assert rang == ["between", "moved"]

    on_loop(body)


def test_a_fault_in_one_deadline_is_told_and_the_others_still_ring(on_loop: Callable[[Body], None]) -> None:
    async def body(queue: LoopTimers) -> None:
        told: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
        done = asyncio.Event()

        def fail(now: float) -> None:
            raise ZeroDivisionError

        rang: list[float] = []
        now = queue.now()
        Alarm(queue, fail).at(now + 0.01)
        Alarm(queue, rang.append).at(now + 0.01)
        Alarm(queue, lambda now: done.set()).at(now + 0.05)
        await done.wait()
        assert len(rang) == 1
        assert [type(context["exception"]) for context in told] == [ZeroDivisionError]

    on_loop(body)


def test_waiting_for_a_deadline_costs_no_cpu(on_loop: Callable[[Body], None]) -> None:
    """A timer that wakes a fraction of a millisecond too early would spin until its time has come."""

    async def body(queue: LoopTimers) -> None:
        wakes = 0
        run = queue.run

        def counted(now: float) -> None:
            nonlocal wakes
            wakes += 1
            run(now)

        queue.run = counted  # type: ignore[method-assign]
        for _ in range(40):
            done = asyncio.Event()
            Alarm(queue, lambda now, done=done: done.set()).at(queue.now() + 0.0034)  # type: ignore[misc]
            await done.wait()
        assert wakes <= 44

    on_loop(body)


async def test_the_wall_clock_turns_monotonic_moments_into_times_of_day() -> None:
    queue = LoopTimers(asyncio.get_running_loop())
    found = WallClock(queue).at(queue.now() - 60)
    assert found.tzinfo is UTC
    assert abs(datetime.now(UTC) - timedelta(seconds=60) - found) < timedelta(seconds=1)
    assert abs(found.timestamp() - (time.time() - 60)) < 1


def test_tokens_are_fresh_fit_the_relay_and_carry_the_nodes_name() -> None:
    tokens = Tokens("a")
    made = {tokens() for _ in range(1000)}
    assert len(made) == 1000
    assert all(token[0] == "a" and token.isalnum() and token.islower() and len(token) <= 32 for token in made)
    assert all(0 <= tokens.origin() < 2**62 for _ in range(100))


@pytest.mark.parametrize("seconds", [3600.0, -3600.0, 86400.0, -86400.0, 2.5])
def test_a_wall_clock_that_was_set_is_seen_once(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    wall, monotonic = 1_900_000_000.0, 50.0
    monkeypatch.setattr(time, "time", lambda: wall)
    jumps = ClockJumps(lambda: monotonic)
    assert jumps.take() == 0
    wall, monotonic = wall + seconds + 7, monotonic + 7
    assert jumps.take() == pytest.approx(seconds)
    assert jumps.take() == 0


def test_what_ntp_corrects_is_no_jump_and_neither_is_time_that_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wall, monotonic = 1_900_000_000.0, 50.0
    monkeypatch.setattr(time, "time", lambda: wall)
    jumps = ClockJumps(lambda: monotonic)
    wall, monotonic = wall + 500_000.9, monotonic + 500_000.0
    assert jumps.take() == 0
