"""A real relay process for a test, and calling its client's operations from a coroutine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from media.relay.client import RelayClient

DEADLINE = 30.0


class RelayProcess:
    """`python -m media.relay` with its data in `data`, its RTP on `address`."""

    def __init__(self, data: Path, address: str, process: asyncio.subprocess.Process) -> None:
        self.data = data
        self.address = address
        self.process = process
        self.gone = asyncio.Event()
        self.silent: asyncio.Queue[str] = asyncio.Queue()

    @property
    def path(self) -> Path:
        return self.data / "run" / "relay.sock"

    async def connect(self) -> RelayClient:
        async with asyncio.timeout(DEADLINE):
            return await RelayClient.connect(self.path, self.gone.set, self.silent.put_nowait)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)

    async def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), DEADLINE)


@contextlib.asynccontextmanager
async def running_relay(data: Path, address: str, **settings: str) -> AsyncIterator[RelayProcess]:
    """A relay that is ready; `settings` are keys such as `media__ports`. It is killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "media.relay",
        stdout=asyncio.subprocess.PIPE,
        env=environment(data, address, settings),
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), DEADLINE)
        assert b"process.ready" in line, line
        yield RelayProcess(data, address, process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def environment(data: Path, address: str, settings: dict[str, str]) -> dict[str, str]:
    """The environment of a relay: no setting but those given."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("RINGPLAN_")}
    chosen = {"data_dir": str(data), "media__address": address, "log__format": "json", **settings}
    return inherited | {f"RINGPLAN_{key.upper()}": value for key, value in chosen.items()}


async def ask(operation: Callable[..., None], *arguments: Any) -> Any:
    """Call an operation of the client and answer what its `done` gets."""
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    operation(*arguments, answer.set_result)
    return await asyncio.wait_for(answer, DEADLINE)
