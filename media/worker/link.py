"""The line between the media host and one worker: JSON lines on a socket pair.

Commands to the worker (`do`), each for the session whose token it carries:
    expect, forget          let an INVITE with this token in, or no longer
    play     files, start,  play these WAV files one after the other, instead of what is playing, the first
             number         from `start` seconds; `number` tells this command from others
    hush                    stop playing
    record   path           stop playing and record the caller into this new WAV file
    stop                    close the recording
    hangup                  send BYE
The host's end of file means: finish the recordings, hang up and end.

Events from the worker (`event`):
    ready    address, port  the SIP address it listens on (no session)
    answered                the caller is connected, sound flows
    played   number         the files of this command have been played to their end
    digit    digit          one RFC 4733 digit
    progress seconds, quiet while recording: since its start, and since the last sound in it
    stuck                   the disk takes no more of the recording; once a recording
    recorded seconds, sound the file is complete on disk: its length, and from its first sound to its last
    gone                    the call has ended; comes after `recorded`
    failed   reason         a command could not be carried out
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What the host hands over on the command line, as JSON.

    `address` is this worker's own loopback address, `control` the number of the inherited socket. `lock` is
    the file that is locked (shared) as long as this process may still write a recording.
    """

    address: str
    control: int
    lock: str
    max_calls: int = 4


class Disconnected(ConnectionError):
    """The other end has closed the line."""


class WorkerEnd:
    """The worker's end: never blocks, reads whole lines, writes what the socket takes and keeps the rest."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._in = bytearray()
        self._out = bytearray()

    def send(self, event: str, **fields: Any) -> None:
        """Send one event; a host that is gone hears nothing."""
        self._out += json.dumps({"event": event, **fields}).encode() + b"\n"
        self.flush()

    def flush(self) -> None:
        """Write what the socket takes now."""
        try:
            while self._out:
                del self._out[: self._socket.send(self._out)]
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):
            self._out.clear()  # the host has died; `receive` sees the same and ends the worker

    def receive(self) -> list[dict[str, Any]]:
        """The commands that have arrived; raises Disconnected once the host's end is closed."""
        try:
            while True:
                chunk = self._socket.recv(65536)
                if not chunk:
                    raise Disconnected
                self._in += chunk
        except BlockingIOError:
            pass
        except ConnectionResetError as error:
            raise Disconnected from error
        *lines, rest = bytes(self._in).split(b"\n")
        self._in = bytearray(rest)
        return [json.loads(line) for line in lines]
