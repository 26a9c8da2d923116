"""Answered calls on disk, so that a restarted signalling process goes on with them.

One file in the data directory, a line of JSON a call, appended to in batches behind the calls; the last line of a
call counts, and one says that it is over. Not the database: nothing else reads it, a backup must not hold it, and
a call costs one line. The kernel keeps what was written when the process dies, so nothing is synced; a machine
that dies takes the calls with it.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from b2bua.call.call import Call
from b2bua.call.snapshot import VERSION, CallSnapshot, take
from b2bua.runtime.clock import LoopTimers

log = structlog.get_logger()

INTERVAL = 0.5
"""Seconds between batches. A call is written at the second one after a change: a shorter one never is."""
LARGEST = 1 << 20
"""Bytes beyond which the file is written anew, if most of it is about calls that are over."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A line: a call and the user it was for, or the relay session of a call that is over."""

    call: CallSnapshot
    called_user: int | None


@dataclass(frozen=True, slots=True)
class Over:
    """A line: the call of this relay session is over."""

    over: str


SURROGATE = rb"\udc"
"""How the json module begins a byte that is not UTF-8."""

_KEPT = TypeAdapter(Kept)
_LINE = TypeAdapter(Kept | Over)


class Dialogs:
    """The file, and what is to be written to it."""

    def __init__(self, path: Path, queue: LoopTimers) -> None:
        self._path = path
        self._queue = queue
        self._new: dict[Call, int | None] = {}
        self._due: dict[Call, int | None] = {}
        self._names: dict[Call, str] = {}
        self._lines: dict[str, bytes] = {}
        self._over: list[str] = []
        self._size = 0
        self._whole = False

    def changed(self, call: Call, called_user: int | None) -> None:
        """Write this call, unless it is over soon."""
        self._new[call] = called_user

    def over(self, call: Call) -> None:
        """This call needs to be known no longer."""
        self._new.pop(call, None)
        self._due.pop(call, None)
        if (name := self._names.pop(call, None)) is not None:
            del self._lines[name]
            self._over.append(name)

    def load(self) -> list[Kept]:
        """The calls that were in progress when the file was written last. What cannot be read is left out."""
        kept: dict[str, Kept] = {}
        for line in self._read():
            try:
                found = _parsed(line)
            except ValidationError as error:
                log.error("call.snapshot_dropped", reason=_reason(error))
                continue
            if isinstance(found, Over):
                kept.pop(found.over, None)
            elif found.call.version != VERSION:
                log.error("call.snapshot_dropped", reason=f"version {found.call.version}")
            else:
                kept[found.call.relay_session] = found
        self._lines = {name: _written(each) for name, each in kept.items()}
        return list(kept.values())

    def restored(self, call: Call, kept: Kept) -> None:
        """This call goes on: what is known of it stays until it changes or ends."""
        self._names[call] = kept.call.relay_session

    def drop(self, kept: Kept, reason: str) -> None:
        """This call cannot go on."""
        log.error("call.snapshot_dropped", reason=reason)
        del self._lines[kept.call.relay_session]

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL)
            await self.flush()

    async def flush(self) -> None:
        """Write what has been due for one interval."""
        due, self._due, self._new = self._due, self._new, {}
        fresh = [line for call, user in due.items() if (line := self._line(call, user))]
        over, self._over = self._over, []
        if not (fresh or over or self._whole):
            return
        try:
            if self._whole or self._size > max(LARGEST, 2 * sum(map(len, self._lines.values()))):
                await asyncio.to_thread(self._replace, b"".join(self._lines.values()))
            else:
                fresh += (b'{"over":"%s"}\n' % name.encode() for name in over)
                await asyncio.to_thread(self._append, b"".join(fresh))
            self._whole = False
        except OSError as error:
            log.error("store.dialogs_failed", reason=str(error))
            # Half a line may be there now.
            self._whole = True

    def _line(self, call: Call, called_user: int | None) -> bytes | None:
        snapshot = take(call, self._queue.now(), time.time())
        if snapshot is None:
            # An ACK is missing yet.
            self._due.setdefault(call, called_user)
            return None
        try:
            line = _written(Kept(snapshot, called_user))
        except ValueError as error:
            log.error("call.snapshot_dropped", reason=type(error).__name__)
            return None
        self._names[call] = snapshot.relay_session
        self._lines[snapshot.relay_session] = line
        return line

    def _read(self) -> Iterator[bytes]:
        # What is there stays until it is replaced by what goes on.
        self._whole = True
        try:
            yield from self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return
        except OSError as error:
            log.error("call.snapshot_dropped", reason=str(error))

    def _append(self, data: bytes) -> None:
        with os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
            file.write(data)
        self._size += len(data)

    def _replace(self, data: bytes) -> None:
        part = self._path.with_suffix(".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        part.replace(self._path)
        self._size = len(data)


def _written(kept: Kept) -> bytes:
    try:
        return _KEPT.dump_json(kept) + b"\n"
    except PydanticSerializationError:
        # Bytes of a Call-ID or a route that are not UTF-8 are surrogates here: the json module writes them.
        return json.dumps(_KEPT.dump_python(kept, mode="json")).encode() + b"\n"


def _parsed(line: bytes) -> Kept | Over:
    """Read a line. Raises ValidationError."""
    try:
        return _LINE.validate_json(line)
    except ValidationError:
        if SURROGATE in line:
            with suppress(json.JSONDecodeError):
                return _LINE.validate_python(json.loads(line))
        raise


def _reason(error: ValidationError) -> str:
    """What is wrong, without the value: it may hold a number that the caller withheld."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
