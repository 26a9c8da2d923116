"""A headless baresip: Debian's own phone, with its own folder, ports and sound files, driven over TCP."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.support.addresses import free_port
from tests.support.meter import Sound, joined, read_unfinished, read_wav, silence
from tests.support.phone_log import answers_to_invite
from tests.support.waiting import PATIENCE, wait_for

MODULES = Path("/usr/lib/baresip/modules")
ADDRESS = "127.0.0.1"
"""All baresips have this one: they send RTP from an unbound socket, and the kernel gives that this source."""
REGISTERED = "[1 binding]"
Event = dict[str, Any]

# stdio.so is left out: without a terminal it would spin. The sound comes from a file, what is heard goes to
# sndfile's recordings, and nothing touches a sound card.
_CONFIG = """\
poll_method epoll
sip_listen {address}:{port}
net_interface {address}
call_local_timeout 120
call_max_calls 4
audio_path {folder}
audio_player aubridge,dummy
audio_source aufile,{source}
audio_alert none,none
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
audio_level no
rtp_ports 41000-48998
rtp_timeout 0
rtcp_mux no
jitter_buffer_delay 2-5
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app contact.so
module_app menu.so
module_app mwi.so
module_app ctrl_tcp.so
ctrl_tcp_listen {address}:{control}
snd_path {folder}/recordings
"""
_ACCOUNT = (
    '"{user}" <sip:{user}@{host}:{port};transport=udp>;auth_user={user};auth_pass={password}'
    ";answermode=manual;regint=60;audio_codecs=pcma,pcmu;mwi={mwi};ptime=20{outbound}\n"
)


class Baresip:
    """One phone, registering with `registrar` at once.

    `source` is the WAV file it speaks; when it has come to its end, baresip hangs up.
    """

    mwi = "no"
    outbound = ""
    """The proxy that everything goes through, as a SIP URI."""

    def __init__(
        self, folder: Path, registrar: tuple[str, int], user: str, password: str, source: Path
    ) -> None:
        self.user = user
        self._port = free_port(ADDRESS)
        self._control_port = free_port(ADDRESS, socket.SOCK_STREAM)
        self._recordings = folder / "recordings"
        self._recordings.mkdir(parents=True)
        config = {"folder": folder, "source": source, "modules": MODULES, "control": self._control_port}
        (folder / "config").write_text(_CONFIG.format(address=ADDRESS, port=self._port, **config))
        server = {"host": registrar[0], "port": registrar[1]}
        outbound = f';outbound="{self.outbound}"' if self.outbound else ""
        account = _ACCOUNT.format(user=user, password=password, mwi=self.mwi, outbound=outbound, **server)
        (folder / "accounts").write_text(account)
        (folder / "contacts").write_text("")
        self._output = folder / "output.log"
        self._file = self._output.open("wb")
        self._process = subprocess.Popen(
            ["baresip", "-f", str(folder), "-s"],
            stdin=subprocess.DEVNULL,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        )
        self.events: list[Event] = []
        self._arrived = threading.Condition()
        self._commands = 0
        self._control = wait_for(self._connect, 10, f"the control port of {user}")
        self._reader = threading.Thread(target=self._read, name=f"events of {user}", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def uri(self) -> str:
        """Where it can be called without a server."""
        return f"sip:{self.user}@{ADDRESS}:{self._port}"

    def command(self, name: str, parameters: str = "") -> str:
        """Give a command of baresip's menu and return its answer. Raises AssertionError if it refuses."""
        self._commands += 1
        token = f"command-{self._commands}"
        request = json.dumps({"command": name, "params": parameters, "token": token}).encode()
        self._control.sendall(b"%d:%s," % (len(request), request))
        answer = self.wait(lambda event: event.get("token") == token, what=f"the answer to {name}")
        assert answer["ok"], f"{name} {parameters}: {answer}"
        return str(answer.get("data", ""))

    def wait(self, wanted: str | Callable[[Event], bool], timeout: float = 10.0, what: str = "") -> Event:
        """Wait for an event by its type, such as `REGISTER_OK` or `CALL_INCOMING`, or by a condition."""
        fits = wanted if callable(wanted) else lambda event: event.get("type") == wanted

        def found() -> Event | None:
            return next((event for event in list(self.events) if fits(event)), None)

        with self._arrived:
            if self._arrived.wait_for(lambda: found() is not None, PATIENCE * timeout):
                return found() or {}
        raise AssertionError(
            f"no {what or wanted} in {PATIENCE * timeout:g} s among {self.events}\n{self.output()}"
        )

    # What a person does

    def dial(self, number: str) -> None:
        """Call a number, or a SIP URI."""
        self.command("dial", number)

    def answer(self) -> None:
        """Wait for a call and take it."""
        self.wait("CALL_INCOMING")
        self.command("accept")

    def send_digits(self, digits: str) -> None:
        """Press keys: RFC 4733 events."""
        for digit in digits:
            self.command("sndcode", digit)

    def hang_up(self) -> None:
        """End the call."""
        self.command("hangup")

    def register(self) -> None:
        """Wait until the phone, which registers by itself, is registered.

        It may have been so before anybody listened to its events, but it prints it too.
        """
        wait_for(
            lambda: REGISTERED in self._output.read_text(errors="replace"),
            10,
            f"{self.user} to be registered",
        )

    def wait_talking(self) -> None:
        """Wait until the call is answered."""
        self.wait("CALL_ESTABLISHED")

    def wait_ended(self) -> None:
        """Wait until the other side has hung up."""
        self.wait("CALL_CLOSED")

    def wait_heard(self, seconds: float) -> None:
        """Wait until so much has been recorded."""
        wait_for(
            lambda: self.recorded_seconds() >= seconds, seconds + 10, f"{self.user} to hear {seconds:g} s"
        )

    def recorded_seconds(self) -> float:
        """How much has been recorded so far."""
        return sum(file.stat().st_size for file in self._recordings.glob("*-dec.wav")) / 16000

    def hearing(self) -> Sound:
        """What it has heard in its only call so far."""
        return joined(silence(0), *map(read_unfinished, sorted(self._recordings.glob("*-dec.wav"))))

    def digits(self) -> str:
        """The keys that the other side pressed."""
        pressed = [event for event in list(self.events) if event.get("type") == "CALL_DTMF_START"]
        return "".join(str(event.get("param", "")) for event in pressed)

    def heard(self) -> Sound:
        """What it heard in its only call, once that has ended: the decoded side of its recordings, one after another.

        It begins another one with each response that describes sound, also where nothing has changed.
        """
        return joined(*map(read_wav, sorted(self._recordings.glob("*-dec.wav"))))

    def told(self) -> list[tuple[int, str]]:
        """What its INVITEs were answered with: code and SDP, in order, repeated ones too."""
        return answers_to_invite(self._output)

    def lamps(self) -> list[str]:
        """What it was told of voice messages, in order: `1/0` and the like."""
        told = [
            str(event.get("param", "")) for event in list(self.events) if event.get("type") == "MWI_NOTIFY"
        ]
        return [text.partition("Voice-Message: ")[2].split()[0] for text in told]

    def output(self) -> str:
        """The end of what it printed: its SIP messages among other things."""
        return self._output.read_text(errors="replace")[-6000:]

    def close(self) -> None:
        """End the phone: it unregisters first."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._control.close()
        self._reader.join(3)
        self._file.close()

    def _connect(self) -> socket.socket | None:
        assert self._process.poll() is None, f"baresip ended\n{self.output()}"
        try:
            return socket.create_connection((ADDRESS, self._control_port), 1)
        except OSError:
            return None  # it does not listen yet

    def _read(self) -> None:
        """Split the stream into netstrings, each one event or answer."""
        self._control.settimeout(None)
        waiting = b""
        while True:
            try:
                data = self._control.recv(65536)
            except OSError:
                return  # closed by us
            if not data:
                return
            waiting += data
            while (colon := waiting.find(b":")) > 0 and len(waiting) > colon + 1 + int(waiting[:colon]):
                end = colon + 1 + int(waiting[:colon])
                with self._arrived:
                    self.events.append(json.loads(waiting[colon + 1 : end].decode("utf-8", "replace")))
                    self._arrived.notify_all()
                waiting = waiting[end + 1 :]


class SubscribingBaresip(Baresip):
    """One that subscribes to its messages."""

    mwi = "yes"
