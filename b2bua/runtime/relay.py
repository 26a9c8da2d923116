"""The calls' `Relay` port: the relay process behind its client, found again when it was restarted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import structlog

from b2bua.call.journal import Figures
from b2bua.call.ports import Peer, Ports
from b2bua.sip.text.flow import Flow
from b2bua.transport.addresses import Addresses
from media.relay.client import Peer as RelayPeer
from media.relay.client import Ports as RelayPorts
from media.relay.client import RelayClient, Stats
from media.relay.errors import RelayError, RelayGone
from media.sounds import SOUNDS, seconds

log = structlog.get_logger()

RETRY = 0.2  # seconds between two attempts to reach the relay
RELAY_TIMEOUT = 10.0  # seconds that calls wait for a relay that has gone
HELD_TIMEOUT = 4 * 3600.0  # seconds a call on hold may be silent


Opened = Callable[[Ports | None, float], None]


class RelayLink:
    """One relay process. While it is away, for RELAY_TIMEOUT seconds at most, sessions that are asked for wait.

    `on_back` hears that it is there again, with none of the sessions it had; `on_lost` that it did not come back
    in time: until it does, sessions are refused at once.
    """

    def __init__(
        self,
        path: Path,
        sounds: Path,
        addresses: Addresses,
        silence_timeout: float,
        on_back: Callable[[], None],
        on_lost: Callable[[], None],
        on_silence: Callable[[str], None],
    ) -> None:
        self._path = path
        self._sounds = sounds
        self._seconds: dict[str, float] = {}
        self._addresses = addresses
        self._silence_timeout = silence_timeout
        self._on_back = on_back
        self._on_lost = on_lost
        self._on_silence = on_silence
        self._expected = True
        self._waiting: dict[str, tuple[Peer, Opened]] = {}
        self._loop = asyncio.get_running_loop()
        self._client: RelayClient | None = None
        self._away = asyncio.Event()

    @property
    def sessions(self) -> int:
        """How many sessions are open."""
        return self._client.sessions if self._client is not None else 0

    async def connect(self) -> None:
        """Reach the relay, waiting for it as long as it takes."""
        while True:
            try:
                self._client = await RelayClient.connect(self._path, self._gone, self._on_silence)
                self._seconds = dict(_measured(self._sounds))
                return
            except RelayGone:
                await asyncio.sleep(RETRY)

    async def run(self) -> None:
        """Reach the relay again each time it goes away, until cancelled; its sessions are left as they are."""
        try:
            while True:
                await self._away.wait()
                self._away.clear()
                try:
                    async with asyncio.timeout(RELAY_TIMEOUT):
                        await self.connect()
                except TimeoutError:
                    self._give_up()
                    await self.connect()
                self._back()
        finally:
            if self._client is not None:
                self._client.disconnect()

    def open(self, session: str, near: Peer, done: Opened) -> None:
        """Make a session."""

        def opened(outcome: RelayPorts | RelayError) -> None:
            if isinstance(outcome, RelayGone) and self._expected:
                self._waiting[session] = near, done
                return
            if isinstance(outcome, RelayError):
                log.warning("relay.refused", reason=str(outcome))
            ports = None if isinstance(outcome, RelayError) else Ports(outcome.near, outcome.far)
            try:
                done(ports, self._loop.time())
            except Exception:
                # A fault of ours ends one call, and not the connection to the relay.
                log.exception("sip.fault", reason="in a call whose relay session was opened")

        client = self._client
        if client is None:
            self._loop.call_soon(opened, RelayGone())
        else:
            client.open(session, _peer(near), opened)

    def adopt(self, session: str, ports: Ports, done: Callable[[bool, float], None]) -> None:
        """Take over a session."""

        def known(error: RelayError | None) -> None:
            done(error is None, self._loop.time())

        if self._client is None:
            self._loop.call_soon(known, RelayGone())
        else:
            self._client.adopt(session, RelayPorts(ports.near, ports.far), known)

    def delete_orphans(self) -> None:
        """End the sessions of a process before this one that no call has adopted."""
        if self._client is not None and (deleted := self._client.delete_inherited()):
            log.info("relay.orphans_deleted", sessions=deleted)

    def connect_far(self, session: str, far: Peer) -> None:
        """Switch the far side."""
        if self._client is not None:
            self._client.connect_far(session, _peer(far), _report)

    def update_near(self, session: str, near: Peer) -> None:
        """Move the near side."""
        if self._client is not None:
            self._client.update_near(session, _peer(near), _report)

    def play(self, session: str, sound: str, payload: int, *, once: bool) -> None:
        """Play a sound to the near side."""
        if self._client is not None:
            codec: Literal[0, 8] = 8 if payload == 8 else 0
            self._client.play(session, self._sounds / sound, "near", codec, 1 if once else None, _report)

    def seconds(self, sound: str) -> float:
        """How long a sound is, as it was when the relay was reached last."""
        return self._seconds.get(sound, 0.0)

    def hold(self, session: str, held: bool) -> None:
        """A call on hold may be silent for long."""
        if self._client is not None:
            seconds = HELD_TIMEOUT if held else self._silence_timeout
            self._client.set_silence_timeout(session, seconds, _report)

    def close(self, session: str, done: Callable[[Figures], None]) -> None:
        """End a session."""
        self._waiting.pop(session, None)
        if self._client is None:
            self._loop.call_soon(done, {})
        else:
            self._client.close(session, lambda stats: done(_figures(stats)))

    def address(self, flow: Flow) -> str:
        """The relay's address for the peer of a flow."""
        return self._addresses.towards(flow.remote.host)

    def _gone(self) -> None:
        log.error("relay.gone")
        self._client = None
        self._away.set()

    def _back(self) -> None:
        log.info("relay.connected")
        self._expected = True
        waiting, self._waiting = self._waiting, {}
        for session, (near, done) in waiting.items():
            self.open(session, near, done)
        self._on_back()

    def _give_up(self) -> None:
        self._expected = False
        waiting, self._waiting = self._waiting, {}
        for _, done in waiting.values():
            done(None, self._loop.time())
        self._on_lost()


def _measured(folder: Path) -> Iterator[tuple[str, float]]:
    for sound in SOUNDS:
        try:
            yield sound, seconds(sound, folder)
        except OSError as error:
            log.warning("relay.sound_missing", sound=sound, reason=str(error))


def _peer(peer: Peer) -> RelayPeer:
    return RelayPeer(peer.address, peer.port, peer.sources)


def _figures(stats: Stats | RelayError) -> Figures:
    return {} if isinstance(stats, RelayError) else stats.to_json()


def _report(error: RelayError | None) -> None:
    # That the relay has gone is said once, and calls are told when it is back.
    if error is not None and not isinstance(error, RelayGone):
        log.warning("relay.failed", reason=str(error))
