"""The relay process: rtp_io's threads carry the sound, signalling holds rtp_io's sockets and commands it.

On RUN/relay.sock each client, one at a time, first gets one line of JSON. Beside it come rtp_io's command and
notification sockets and the roster of open sessions (SCM_RIGHTS, unix(7)). See `hello` and `roster`. After
that it carries JSON lines:

    → {"do": "learn", "id": 3, "port": 20004, "sources": ["192.0.2.1"]}     find out where RTP comes from
    ← {"id": 3, "armed": true}  or  {"id": 3, "failed": "why"}              listening, or not
    ← {"id": 3, "address": ["192.0.2.1", 61234]}                            found; the request has ended
    → {"do": "forget", "id": 3}                                             stop listening, if still listening
    ← {"id": 3, "forgotten": true}

When the client goes away the sessions stay, and the next client gets the same sockets and the same roster.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import socket
from pathlib import Path
from typing import Any, cast

from config.logging import announce_ready
from config.settings import Settings
from media.relay.engine import Engine
from media.relay.peer import Address
from media.relay.roster import make as roster_of_sessions
from media.relay.source_learning import SourceLearning
from media.sounds import render_all

SOCKET_NAME = "relay.sock"
RINGING_GRACE = 60.0
"""Seconds by which a session outlives the longest ringing: nobody sends RTP until somebody answers."""


async def run(settings: Settings, engine: Engine) -> None:
    """Serve clients until SIGTERM or SIGINT. The working directory becomes `data_dir`.

    Raises OSError when the folders or the socket cannot be made, RelayError when rtp_io stops answering.
    """
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    path = (settings.run_dir / SOCKET_NAME).resolve()
    render_all(settings.data_dir / "tones", settings.media.prompts / settings.media.language)
    os.chdir(settings.data_dir)  # so that names of sounds, which must have no blanks, are relative to it
    listener = _listen(path)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    roster = roster_of_sessions(settings.media.sessions)
    serving = asyncio.create_task(_serve(listener, engine, roster, hello(engine, settings)))
    serving.add_done_callback(lambda _: ended.set())
    announce_ready()
    await ended.wait()
    path.unlink(missing_ok=True)
    if serving.done():
        serving.result()
    serving.cancel()


def hello(engine: Engine, settings: Settings) -> dict[str, Any]:
    """What a client must know: where sounds are named from, rtp_io's names and ports, and the limits."""
    calls = settings.calls
    return {
        "root": str(Path.cwd()),
        "notify": engine.notify,
        "guard": ["127.0.0.1" if engine.address == "0.0.0.0" else engine.address, engine.guard_port],
        "sessions": settings.media.sessions,
        "silence_timeout": math.ceil(settings.media.silence_timeout),
        "ringing_timeout": math.ceil(max(calls.keep_ringing, calls.max_unanswered) + RINGING_GRACE),
    }


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(mask)
    listener.listen()
    return listener


async def _serve(listener: socket.socket, engine: Engine, roster: int, greeting: dict[str, Any]) -> None:
    """One client after the other: two would read each other's replies."""
    loop = asyncio.get_running_loop()
    line = json.dumps(greeting).encode() + b"\n"
    handed = [engine.commands.fileno(), engine.notifications.fileno(), roster]
    while True:
        connection, _ = await loop.sock_accept(listener)
        engine.settle()
        try:
            socket.send_fds(connection, [line], handed)
        except (BrokenPipeError, ConnectionResetError):
            connection.close()  # it left while waiting for its turn
            continue
        await _attend(connection, Client(engine.address))


async def _attend(connection: socket.socket, client: Client) -> None:
    await asyncio.get_running_loop().connect_accepted_socket(lambda: client, connection)
    await client.gone.wait()


class Client(asyncio.Protocol):
    """A connected client's requests to learn where a phone behind NAT sends from."""

    def __init__(self, bound_to: str) -> None:
        self.gone = asyncio.Event()
        self._learning = SourceLearning(bound_to, self._found)
        self._transport: asyncio.WriteTransport | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the client is connected."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """asyncio: requests, perhaps not whole."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the client has gone; what it wanted to know, nobody will use."""
        self._transport = None
        self._learning.stop_all()
        self.gone.set()

    def _obey(self, request: dict[str, Any]) -> None:
        number = request["id"]
        if request["do"] == "forget":
            self._learning.stop(number)
            self._answer(number, forgotten=True)
            return
        try:
            self._learning.start(number, request["port"], request["sources"])
        except OSError as error:
            self._answer(number, failed=str(error))
        else:
            self._answer(number, armed=True)

    def _found(self, number: int, address: Address) -> None:
        self._answer(number, address=address)

    def _answer(self, number: int, **fields: Any) -> None:
        if self._transport is not None:
            self._transport.write(json.dumps({"id": number, **fields}).encode() + b"\n")
