"""The signalling process: `python -m b2bua`. Usually `ringplan run` starts it."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from typing import Any

import structlog
import uvloop

from b2bua.runtime import metrics
from b2bua.runtime.control import ControlServer
from b2bua.runtime.figures import NodeFigures
from b2bua.runtime.identity import ChoiceError, shown
from b2bua.runtime.signalling import Signalling
from config.logging import LineWriter, announce_ready, configure
from config.settings import ConfigError, Settings, load
from provisioning.store.errors import StoreError
from provisioning.store.store import open_store

log = structlog.get_logger()


async def serve(settings: Settings, lines: LineWriter) -> None:
    """Serve calls until SIGTERM or SIGINT. Raises StoreError or OSError where it cannot start."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    lines.hold(loop)
    loop.set_exception_handler(_report_fault)
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with await open_store(settings.data_dir) as store:
        node = Signalling(settings, store)
        told = asyncio.create_task(stop.wait())
        # Relay and media host may be long in coming: who is told to stop meanwhile stops.
        if not await _first(asyncio.create_task(node.begin()), told):
            return
        work = asyncio.create_task(node.run())
        control = ControlServer(_verbs(node))
        try:
            await control.listen(settings.run_dir / "control.sock")
            if settings.metrics.address is not None:
                metrics.serve(NodeFigures(node), *settings.metrics.address)
            # What was made so far stays; the collector need not look at it again while calls are served. Calls are
            # freed without it: what it waits for is what the database's library leaves behind.
            gc.collect()
            gc.freeze()
            gc.set_threshold(10_000, 10, 100)
            announce_ready()
            if not await _first(work, told):
                await node.stop()
        finally:
            control.close()
            work.cancel()
            await asyncio.wait({work})
            await node.writer.flush()
            lines.release()


async def _first(task: asyncio.Task[None], told: asyncio.Task[bool]) -> bool:
    """Whether the task ended before we were told to stop. Raises what the task raises."""
    await asyncio.wait({task, told}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    return task.done()


def _verbs(node: Signalling) -> dict[str, Any]:
    async def ready(request: dict[str, Any]) -> dict[str, Any]:
        return {}

    async def changed(request: dict[str, Any]) -> dict[str, Any]:
        return {"version": await node.reload()}

    async def registrations(request: dict[str, Any]) -> dict[str, Any]:
        return {"registrations": node.list_registrations()}

    async def trunks(request: dict[str, Any]) -> dict[str, Any]:
        return {"trunks": node.trunks.listed()}

    async def calls(request: dict[str, Any]) -> dict[str, Any]:
        return {"calls": node.list_calls()}

    async def identity(request: dict[str, Any]) -> dict[str, Any]:
        username = str(request.get("username"))
        try:
            found = (
                node.registrations.pick(username, request["number"], asyncio.get_running_loop().time())
                if "number" in request
                else shown(node.devices, username)
            )
        except ChoiceError as error:
            return {"refused": str(error)}
        return {"username": username, **found._asdict()}

    return {
        "identity": identity,
        "ready": ready,
        "changed": changed,
        "registrations": registrations,
        "trunks": trunks,
        "calls": calls,
    }


def _report_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A fault of ours in a timer or a callback: what it was about is lost, everything else goes on."""
    log.error("sip.fault", reason=context["message"], exc_info=context.get("exception"))


def main() -> int:
    """Run the process; the exit code is 0 after an ordered stop, 1 where it could not start."""
    try:
        settings = load()
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    lines = configure("signalling", settings.log)
    try:
        uvloop.run(serve(settings, lines))
    except (StoreError, OSError) as error:
        log.error("process.refused", reason=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
