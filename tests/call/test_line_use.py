"""Which lines are in use, and who waits for one."""

from __future__ import annotations

import pytest

from b2bua.call.line_use import LineUse, Waiter
from b2bua.sip.transactions.timers import TimerQueue


@pytest.mark.behaviour("B1")
def test_calls_are_counted_for_each_user() -> None:
    lines = LineUse(TimerQueue())
    lines.occupy(10)
    lines.occupy(10)
    lines.occupy(11)
    assert [lines.in_use(user) for user in (10, 11, 12)] == [2, 1, 0]
    lines.release(10, 0.0)
    lines.release(11, 0.0)
    assert [lines.in_use(user) for user in (10, 11)] == [1, 0]


def waiting(calls: int = 1) -> tuple[LineUse, TimerQueue, list[str], dict[str, Waiter]]:
    """Two callers who wait for the busy line of user 10, the first one longer; whose turn it is is noted."""
    queue = TimerQueue()
    lines, turns = LineUse(queue), []

    def turn(name: str) -> Waiter:
        return Waiter(10, calls, lambda now: turns.append(name))

    waiters = {name: turn(name) for name in ("first", "second")}
    for _ in range(calls):
        lines.occupy(10)
    for waiter in waiters.values():
        lines.wait(waiter)
    return lines, queue, turns, waiters


@pytest.mark.behaviour("B2")
def test_who_has_waited_longest_has_the_line_next() -> None:
    lines, queue, turns, waiters = waiting()
    queue.run(1.0)
    assert turns == []
    lines.release(10, 1.0)
    # Not from inside the call that ended.
    assert turns == []
    queue.run(1.0)
    assert turns == ["first"]
    lines.occupy(10)
    lines.leave(waiters["first"], 1.0)
    queue.run(2.0)
    assert turns == ["first"]
    lines.release(10, 3.0)
    queue.run(3.0)
    assert turns == ["first", "second"]


def test_who_leaves_makes_room_for_the_next() -> None:
    lines, queue, turns, waiters = waiting()
    lines.release(10, 1.0)
    lines.leave(waiters["first"], 1.0)
    queue.run(1.0)
    assert turns == ["second"]


def test_a_line_with_room_for_two_is_free_when_one_has_ended() -> None:
    lines, queue, turns, _ = waiting(calls=2)
    lines.release(10, 1.0)
    queue.run(1.0)
    assert turns == ["first"]


def test_who_left_hears_nothing_any_more() -> None:
    lines, queue, turns, waiters = waiting()
    for waiter in waiters.values():
        lines.leave(waiter, 0.5)
        lines.leave(waiter, 0.5)
    lines.release(10, 1.0)
    queue.run(10.0)
    assert turns == []
