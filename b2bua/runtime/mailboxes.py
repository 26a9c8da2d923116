"""The calls' `Mailboxes` port: the media host behind its client, and what it tells on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from b2bua.call.ports import ReservationDone, ShownCaller
from b2bua.runtime.directory import LiveDevices
from b2bua.runtime.records.trace import legible
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.transport import Transport
from media.client import MediaClient, MediaError
from media.message import Caller, Occasion
from media.protocol import Event, Place, Reservation, Service

log = structlog.get_logger()

RETRY = 0.2  # seconds between two attempts to reach the media host


class MailboxLink:
    """One media host. While it is away, callers get the plan's next step instead of a greeting."""

    def __init__(
        self,
        path: Path,
        local: SocketAddress,
        devices: LiveDevices,
        on_event: Callable[[Event], None],
        on_gone: Callable[[], None],
    ) -> None:
        self._path = path
        self._local = local
        self._devices = devices
        self._on_event = on_event
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._client: MediaClient | None = None
        self._away = asyncio.Event()

    async def connect(self) -> None:
        """Reach the media host, waiting for it as long as it takes."""
        while True:
            try:
                self._client = await MediaClient.connect(self._path, self._event, self._gone)
                return
            except OSError:
                await asyncio.sleep(RETRY)

    async def run(self) -> None:
        """Reach the media host again each time it goes away."""
        while True:
            await self._away.wait()
            self._away.clear()
            await self.connect()
            log.info("media.connected")

    def reserve(
        self,
        token: str,
        service: str,
        user: int,
        occasion: str | None,
        caller: ShownCaller,
        call_id: str,
        done: ReservationDone,
    ) -> None:
        """Ask for a worker that takes this caller."""
        known = self._devices.directory.user(user)
        reservation = Reservation(
            session=token,
            mailbox=user,
            service=Service(service),
            occasion=None if occasion is None else Occasion(occasion),
            call_id=legible(call_id),
            caller=Caller(caller.number, caller.name, caller.withheld),
            extension=known.extension if known is not None else None,
        )
        if self._client is None:
            self._loop.call_soon(done, None, self._loop.time())
        else:
            self._client.reserve(reservation, self._answer(done))

    def resume(self, token: str, done: ReservationDone) -> None:
        """Ask for another worker."""
        if self._client is None:
            self._loop.call_soon(done, None, self._loop.time())
        else:
            self._client.resume(token, self._answer(done))

    def release(self, token: str) -> None:
        """Give a reservation back."""
        if self._client is not None:
            self._client.release(token)

    def digit(self, token: str, digit: str) -> None:
        """Hand on a key."""
        if self._client is not None:
            self._client.digit(token, digit)

    def _answer(self, done: ReservationDone) -> Callable[[Place | MediaError], None]:
        def answered(place: Place | MediaError) -> None:
            now = self._loop.time()
            if isinstance(place, MediaError):
                log.warning("media.refused", reason=str(place))
                done(None, now)
            else:
                done(Flow(Transport.UDP, self._local, SocketAddress(place.address, place.port)), now)

        def later(place: Place | MediaError) -> None:
            # Called from the event loop: a fault in a call must not end the connection to the media host.
            self._loop.call_soon(answered, place)

        return later

    def _event(self, event: Event) -> None:
        self._loop.call_soon(self._on_event, event)

    def _gone(self) -> None:
        log.error("media.gone")
        self._client = None
        self._away.set()
        self._on_gone()
