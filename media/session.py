"""One caller at the media host: carries out on a worker what the script asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from enum import Enum
from pathlib import Path
from typing import Any

import structlog

from media import wav
from media.pool import Worker, WorkerPool
from media.protocol import Place, Reservation, Service
from media.scripts.deposit import Deposit
from media.scripts.script import (
    Action,
    Answered,
    CutOff,
    Digit,
    End,
    Errand,
    Event,
    Failed,
    Forget,
    Gone,
    HangUp,
    Keep,
    Lost,
    Missing,
    Play,
    Played,
    Progress,
    Quiet,
    Record,
    Recorded,
    Script,
    StopRecording,
    Wait,
    Why,
)
from media.visit import Visit

log = structlog.get_logger()

PlaceFound = Callable[[Place | None], None]


class DigitWay(Enum):
    """How a key came: as RTP (RFC 4733), or by SIP INFO."""

    RTP = "rtp"
    INFO = "info"


class Playing:
    """What is being played, and how far it has come: by the clock, so that a worker's death does not hide it.

    `fleeting` are those of its files that others may take away: messages and greetings.
    """

    def __init__(self, fleeting: list[Path], start: float, now: float) -> None:
        self._fleeting = fleeting
        self._zero = now - start

    def position(self, now: float) -> float:
        """Seconds since the beginning of the first file."""
        return now - self._zero

    def is_there(self) -> bool:
        """Whether every file still is where it was."""
        return all(file.exists() for file in self._fleeting)


class Session:
    """A reserved or running session. It reports to the host that made it: `lost` and `ended`."""

    def __init__(
        self,
        reservation: Reservation,
        script: Script,
        visit: Visit,
        pool: WorkerPool,
        unused_after: float,
        lost: Callable[[Session], None],
        ended: Callable[[Session, Why], None],
    ) -> None:
        self.reservation = reservation
        self.token = reservation.session
        self._log = log.bind(
            session=reservation.session,
            call_id=reservation.call_id,
            service=reservation.service,
            mailbox=reservation.mailbox,
        )
        self._loop = asyncio.get_running_loop()
        self._script = script
        self._visit = visit
        self._pool = pool
        self._unused_after = unused_after
        self._on_lost = lost
        self._on_ended = ended
        self._worker: Worker | None = None
        self._connected = False
        self._begun = False
        self._earlier_seconds = 0.0
        self._playing: Playing | None = None
        self._plays = 0
        self._digit_way: DigitWay | None = None
        self._errands: set[asyncio.Task[None]] = set()
        self._unused: asyncio.TimerHandle | None = None
        self._quiet: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
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

    def digit(self, digit: str, way: DigitWay) -> None:
        """A digit that arrived by SIP INFO, or from the worker. Nobody hears what is pressed between two workers.

        The way of the first one counts for the whole call: some phones send each key by both.
        """
        self._digit_way = self._digit_way or way
        if way is self._digit_way and (self._connected or not self._begun):
            self._tell(Digit(digit, self._position()))

    def release(self) -> None:
        """Signalling gives the session up: hang up, or forget the place."""
        if self._connected and self._worker:
            self._worker.send("hangup", self.token)
        else:
            self._give_up()

    def _heard(self, event: dict[str, Any] | None) -> None:
        """An event of this session from the worker."""
        if event is None:
            self._lost()
            return
        match event["event"]:
            case "answered":
                self._cancel_expiry()
                self._connected = True
                if not self._begun:
                    self._begun = True
                    self._log.info("media.session_started", worker=self._worker and self._worker.number)
                self._tell(Answered())
            case "played" if event["number"] == self._plays and self._playing is not None:
                self._playing = None
                self._tell(Played())
            case "digit":
                self.digit(event["digit"], DigitWay.RTP)
            case "progress":
                self._tell(Progress(self._earlier_seconds + event["seconds"], event["quiet"]))
            case "stuck":
                self._visit.cut_off()
                self._tell(CutOff())
            case "recorded":
                self._tell(Recorded(self._earlier_seconds + event["sound"]))
            case "failed" if self._playing is not None and not self._playing.is_there():
                self._playing = None
                self._tell(Missing())
            case "failed":
                self._log.error("media.session_failed", reason=event["reason"])
                self._tell(Failed())
            case "gone":
                self._tell(Gone())

    def _lost(self) -> None:
        position = self._position()
        self._cancel_quiet()
        self._worker, self._connected, self._playing = None, False, None
        self._start(self._visit.mend())
        self._tell(Lost(position))
        if not self._over:
            self._expire_in(self._unused_after)
            self._log.warning("media.session_lost")
            self._on_lost(self)

    def _position(self) -> float:
        return self._playing.position(self._loop.time()) if self._playing is not None else 0.0

    def _tell(self, event: Event) -> None:
        if self._over:
            return
        try:
            self._script, actions = self._script.step(event)
        except Exception:  # a fault in a script is this caller's alone: the worker's line serves others too
            self._log.error("media.session_failed", reason="a fault in the script", exc_info=True)
            actions = self._give_in(event)
        for action in actions:
            self._carry_out(action)

    def _give_in(self, event: Event) -> tuple[Action, ...]:
        """Go on with a script that keeps what was recorded, says that it is sorry and hangs up."""
        keep = (Keep(),) if self.reservation.service is Service.DEPOSIT else ()
        apology: Script = Deposit.refusal("unavailable", Why.ERROR)
        self._script, actions = apology.step(event if isinstance(event, Gone) else Answered())
        return (*keep, *actions)

    def _carry_out(self, action: Action) -> None:
        match action:
            case Play() | Wait() | Record() | StopRecording() | HangUp():
                self._command(action)
            case Forget():
                self._visit.forget()
            case End(why=why):
                self._end(why)
            case _:
                self._start(self._run(action))

    def _command(self, action: Play | Wait | Record | StopRecording | HangUp) -> None:
        """Let the worker do it, if there is one: otherwise the script begins again with Answered."""
        if self._worker is None or not self._connected:
            return
        self._cancel_quiet()
        match action:
            case Play():
                self._play(self._worker, action)
            case Wait(seconds=seconds):
                self._playing = None
                self._worker.send("hush", self.token)
                self._quiet = self._loop.call_later(seconds, self._tell, Quiet())
            case Record():
                self._record(self._worker)
            case StopRecording():
                self._worker.send("stop", self.token)
            case HangUp():
                self._worker.send("hangup", self.token)

    def _play(self, worker: Worker, play: Play) -> None:
        """From `start` seconds: files that end before that are left out."""
        found = [self._visit.files(sound) for sound in play.sounds]
        if not all(found):
            self._playing = None
            worker.send("hush", self.token)
            self._loop.call_soon(self._tell, Missing())
            return
        files, start = [file for part in found for file in part], play.start
        while len(files) > 1 and start and start >= (seconds := wav.seconds(files[0])):
            start -= seconds
            del files[0]
        fleeting = [
            file
            for sound, part in zip(play.sounds, found, strict=True)
            if not isinstance(sound, str)
            for file in part
        ]
        self._plays += 1
        self._playing = Playing(fleeting, play.start, self._loop.time())
        worker.send("play", self.token, files=[str(file) for file in files], start=start, number=self._plays)

    def _record(self, worker: Worker) -> None:
        self._playing = None
        try:
            self._earlier_seconds = self._visit.recorded_seconds()
            worker.send("record", self.token, path=str(self._visit.next_part()))
        except OSError as error:
            self._log.error("media.session_failed", reason=repr(error))
            self._loop.call_soon(self._tell, Failed())

    async def _run(self, errand: Errand) -> None:
        self._tell(await self._visit.run(errand))

    def _start(self, errand: Coroutine[Any, Any, None]) -> None:
        """Begin something that takes its time; the end of the session is told after it."""
        task = self._loop.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    def _expire_in(self, seconds: float) -> None:
        self._cancel_expiry()
        self._unused = self._loop.call_later(seconds, self._give_up)

    def _cancel_expiry(self) -> None:
        if self._unused:
            self._unused.cancel()

    def _cancel_quiet(self) -> None:
        if self._quiet:
            self._quiet.cancel()

    def _give_up(self) -> None:
        """Nobody came, or nobody came back."""
        if self._worker:
            self._worker.send("forget", self.token)
        if self._begun:
            self._tell(Gone())
        else:
            self._end(Why.UNUSED)

    def _end(self, why: Why) -> None:
        """Free the place; report the end once everything that was decided is on disk."""
        if self._over:
            return
        self._over = True
        self._cancel_expiry()
        self._cancel_quiet()
        if self._worker:
            self._pool.release(self._worker, self.token)
            self._worker = None
        self._ending = self._loop.create_task(self._finish(why))

    async def _finish(self, why: Why) -> None:
        if self._errands:
            await asyncio.wait(self._errands)
        await self._visit.leave()
        if self._begun:
            self._log.info("media.session_ended", why=why.value)
        self._on_ended(self, why)
