"""One call of a worker: what the caller hears, and what is recorded of the caller."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Protocol

import pjsua2 as pj

from media import wav
from media.worker.link import WorkerEnd
from media.worker.recording import Recording

PROGRESS_EVERY = 0.25
CLOSE_WITHIN = 1.0
DTMF_IS_UPDATE = 1
"""pjmedia's flag on the second and later packets of one digit; the Python package does not export it."""


class CallHost(Protocol):
    """What a call needs of the endpoint that holds it."""

    account: Any
    link: WorkerEnd

    def later(self, token: str, action: Callable[[], None]) -> None:
        """Do this for a session in the main loop, outside pjsua2's callbacks. Safe from any thread."""

    def let_go(self, thing: Any) -> None:
        """Drop the last reference to a pjsua2 object at the end of this turn."""

    def retire(self, player: Player) -> None:
        """Drop the last reference to a stopped player once nothing can call it any more."""

    def closing(self, closing: Closing) -> None:
        """Report a file complete as soon as it is."""

    def over(self, call: Call) -> None:
        """Forget a call that has ended."""


@dataclass(frozen=True, slots=True)
class Closing:
    """A file whose recorder was deleted and whose header is not complete yet."""

    token: str
    path: Path
    listener: wav.Listener
    deadline: float


class Player(pj.AudioMediaPlayer):  # type: ignore[misc]
    """Plays one file and reports its end. `onEof2` is called by pjsua2's own thread."""

    def __init__(self, ended: Callable[[Player], None]) -> None:
        super().__init__()
        self._ended: Callable[[Player], None] | None = ended

    def disown(self) -> None:
        """Report nothing more, and hold no call: it outlives its call by a little, and a call must not be kept."""
        self._ended = None

    def onEof2(self) -> None:  # noqa: N802
        """The last sample has been played."""
        if ended := self._ended:
            ended(self)


def reported(callback: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Send what a pjsua2 callback raises to the host: if it reached the library, that would abort."""

    @wraps(callback)
    def guarded(self: Any, prm: Any) -> None:
        try:
            callback(self, prm)
        except (pj.Error, OSError, ValueError) as error:
            reason = error.reason if isinstance(error, pj.Error) else repr(error)
            self.worker.link.send("failed", session=None, reason=f"{callback.__name__}: {reason}")

    return guarded


class Call(pj.Call):  # type: ignore[misc]
    """One caller: its audio, what it hears and what is recorded of it."""

    def __init__(self, worker: CallHost, number: int, token: str) -> None:
        super().__init__(worker.account, number)
        self.worker = worker
        self.number = number
        self.token = token
        self.audio: Any = None
        self.connected = False
        self.answered = False
        self.player: Player | None = None
        self.to_play: deque[str] = deque()
        self.play_number = 0
        self.recording: Recording | None = None

    @reported
    def onCallState(self, prm: Any) -> None:  # noqa: N802
        """The INVITE session has moved on (called by pjsua2)."""
        state = self.getInfo().state
        if state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.connected = True
            self.worker.later(self.token, self.begin)
        elif state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.connected = False
            self.worker.later(self.token, self.end)

    @reported
    def onCallMediaState(self, prm: Any) -> None:  # noqa: N802
        """Audio has been set up or changed (called by pjsua2)."""
        info = self.getInfo()  # held: its parts are freed with it
        for index, media in enumerate(info.media):
            # A caller who neither sends nor hears (a=inactive) has no place in the bridge.
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.audioConfSlot != pj.PJSUA_INVALID_ID:
                self.audio = self.getAudioMedia(index)
                self.worker.later(self.token, self.begin)

    @reported
    def onDtmfEvent(self, prm: Any) -> None:  # noqa: N802
        """An RFC 4733 packet: the first of a digit counts, its updates do not (called by pjsua2)."""
        if not prm.flags & DTMF_IS_UPDATE:
            self.worker.link.send("digit", session=self.token, digit=prm.digit)

    def begin(self) -> None:
        """Report the caller connected, once; after a re-INVITE join the sounds to the new audio."""
        if not self.connected or self.audio is None:
            return
        if self.player:
            self.player.startTransmit(self.audio)
        if self.recording:
            self.audio.startTransmit(self.recording.recorder)
        if not self.answered:
            self.answered = True
            self.worker.link.send("answered", session=self.token)

    def play(self, files: list[str], start: float, number: int) -> None:
        """Play the files one after the other (pjsua2's own play list ends up to 0.25 s too early)."""
        self.stop_playing()
        self.to_play.extend(files)
        self.play_number = number
        self._play_next(start)

    def _play_next(self, start: float = 0.0) -> None:
        player = Player(self._player_ended)
        player.createPlayer(self.to_play.popleft(), pj.PJMEDIA_FILE_NO_LOOP)
        if start:
            player.setPos(int(start * wav.RATE))
        player.startTransmit(self.audio)
        self.player = player

    def _player_ended(self, player: Player) -> None:
        def go_on() -> None:
            if self.player is not player or not self.connected:
                return
            self._drop_player()
            if self.to_play:
                self._play_next()
            else:
                self.worker.link.send("played", session=self.token, number=self.play_number)

        self.worker.later(self.token, go_on)

    def stop_playing(self) -> None:
        """Be silent."""
        self.to_play.clear()
        self._drop_player()

    def _drop_player(self) -> None:
        if self.player:
            player, self.player = self.player, None
            if self.connected:
                player.stopTransmit(self.audio)
            player.disown()
            self.worker.retire(player)

    def record(self, path: Path) -> None:
        """Record the caller into a new file."""
        self.stop_playing()
        recorder = pj.AudioMediaRecorder()
        recorder.createRecorder(str(path))
        self.audio.startTransmit(recorder)
        now = time.monotonic()
        self.recording = Recording(recorder, path, now, now)

    def report_progress(self, now: float) -> None:
        """Say how long the recording is and how long it has been quiet, a few times a second; or that it is stuck."""
        recording = self.recording
        if recording and now - recording.reported >= PROGRESS_EVERY:
            recording.reported = now
            recording.listener.read()
            length = now - recording.started
            quiet = max(0.0, length - recording.listener.last_sound)
            self.worker.link.send(
                "progress", session=self.token, seconds=round(length, 2), quiet=round(quiet, 2)
            )
            if not recording.told_stuck and recording.is_stuck(now):
                recording.told_stuck = True
                self.worker.link.send("stuck", session=self.token)

    def stop_recording(self) -> None:
        """Close the recording; `recorded` follows when the file is complete."""
        if self.recording:
            recording, self.recording = self.recording, None
            if self.connected:
                self.audio.stopTransmit(recording.recorder)
            recording.recorder = None
            deadline = time.monotonic() + CLOSE_WITHIN
            self.worker.closing(Closing(self.token, recording.path, recording.listener, deadline))

    def bye(self) -> None:
        """Hang up."""
        self.hangup(pj.CallOpParam())

    def end(self) -> None:
        """The call is over: close what is open and forget it."""
        self.stop_recording()
        self.stop_playing()
        self.audio = None
        self.worker.over(self)
