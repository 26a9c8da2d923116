"""What is forgotten in time, and when the allocator is asked to give back what is free."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from b2bua.runtime.housekeeping import BURST, Housekeeping
from b2bua.sip.transactions.timers import Timers
from tests.runtime.node import running_node, until


@pytest.mark.parametrize(
    ("held", "gives"),
    [
        ([0, 0], [False, False]),
        ([BURST - 1, 0], [False, False]),
        ([BURST, 0, 0], [False, True, False]),
        ([1000, 600, 500, 400, 250, 0, 0], [False, False, True, False, True, True, False]),
        ([1000, 1000, 1200], [False] * 3),
        ([1000, 100, 90, 110, 50], [False, True, False, False, True]),
    ],
)
def test_memory_is_given_back_when_a_burst_is_over(held: list[int], gives: list[bool]) -> None:
    forgotten: list[float] = []
    left = iter(held)
    housekeeping = Housekeeping(lambda: next(left), forgotten.append, 32.0, lambda: None)
    assert [housekeeping.look() for _ in held] == gives
    assert forgotten == [32.0] * len(held)


async def test_it_goes_on_by_itself() -> None:
    held, trims = [100], [0]

    def trim() -> None:
        trims[0] += 1

    work = asyncio.create_task(Housekeeping(lambda: held[0], lambda keep: None, 0.04, trim).run())
    await asyncio.sleep(0.05)
    assert trims == [0]
    held[0] = 0
    await until(lambda: trims == [1], "the memory to be given back")
    work.cancel()


async def test_a_node_forgets_what_concerned_nobody(
    relay_socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Timers, "timeout", 0.4)
    async with running_node(relay_socket) as node:
        await node.phone("anna")
        assert node.signalling.trace._unknown
        await until(lambda: not node.signalling.trace._unknown, "the trace to be empty")
