"""The pool of pjsua2 workers: some always spare and warm, each replaced after about a thousand calls or its
death.

A worker takes at most four calls and twenty set-ups a second (more makes pjsua2 abort). It has its own
loopback address, by which the relay tells workers apart. It is filled up before a spare one is touched, so
that spare ones stay free. A burst of callers gets as many workers as it needs, all started at once, and waits
for them. When workers die before they are ready, new ones are started after a growing pause.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import structlog

from media.lines import JsonLines
from media.worker.link import WorkerSettings

log = structlog.get_logger()

Listener = Callable[[dict[str, Any] | None], None]
"""Gets each event of one session, and None when its worker has died."""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """Sizes and rates. `network` gives each worker its address; times in seconds.

    A session waits for `wait`, and longer while workers are starting, each of which may take `start_within`.
    """

    network: IPv4Network
    spare: int = 2
    largest: int = 25
    calls_per_worker: int = 4
    calls_in_a_life: int = 1000
    setups_per_second: int = 20
    wait: float = 2.0
    start_within: float = 10.0
    first_pause: float = 0.2
    longest_pause: float = 10.0
    end_within: float = 5.0


class Worker:
    """A worker process as the host sees it."""

    def __init__(self, number: int, address: str) -> None:
        self.number = number
        self.address = address
        self.port = 0
        self.pid = 0
        self.socket: socket.socket | None = None
        self.line: JsonLines | None = None
        self.ready = False
        self.retiring = False
        self.served = 0
        self.sessions: dict[str, Listener] = {}
        self.setups: deque[float] = deque()

    def send(self, do: str, session: str, **fields: Any) -> None:
        """Send a command (see `media.worker.link`)."""
        if self.line is not None:
            self.line.send({"do": do, "session": session, **fields})

    def __repr__(self) -> str:
        state = "ready" if self.ready else "starting"
        return f"<Worker {self.number} {self.address}:{self.port} {state} sessions={len(self.sessions)}>"


@dataclass(frozen=True, slots=True)
class _Waiting:
    session: str
    listener: Listener
    done: Callable[[Worker | None], None]
    deadline: float


class WorkerPool:
    """Starts, fills, replaces and ends workers."""

    def __init__(self, settings: PoolSettings, lock: Path, changed: Callable[[], None]) -> None:
        self.workers: list[Worker] = []
        self.first_ready = asyncio.Event()
        self._settings = settings
        self._lock = lock
        self._changed = changed
        self._waiting: deque[_Waiting] = deque()
        self._addresses = self._rotate()
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = 0
        self._failures = 0
        self._pause_until = 0.0
        self._closing = False
        self._retry: asyncio.TimerHandle | None = None

    @property
    def spare(self) -> int:
        """Workers that are ready and idle."""
        return sum(worker.ready and not worker.sessions and not worker.retiring for worker in self.workers)

    @property
    def sessions(self) -> int:
        """Sessions on all workers."""
        return sum(len(worker.sessions) for worker in self.workers)

    def start(self) -> None:
        """Start the spare workers."""
        self._fill()

    def reserve(self, session: str, listener: Listener, done: Callable[[Worker | None], None]) -> None:
        """Find a worker that lets this session in; None when all are full or none gets ready in time."""
        now = asyncio.get_running_loop().time()
        self._waiting.append(_Waiting(session, listener, done, now + self._settings.wait))
        self._fill()
        self._serve_waiting()

    def release(self, worker: Worker, session: str) -> None:
        """The session is over, or never came."""
        worker.sessions.pop(session, None)
        if worker.retiring and not worker.sessions and worker.line is not None:
            worker.line.finish()
        self._fill()
        self._serve_waiting()
        self._changed()

    async def close(self) -> None:
        """End all workers: each finishes its recordings and hangs up. Those that hang are killed."""
        self._closing = True
        if self._retry:
            self._retry.cancel()
        for worker in self.workers:
            if worker.line is not None:
                worker.line.finish()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _rotate(self) -> Iterator[str]:
        while True:
            yield from (str(address) for address in self._settings.network.hosts())

    def _serve_waiting(self) -> None:
        """Give places to those who wait, in order; refuse those who waited too long."""
        now = asyncio.get_running_loop().time()
        while self._waiting:
            first = self._waiting[0]
            worker = self._choose(now)
            if worker is None and self._may_wait(first, now):
                self._fill()
                self._retry_in(0.02)
                return
            self._waiting.popleft()
            if worker is not None:
                worker.sessions[first.session] = first.listener
                worker.served += 1
                worker.retiring = worker.served >= self._settings.calls_in_a_life
                worker.setups.append(now)
                worker.send("expect", first.session)
                self._fill()
                self._changed()
            first.done(worker)

    def _choose(self, now: float) -> Worker | None:
        """The fullest worker that has room, so that idle ones stay idle."""
        candidates = []
        for worker in self.workers:
            while worker.setups and worker.setups[0] <= now - 1.0:
                worker.setups.popleft()
            if (
                worker.ready
                and not worker.retiring
                and len(worker.sessions) < self._settings.calls_per_worker
                and len(worker.setups) < self._settings.setups_per_second
            ):
                candidates.append(worker)
        return max(candidates, key=lambda worker: len(worker.sessions), default=None)

    def _may_wait(self, waiting: _Waiting, now: float) -> bool:
        """Whether a place may still turn up: one that is starting, or in time one that can be had or started."""
        if any(not worker.ready for worker in self.workers):
            return True
        all_full = len(self.workers) >= self._settings.largest and all(
            len(worker.sessions) >= self._settings.calls_per_worker for worker in self.workers
        )
        return now < waiting.deadline and not all_full

    def _retry_in(self, seconds: float) -> None:
        if self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(seconds, self._retried)

    def _retried(self) -> None:
        self._retry = None
        if not self._closing:
            self._fill()
            self._serve_waiting()

    def _fill(self) -> None:
        """Start workers until enough are idle or on their way, for those who wait and to spare."""
        loop = asyncio.get_running_loop()
        wanted = max(self._settings.spare, -(-len(self._waiting) // self._settings.calls_per_worker))
        while not self._closing and len(self.workers) < self._settings.largest:
            if sum(1 for worker in self.workers if not worker.sessions and not worker.retiring) >= wanted:
                return
            if (pause := self._pause_until - loop.time()) > 0:
                self._retry_in(pause)
                return
            self._started += 1
            used = {worker.address for worker in self.workers}
            address = next(address for address in self._addresses if address not in used)
            worker = Worker(self._started, address)
            self.workers.append(worker)
            task = loop.create_task(self._live(worker))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _live(self, worker: Worker) -> None:
        """One worker from its start to its end."""
        try:
            process = await self._start(worker)
        except OSError as error:  # no processes or no files left
            self._lost(worker)
            log.error("media.worker_failed", worker=worker.number, reason=str(error))
            return
        gone = asyncio.Event()
        loop = asyncio.get_running_loop()
        _, worker.line = await loop.create_connection(
            lambda: JsonLines(lambda event: self._heard(worker, event), gone.set), sock=worker.socket
        )
        if self._closing:
            worker.line.finish()
        hanging = loop.call_later(self._settings.start_within, self._check_started, worker, process)
        await gone.wait()
        hanging.cancel()
        self._lost(worker)
        try:
            status = await asyncio.wait_for(process.wait(), self._settings.end_within)
        except TimeoutError:
            process.kill()
            status = await process.wait()
        self._ended(worker, status)

    @staticmethod
    def _check_started(worker: Worker, process: asyncio.subprocess.Process) -> None:
        """A worker that hangs in its start keeps callers waiting: end it."""
        if not worker.ready:
            with suppress(ProcessLookupError):
                process.kill()

    async def _start(self, worker: Worker) -> asyncio.subprocess.Process:
        worker.socket, theirs = socket.socketpair()
        settings = WorkerSettings(
            worker.address, theirs.fileno(), str(self._lock), self._settings.calls_per_worker
        )
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "media.worker", json.dumps(asdict(settings))),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
            )
        worker.pid = process.pid
        return process

    def _heard(self, worker: Worker, event: dict[str, Any]) -> None:
        match event["event"]:
            case "ready":
                worker.ready, worker.port = True, event["port"]
                self._failures = 0
                log.info(
                    "media.worker_started",
                    worker=worker.number,
                    pid=worker.pid,
                    address=worker.address,
                    port=worker.port,
                )
                self.first_ready.set()
                self._serve_waiting()
                self._changed()
            case "failed" if event["session"] is None:
                log.error("media.worker_failed", worker=worker.number, reason=event["reason"])
            case "answered" if event["session"] not in worker.sessions:
                worker.send("hangup", event["session"])  # it came when its place had just been given up
            case _:
                if listener := worker.sessions.get(event["session"]):
                    listener(event)

    def _lost(self, worker: Worker) -> None:
        """The line to a worker is closed: its sessions have to go elsewhere."""
        was_ready, worker.ready, worker.line = worker.ready, False, None
        self.workers.remove(worker)
        if not was_ready and not self._closing:
            pause = self._settings.first_pause * 2**self._failures
            self._failures += 1
            self._pause_until = asyncio.get_running_loop().time() + min(pause, self._settings.longest_pause)
        self._fill()
        listeners, worker.sessions = list(worker.sessions.values()), {}
        for listener in listeners:
            listener(None)
        self._changed()

    def _ended(self, worker: Worker, status: int) -> None:
        if status == 0 and (worker.retiring or self._closing):
            log.info("media.worker_ended", worker=worker.number, pid=worker.pid, calls=worker.served)
            return
        reason = f"killed by {signal.strsignal(-status)}" if status < 0 else f"exit status {status}"
        log.error("media.worker_lost", worker=worker.number, pid=worker.pid, reason=reason)
