"""The queue of deadlines."""

from __future__ import annotations

import pytest

from b2bua.sip.transactions.timers import NEVER, Timed, TimerQueue, Timers


class Bell(Timed):
    """Notes when it rings, and may set itself again."""

    __slots__ = ("again", "queue", "rung")

    def __init__(self, queue: TimerQueue, again: float = NEVER) -> None:
        super().__init__()
        self.queue = queue
        self.again = again
        self.rung: list[float] = []

    def on_deadline(self, now: float) -> None:
        assert self.deadline == NEVER
        self.rung.append(now)
        self.queue.schedule(self, self.again)


def test_nothing_is_due_in_an_empty_queue() -> None:
    queue = TimerQueue()
    assert queue.next_deadline() == NEVER
    queue.run(1e9)
    assert len(queue) == 0


def test_items_ring_once_in_order_of_their_deadlines() -> None:
    queue, order = TimerQueue(), []

    class Named(Timed):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def on_deadline(self, now: float) -> None:
            order.append(self.name)

    for name, when in (("c", 3.0), ("a", 1.0), ("b", 2.0), ("b2", 2.0)):
        queue.schedule(Named(name), when)
    assert queue.next_deadline() == 1.0
    queue.run(2.0)
    assert order == ["a", "b", "b2"]
    queue.run(2.5)
    assert order == ["a", "b", "b2"]
    queue.run(3.0)
    assert order == ["a", "b", "b2", "c"]
    assert len(queue) == 0


def test_a_moved_deadline_replaces_the_old_one() -> None:
    queue = TimerQueue()
    bell = Bell(queue)
    queue.schedule(bell, 1.0)
    queue.schedule(bell, 5.0)
    queue.run(4.9)
    assert bell.rung == []
    queue.run(5.0)
    assert bell.rung == [5.0]
    queue.schedule(bell, 9.0)
    queue.schedule(bell, 6.0)
    queue.run(20.0)
    assert bell.rung == [5.0, 20.0]


@pytest.mark.parametrize("rescheduled", [False, True])
def test_a_cancelled_deadline_does_not_ring(rescheduled: bool) -> None:
    queue = TimerQueue()
    bell = Bell(queue)
    queue.schedule(bell, 1.0)
    queue.schedule(bell, NEVER)
    assert queue.next_deadline() == NEVER
    if rescheduled:
        queue.schedule(bell, 1.0)
    queue.run(2.0)
    assert bell.rung == ([2.0] if rescheduled else [])


def test_asking_for_the_next_deadline_drops_what_was_cancelled() -> None:
    queue = TimerQueue()
    for _ in range(100):
        bell = Bell(queue)
        queue.schedule(bell, 1.0)
        queue.schedule(bell, NEVER)
    assert queue.next_deadline() == NEVER
    assert len(queue) == 0


def test_what_is_scheduled_for_the_past_runs_in_the_same_call() -> None:
    queue = TimerQueue()
    bell = Bell(queue, again=3.0)
    queue.schedule(bell, 1.0)
    queue.run(2.0)
    assert bell.rung == [2.0]
    assert queue.next_deadline() == 3.0
    other = Bell(queue)
    queue.schedule(other, 3.5)
    bell.again = NEVER
    queue.run(4.0)
    assert bell.rung == [2.0, 4.0] and other.rung == [4.0]


def test_derived_values() -> None:
    assert Timers().timeout == 32.0
    assert Timers(t1=0.1).timeout == pytest.approx(6.4)


def test_what_was_cancelled_is_not_kept_until_its_deadline() -> None:
    queue = TimerQueue()
    staying = [Bell(queue) for _ in range(100)]
    for bell in staying:
        queue.schedule(bell, 5000.0)
    for number in range(5000):
        bell = Bell(queue)
        queue.schedule(bell, 1000.0 + number)
        queue.schedule(bell, NEVER)
        assert len(queue) < 1000
    queue.run(9000.0)
    assert [bell.rung for bell in staying] == [[9000.0]] * 100
    assert len(queue) == 0


def test_a_sweep_while_the_queue_runs_loses_nothing() -> None:
    queue = TimerQueue()
    doomed = [Bell(queue) for _ in range(2000)]
    late = Bell(queue)

    class Axe(Timed):
        def on_deadline(self, now: float) -> None:
            for bell in doomed:
                queue.schedule(bell, NEVER)

    for bell in doomed:
        queue.schedule(bell, 2.0)
    queue.schedule(Axe(), 1.0)
    queue.schedule(late, 3.0)
    queue.run(4.0)
    assert late.rung == [4.0]
    assert not any(bell.rung for bell in doomed)
