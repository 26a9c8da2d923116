"""`python -m b2bua` as a process: it starts, is told of changes, stops in order, and says why it cannot start."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from provisioning.control import notify_changed
from provisioning.store.store import open_store
from tests.runtime.node import CHEAP, Node, company, short_folder
from tests.runtime.phone import converse
from tests.support.addresses import fresh_address, fresh_network

DEADLINE = 30.0


class Process:
    """The signalling process on the address of a node that itself does not run."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []

    @classmethod
    async def start(cls, folder: Path, address: str, **settings: str) -> Process:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("RINGPLAN_")}
        chosen = {
            "data_dir": str(folder),
            "sip__udp": f"{address}:5060",
            "metrics__address": f"{address}:9160",
            "media__worker_network": fresh_network(),
            "log__format": "json",
            "calls__drain": "0",
            **settings,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "b2bua",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=inherited | {f"RINGPLAN_{key.upper()}": value for key, value in chosen.items()},
        )
        return cls(process)

    async def says(self, event: str) -> dict[str, Any]:
        """Read on to this event."""
        assert self.process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            while line := await self.process.stdout.readline():
                self.lines.append(json.loads(line))
                if self.lines[-1]["event"] == event:
                    return self.lines[-1]
        raise AssertionError(f"it ended without {event}: {self.lines}")

    async def ends(self) -> tuple[int, list[dict[str, Any]], str]:
        """Its exit code, all that it logged, and what it wrote to stderr."""
        out, error = await asyncio.wait_for(self.process.communicate(), DEADLINE)
        self.lines += [json.loads(line) for line in out.splitlines()]
        assert self.process.returncode is not None
        return self.process.returncode, self.lines, error.decode()

    async def told_to_stop(self) -> tuple[int, list[dict[str, Any]], str]:
        self.process.send_signal(signal.SIGTERM)
        return await self.ends()

    def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()


@asynccontextmanager
async def running(relay: Path, **settings: str) -> AsyncIterator[tuple[Node, Process]]:
    """A node's data, relay and media host, served by a process."""
    with short_folder() as folder:
        node = Node(folder, relay)
        await node.prepare()
        process = await Process.start(folder, node.address, **settings)
        try:
            yield node, process
        finally:
            process.kill()
            await process.process.wait()
            await node.close()


async def test_it_serves_follows_changes_and_stops_in_order(relay_socket: Path) -> None:
    async with running(relay_socket) as (node, process):
        await process.says("process.ready")
        control = node.run_dir / "control.sock"
        assert stat.S_IMODE(control.stat().st_mode) == 0o600
        anna, bert = await node.phone("anna"), await node.phone("bert")
        with await asyncio.to_thread(urllib.request.urlopen, f"http://{node.address}:9160/metrics") as answer:
            assert b"ringplan_registrations 2.0" in answer.read()
        # What is saved is in force when `changed` has been answered.
        await node.apply(company().replace('"203"', '"204"'))
        assert await asyncio.to_thread(notify_changed, control, 1.0)
        await anna.call("203")
        anna.acknowledge(await anna.response("404"), f"sip:203@{node.address}:5060")
        answered = await converse(anna, bert, "202")
        process.process.send_signal(signal.SIGTERM)
        for phone in (anna, bert):
            phone.respond(await phone.request("BYE"), 200)
        code, lines, error = await process.ends()
        assert (code, error) == (0, "")
        assert [line["outcome"] for line in lines if line["event"] == "call.ended"] == ["unknown", "answered"]
        assert [line for line in lines if line["level"] == "error"] == []
        assert {line["process"] for line in lines} == {"signalling"}
        found = await node.store.call(answered.call_id)
        assert found is not None
        assert found[0].hung_up_by == "service"


async def test_a_crash_loses_no_registration(relay_socket: Path) -> None:
    async with running(relay_socket) as (node, process):
        await process.says("process.ready")
        anna = await node.phone("anna")
        async with asyncio.timeout(DEADLINE):
            while not await node.store.load_bindings():
                await asyncio.sleep(0.02)
        process.kill()
        await process.process.wait()
        again = await Process.start(node.folder, node.address)
        try:
            assert (await again.says("registration.restored"))["bindings"] == 1
            await again.says("process.ready")
            bert = await node.phone("bert")
            await bert.call("201")
            await anna.request("INVITE")
        finally:
            again.kill()
            await again.process.wait()


async def test_it_can_be_stopped_while_it_waits_for_the_relay() -> None:
    with short_folder() as folder:
        process = await Process.start(folder, fresh_address(), log__level="debug")
        await process.says("registration.restored")
        code, lines, error = await process.told_to_stop()
        assert (code, error) == (0, "")
        assert [line for line in lines if line["level"] == "error"] == []


async def refused(folder: Path, address: str, **settings: str) -> str:
    process = await Process.start(folder, address, **settings)
    code, lines, error = await process.ends()
    assert code == 1
    assert error == ""
    last = lines[-1]
    assert (last["event"], last["level"]) == ("process.refused", "error")
    assert "\n" not in last["reason"]
    assert "exception" not in last
    return str(last["reason"])


async def test_a_port_that_is_taken_is_named() -> None:
    address = fresh_address()
    with short_folder() as folder, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((address, 5060))
        assert f"SIP cannot listen on {address}:5060: Address already in use" in await refused(
            folder, address
        )


async def test_a_metrics_port_that_is_taken_is_named(relay_socket: Path) -> None:
    address = fresh_address()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind((address, 9160))
        taken.listen()
        async with running(relay_socket, metrics__address=f"{address}:9160") as (_, process):
            code, lines, error = await process.ends()
            assert (code, error) == (1, "")
            assert f"metrics cannot listen on {address}:9160" in lines[-1]["reason"]


@pytest.mark.parametrize("damage", [b"", b"this is no database" * 100])
async def test_a_damaged_database_is_told_with_its_remedy(damage: bytes) -> None:
    with short_folder() as folder:
        store = await open_store(folder, CHEAP)
        await store.close()
        (folder / "ringplan.db").write_bytes(damage)
        assert "is damaged" in await refused(folder, fresh_address())


async def test_a_wrong_setting_is_told_on_stderr() -> None:
    with short_folder() as folder:
        process = await Process.start(folder, fresh_address(), sip__t1="never")
        code, _, error = await process.ends()
        assert code == 2
        assert "sip.t1" in error
        assert "Traceback" not in error
