"""One process: ready, restarted when it dies, stopped in time or killed, gone with its parent."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import structlog

from b2bua.supervisor import process as process_module
from b2bua.supervisor.logstream import LogFile, LogStream
from b2bua.supervisor.process import Process, Program, as_event
from config.logging import configure
from config.tables import LogSettings

READY = 'print(\'{"event": "process.ready", "process": "relay"}\', flush=True)\n'
WAIT = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
PAUSE = "signal.pause()\n"


class Merged:
    """The merged log of a test, with a way to wait for an event."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "log.jsonl"
        self.stream = LogStream(io.StringIO(), None, LogFile(self.path))
        configure("supervisor", LogSettings(format="json"), self.stream)

    def events(self) -> list[dict[str, Any]]:
        text = self.path.read_text() if self.path.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    async def wait(self, name: str, count: int = 1) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while True:
                found = [event for event in self.events() if event["event"] == name]
                if len(found) >= count:
                    return found[count - 1]
                await asyncio.sleep(0.01)


@pytest.fixture
async def merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Merged]:
    merged = Merged(tmp_path)
    monkeypatch.setattr(
        process_module, "log", structlog.get_logger()
    )  # the module's own keeps its first stream
    yield merged
    merged.stream.close()
    structlog.reset_defaults()


def script(text: str, stop_limit: float = 10.0) -> Program:
    return Program("relay", (sys.executable, "-c", text), stop_limit)


def started(merged: Merged, program: Program) -> Process:
    process = Process(program, dict(os.environ), merged.stream)
    process.start()
    return process


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_it_is_ready_when_it_says_so_and_ends_when_told(merged: Merged) -> None:
    process = started(merged, script(WAIT + READY + PAUSE))
    async with asyncio.timeout(20):
        await process.ready.wait()
    pid = process.pid
    assert pid
    await process.stop(asyncio.Event())
    assert not alive(pid)
    assert (await merged.wait("process.ended"))["code"] == 0


async def test_a_ready_of_another_name_is_not_its_own(merged: Merged) -> None:
    other = READY.replace("relay", "worker")
    process = started(merged, script(WAIT + other + 'print(\'{"event": "go"}\', flush=True)\n' + PAUSE))
    await merged.wait("go")
    assert not process.ready.is_set()
    await process.stop(asyncio.Event())


async def test_one_that_dies_is_started_again(merged: Merged) -> None:
    process = started(merged, script(WAIT + READY + PAUSE))
    async with asyncio.timeout(20):
        await process.ready.wait()
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    died = await merged.wait("process.died")
    assert (died["name"], died["code"], died["again_in"]) == ("relay", -9, 0.1)
    await merged.wait("process.ready", count=2)
    await process.stop(asyncio.Event())


async def test_the_pause_before_a_restart_grows(merged: Merged) -> None:
    process = started(merged, script(READY))
    pauses = [(await merged.wait("process.died", count=n))["again_in"] for n in (1, 2, 3)]
    await process.stop(asyncio.Event())
    assert pauses == [0.1, 0.2, 0.4]


async def test_a_child_that_keeps_the_pipe_open_does_not_delay_the_restart(
    merged: Merged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "LAST_WORDS", 0.1)
    grandchild = "import os, time\nif os.fork() == 0:\n    time.sleep(30)\n    os._exit(0)\n"
    process = started(merged, script(READY + grandchild))
    first = time.monotonic()
    await merged.wait("process.died")
    assert time.monotonic() - first < 10
    await process.stop(asyncio.Event())


async def test_one_that_is_never_ready_fails_with_its_code(merged: Merged) -> None:
    process = started(merged, script("raise SystemExit(3)"))
    async with asyncio.timeout(20):
        assert await process.failed == 3
    await process.stop(asyncio.Event())


async def test_a_command_that_cannot_be_started_fails_too(merged: Merged) -> None:
    process = started(merged, Program("relay", ("/nonexistent/python",), 1.0))
    async with asyncio.timeout(20):
        assert await process.failed == 127
    assert (await merged.wait("process.not_started"))["name"] == "relay"


async def test_one_that_ignores_the_signal_is_killed_when_its_limit_is_over(merged: Merged) -> None:
    deaf = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY + PAUSE
    process = started(merged, script(deaf, stop_limit=0.3))
    async with asyncio.timeout(20):
        await process.ready.wait()
    await process.stop(asyncio.Event())
    assert (await merged.wait("process.killed"))["after"] >= 0.3
    assert (await merged.wait("process.ended"))["code"] == -9


async def test_hurry_ends_the_wait(merged: Merged) -> None:
    deaf = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY + PAUSE
    process = started(merged, script(deaf, stop_limit=60.0))
    async with asyncio.timeout(20):
        await process.ready.wait()
    hurry = asyncio.Event()
    hurry.set()
    async with asyncio.timeout(20):
        await process.stop(hurry)
    assert process.pid is None


async def test_a_line_that_is_no_event_is_wrapped_and_a_huge_one_survived(merged: Merged) -> None:
    lines = "print('Traceback: odd'); print('[1]'); print('x' * 3_000_000, flush=True)\n"
    process = started(merged, script(WAIT + lines + READY + PAUSE))
    async with asyncio.timeout(20):
        await process.ready.wait()
    await process.stop(asyncio.Event())
    wrapped = [event["line"] for event in merged.events() if event["event"] == "process.output"]
    assert wrapped[:2] == ["Traceback: odd", "[1]"]
    assert all(len(line) < 1 << 20 for line in wrapped)


def test_as_event_takes_objects_with_an_event_only() -> None:
    assert as_event('{"event": "a.b"}') == {"event": "a.b"}
    for line in ("", "ready", "[1]", "{", '{"a": 1}', '"event"'):
        assert as_event(line) is None


def test_a_process_ends_with_the_supervisor(tmp_path: Path) -> None:
    """The supervisor is killed by SIGKILL; the kernel ends what it had started."""
    supervisor = textwrap.dedent(f"""
        import asyncio, io, os
        from pathlib import Path
        from b2bua.supervisor.logstream import LogFile, LogStream
        from b2bua.supervisor.process import Process, Program
        async def main():
            stream = LogStream(io.StringIO(), None, LogFile(Path({str(tmp_path / "log")!r})))
            child = Program("relay", {(sys.executable, "-c", WAIT + READY + PAUSE)!r}, 5.0)
            process = Process(child, dict(os.environ), stream)
            process.start()
            await process.ready.wait()
            print(process.pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """)
    with subprocess.Popen([sys.executable, "-c", supervisor], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        line = next(line for line in parent.stdout if line.strip().isdigit())
        child = int(line)
        assert alive(child)
        parent.kill()
    deadline = time.monotonic() + 20
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(child)
