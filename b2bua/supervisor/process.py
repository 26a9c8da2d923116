"""One process of the service: started, watched, restarted when it dies, stopped with a limit."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass

import structlog

from b2bua.supervisor.logstream import LogStream

log = structlog.get_logger()

LINE_LIMIT = 1 << 20
"""Bytes of the longest line taken from a process."""
NOT_STARTED = 127
"""The exit code a shell gives for a command it could not start."""
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 10.0
LAST_WORDS = 1.0
"""Seconds given to the lines of a process that has ended; its own children may hold the pipe longer."""
STEADY_AFTER = 10.0
"""Seconds of running after which a process that dies is started again without the growing pause."""

_libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Program:
    """What to start: the name it logs as `process`, its command, and its limit to stop, in seconds."""

    name: str
    command: tuple[str, ...]
    stop_limit: float


def end_with_parent(parent: int) -> None:
    """In the new process: get SIGTERM when the supervisor dies, however it dies (prctl(2))."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


class Process:
    """A program that is kept running from `start` to `stop`."""

    def __init__(self, program: Program, environment: Mapping[str, str], stream: LogStream) -> None:
        self.program = program
        self.ready = asyncio.Event()
        self.failed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """Done, with its exit code, when it ended before it was ever ready."""
        self._environment = environment
        self._stream = stream
        self._child: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._readers: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process id, while it runs."""
        return self._child.pid if self._child and self._child.returncode is None else None

    def start(self) -> None:
        """Start it and keep it running; `ready` is set when it says that it accepts work."""
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.program.name}")

    async def stop(self, hurry: asyncio.Event) -> None:
        """SIGTERM, then SIGKILL when its limit is over or `hurry` is set; returns when it is gone."""
        self._stopping = True
        if self._keeper is None:
            return
        if self.pid is None:
            self._keeper.cancel()
        else:
            self._signal(signal.SIGTERM)
            hurried = asyncio.create_task(hurry.wait())
            started = time.monotonic()
            await asyncio.wait(
                {self._keeper, hurried}, timeout=self.program.stop_limit, return_when=asyncio.FIRST_COMPLETED
            )
            hurried.cancel()
            if not self._keeper.done():
                after = round(time.monotonic() - started, 1)
                log.warning("process.killed", name=self.program.name, pid=self.pid, after=after)
                self._signal(signal.SIGKILL)
        with suppress(asyncio.CancelledError):
            await self._keeper
        await self._last_words()

    async def _keep(self) -> None:
        pause = FIRST_PAUSE
        while True:
            started = time.monotonic()
            name = self.program.name
            try:
                child = await self._spawn()
            except OSError as error:
                log.error("process.not_started", name=name, reason=error.strerror)
                pid, code = None, NOT_STARTED
            else:
                pid, code = child.pid, await child.wait()
            if self._stopping:
                log.info("process.ended", name=name, pid=pid, code=code)
                return
            if not self.ready.is_set():
                await self._last_words()
                self.failed.set_result(code)
                return
            if time.monotonic() - started >= STEADY_AFTER:
                pause = FIRST_PAUSE
            log.warning("process.died", name=name, pid=pid, code=code, again_in=pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _last_words(self) -> None:
        if self._readers:
            await asyncio.wait(self._readers, timeout=LAST_WORDS)

    async def _spawn(self) -> asyncio.subprocess.Process:
        """Start it with its stdout and stderr on a pipe of ours.

        Not asyncio's own pipe: `wait` would then last until every process that inherited it is gone too.
        """
        parent = os.getpid()
        near, far = os.pipe()
        try:
            child = await asyncio.create_subprocess_exec(
                *self.program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=far,
                stderr=far,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is for the supervisor, which stops the others in order
                preexec_fn=lambda: end_with_parent(parent),
            )
        except BaseException:
            os.close(near)
            raise
        finally:
            os.close(far)
        self._child = child
        log.info("process.started", name=self.program.name, pid=child.pid)
        reader = asyncio.create_task(self._read(near), name=f"read {self.program.name}")
        self._readers.add(reader)
        reader.add_done_callback(self._readers.discard)
        if self._stopping:
            self._signal(signal.SIGTERM)
        return child

    async def _read(self, pipe: int) -> None:
        """Take lines until every writer has closed the pipe; those that are no events are wrapped in one."""
        reader = asyncio.StreamReader(limit=LINE_LIMIT)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", 0)
        )
        with closing(transport):
            while True:
                try:
                    raw = await reader.readline()
                except ValueError:  # longer than LINE_LIMIT: asyncio has thrown that part away
                    log.warning("process.output", name=self.program.name, line="(a line too long to show)")
                    continue
                if not raw:
                    return
                self._take(raw.decode("utf-8", "replace").rstrip("\r\n"))

    def _take(self, line: str) -> None:
        event = as_event(line)
        if event is not None:
            self._stream.event(line)
            if event.get("event") == "process.ready" and event.get("process") == self.program.name:
                self.ready.set()
        elif line.strip():
            log.warning("process.output", name=self.program.name, line=line)

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None:
            with suppress(ProcessLookupError):
                self._child.send_signal(number)


def as_event(line: str) -> dict[str, object] | None:
    """The event that a line of JSON holds, or None when the line is something else."""
    if not line.startswith("{"):
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) and "event" in value else None


def module(name: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs a module with the Python of this process."""
    return (sys.executable, "-m", name, *arguments)
