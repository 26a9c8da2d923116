"""The figures as Prometheus reads them."""

from __future__ import annotations

import asyncio
import re
import time
import urllib.error
import urllib.request

import pytest
from structlog.testing import capture_logs

from b2bua.runtime import metrics
from b2bua.runtime.clock import LoopTimers
from b2bua.runtime.figures import NodeFigures
from b2bua.runtime.metrics import LoopDelay
from media.protocol import PoolStats
from tests.runtime.node import Node, until
from tests.runtime.phone import converse
from tests.support.addresses import fresh_address


def read(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}:9160/metrics", timeout=5) as answer:
        return str(answer.read(), "utf-8")


async def scrape(address: str) -> dict[str, float]:
    text = await asyncio.to_thread(read, address)
    return {
        name: float(value)
        for name, value in re.findall(r"^(\S+(?:\{[^}]*\})?) (\S+)$", text, re.MULTILINE)
        if not name.startswith("#")
    }


async def test_every_figure_is_there_and_follows_what_happens(node: Node) -> None:
    assert node.media is not None
    address = fresh_address()
    metrics.serve(NodeFigures(node.signalling), address, 9160)
    idle = await scrape(address)
    for name in (
        "calls",
        "legs",
        "transactions",
        "timers",
        "registrations",
        "relay_sessions",
        "media_workers",
        "media_workers_spare",
        "media_sessions",
        "write_backlog",
        "memory_blocks",
        "memory_bytes",
        "loop_delay_seconds",
    ):
        assert f"ringplan_{name}" in idle
    assert idle["ringplan_calls"] == idle["ringplan_registrations"] == 0
    assert idle["process_cpu_seconds_total"] > 0
    anna, bert = await node.phone("anna"), await node.phone("bert")
    answer = await converse(anna, bert, "202")
    node.media.tell(PoolStats(3, 2, 1))
    anna.send(b"NONSENSE " * 10)
    await until(lambda: node.signalling.telephony.refused, "the refusal")
    busy = await scrape(address)
    assert busy["ringplan_calls"] == 1
    assert busy["ringplan_legs"] == 2
    assert busy["ringplan_registrations"] == 2
    assert busy["ringplan_relay_sessions"] == 1
    assert busy["ringplan_transactions"] > 0
    assert (
        busy["ringplan_media_workers"],
        busy["ringplan_media_workers_spare"],
        busy["ringplan_media_sessions"],
    ) == (3, 2, 1)
    assert busy['ringplan_messages_refused_total{reason="malformed"}'] == 1
    anna.hang_up(answer)
    bert.respond(await bert.request("BYE"), 200)
    await until(lambda: not len(node.signalling.book), "the end of the call")
    after = await scrape(address)
    assert after["ringplan_calls"] == after["ringplan_relay_sessions"] == 0
    assert after['ringplan_calls_ended_total{outcome="answered"}'] == 1


async def test_a_blocked_loop_shows_as_its_delay_once() -> None:
    delay = LoopDelay(LoopTimers(asyncio.get_running_loop()))
    await asyncio.sleep(0.01)
    time.sleep(0.6)  # the fault that the figure is there for
    await asyncio.sleep(0.01)
    assert 0.2 < delay.take_worst() < 0.7
    await asyncio.sleep(0.05)
    assert delay.take_worst() < 0.2


async def test_a_long_stall_is_told_in_the_log_but_not_again_and_again() -> None:
    delay = LoopDelay(LoopTimers(asyncio.get_running_loop()))
    with capture_logs() as logs:
        for seconds in (0.05, 0.7, 0.7):
            await asyncio.sleep(0.01)
            time.sleep(seconds)
            await asyncio.sleep(0.01)
        async with asyncio.timeout(20):
            while not logs:
                await asyncio.sleep(0.01)
    assert [one["event"] for one in logs] == ["process.stalled"]
    assert 250 < logs[0]["milliseconds"] < 1500
    assert delay.take_worst() > 0.25


async def test_a_scrape_of_a_stuck_service_fails_and_the_next_one_works(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "SCRAPE_TIMEOUT", 0.1)
    address = fresh_address()
    metrics.serve(NodeFigures(node.signalling), address, 9160)
    stuck = asyncio.create_task(asyncio.to_thread(read, address))
    await asyncio.sleep(0)
    time.sleep(0.5)
    with pytest.raises(urllib.error.HTTPError):
        await stuck
    assert (await scrape(address))["ringplan_calls"] == 0


async def test_a_port_that_is_taken_is_named(node: Node) -> None:
    address = fresh_address()
    metrics.serve(NodeFigures(node.signalling), address, 9160)
    with pytest.raises(OSError, match=f"metrics cannot listen on {address}:9160"):
        metrics.serve(NodeFigures(node.signalling), address, 9160)
