"""What is forgotten in time, and when the allocator is asked to give back what is free."""

from __future__ import annotations

import asyncio
import weakref
from pathlib import Path

import pytest

from b2bua.runtime.housekeeping import BURST, Housekeeping, empty_caches
from b2bua.sip.sdp import description
from b2bua.sip.sdp.description import parse_sdp
from b2bua.sip.text.message import canonical, parse_message
from b2bua.sip.transactions.timers import Timers
from tests.runtime.node import running_node, until
from tests.runtime.phone import sdp
from tests.sip import messages


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
    housekeeping = Housekeeping(lambda: next(left), forgotten.append, 32.0, lambda: None, lambda: None)
    assert [housekeeping.look() for _ in held] == gives
    assert forgotten == [32.0] * len(held)


async def test_it_goes_on_by_itself() -> None:
    held: list[int] = [100]
    looks: list[float] = []
    done: list[str] = []
    housekeeping = Housekeeping(
        lambda: held[0], looks.append, 0.04, lambda: done.append("emptied"), lambda: done.append("trimmed")
    )
    work = asyncio.create_task(housekeeping.run())
    await until(lambda: len(looks) > 2, "some looks")
    assert done == []
    held[0] = 0
    await until(lambda: done == ["emptied", "trimmed"], "the memory to be given back")
    work.cancel()


def test_what_knows_only_itself_is_freed() -> None:
    class Cycle:
        def __init__(self) -> None:
            self.itself = self

    gone = weakref.ref(Cycle())
    empty_caches()
    assert gone() is None


def test_what_was_read_of_messages_is_forgotten() -> None:
    assert parse_message(messages.request()).from_
    parse_sdp(sdp("192.0.2.1"))
    empty_caches()
    assert canonical.cache_info().currsize == 0
    caches = (description._speaks, description._connection, description._codecs)
    assert [cache.cache_info().currsize for cache in caches] == [0, 0, 0]


async def test_a_node_forgets_what_concerned_nobody(
    relay_socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Timers, "timeout", 0.4)
    async with running_node(relay_socket) as node:
        await node.phone("anna")
        assert node.signalling.trace._unknown
        await until(lambda: not node.signalling.trace._unknown, "the trace to be empty")
