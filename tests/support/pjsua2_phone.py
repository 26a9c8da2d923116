"""A pjsua2 phone for a test: a process of its own (`pjsua2_process`), because a process has one endpoint."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Self

from tests.support.addresses import fresh_address
from tests.support.meter import Sound, read_unfinished, read_wav, silence
from tests.support.phone_log import answers_to_invite
from tests.support.waiting import PATIENCE, wait_for

ROOT = Path(__file__).parents[2]
Event = dict[str, Any]
OF_A_CALL = {"incoming", "state", "media", "held", "digit", "recording", "pressed", "recorded"}


class Pjsua2Phone:
    """One phone at an address of its own. It speaks the WAV file `source` and records what it hears."""

    transport = "udp"
    prack = "unused"
    subscribes = False
    info = False
    codec = "PCMA"
    """The codec that it offers first."""
    outbound = ""
    """The proxy that everything goes through, as a SIP URI."""

    def __init__(
        self, folder: Path, registrar: tuple[str, int], user: str, password: str, source: Path
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.user = user
        self._address = fresh_address()
        self._output = folder / "output.log"
        self._file = self._output.open("wb")
        told = {
            "address": self._address,
            "registrar": f"{registrar[0]}:{registrar[1]}",
            "transport": self.transport,
            "prack": self.prack,
            "subscribes": "yes" if self.subscribes else "",
            "user": user,
            "password": password,
            "source": str(source),
            "recordings": str(folder),
            "info": "yes" if self.info else "",
            "codec": self.codec,
            "outbound": self.outbound,
            "sound": self._published(),
        }
        self._registrar = told["registrar"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.pjsua2_process", json.dumps(told)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._file,
            text=True,
            bufsize=1,
        )
        self.events: list[Event] = []
        self._arrived = threading.Condition()
        self._reader = threading.Thread(target=self._read, name=f"events of {user}", daemon=True)
        self._reader.start()
        self.wait("ready")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self, event: str, timeout: float = 10.0, count: int = 1, **fields: object) -> Event:
        """Wait for the `count`-th event of a name with these fields, and return it.

        Events: ready, registered(code), incoming(from), state(state, code), media(codec), held, digit(digit),
        lamp(text), recording(path), pressed(digits, at), recorded(path). Those of earlier calls are forgotten
        when it dials, and by `forget`.
        """

        def found() -> list[Event]:
            wanted = {"event": event, **fields}
            return [e for e in self.events if all(e.get(key) == value for key, value in wanted.items())]

        with self._arrived:
            if self._arrived.wait_for(lambda: len(found()) >= count, PATIENCE * timeout):
                return found()[count - 1]
        raise AssertionError(
            f"{self.user}: no {event} {fields} in {PATIENCE * timeout:g} s among {self.events}\n{self.output()}"
        )

    @property
    def uri(self) -> str:
        """Where it can be called without a server."""
        return f"sip:{self.user}@{self._address}"

    # What a person does

    def register(self) -> None:
        """Switch the phone on and wait until it is registered."""
        self._do("register")
        self.wait("registered", code=200)

    def dial(self, number: str) -> None:
        """Call a number, or a SIP URI."""
        self.forget()
        uri = f"sip:{number}@{self._registrar};transport={self.transport}"
        self._do("call", uri=number if "@" in number else uri)

    def answer(self) -> None:
        """Wait for a call and take it."""
        self.wait("incoming")
        self._do("answer")

    def redirect(self, number: str) -> None:
        """Wait for a call and say who is to be called instead (302)."""
        self.wait("incoming")
        self._do("redirect", uri=f"sip:{number}@{self._registrar}")

    def forget(self) -> None:
        """Let its earlier calls be over: what is waited for is of the next one."""
        with self._arrived:
            self.events = [event for event in self.events if event["event"] not in OF_A_CALL]

    def hold(self) -> None:
        """Put the call on hold."""
        self._do("hold")

    def resume(self) -> None:
        """Take the call back."""
        self._do("resume")

    def send_digits(self, digits: str) -> None:
        """Press keys."""
        self._do("digits", digits=digits)

    def hang_up(self) -> None:
        """End the call."""
        self._do("hangup")

    def wait_talking(self) -> None:
        """Wait until the call is answered."""
        self.wait("state", state="CONFIRMED")

    def wait_ended(self) -> None:
        """Wait until the other side has hung up."""
        self.wait("state", state="DISCONNECTED")

    def wait_heard(self, seconds: float) -> None:
        """Wait until so much has been recorded."""
        wait_for(
            lambda: self.recorded_seconds() >= seconds, seconds + 10, f"{self.user} to hear {seconds:g} s"
        )

    def recorded_seconds(self) -> float:
        """How much of the present call has been recorded so far."""
        path = self._recording()
        return path.stat().st_size / 16000 if path else 0.0

    def hearing(self) -> Sound:
        """What it has heard in the present call so far, but for the last quarter of a second."""
        path = self._recording()
        return read_unfinished(path) if path else silence(0)

    def digits(self) -> str:
        """The keys that the other side pressed."""
        with self._arrived:
            return "".join(event["digit"] for event in self.events if event["event"] == "digit")

    def heard(self) -> Sound:
        """What it heard, once its call has ended."""
        path = self.wait("recording")["path"]
        self.wait("recorded", path=path)
        return read_wav(Path(path))

    def _published(self) -> str:
        """The address that its SDP names, where that is not its own."""
        return ""

    def _recording(self) -> Path | None:
        """Where what it hears in the present call is recorded."""
        with self._arrived:
            return next((Path(event["path"]) for event in self.events if event["event"] == "recording"), None)

    def pressed(self, digits: str) -> float:
        """When it pressed these keys in the present call, in seconds of what it heard."""
        return float(self.wait("pressed", digits=digits)["at"])

    def lamps(self) -> list[str]:
        """What it was told of voice messages, in order: `1/0` and the like."""
        with self._arrived:
            texts = [event["text"] for event in self.events if event["event"] == "lamp"]
        return [text.partition("Voice-Message: ")[2].split()[0] for text in texts]

    def sent(self, method: str) -> int:
        """How many requests of this method it has sent."""
        return self._logged("TX", method)

    def received(self, method: str) -> int:
        """How many requests of this method came to it."""
        return self._logged("RX", method)

    def told(self) -> list[tuple[int, str]]:
        """What its INVITEs were answered with: code and SDP, in order, repeated ones too."""
        return answers_to_invite(self._output)

    def _logged(self, way: str, method: str) -> int:
        line = rf"{way} \d+ bytes Request msg {method}/cseq="
        return len(re.findall(line, self._output.read_text(errors="replace")))

    def output(self) -> str:
        """The end of its log."""
        return self._output.read_text(errors="replace")[-6000:]

    def close(self) -> None:
        """End the phone: it hangs up and unregisters first."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(3)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._file.close()

    def _do(self, command: str, **fields: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": command, **fields}) + "\n")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._arrived:
                self.events.append(json.loads(line))
                self._arrived.notify_all()


class Pjsua2ReliablePhone(Pjsua2Phone):
    """One that sends its provisional responses reliably to whoever knows 100rel."""

    prack = "optional"


class Pjsua2InsistingPhone(Pjsua2Phone):
    """One that wants 100rel of everybody."""

    prack = "mandatory"


class Pjsua2InfoPhone(Pjsua2Phone):
    """One that tells its keys by SIP INFO."""

    info = True


class Pjsua2MuLawPhone(Pjsua2Phone):
    """One that prefers PCMU."""

    codec = "PCMU"


class Pjsua2TcpPhone(Pjsua2Phone):
    """The same over TCP alone."""

    transport = "tcp"


class Pjsua2SubscribingPhone(Pjsua2Phone):
    """One that subscribes to its messages."""

    subscribes = True
