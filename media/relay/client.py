"""What signalling uses of the relay: sessions with a near side, the caller, and a far side that is switched.

Callback style, no task per operation. `done` of each operation is called once, from the event loop and never
before the operation has returned; operations take effect in the order they are called. Only `close` makes
sense before `open` is done, which tells the ports. A peer whose SDP tells the truth is heard only from its
address; one behind NAT only from the address its first packet came from: see README.md of this folder.
"""

from __future__ import annotations

import asyncio
import math
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from media.relay import commands
from media.relay.errors import NoSession, RelayError, RelayFull, RelayGone
from media.relay.figures import Stats, parse_stats
from media.relay.hostlink import Hello, HostLink, call_relay
from media.relay.notifications import Notifications
from media.relay.peer import Address, Peer, Ports, Side
from media.relay.pipeline import Pipeline
from media.relay.roster import Roster

__all__ = ["Peer", "Ports", "RelayClient", "Stats"]

FREE_WITHIN = 0.05
"""Seconds until the ports of sessions that were deleted are freed, all with one packet."""

Done = Callable[[RelayError | None], None]
T = TypeVar("T")


@dataclass(slots=True)
class _Session:
    """What must be remembered of a session: rtp_io itself keeps the rest."""

    ports: Ports | None = None
    playing: set[Side] = field(default_factory=set)
    learning: dict[Side, int] = field(default_factory=dict)
    learned: dict[Peer, Address] = field(default_factory=dict)

    def address(self, peer: Peer) -> Address:
        """Where to send: what was learned of this peer, else what is presumed."""
        return self.learned.get(peer, peer.presumed)


class RelayClient:
    """A connection to the relay process. `alive` until the relay ends or `disconnect` is called."""

    def __init__(
        self,
        hello: Hello,
        roster: Roster,
        on_gone: Callable[[], None],
        on_silence: Callable[[str], None],
    ) -> None:
        self.alive = True
        self._hello = hello
        self._roster = roster
        self._inherited = roster.names
        self._on_gone = on_gone
        self._on_silence = on_silence
        self._loop = asyncio.get_running_loop()
        self._sessions: dict[str, _Session] = {}
        self._pipeline = Pipeline(self._lost, self._loop.call_soon)
        self._host = HostLink(self._lost)
        self._notifications = Notifications(self._silent, self._lost)
        self._waking: asyncio.TimerHandle | None = None
        self._waker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    @classmethod
    async def connect(
        cls, path: Path, on_gone: Callable[[], None], on_silence: Callable[[str], None]
    ) -> RelayClient:
        """Connect to the relay at RUN/relay.sock; waits while it has another client.

        `on_gone()` is called once when the relay ends; `on_silence(session)` when a session ended because
        neither side sent RTP for `media.silence_timeout`. Raises RelayGone when the relay cannot be reached.
        """
        line = await call_relay(path)
        client = cls(line.hello, line.roster, on_gone, on_silence)
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: client._pipeline, sock=line.commands)
        await loop.create_unix_connection(lambda: client._notifications, sock=line.notifications)
        await loop.create_unix_connection(lambda: client._host, sock=line.connection)
        return client

    @property
    def sessions(self) -> int:
        """How many sessions this client has open."""
        return len(self._sessions)

    def open(self, session: str, near: Peer, done: Callable[[Ports | RelayError], None]) -> None:
        """Make a session for a caller: one port for it, one for whoever it will be connected to.

        `session` is a fresh id of 1 to 32 of a-z, 0-9. Nobody is heard from the far side before
        `connect_far`. RelayFull when no session or port is left. Raises ValueError for a wrong or used id.
        """
        line = commands.open_session(session, near.presumed, self._hello.notify, self._hello.ringing_timeout)
        if session in self._sessions:
            raise ValueError(f"session {session} is open already")
        if self.alive and (len(self._sessions) >= self._hello.sessions or not self._roster.add(session)):
            self._tell(done, RelayFull(f"{self._hello.sessions} sessions"))
            return
        self._sessions[session] = _Session()
        self._send(line, partial(self._opened, session, near, done))

    def adopt(self, session: str, ports: Ports, done: Done) -> None:
        """Take over a session that an earlier client opened; NoSession if the relay does not hold it."""
        self._inherited.discard(session)

        def known(reply: str | RelayError) -> None:
            if not isinstance(reply, RelayError):
                self._sessions[session] = _Session(ports, playing={"near", "far"})
            elif not isinstance(reply, RelayGone):
                self._roster.remove(session)
            self._tell(done, reply if isinstance(reply, RelayError) else None)

        self._send(commands.query(session, "near"), known)

    def delete_inherited(self) -> int:
        """End what earlier clients opened and `adopt` was not asked to take over; returns how many those were."""
        inherited, self._inherited = self._inherited, set()
        for session in inherited:
            self.close(session, _ignore)
        return len(inherited)

    def connect_far(self, session: str, far: Peer, done: Done) -> None:
        """Connect the caller to `far`. Whoever was there is unheard at once, and tones for the caller stop.

        The ports stay. From now on the session ends after `media.silence_timeout` without RTP.
        """
        if (held := self._held(session, done)) is None:
            return
        if "near" in held.playing:
            self.stop_play(session, "near", _ignore)
        line = commands.connect_far(session, held.address(far), self._hello.silence_timeout)
        self._place(session, held, "far", far, line, done)

    def update_near(self, session: str, near: Peer, done: Done) -> None:
        """The caller's address changed by a re-INVITE; the ports stay. Harmless if it did not change."""
        if (held := self._held(session, done)) is not None:
            line = commands.set_near(session, held.address(near), self._hello.notify)
            self._place(session, held, "near", near, line, done)

    def set_silence_timeout(self, session: str, seconds: float, done: Done) -> None:
        """End the session after so many seconds without RTP; a call on hold needs more than one in talk.

        Holds until the next `connect_far`.
        """
        if self._held(session, done) is not None:
            self._send(commands.set_timeout(session, math.ceil(seconds)), partial(self._finish, done))

    def play(
        self, session: str, file: Path, towards: Side, codec: Literal[0, 8], count: int | None, done: Done
    ) -> None:
        """Play raw G.711, `file` with `.0` or `.8` (the codec) appended, `count` times; None: until stopped.

        It replaces what is being played and what the other side sends, until `stop_play`, or for the caller
        `connect_far`. A file that cannot be opened is a RelayError. Raises ValueError for a name with blanks.
        """
        name = os.path.relpath(file, self._hello.root)
        line = commands.play(session, towards, name, codec, -1 if count is None else count)
        if (held := self._held(session, done)) is not None:
            held.playing.add(towards)
            self._send(line, partial(self._finish, done))

    def stop_play(self, session: str, towards: Side, done: Done) -> None:
        """Stop what is being played; fine if nothing is."""
        if (held := self._held(session, done)) is not None:
            held.playing.discard(towards)
            self._send(commands.stop_play(session, towards), partial(self._finish, done))

    def close(self, session: str, done: Callable[[Stats | RelayError], None]) -> None:
        """End a session, its ports are free at once; answers its figures. NoSession if it has ended before.

        May be called for any id at any time, also before `open` is done, and again.
        """
        if (held := self._sessions.pop(session, None)) is not None:
            self._forget(held)
        replies: list[str | RelayError] = []
        self._send(commands.query(session, "near"), replies.append)
        self._send(commands.query(session, "far"), replies.append)

        def deleted(reply: str | RelayError) -> None:
            if not isinstance(reply, RelayGone):
                self._roster.remove(session)
            self._free_ports()
            near, far = replies
            if isinstance(near, RelayError) or isinstance(far, RelayError):
                self._tell(done, near if isinstance(near, RelayError) else NoSession(session))
            else:
                self._tell(done, reply if isinstance(reply, RelayError) else parse_stats(near, far))

        self._send(commands.delete(session), deleted)

    def disconnect(self) -> None:
        """Leave the relay with its sessions as they are; `on_gone` is not called."""
        self._on_gone = _nothing
        self._lost()

    def _opened(
        self,
        session: str,
        near: Peer,
        done: Callable[[Ports | RelayError], None],
        reply: str | RelayError,
    ) -> None:
        ports = reply if isinstance(reply, RelayError) else commands.parse_ports(reply)
        if not isinstance(ports, Ports):
            self._sessions.pop(session, None)
            self._roster.remove(session)
            if ports is None:  # a port for one side only
                self._send(commands.delete(session), lambda _: self._free_ports())
            self._tell(done, ports or RelayFull("no port for the near side"))
            return
        held = self._sessions.get(session)
        if held is None or not near.sources:
            if held is not None:
                held.ports = ports
            self._tell(done, ports)
            return
        held.ports = ports
        self._learn(session, held, "near", near, lambda error: self._tell(done, error or ports))

    def _place(self, session: str, held: _Session, side: Side, peer: Peer, line: str, done: Done) -> None:
        """Tell rtp_io where this side's peer is, and behind NAT find out whether that is true."""
        number = held.learning.pop(side, None)
        replies: list[str | RelayError | None] = []

        def came(reply: str | RelayError | None = None) -> None:
            replies.append(reply)
            if number is None or len(replies) == 2:
                placed(next(reply for reply in replies if reply is not None))

        def placed(reply: str | RelayError) -> None:
            if isinstance(reply, RelayError) or not peer.sources or self._sessions.get(session) is not held:
                self._finish(done, reply)
            else:
                self._learn(session, held, side, peer, partial(self._tell, done))

        if number is not None:  # until the relay has stopped listening, the port's packets are not relayed
            self._host.forget(number, came)
        self._send(line, came)

    def _learn(self, session: str, held: _Session, side: Side, peer: Peer, armed: Done) -> None:
        assert held.ports is not None

        def found(address: Address) -> None:
            held.learning.pop(side, None)
            if address != held.address(peer):
                held.learned[peer] = address
                if side == "near":
                    line = commands.set_near(session, address, self._hello.notify)
                else:
                    line = commands.set_far(session, address)
                self._send(line, _ignore)

        port = held.ports.near if side == "near" else held.ports.far
        held.learning[side] = self._host.learn(port, peer.sources, armed, found)

    def _forget(self, held: _Session) -> None:
        for number in held.learning.values():
            self._host.forget(number, _nothing)
        held.learning.clear()

    def _held(self, session: str, done: Done) -> _Session | None:
        """The session, or None after telling `done` that there is none with ports."""
        held = self._sessions.get(session)
        if held is None or held.ports is None:
            self._tell(done, RelayGone() if not self.alive else NoSession(session))
            return None
        return held

    def _send(self, line: str, reply: Callable[[str | RelayError], None]) -> None:
        """Send a command; `reply` gets the answer, or the error that it stands for."""

        def judge(answer: str | RelayGone) -> None:
            reply(answer if isinstance(answer, RelayGone) else commands.failure(line, answer) or answer)

        self._pipeline.send(line, judge)

    def _finish(self, done: Done, reply: str | RelayError) -> None:
        self._tell(done, reply if isinstance(reply, RelayError) else None)

    def _tell(self, done: Callable[[T], None], outcome: T) -> None:
        """Call back from the event loop: an exception there must not end the connection to the relay."""
        self._loop.call_soon(done, outcome)

    def _free_ports(self) -> None:
        """Wake rtp_io's RTP and RTCP threads, which otherwise keep a deleted session's ports for a while."""
        if self._waking is None:
            self._waking = self._loop.call_later(FREE_WITHIN, self._wake)

    def _wake(self) -> None:
        self._waking = None
        host, port = self._hello.guard
        if self.alive:
            self._waker.sendto(b"\0", (host, port))
            self._waker.sendto(b"\0", (host, port + 1))

    def _silent(self, session: str) -> None:
        if (held := self._sessions.pop(session, None)) is not None:
            self._forget(held)
            self._roster.remove(session)
            self._loop.call_soon(self._on_silence, session)

    def _lost(self) -> None:
        """One of the connections has ended, so all do."""
        if self.alive:
            self.alive = False
            self._sessions.clear()
            self._waker.close()
            self._roster.close()
            for connection in (self._pipeline, self._notifications, self._host):
                connection.close()
            self._loop.call_soon(self._on_gone)


def _ignore(_outcome: object) -> None:
    """For commands that fail only if the session or the relay is gone, which is told otherwise."""


def _nothing() -> None:
    """Where nobody waits."""
