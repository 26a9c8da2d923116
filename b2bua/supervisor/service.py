"""The whole service: checks before the start, the processes in order, waiting for ready, the ordered stop."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from b2bua.supervisor.logstream import LogFile, LogStream
from b2bua.supervisor.process import Process, Program, module
from config.logging import configure, renderer_for, to_json
from config.settings import Settings
from config.values import HostPort
from provisioning.store.errors import unusable

log = structlog.get_logger()

READY_LIMIT = 60.0
"""Seconds in which every process must be ready after the start."""


class StartError(Exception):
    """The service cannot start; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class StartOrder:
    """The processes in the order of their start: all of `media`, when those are ready `signalling`, and what calls
    do not need last.
    """

    media: tuple[Program, ...]
    signalling: Program
    provisioning: Program


def programs(settings: Settings) -> StartOrder:
    """The processes of this service. Signalling may take `calls.drain` seconds longer to stop."""
    return StartOrder(
        media=(
            Program("relay", module("media.relay"), stop_limit=5.0),
            Program("media", module("media"), stop_limit=15.0),
        ),
        signalling=Program("signalling", module("b2bua"), stop_limit=settings.calls.drain + 10.0),
        provisioning=Program("provisioning", module("provisioning"), stop_limit=10.0),
    )


@contextmanager
def only_instance(data_dir: Path) -> Iterator[None]:
    """Hold the data directory for this process. Raises StartError when another service has it."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Unbuffered, so that a disk without room for the number is told once, where it is written.
        lock = (data_dir / "service.lock").open("a+b", buffering=0)
    except OSError as error:
        raise StartError(unusable(data_dir, error)) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().decode("ascii", "replace").strip() or "unknown"
            raise StartError(
                f"Ringplan is already running on {data_dir} (process {holder}). "
                "Stop that one, or give this one another data_dir."
            ) from None
        try:
            lock.truncate(0)
            lock.write(str(os.getpid()).encode())
        except OSError as error:
            raise StartError(unusable(data_dir, error)) from None
        yield


def check_free(key: str, kind: socket.SocketKind, address: HostPort) -> None:
    """Raise StartError when `address`, the value of the setting `key`, cannot be listened on."""
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            why = {
                errno.EADDRINUSE: "another program has this port",
                errno.EADDRNOTAVAIL: "this machine has no such address",
                errno.EACCES: "a port below 1024 needs root",
            }.get(error.errno or 0, os.strerror(error.errno or 0))
            raise StartError(f"{key} ({address}) cannot be listened on: {why}.") from None


def check(settings: Settings) -> None:
    """Everything that can be known to be wrong before a process is started."""
    check_free("sip.udp", socket.SOCK_DGRAM, settings.sip.udp)
    if settings.sip.tcp is not None:
        check_free("sip.tcp", socket.SOCK_STREAM, settings.sip.tcp)
    if settings.metrics.address is not None:
        check_free("metrics.address", socket.SOCK_STREAM, settings.metrics.address)
    try:
        settings.run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StartError(unusable(settings.run_dir, error, "run_dir")) from None


class Service:
    """The running processes; `run` returns when they have all ended."""

    def __init__(
        self,
        plan: StartOrder,
        environment: Mapping[str, str],
        stream: LogStream,
        ready_limit: float = READY_LIMIT,
    ) -> None:
        self._plan = plan
        self._ready_limit = ready_limit
        self._environment = environment
        self._stream = stream
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._processes: list[Process] = []

    def stop(self) -> None:
        """Stop in order; a second call ends what still runs at once."""
        if self._stop.is_set():
            self._hurry.set()
        else:
            log.info("service.stopping")
            self._stop.set()

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Start everything, say so by `on_ready`, go on until `stop`. Raises StartError."""
        try:
            await self._start(*self._plan.media)
            await self._start(self._plan.signalling)
            await self._start(self._plan.provisioning)
            if not self._stop.is_set():
                log.info("service.ready")
                on_ready()
            await self._stop.wait()
        finally:
            # Signalling refuses new calls at once and lets those there are end; the notifier hears of them still.
            drains = [one for one in self._processes if one.program is self._plan.signalling]
            others = [one for one in reversed(self._processes) if one not in drains]
            for process in drains + others:
                await process.stop(self._hurry)

    async def _start(self, *programs: Program) -> None:
        """Start these and wait until all of them are ready, or until `stop`."""
        if self._stop.is_set():
            return
        started = [Process(program, self._environment, self._stream) for program in programs]
        self._processes += started
        for process in started:
            process.start()
        stopped = asyncio.create_task(self._stop.wait())
        all_ready = asyncio.create_task(_all_ready(started))
        ends: list[asyncio.Future[Any]] = [stopped, all_ready, *(process.failed for process in started)]
        await asyncio.wait(ends, timeout=self._ready_limit, return_when=asyncio.FIRST_COMPLETED)
        try:
            for process in started:
                if process.failed.done():
                    code = process.failed.result()
                    raise StartError(
                        f"{process.program.name} ended with code {code} before it was ready; see the log."
                    )
            if not all_ready.done() and not self._stop.is_set():
                late = ", ".join(process.program.name for process in started if not process.ready.is_set())
                raise StartError(f"{late}: not ready after {self._ready_limit:g} seconds.")
        finally:
            stopped.cancel()
            all_ready.cancel()


async def _all_ready(processes: Sequence[Process]) -> None:
    for process in processes:
        await process.ready.wait()


async def _run(settings: Settings, environment: Mapping[str, str], stream: LogStream, banner: str) -> None:
    service = Service(programs(settings), environment, stream)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, service.stop)
    # A terminal that is closed sends SIGHUP too; without one it asks for the log file to be opened anew.
    on_hangup = service.stop if sys.stdout.isatty() else stream.file.close
    loop.add_signal_handler(signal.SIGHUP, on_hangup)

    def say_ready() -> None:
        if banner:
            stream.say(banner)
        stream.say("ready")

    await service.run(say_ready)


def run(settings: Settings, config_file: Path | None, banner: str = "") -> None:
    """Run the service until SIGINT or SIGTERM. `banner` is shown before `ready`. Raises StartError.

    The caller holds `only_instance` and has done `check`.
    """
    render = renderer_for(settings.log.format, sys.stdout)
    stream = LogStream(sys.stdout, None if render is to_json else render, LogFile(settings.log_file))
    configure("supervisor", settings.log.model_copy(update={"format": "json"}), stream)
    environment = {**os.environ, "RINGPLAN_LOG__FORMAT": "json", "PYTHONUNBUFFERED": "1"}
    if config_file is not None:
        environment["RINGPLAN_CONFIG"] = str(config_file.absolute())
    try:
        asyncio.run(_run(settings, environment, stream, banner))
    finally:
        stream.close()
