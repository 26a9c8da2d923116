"""The control socket as other processes use it."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from b2bua.runtime.control import ControlServer, Json
from tests.runtime.node import short_folder


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, path: Path) -> Client:
        return cls(*await asyncio.open_unix_connection(str(path)))

    async def line(self) -> Any:
        line = await asyncio.wait_for(self._reader.readline(), 5)
        return json.loads(line) if line else None

    async def ask(self, data: bytes | Json) -> Any:
        self.writer.write(data if isinstance(data, bytes) else json.dumps(data).encode() + b"\n")
        return await self.line()


async def _echo(request: Json) -> Json:
    return {"word": request["word"]}


@pytest.fixture
def permission() -> asyncio.Event:
    """What the verb `slow` waits for."""
    return asyncio.Event()


@pytest.fixture
async def path(permission: asyncio.Event) -> AsyncIterator[Path]:
    async def slow(request: Json) -> Json:
        await permission.wait()
        return {}

    with short_folder() as folder:
        server = ControlServer({"echo": _echo, "slow": slow})
        await server.listen(folder / "control.sock")
        yield folder / "control.sock"
        server.close()


async def test_a_request_is_answered_with_its_id(path: Path) -> None:
    client = await Client.connect(path)
    assert await client.ask({"v": 1, "id": 7, "do": "echo", "word": "x"}) == {
        "v": 1,
        "id": 7,
        "ok": True,
        "word": "x",
    }


async def test_only_its_owner_can_use_it(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("line", "number", "error"),
    [
        (b'{"v": 2, "id": 1, "do": "echo"}\n', 1, "version 1"),
        (b'{"id": 1, "do": "echo"}\n', 1, "version 1"),
        (b'{"v": 1, "id": 1, "do": "unheard"}\n', 1, "echo, slow"),
        (b'{"v": 1, "id": 1}\n', 1, "echo, slow"),
        (b'{"v": 1, "id": 1, "do": ["echo"]}\n', 1, "echo, slow"),
        (b"[]\n", None, "object"),
        (b"garbage\n", None, "JSON"),
        (b"\xff\xfe\n", None, "JSON"),
        (b"[" * 30_000 + b"\n", None, "JSON"),
    ],
)
async def test_what_cannot_be_done_is_refused_and_the_line_stays(
    path: Path, line: bytes, number: int | None, error: str
) -> None:
    client = await Client.connect(path)
    answer = await client.ask(line)
    assert (answer["v"], answer["id"], answer["ok"]) == (1, number, False)
    assert error in answer["error"]
    assert (await client.ask({"v": 1, "id": 2, "do": "echo", "word": "on"}))["word"] == "on"


async def test_a_verb_that_fails_is_refused_and_logged(path: Path) -> None:
    client = await Client.connect(path)
    with capture_logs() as logs:
        answer = await client.ask({"v": 1, "id": 1, "do": "echo"})
    assert answer["ok"] is False
    assert [(one["event"], one["do"]) for one in logs] == [("control.failed", "echo")]


async def test_a_line_in_pieces_is_one_request_and_half_a_line_none(path: Path) -> None:
    client = await Client.connect(path)
    client.writer.write(b'{"v": 1, "id": 1, "do": "ec')
    await asyncio.sleep(0)
    assert (await client.ask(b'ho", "word": 5}\n'))["word"] == 5
    client.writer.write(b'{"v": 1, "id": 1, "do"')
    client.writer.close()
    other = await Client.connect(path)
    assert (await other.ask({"v": 1, "id": 1, "do": "echo", "word": 6}))["word"] == 6


async def test_a_line_without_end_is_cut_off(path: Path) -> None:
    client = await Client.connect(path)
    assert await client.ask(b"x" * 100_000) is None


async def test_two_clients_do_not_wait_for_each_other(path: Path, permission: asyncio.Event) -> None:
    one, two = await Client.connect(path), await Client.connect(path)
    slow = asyncio.create_task(one.ask({"v": 1, "id": 1, "do": "slow"}))
    assert (await two.ask({"v": 1, "id": 2, "do": "echo", "word": 1}))["id"] == 2
    assert not slow.done()
    permission.set()
    assert (await slow)["id"] == 1


async def test_a_socket_left_by_a_process_that_died_is_replaced(path: Path) -> None:
    server = ControlServer({"echo": _echo})
    await server.listen(path)
    client = await Client.connect(path)
    assert (await client.ask({"v": 1, "id": 1, "do": "echo", "word": 2}))["ok"]
    server.close()
