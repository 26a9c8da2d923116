"""A media host that does what a test tells it, on the real socket, with a worker that takes every INVITE."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Self

from b2bua.sip.text.message import Request
from media.lines import JsonLines
from media.protocol import CountsChanged, Event, PoolStats, event_to_json
from tests.runtime.phone import DEADLINE, Phone, sdp


class Worker(Phone):
    """Answers each INVITE and each BYE by itself."""

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        super().datagram_received(data, addr)
        message = self.heard[-1]
        if isinstance(message, Request) and message.method == "INVITE":
            self.respond(message, 200, body=sdp(self.address))
        elif isinstance(message, Request) and message.method == "BYE":
            self.respond(message, 200)


class FakeMediaHost:
    """Listens at RUN/media.sock; keeps requests, answers reservations unless it is `full`."""

    def __init__(self, path: Path, worker: Worker) -> None:
        self.worker = worker
        self.requests: list[dict[str, Any]] = []
        self.full = False
        self.counts: dict[int, CountsChanged] = {}
        self._path = path
        self._line: JsonLines | None = None
        self._news = asyncio.Event()
        self._server: asyncio.Server | None = None

    @classmethod
    async def start(cls, path: Path, service: tuple[str, int]) -> Self:
        host = cls(path, await Worker.start("deposit", service))
        await host.listen()
        return host

    async def listen(self) -> None:
        self._path.unlink(missing_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(self._connected, str(self._path))

    def die(self) -> None:
        """Go away as a killed process does."""
        assert self._server is not None
        self._server.close()
        if self._line is not None:
            self._line.close()

    def tell(self, event: Event) -> None:
        assert self._line is not None
        if isinstance(event, CountsChanged):
            self.counts[event.mailbox] = event
        self._line.send(event_to_json(event))

    async def asked(self, do: str) -> dict[str, Any]:
        """The next request of this name, taken."""
        async with asyncio.timeout(DEADLINE):
            while True:
                for request in self.requests:
                    if request["do"] == do:
                        self.requests.remove(request)
                        return request
                self._news.clear()
                await self._news.wait()

    async def connected(self) -> None:
        async with asyncio.timeout(DEADLINE):
            while self._line is None or not self._line.open:
                self._news.clear()
                await self._news.wait()

    def _connected(self) -> JsonLines:
        line = self._line = JsonLines(self._received, lambda: None, lambda: self._greet(line))
        return line

    def _greet(self, line: JsonLines) -> None:
        """As the real one does: the mailboxes that are not empty, then the pool."""
        for event in (*self.counts.values(), PoolStats(1, 1, 0)):
            line.send(event_to_json(event))
        self._news.set()

    def _received(self, values: dict[str, Any]) -> None:
        assert self._line is not None
        self.requests.append(values)
        self._news.set()
        if values["do"] in ("reserve", "resume"):
            place = {"ok": True, "address": self.worker.address, "port": self.worker.port}
            refusal = {"ok": False, "error": "full"}
            self._line.send({"id": values["id"], **(refusal if self.full else place)})
        else:
            self._line.send({"id": values["id"], "ok": True})
