"""One caller at the media host: carries out on a worker what the script asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog

from media.mailbox import Recording
from media.pool import Worker, WorkerPool
from media.protocol import Place, Reservation
from media.scripts.script import (
    Action,
    Answered,
    Digit,
    End,
    Event,
    Failed,
    Gone,
    HangUp,
    Keep,
    Lost,
    Play,
    Played,
    Progress,
    Record,
    Recorded,
    Script,
    StopRecording,
    Why,
)

log = structlog.get_logger()

PlaceFound = Callable[[Place | None], None]


class Session:
    """A reserved or running session. It reports to the host that made it: `keep`, `lost`, `ended`."""

    def __init__(
        self,
        reservation: Reservation,
        script: Script,
        recording: Recording,
        pool: WorkerPool,
        phrase: Callable[[str], Path],
        unused_after: float,
        keep: Callable[[Session, bool], Awaitable[None]],
        lost: Callable[[Session], None],
        ended: Callable[[Session, Why], None],
    ) -> None:
        self.reservation = reservation
        self.recording = recording
        self.token = reservation.session
        self._log = log.bind(
            session=reservation.session,
            call_id=reservation.call_id,
            service=reservation.service,
            mailbox=reservation.mailbox,
        )
        self._script = script
        self._pool = pool
        self._phrase = phrase
        self._unused_after = unused_after
        self._keep = keep
        self._on_lost = lost
        self._on_ended = ended
        self._worker: Worker | None = None
        self._connected = False
        self._begun = False
        self._earlier_seconds = 0.0
        self._keeping: asyncio.Task[None] | None = None
        self._unused: asyncio.TimerHandle | None = None
        self._over = False

    def find_place(self, done: PlaceFound) -> None:
        """Look for a worker and say where it is, or None. The caller must then come within `unused_after`."""

        def found(worker: Worker | None) -> None:
            if self._over:
                if worker:
                    worker.send("forget", self.token)
                    self._pool.release(worker, self.token)
                done(None)
                return
            self._worker = worker
            if worker is not None:
                self._expire_in(self._unused_after)
            done(Place(worker.address, worker.port) if worker else None)

        self._pool.reserve(self.token, self._heard, found)

    @property
    def is_lost(self) -> bool:
        """Whether its worker died and no other has been found yet."""
        return self._worker is None and not self._over

    @property
    def kept(self) -> bool:
        """Whether a message was made, or tried to be made, of its recording."""
        return self._keeping is not None

    def digit(self, digit: str) -> None:
        """A digit that arrived by SIP INFO."""
        self._tell(Digit(digit))

    def release(self) -> None:
        """Signalling gives the session up: hang up, or forget the place."""
        if self._connected and self._worker:
            self._worker.send("hangup", self.token)
        else:
            self._give_up()

    def _heard(self, event: dict[str, Any] | None) -> None:
        """An event of this session from the worker."""
        if event is None:
            self._worker, self._connected = None, False
            self._tell(Lost())
            if not self._over:
                self._expire_in(self._unused_after)
                self._log.warning("media.session_lost")
                self._on_lost(self)
            return
        match event["event"]:
            case "answered":
                self._cancel_expiry()
                self._connected = True
                if not self._begun:
                    self._begun = True
                    number = self._worker.number if self._worker else None
                    self._log.info("media.session_started", worker=number)
                self._tell(Answered())
            case "played":
                self._tell(Played())
            case "digit":
                self._tell(Digit(event["digit"]))
            case "progress":
                self._tell(Progress(self._earlier_seconds + event["seconds"], event["quiet"]))
            case "recorded":
                self._tell(Recorded())
            case "failed":
                self._log.error("media.session_failed", reason=event["reason"])
                self._tell(Failed())
            case "gone":
                self._tell(Gone())

    def _tell(self, event: Event) -> None:
        self._script, actions = self._script.step(event)
        for action in actions:
            self._carry_out(action)

    def _carry_out(self, action: Action) -> None:
        worker = self._worker
        match action:
            case Play(phrases=phrases) if worker:
                worker.send("play", self.token, files=[str(self._phrase(phrase)) for phrase in phrases])
            case Record() if worker:
                self._earlier_seconds = self.recording.seconds()
                worker.send("record", self.token, path=str(self.recording.next_part()))
            case StopRecording() if worker:
                worker.send("stop", self.token)
            case HangUp() if worker:
                worker.send("hangup", self.token)
            case Keep(cut_silent_end=cut) if self._keeping is None:
                self._keeping = asyncio.get_running_loop().create_task(self._run_keep(cut))
            case End(why=why):
                self._end(why)

    async def _run_keep(self, cut_silent_end: bool) -> None:
        await self._keep(self, cut_silent_end)

    def _expire_in(self, seconds: float) -> None:
        self._cancel_expiry()
        self._unused = asyncio.get_running_loop().call_later(seconds, self._give_up)

    def _cancel_expiry(self) -> None:
        if self._unused:
            self._unused.cancel()
            self._unused = None

    def _give_up(self) -> None:
        """Nobody came, or nobody came back."""
        if self._worker:
            self._worker.send("forget", self.token)
        if self._begun:
            self._tell(Gone())
        else:
            self._end(Why.UNUSED)

    def _end(self, why: Why) -> None:
        """Free the place; report the end once the message, if any, is on disk."""
        if self._over:
            return
        self._over = True
        self._cancel_expiry()
        if self._worker:
            self._pool.release(self._worker, self.token)
            self._worker = None
        if self._keeping is None or self._keeping.done():
            self._report_end(why)
        else:
            self._keeping.add_done_callback(lambda _: self._report_end(why))

    def _report_end(self, why: Why) -> None:
        if self._begun:
            self._log.info("media.session_ended", why=why.value)
        self._on_ended(self, why)
