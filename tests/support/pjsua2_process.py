"""The process behind `Pjsua2Phone`: commands as JSON lines on stdin, events as JSON lines on stdout.

One account, one call at a time. All pjsua2 callbacks run inside `libHandleEvents`, on this one thread; what
they want done with a call is done after it has returned.
"""

from __future__ import annotations

import gc
import json
import os
import select
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pjsua2 as pj

REINVITE_LIMIT = 5.0
"""Seconds that it may be refused to send a re-INVITE."""
UNREGISTER_LIMIT = 1.0
PRACK = {
    "unused": pj.PJSUA_100REL_NOT_USED,
    "optional": pj.PJSUA_100REL_OPTIONAL,
    "mandatory": pj.PJSUA_100REL_MANDATORY,
}
# PJSIP prints its log to stdout: events get a descriptor of their own, and stdout becomes stderr.
EVENTS = os.dup(1)
os.dup2(2, 1)


def tell(event: str, **fields: object) -> None:
    """Write an event."""
    os.write(EVENTS, (json.dumps({"event": event, **fields}) + "\n").encode())


class Call(pj.Call):
    """A call that plays the phone's source to the other side and records what it hears."""

    def __init__(self, phone: Phone, call_id: int = -1) -> None:
        super().__init__(phone.account, call_id)
        self.phone = phone

    def onCallState(self, _: pj.OnCallStateParam) -> None:
        """Report the state; a call that has ended is put away."""
        info = self.getInfo()
        tell("state", state=info.stateText, code=int(info.lastStatusCode))
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.phone.later.append(self.phone.put_away)

    def onCallMediaState(self, _: pj.OnCallMediaStateParam) -> None:
        """Join source, call and recorder whenever the media becomes active (again)."""
        info = self.getInfo()  # held, because it owns the media that it lists
        for index, media in enumerate(info.media):
            active = media.status in (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD)
            if media.type == pj.PJMEDIA_TYPE_AUDIO and active:
                audio = self.getAudioMedia(index)
                self.phone.source.startTransmit(audio)
                audio.startTransmit(self.phone.recorder())
                tell("media", codec=self.getStreamInfo(index).codecName, direction=int(media.dir))
            elif media.status == pj.PJSUA_CALL_MEDIA_LOCAL_HOLD:
                tell("held")

    def onDtmfDigit(self, told: pj.OnDtmfDigitParam) -> None:
        """Report a key that the other side pressed."""
        tell("digit", digit=told.digit)


class Account(pj.Account):
    """The phone's account."""

    phone: Phone

    def onRegState(self, told: pj.OnRegStateParam) -> None:
        """Report the answer to a REGISTER."""
        tell("registered", code=int(told.code))

    def onIncomingCall(self, told: pj.OnIncomingCallParam) -> None:
        """Ring, or refuse a second call."""
        call = Call(self.phone, told.callId)
        self.phone.call = call
        tell("incoming", caller=call.getInfo().remoteUri)
        self.phone.later.append(lambda: call.answer(_param(180)))

    def onMwiInfo(self, told: pj.OnMwiInfoParam) -> None:
        """Report what a message-waiting NOTIFY says."""
        tell("lamp", text=told.rdata.wholeMsg.partition("\r\n\r\n")[2])


class Phone:
    """The endpoint, its account, its sound, and the one call."""

    def __init__(self, told: dict[str, str]) -> None:
        self.later: list[Callable[[], Any]] = []
        self.call: Call | None = None
        self._recordings = Path(told["recordings"])
        self._recording = Path()
        self._recorder: pj.AudioMediaRecorder | None = None
        self._recording_since = 0.0
        self._by_info = bool(told["info"])
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        self.endpoint.libInit(_endpoint_config())
        transport = pj.TransportConfig()
        transport.boundAddress, transport.port = told["address"], 5060
        kind = pj.PJSIP_TRANSPORT_TCP if told["transport"] == "tcp" else pj.PJSIP_TRANSPORT_UDP
        self.endpoint.transportCreate(kind, transport)
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        for codec in self.endpoint.codecEnum2():
            wanted = {"PCMA/8000/1": 254, "PCMU/8000/1": 254}.get(codec.codecId, 0)
            first = codec.codecId.startswith(told["codec"])
            self.endpoint.codecSetPriority(codec.codecId, 255 if first else wanted)
        self.source = pj.AudioMediaPlayer()
        self.source.createPlayer(told["source"])
        self.account = Account()
        self.account.phone = self
        self.account.create(_account_config(told))

    def recorder(self) -> pj.AudioMediaRecorder:
        """The recorder of the present call: each call has a file of its own."""
        if self._recorder is None:
            self._recording = (
                self._recordings / f"heard-{len(list(self._recordings.glob('heard-*.wav')))}.wav"
            )
            self._recorder = pj.AudioMediaRecorder()
            self._recorder.createRecorder(str(self._recording))
            self._recording_since = time.monotonic()
            tell("recording", path=str(self._recording))
        return self._recorder

    def press(self, digits: str) -> None:
        """Press keys, by RFC 4733 or SIP INFO, and say when that was: in seconds of the recording."""
        assert self.call is not None
        tell("pressed", digits=digits, at=time.monotonic() - self._recording_since)
        if not self._by_info:
            self.call.dialDtmf(digits)
            return
        pressed = pj.CallSendDtmfParam()
        pressed.method, pressed.digits = pj.PJSUA_DTMF_METHOD_SIP_INFO, digits
        self.call.sendDtmf(pressed)

    def put_away(self) -> None:
        """Forget a call that has ended, and say so when its recording is complete."""
        self.call = None
        recorded, self._recorder = self._recorder is not None, None
        gc.collect()
        if recorded:
            path, deadline = self._recording, time.monotonic() + 2
            self.later.append(lambda: self._report_recording(path, deadline))

    def _report_recording(self, path: Path, deadline: float) -> None:
        # pjsua2 closes the file a little after the recorder is gone: complete when its header knows its size.
        size = path.stat().st_size
        head = path.read_bytes()[:44]
        if len(head) == 44 and struct.unpack("<I", head[40:44])[0] == size - 44:
            tell("recorded", path=str(path))
        elif time.monotonic() < deadline:
            self.later.append(lambda: self._report_recording(path, deadline))
        else:
            tell("error", what="the recording was never completed")

    def do(self, command: dict[str, str]) -> None:
        """Carry out one command. Raises pj.Error when pjsua2 refuses."""
        what = command["do"]
        if what == "register":
            self.account.setRegistration(True)
        elif what == "call":
            self.call = Call(self)
            self.call.makeCall(command["uri"], pj.CallOpParam(True))
        elif self.call is None:
            tell("error", what=f"{what} without a call")
        elif what == "answer":
            self.call.answer(_param(200))
        elif what == "redirect":
            self.call.hangup(_moved(command["uri"]))
        elif what in ("hold", "resume"):
            self._reinvite(what, time.monotonic() + REINVITE_LIMIT)
        elif what == "digits":
            self.press(command["digits"])
        elif what == "hangup":
            self.call.hangup(pj.CallOpParam(True))

    def _reinvite(self, what: str, deadline: float) -> None:
        """Hold or resume. While another re-INVITE still waits for its ACK, pjsua2 refuses: then a little later."""
        if self.call is None:
            return
        try:
            if what == "hold":
                self.call.setHold(pj.CallOpParam(True))
            else:
                again = pj.CallOpParam(True)
                again.opt.flag = pj.PJSUA_CALL_UNHOLD
                self.call.reinvite(again)
        except pj.Error as error:
            if time.monotonic() < deadline:
                self.later.append(lambda: self._reinvite(what, deadline))
            else:
                tell("error", what=what, why=error.info())

    def run(self) -> None:
        """Serve until stdin closes."""
        tell("ready")
        waiting = b""
        while True:
            self._turn(10)
            while select.select([0], [], [], 0)[0]:
                data = os.read(0, 65536)
                if not data:
                    self._end()
                waiting += data
                *lines, waiting = waiting.split(b"\n")
                for line in lines:
                    try:
                        self.do(json.loads(line))
                    except pj.Error as error:
                        tell("error", what=line.decode(), why=error.info())
                    # A call that this has ended is put away before the next one begins.
                    self._act()

    def _turn(self, milliseconds: int) -> None:
        self.endpoint.libHandleEvents(milliseconds)
        self._act()

    def _act(self) -> None:
        due, self.later = self.later, []
        for action in due:
            action()

    def _end(self) -> None:
        self.endpoint.hangupAllCalls()
        if self.account.getInfo().regIsActive:
            self.account.setRegistration(False)
        deadline = time.monotonic() + UNREGISTER_LIMIT
        while time.monotonic() < deadline and (self.call is not None or self.account.getInfo().regIsActive):
            self._turn(20)
        # pjsua2 aborts when anything of it is still alive at its destruction: the process just ends.
        os._exit(0)


def _param(code: int) -> pj.CallOpParam:
    param = pj.CallOpParam(True)
    param.statusCode = code
    return param


def _moved(uri: str) -> pj.CallOpParam:
    param = _param(302)
    contact = pj.SipHeader()
    contact.hName, contact.hValue = "Contact", f"<{uri}>"
    param.txOption.headers.append(contact)
    return param


def _endpoint_config() -> pj.EpConfig:
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 4
    config.uaConfig.threadCnt, config.uaConfig.mainThreadOnly = 0, True
    config.uaConfig.userAgent = "pjsua2 phone"
    media = config.medConfig
    media.clockRate = media.sndClockRate = 8000
    media.ecTailLen, media.noVad = 0, True
    return config


def _account_config(told: dict[str, str]) -> pj.AccountConfig:
    config = pj.AccountConfig()
    config.idUri = f'"{told["user"]}" <sip:{told["user"]}@{told["registrar"]}>'
    config.regConfig.registrarUri = f"sip:{told['registrar']};transport={told['transport']}"
    config.regConfig.registerOnAdd = False
    config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", told["user"], 0, told["password"]))
    config.mediaConfig.transportConfig.boundAddress = told["address"]
    config.mediaConfig.transportConfig.port = 40000
    config.mediaConfig.transportConfig.publicAddress = told["sound"]
    # Its UPDATE to a single codec would cross a re-INVITE that follows at once.
    config.mediaConfig.lockCodecEnabled = False
    if told["outbound"]:
        config.sipConfig.proxies.append(told["outbound"])
    config.callConfig.prackUse = PRACK[told["prack"]]
    config.mwiConfig.enabled = bool(told["subscribes"])
    return config


if __name__ == "__main__":
    Phone(json.loads(sys.argv[1])).run()
