"""The control socket: JSON lines from the other processes and the command line, for the owner only.

A request is `{"v": 1, "id": …, "do": …}`; its answer repeats `v` and `id` and says `"ok": true` with what was
asked for, or `"ok": false` with an `error`.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from provisioning.control import VERSION

log = structlog.get_logger()

LONGEST_LINE = 65536

Json = dict[str, Any]
Verb = Callable[[Json], Awaitable[Json]]


class ControlServer:
    """Answers requests by the verbs it is given."""

    def __init__(self, verbs: Mapping[str, Verb]) -> None:
        self._verbs = verbs
        self._server: asyncio.Server | None = None

    async def listen(self, path: Path) -> None:
        """Listen on a Unix socket that only its owner can use; one left by a process that died is replaced."""
        old_mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, str(path), limit=LONGEST_LINE)
        finally:
            os.umask(old_mask)

    def close(self) -> None:
        """Take no more requests."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # whoever asked has gone, or sent a line without end
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> Json:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            return _refusal(None, "not a line of JSON")
        if not isinstance(request, dict):
            return _refusal(None, "not an object")
        if request.get("v") != VERSION:
            return _refusal(request.get("id"), f"version {VERSION} is spoken here")
        verb = self._verbs.get(str(request.get("do")))
        if verb is None:
            return _refusal(request.get("id"), f"do: one of {', '.join(sorted(self._verbs))}")
        try:
            result = await verb(request)
        except Exception as error:
            log.exception("control.failed", do=request.get("do"))
            return _refusal(request.get("id"), str(error))
        return {"v": VERSION, "id": request.get("id"), "ok": True, **result}


def _refusal(number: object, error: str) -> Json:
    return {"v": VERSION, "id": number, "ok": False, "error": error}
