"""A worker's SIP endpoint: lets reserved INVITEs in, turns the main loop, does what the host says."""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pjsua2 as pj

from media import wav
from media.worker.call import Call, Closing, Player, reported
from media.worker.link import Disconnected, WorkerEnd, WorkerSettings
from media.worker.retired import Retired

POLL_MS, IDLE_POLL_MS = 10, 100
"""How long the main loop waits for SIP: without calls nothing else is urgent, as an INVITE fetches the reservations."""
FINISH_WITHIN = 2.0
WATCHDOG_SECONDS = 10
"""A worker whose main loop hangs that long is killed by SIGALRM, so that its sessions can go elsewhere."""
SESSION_HEADER = "x-session"


class Account(pj.Account):  # type: ignore[misc]
    """Where INVITEs arrive."""

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self.worker = worker

    @reported
    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802
        """An INVITE: 200 for a session the host expects, 503 when this worker is full, else 403."""
        self.worker.admit(prm.callId, _header(prm.rdata.wholeMsg, SESSION_HEADER))


class Worker:
    """The endpoint, its calls and its line to the host."""

    def __init__(self, settings: WorkerSettings, link: WorkerEnd) -> None:
        self.link = link
        self.calls: dict[str, Call] = {}
        self._closing: list[Closing] = []
        self._departed: list[str] = []
        self._settings = settings
        self._expected: set[str] = set()
        self._commands: deque[dict[str, Any]] = deque()
        self._later: deque[tuple[str, Callable[[], None]]] = deque()
        self._released: list[Any] = []
        self._ended: list[tuple[int, Any]] = []
        self._retired = Retired()
        self._finishing = False
        self._endpoint = pj.Endpoint()
        self._start_library()
        self.account = Account(self)
        self._listen()

    def _start_library(self) -> None:
        config = pj.EpConfig()
        config.logConfig.level = config.logConfig.consoleLevel = 0
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = 4
        config.uaConfig.userAgent = "Ringplan media"
        media = config.medConfig
        media.clockRate = media.sndClockRate = wav.RATE
        media.channelCount = 1
        media.audioFramePtime = media.ptime = 20
        media.ecTailLen = 0
        media.noVad = True
        media.sndAutoCloseTime = -1
        self._endpoint.libCreate()
        self._endpoint.libInit(config)

    def _listen(self) -> None:
        transport = pj.TransportConfig()
        transport.boundAddress = self._settings.address
        number = self._endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self._endpoint.libStart()
        self._endpoint.audDevManager().setNullDev()
        for codec in self._endpoint.codecEnum2():
            self._endpoint.codecSetPriority(codec.codecId, 0)
        self._endpoint.codecSetPriority("PCMA/8000", 255)
        self._endpoint.codecSetPriority("PCMU/8000", 254)
        config = pj.AccountConfig()
        config.idUri = f"sip:media@{self._settings.address}"
        config.mediaConfig.transportConfig.boundAddress = self._settings.address
        config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_INACTIVE
        config.callConfig.prackUse = pj.PJSUA_100REL_NOT_USED
        self.account.create(config, True)
        info = self._endpoint.transportGetInfo(number)
        port = info.localAddress.rpartition(":")[2]
        self.link.send("ready", address=self._settings.address, port=int(port))

    def later(self, token: str, action: Callable[[], None]) -> None:
        """Do this for a session in the main loop, outside pjsua2's callbacks. Safe from any thread."""
        self._later.append((token, action))

    def let_go(self, thing: Any) -> None:
        """Drop the last reference to a pjsua2 object at the end of this turn."""
        self._released.append(thing)

    def retire(self, player: Player) -> None:
        """Drop the last reference to a stopped player once nothing can call it any more."""
        self._retired.keep(player, time.monotonic())

    def closing(self, closing: Closing) -> None:
        """Report a file complete as soon as it is."""
        self._closing.append(closing)

    def over(self, call: Call) -> None:
        """Forget a call that has ended; its `gone` follows its `recorded`."""
        if self.calls.pop(call.token, None) is not None:
            self._departed.append(call.token)
            self._ended.append((call.number, call))

    def admit(self, number: int, token: str | None) -> None:
        """Answer or refuse an INVITE. The host's latest commands count: it may have reserved just now."""
        if not self._finishing:
            self._receive()
        answer = pj.CallOpParam()
        if token is None or token not in self._expected or len(self.calls) >= self._settings.max_calls:
            answer.statusCode = 503 if len(self.calls) >= self._settings.max_calls else 403
            refused = pj.Call(self.account, number)
            refused.hangup(answer)
            self._ended.append((number, refused))
            return
        self._expected.discard(token)
        answer.statusCode = 200
        call = self.calls[token] = Call(self, number, token)
        self.later(token, lambda: call.answer(answer))

    def run(self) -> None:
        """Work until the host closes the line, then finish the recordings."""
        try:
            while not self._finishing:
                self._turn()
                self._receive()
                while self._commands:
                    self._carry_out(self._commands.popleft())
        except Disconnected:
            self._finishing = True
        self._finish()

    def _receive(self) -> None:
        """Take in commands; reservations act at once, everything else waits for the main loop."""
        try:
            commands = self.link.receive()
        except Disconnected:
            self._finishing = True
            return
        for command in commands:
            match command["do"]:
                case "expect":
                    self._expected.add(command["session"])
                case "forget":
                    self._expected.discard(command["session"])
                case _:
                    self._commands.append(command)

    def _turn(self) -> None:
        """One turn of the main loop: SIP and timers, then what callbacks left to do, then the recordings."""
        signal.alarm(WATCHDOG_SECONDS)
        self._endpoint.libHandleEvents(POLL_MS if self.calls or self._closing else IDLE_POLL_MS)
        while self._later:
            self._act(*self._later.popleft())
        self._released.clear()
        in_use = {call.number for call in self.calls.values()}
        self._ended = [(number, call) for number, call in self._ended if number in in_use]
        now = time.monotonic()
        self._retired.free(now)
        for call in self.calls.values():
            call.report_progress(now)
        self._report_closed(now)
        self.link.flush()

    def _act(self, token: str, action: Callable[[], None]) -> None:
        try:
            action()
        except pj.Error as error:
            self.link.send("failed", session=token, reason=f"{error.title}: {error.reason}")

    def _report_closed(self, now: float) -> None:
        for closing in list(self._closing):
            if wav.is_complete(closing.path) or now > closing.deadline:
                self._closing.remove(closing)
                listener = closing.listener
                listener.read()
                self.link.send(
                    "recorded",
                    session=closing.token,
                    seconds=round(wav.seconds(closing.path), 2),
                    sound=round(listener.last_sound - listener.first_sound, 2),
                )
        still_open = {closing.token for closing in self._closing}
        for token in [token for token in self._departed if token not in still_open]:
            self._departed.remove(token)
            self.link.send("gone", session=token)

    def _carry_out(self, command: dict[str, Any]) -> None:
        token = command["session"]
        call = self.calls.get(token)
        if call is None:
            return  # it hung up while the command was on its way
        match command["do"]:
            case "play":
                self._act(token, lambda: call.play(command["files"], command["start"], command["number"]))
            case "hush":
                self._act(token, call.stop_playing)
            case "record":
                self._act(token, lambda: call.record(Path(command["path"])))
            case "stop":
                self._act(token, call.stop_recording)
            case "hangup":
                self._act(token, call.bye)

    def _close_sounds(self) -> None:
        for call in self.calls.values():
            call.stop_recording()
            call.stop_playing()

    def _finish(self) -> None:
        self._close_sounds()
        self._endpoint.hangupAllCalls()
        deadline = time.monotonic() + FINISH_WITHIN
        while (self.calls or self._closing or self._departed) and time.monotonic() < deadline:
            self._turn()


def _header(message: str, name: str) -> str | None:
    """The first value of a header in a whole SIP message, or None."""
    for line in message.partition("\r\n\r\n")[0].split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.strip().lower() == name:
            return value.strip()
    return None
