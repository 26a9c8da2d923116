"""Figures for Prometheus, read from the live objects when somebody asks, on a loopback port."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Protocol

import structlog
from prometheus_client import ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from b2bua.runtime.clock import LoopTimers
from b2bua.sip.transactions.timers import Alarm

log = structlog.get_logger()

SCRAPE_TIMEOUT = 2.0  # seconds a scrape waits for a busy event loop
PULSE = 0.25  # seconds between two looks at how late the event loop is
STALL = 0.25  # seconds late that are worth a line in the log
QUIET = 10.0  # seconds until the next such line


class LoopDelay:
    """How late the event loop is: the worst since it was last asked for, in seconds; much is told in the log."""

    def __init__(self, queue: LoopTimers) -> None:
        self._queue = queue
        self._alarm = Alarm(queue, self._beat)
        self._due = queue.now() + PULSE
        self._worst = 0.0
        self._silent_until = 0.0
        self._alarm.at(self._due)

    def take_worst(self) -> float:
        """The worst delay since the last call of this."""
        worst, self._worst = max(self._worst, self._queue.now() - self._due), 0.0
        return worst

    def _beat(self, now: float) -> None:
        late = now - self._due
        self._worst = max(self._worst, late)
        if late > STALL and now >= self._silent_until:
            self._silent_until = now + QUIET
            log.warning("process.stalled", milliseconds=round(late * 1000))
        self._due = now + PULSE
        self._alarm.at(self._due)


class Figures(Protocol):
    """Where the figures come from."""

    def gauges(self) -> Iterable[tuple[str, str, float]]:
        """Name, meaning and value of everything that goes up and down."""

    def labelled_gauges(self) -> Iterable[tuple[str, str, str, dict[str, float]]]:
        """Name, meaning, label and values by label of what goes up and down and is there several times."""

    def counters(self) -> Iterable[tuple[str, str, str, dict[str, int]]]:
        """Name, meaning, label and values by label of everything that only grows."""


class _Live(Collector):
    """Reads the figures on the event loop, where nothing changes meanwhile."""

    def __init__(self, figures: Figures, loop: asyncio.AbstractEventLoop) -> None:
        self._figures = figures
        self._loop = loop

    def describe(self) -> list[Metric]:
        """Nothing in advance: registering must not wait for the loop it is called from."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All figures of one moment."""
        yield from asyncio.run_coroutine_threadsafe(self._read(), self._loop).result(SCRAPE_TIMEOUT)

    async def _read(self) -> list[Metric]:
        families: list[Metric] = []
        for name, meaning, value in self._figures.gauges():
            families.append(GaugeMetricFamily(name, meaning, value=value))
        for name, meaning, label, values in self._figures.labelled_gauges():
            gauge = GaugeMetricFamily(name, meaning, labels=[label])
            for key, value in values.items():
                gauge.add_metric([key], value)
            families.append(gauge)
        for name, meaning, label, counts in self._figures.counters():
            family = CounterMetricFamily(name, meaning, labels=[label])
            for key, count in counts.items():
                family.add_metric([key], count)
            families.append(family)
        return families


def serve(figures: Figures, host: str, port: int) -> None:
    """Serve `/metrics` from a thread until the process ends. Raises OSError for an address it cannot have."""
    registry = CollectorRegistry()
    registry.register(_Live(figures, asyncio.get_running_loop()))
    ProcessCollector(registry=registry)
    try:
        start_http_server(port, host, registry)
    except OSError as error:
        raise OSError(error.errno, f"metrics cannot listen on {host}:{port}: {error.strerror}") from error
