"""Signalling's end of the relay's Unix socket: receives rtp_io's sockets, asks where NATed phones are."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from media.relay.errors import RelayError, RelayGone
from media.relay.peer import Address
from media.relay.roster import Roster

HELLO_SIZE = 8192


@dataclass(frozen=True, slots=True)
class Hello:
    """What the relay says of itself to each client (`media.relay.host.hello`); times in whole seconds."""

    root: Path
    notify: str
    guard: Address
    sessions: int
    silence_timeout: int
    ringing_timeout: int


@dataclass(frozen=True, slots=True)
class RelayLine:
    """What a client of the relay holds: this connection, rtp_io's sockets, and who is connected by it."""

    hello: Hello
    connection: socket.socket
    commands: socket.socket
    notifications: socket.socket
    roster: Roster


async def call_relay(path: Path) -> RelayLine:
    """Connect to the relay.

    Waits until the relay has no other client. Raises RelayGone when it cannot be reached or goes away.
    """
    loop = asyncio.get_running_loop()
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        await loop.sock_connect(connection, str(path))
        readable = asyncio.Event()
        loop.add_reader(connection, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(connection)
        line, descriptors, _, _ = socket.recv_fds(connection, HELLO_SIZE, 3)
        if len(descriptors) != 3:
            for descriptor in descriptors:
                os.close(descriptor)
            raise RelayGone(f"{path}: the relay went away")
    except OSError as error:
        connection.close()
        raise RelayGone(f"{path}: {error.strerror}") from error
    except BaseException:
        connection.close()
        raise
    commands, notifications = (socket.socket(fileno=descriptor) for descriptor in descriptors[:2])
    return RelayLine(
        _parse_hello(json.loads(line)), connection, commands, notifications, Roster(descriptors[2])
    )


def _parse_hello(fields: dict[str, Any]) -> Hello:
    return Hello(
        root=Path(fields["root"]),
        notify=fields["notify"],
        guard=Address(*fields["guard"]),
        sessions=fields["sessions"],
        silence_timeout=fields["silence_timeout"],
        ringing_timeout=fields["ringing_timeout"],
    )


class HostLink(asyncio.Protocol):
    """Requests to learn a sender's address; each ends when the address is found or it is forgotten."""

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self._on_lost = on_lost
        self._transport: asyncio.WriteTransport | None = None
        self._buffer = b""
        self._numbers = itertools.count(1)
        self._armed: dict[int, Callable[[RelayError | None], None]] = {}
        self._found: dict[int, Callable[[Address], None]] = {}
        self._forgotten: dict[int, Callable[[], None]] = {}

    def learn(
        self,
        port: int,
        sources: tuple[str, ...],
        armed: Callable[[RelayError | None], None],
        found: Callable[[Address], None],
    ) -> int:
        """Have the relay listen on its `port` for RTP from `sources`; answers the number to forget it by.

        `armed` is called once, when it listens or cannot; `found` with the address, if that ever comes.
        """
        number = next(self._numbers)
        if self._transport is None:
            armed(RelayGone())
        else:
            self._armed[number] = armed
            self._found[number] = found
            self._send({"do": "learn", "id": number, "port": port, "sources": sources})
        return number

    def forget(self, number: int, forgotten: Callable[[], None]) -> None:
        """Stop listening. `found` will not be called any more; `forgotten` is, when the port is relayed again.

        A request that has ended may be forgotten too.
        """
        self._found.pop(number, None)
        if self._transport is None:
            forgotten()
        else:
            self._forgotten[number] = forgotten
            self._send({"do": "forget", "id": number})

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the socket is ready."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """asyncio: answers, perhaps not whole."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            answer = json.loads(line)
            if "address" in answer:
                if found := self._found.pop(answer["id"], None):
                    found(Address(*answer["address"]))
            elif "forgotten" in answer:
                self._forgotten.pop(answer["id"])()
            else:
                failed = answer.get("failed")
                if failed:
                    self._found.pop(answer["id"], None)
                self._armed.pop(answer["id"])(RelayError(failed) if failed else None)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the relay is gone; whoever waits is told."""
        self._transport = None
        self._found.clear()
        armed, self._armed = self._armed, {}
        forgotten, self._forgotten = self._forgotten, {}
        for refuse in armed.values():
            refuse(RelayGone())
        for let_go in forgotten.values():
            let_go()
        self._on_lost()

    def close(self) -> None:
        """Leave; the relay keeps its sessions."""
        if self._transport is not None:
            self._transport.close()

    def _send(self, request: dict[str, Any]) -> None:
        if self._transport is not None:
            self._transport.write(json.dumps(request).encode() + b"\n")
