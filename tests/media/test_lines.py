"""JSON lines: whole objects only, however the stream cuts them."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from media.lines import LONGEST_LINE, JsonLines
from tests.media.support import until, within


class End:
    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.opened = asyncio.Event()
        self.closed = asyncio.Event()
        self.lines = JsonLines(self.received.append, self.closed.set, self.opened.set)


async def joined() -> tuple[End, socket.socket]:
    ours, theirs = socket.socketpair()
    end = End()
    await asyncio.get_running_loop().create_connection(lambda: end.lines, sock=ours)
    return end, theirs


async def test_objects_arrive_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    end, peer = await joined()
    assert end.opened.is_set()
    for byte in b'{"a": 1}\n{"b": "\xc3\xa9"}\n{"c"':
        peer.send(bytes([byte]))
    await until(lambda: len(end.received) == 2)
    assert end.received == [{"a": 1}, {"b": "é"}]
    peer.send(b": 3}\n")
    await until(lambda: len(end.received) == 3)
    end.lines.send({"d": 4})
    peer.settimeout(5)
    assert await asyncio.to_thread(peer.recv, 100) == b'{"d": 4}\n'
    peer.close()
    await within(end.closed.wait())
    assert not end.lines.open
    end.lines.send({"e": 5})


@pytest.mark.parametrize("junk", [b"hello\n", b"[1]\n", b"\xff\n", b"x" * (LONGEST_LINE + 1)])
async def test_anything_else_is_cut_off(junk: bytes) -> None:
    end, peer = await joined()
    await asyncio.to_thread(peer.sendall, junk)
    await within(end.closed.wait())
    assert end.received == []
    peer.close()


async def test_after_finish_the_other_end_can_still_speak() -> None:
    end, peer = await joined()
    end.lines.finish()
    assert await asyncio.to_thread(peer.recv, 100) == b""
    peer.send(b'{"last": true}\n')
    await until(lambda: end.received == [{"last": True}])
    peer.close()
