"""The media host: answers signalling on a Unix socket, runs a script a session, keeps the mailboxes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from config.settings import Settings
from media.archive import Archive
from media.greetings import Greetings
from media.housekeeping import Housekeeping
from media.lines import JsonLines
from media.mailbox import DiskFull, Mailbox, Recording
from media.message import Envelope, Message, Occasion
from media.owners import Owners
from media.pool import PoolSettings, WorkerPool
from media.protocol import (
    DIGITS,
    BadRequest,
    CountsChanged,
    Event,
    MessageStored,
    Place,
    PoolStats,
    Reservation,
    Service,
    SessionEnded,
    SessionLost,
    event_to_json,
)
from media.scripts import spoken
from media.scripts.deposit import Deposit, Limits, greeting
from media.scripts.menu import PortalLimits
from media.scripts.portal import Portal
from media.scripts.script import Greeting, Script, Sound, Why
from media.session import DigitWay, Session
from media.visit import House, Visit

log = structlog.get_logger()

Reply = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What the host needs to know. Times in seconds."""

    socket: Path
    mailboxes: Path
    prompts: Path
    pool: PoolSettings
    language: str = "en"
    limits: Limits = field(default_factory=Limits)
    portal: PortalLimits = field(default_factory=PortalLimits)
    max_messages: int = 100
    keep: timedelta | None = None
    min_free_bytes: int = 64 * 1024 * 1024
    unused_after: float = 5.0
    stats_every: float = 1.0
    lock_within: float = 15.0

    @classmethod
    def of(cls, settings: Settings) -> HostSettings:
        """The host's share of the service's settings."""
        media, voicemail = settings.media, settings.voicemail
        return cls(
            socket=settings.run_dir / "media.sock",
            mailboxes=settings.data_dir / "mailbox",
            prompts=media.prompts / media.language,
            pool=PoolSettings(
                network=media.worker_network,
                spare=media.workers,
                largest=media.max_workers,
                calls_per_worker=media.calls_per_worker,
            ),
            language=media.language,
            limits=Limits(voicemail.max_seconds, voicemail.silence_seconds, voicemail.min_seconds),
            max_messages=voicemail.max_messages,
            keep=timedelta(days=voicemail.keep_days) if voicemail.keep_days else None,
            min_free_bytes=voicemail.keep_free * 1024 * 1024,
        )


class MediaHost:
    """The process's one object. `start`, then `stop`."""

    def __init__(self, settings: HostSettings, owners: Owners) -> None:
        self.mailbox = Mailbox(settings.mailboxes)
        self.sessions: dict[str, Session] = {}
        self._settings = settings
        self._language = spoken.language(settings.language)
        lock = settings.mailboxes / "writers.lock"
        greetings = Greetings(settings.mailboxes)
        self._archive = Archive(
            self.mailbox, greetings, lock, settings.lock_within, settings.limits.min_sound
        )
        self._house = House(
            self.mailbox, greetings, self._archive, owners, settings.prompts, self._stored, self._changed
        )
        self._housekeeping = Housekeeping(
            self.mailbox, self._archive, owners, settings.keep, self._changed, self._is_visited
        )
        self._clients: set[JsonLines] = set()
        self._stats_timer: asyncio.TimerHandle | None = None
        self._stats_sent: PoolStats | None = None
        self._no_sessions = asyncio.Event()
        self._no_sessions.set()
        self._stopped = False
        self._server: asyncio.Server | None = None
        self.pool = WorkerPool(settings.pool, lock, self._stats_changed)

    async def start(self) -> None:
        """Repair what was interrupted, start workers, and accept signalling.

        Raises StillWriting when an earlier host's workers hold on to their recordings.
        """
        self._settings.mailboxes.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._settings.socket.parent.mkdir(parents=True, exist_ok=True)
        self._housekeeping.begin(await self._archive.repair())
        self.pool.start()
        if self._settings.pool.spare:
            await self.pool.first_ready.wait()
        self._settings.socket.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.get_running_loop().create_unix_server(
                self._connect, str(self._settings.socket)
            )
        finally:
            os.umask(mask)

    async def stop(self) -> None:
        """Accept no more, let the workers finish, store every message, close the socket. Idempotent."""
        if self._stopped:
            return
        self._stopped = True
        if self._server:
            self._server.close()
            self._settings.socket.unlink(missing_ok=True)
        await self.pool.close()
        for session in list(self.sessions.values()):
            session.release()
        await self._no_sessions.wait()
        await self._housekeeping.end()
        if self._stats_timer:
            self._stats_timer.cancel()
        for client in list(self._clients):
            client.close()
        self._archive.close()

    def _connect(self) -> JsonLines:
        client = JsonLines(
            lambda request: self._requested(client, request),
            lambda: self._clients.discard(client),
            lambda: self._greet(client),
        )
        return client

    def _greet(self, client: JsonLines) -> None:
        """Tell a new client what there is: it may have missed changes."""
        self._clients.add(client)
        for user in self.mailbox.mailboxes():
            counts = self.mailbox.counts(user)
            client.send(event_to_json(CountsChanged(user, counts.new, counts.saved)))
        client.send(event_to_json(self._stats()))
        # Told a figure in between, it must hear of the next one, whatever others know.
        self._stats_sent = None

    def _tell(self, event: Event) -> None:
        for client in self._clients:
            client.send(event_to_json(event))

    def _requested(self, client: JsonLines, request: dict[str, Any]) -> None:
        number = request.get("id")

        def reply(values: dict[str, Any]) -> None:
            client.send({"id": number, **values})

        try:
            match request.get("do"):
                case "reserve":
                    self._reserve(Reservation.from_json(request), reply)
                case "resume":
                    self._resume(self._session(request), reply)
                case "release":
                    self._session(request).release()
                    reply({"ok": True})
                case "digit":
                    if request.get("digit") not in DIGITS:
                        raise BadRequest("digit")
                    self._session(request).digit(request["digit"], DigitWay.INFO)
                    reply({"ok": True})
                case other:
                    raise BadRequest(f"do {other!r}")
        except BadRequest as error:
            reply({"ok": False, "error": f"bad request: {error}"})
        except LookupError as error:
            reply({"ok": False, "error": error.args[0]})

    def _session(self, request: dict[str, Any]) -> Session:
        session = self.sessions.get(str(request.get("session")))
        if session is None:
            raise LookupError("no such session")
        return session

    def _reserve(self, reservation: Reservation, reply: Reply) -> None:
        if reservation.session in self.sessions:
            raise BadRequest("session is in use")
        try:
            script, recording = self._begin(reservation)
        except OSError as error:
            log.error("mailbox.store_failed", mailbox=reservation.mailbox, message=None, error=repr(error))
            reply({"ok": False, "error": "the mailbox cannot be written"})
            return
        session = self.sessions[reservation.session] = Session(
            reservation,
            script,
            Visit(self._house, reservation.session, reservation.mailbox, recording),
            self.pool,
            self._settings.unused_after,
            lambda lost: self._tell(SessionLost(lost.token)),
            self._ended,
        )

        self._no_sessions.clear()

        def found(place: Place | None) -> None:
            if place is None:
                session.release()
                reply({"ok": False, "error": "full"})
            else:
                reply({"ok": True, "address": place.address, "port": place.port})

        session.find_place(found)

    def _begin(self, reservation: Reservation) -> tuple[Script, Recording | None]:
        """The script for this caller, and where it records."""
        user = reservation.mailbox
        if reservation.service is Service.PORTAL:
            return (
                Portal(self._language, self._settings.portal),
                self.mailbox.greeting(user, reservation.session),
            )
        if reservation.occasion is None:
            raise BadRequest("occasion")
        counts = self.mailbox.counts(user)
        if counts.new + counts.saved >= self._settings.max_messages:
            return Deposit.refusal("mailbox-full", Why.FULL), None
        envelope = Envelope(
            reservation.caller, datetime.now(UTC), reservation.call_id, reservation.occasion.value
        )
        try:
            if self.mailbox.free_bytes() < self._settings.min_free_bytes:
                raise DiskFull
            recording = self.mailbox.begin(user, envelope, reservation.session)
        except DiskFull:
            log.error("mailbox.disk_full", mailbox=user)
            return Deposit.refusal("unavailable", Why.DISK_FULL), None
        return Deposit(
            self._greeting(user, reservation.occasion, reservation.extension), self._settings.limits
        ), recording

    def _greeting(self, user: int, occasion: Occasion, extension: str | None) -> tuple[Sound, ...]:
        """The user's own greeting for this occasion, or the system's (V1)."""
        own = self._house.greetings.heard(user, occasion.value)
        return greeting(occasion, extension) if own is None else (Greeting(own.stem),)

    def _resume(self, session: Session, reply: Reply) -> None:
        if not session.is_lost:
            raise BadRequest("session is not lost")
        session.find_place(
            lambda place: reply(
                {"ok": True, "address": place.address, "port": place.port}
                if place
                else {"ok": False, "error": "full"}
            )
        )

    def _stored(self, token: str, message: Message) -> None:
        """A session's message is safe on disk."""
        self._tell(MessageStored(token, message.user, message.id, message.seconds, message.path))
        self._housekeeping.stored(message)

    def _changed(self, user: int) -> None:
        counts = self.mailbox.counts(user)
        self._tell(CountsChanged(user, counts.new, counts.saved))

    def _is_visited(self, user: int) -> bool:
        return any(session.reservation.mailbox == user for session in self.sessions.values())

    def _ended(self, session: Session, why: Why) -> None:
        del self.sessions[session.token]
        if not self.sessions:
            self._no_sessions.set()
        self._tell(SessionEnded(session.token, why))

    def _stats(self) -> PoolStats:
        return PoolStats(len(self.pool.workers), self.pool.spare, self.pool.sessions)

    def _stats_changed(self) -> None:
        """Report the figures soon, at most once in `stats_every` seconds."""
        if self._stats_timer is None:
            self._stats_timer = asyncio.get_running_loop().call_later(
                self._settings.stats_every, self._report_stats
            )

    def _report_stats(self) -> None:
        self._stats_timer = None
        stats = self._stats()
        if stats != self._stats_sent:
            self._stats_sent = stats
            self._tell(stats)
