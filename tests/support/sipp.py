"""SIPp as a phone: one process a scenario, its messages read as they come, its trace shown when it fails."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import LOOK_AGAIN_AFTER, PATIENCE, wait_for

_MESSAGE = re.compile(
    rb"-{20,} (?P<time>[0-9-]+[ \tT][0-9:.]+)\r?\n"
    rb"(?:UDP|TCP) message (?P<way>sent|received) [\[(](?P<size>\d+)[^\n]*\n\n"
)
NO_CALLS = 99
FINAL_WORDS = {1: "had a call that failed", 97: "ran out of time", NO_CALLS: "handled no call"}
"""What SIPp's exit codes mean."""
FINISH = signal.SIGUSR1
"""SIPp ends when its calls have ended."""


@dataclass(frozen=True)
class Message:
    """A SIP message as SIPp sent or received it; `time` is SIPp's clock, as it prints it."""

    time: str
    received: bool
    text: str

    @property
    def first_line(self) -> str:
        """The request line or the status line."""
        return self.text.partition("\r\n")[0]

    @property
    def status(self) -> int:
        """The code of a response, 0 for a request."""
        return int(self.text[8:11]) if self.text.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """The method of a request, or the one a response answers."""
        return self.header("CSeq").partition(" ")[2].strip()

    def headers(self, name: str) -> list[str]:
        """The values of every header line of this name, in order."""
        head = self.text.partition("\r\n\r\n")[0]
        return [
            value.strip()
            for line in head.split("\r\n")[1:]
            for key, _, value in (line.partition(":"),)
            if key.strip().lower() == name.lower()
        ]

    def header(self, name: str) -> str:
        """The first header of this name; empty where there is none."""
        return next(iter(self.headers(name)), "")

    @property
    def body(self) -> str:
        """What follows the empty line."""
        return self.text.partition("\r\n\r\n")[2]

    @property
    def media(self) -> tuple[str, int] | None:
        """Address and port of the audio stream in an SDP body."""
        connection = re.search(r"^c=IN IP4 (\S+)", self.body, re.MULTILINE)
        audio = re.search(r"^m=audio (\d+)", self.body, re.MULTILINE)
        return (connection[1], int(audio[1])) if connection and audio and int(audio[1]) else None

    def __str__(self) -> str:
        return f"{'<-' if self.received else '->'} {self.time}\n{self.text.rstrip()}\n"


def read_trace(data: bytes) -> list[Message]:
    """Read the messages of SIPp's message file; one that is not yet written out in full is left for later."""
    messages = []
    for match in _MESSAGE.finditer(data):
        text = data[match.end() : match.end() + int(match["size"])]
        if len(text) == int(match["size"]):
            messages.append(
                Message(match["time"].decode(), match["way"] == b"received", text.decode("utf-8", "replace"))
            )
    return messages


class SippFailed(AssertionError):
    """A scenario did not run as written; the text holds what SIPp said and every message it saw."""


class Sipp:
    """One running SIPp scenario at `address:port` towards `remote`.

    `calls` is how many calls it makes; 0 is a phone that waits to be called, until `finish`. `pause` is the
    length of the scenario's pause in seconds. Keys stand in the scenario as `[key]`, `service` as
    `[service]`; `user` and `password` answer digest challenges. `hear` is told of every message, on a
    thread of its own.
    """

    def __init__(
        self,
        scenario: Path,
        folder: Path,
        address: str,
        remote: tuple[str, int],
        *,
        port: int = 5060,
        transport: str = "udp",
        calls: int = 1,
        pause: float = 0.2,
        service: str = "",
        user: str = "",
        password: str = "",
        keys: Mapping[str, str | int] | None = None,
        out_of_call: Path | None = None,
        hear: Callable[[Message], None] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = f"{folder.name} ({scenario.stem})"
        self._folder = folder
        self._waits = not calls
        self._trace = folder / "messages.log"
        self._hear = hear
        self._heard = 0
        command = ["sipp", "-sf", str(scenario), "-i", address, "-p", str(port), "-nostdin"]
        command += ["-t", "t1"] if transport == "tcp" else []
        command += ["-trace_msg", "-message_file", str(self._trace)]
        command += ["-trace_err", "-error_file", str(folder / "errors.log")]
        command += ["-cid_str", f"{folder.name}-%u-%p@%s"]
        command += ["-m", str(calls)] if calls else []
        command += ["-s", service] if service else []
        command += ["-au", user, "-ap", password] if user else []
        command += ["-oocsf", str(out_of_call)] if out_of_call else []
        command += ["-d", str(round(pause * 1000))]
        usual = {"user": user or "phone", "here": f"{address}:{port}", "expires": 600, "rtp_ip": address}
        usual |= {"rtp_port": 40000, "payload": 8, "codec": "PCMA"}
        for key, value in {**usual, **(keys or {})}.items():
            command += ["-key", key, str(value)]
        command.append(f"{remote[0]}:{remote[1]}")
        self._screen = (folder / "screen.log").open("wb")
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._screen, stderr=subprocess.STDOUT, cwd=folder
        )
        self._ended = threading.Event()
        self._listener = threading.Thread(target=self._listen, name=f"trace of {self.name}", daemon=True)
        self._listener.start()
        if self._waits:
            wait_for(
                self._listening(transport, address, port), 5, f"{self.name} to listen on {address}:{port}"
            )

    @property
    def messages(self) -> list[Message]:
        """Every message so far, in order."""
        return read_trace(self._trace.read_bytes()) if self._trace.exists() else []

    @property
    def received(self) -> list[Message]:
        """Every message received so far."""
        return [message for message in self.messages if message.received]

    @property
    def call_id(self) -> str:
        """The Call-ID of the first call; of the first message where there was none."""
        messages = self.messages
        first = next((message for message in messages if message.text.startswith("INVITE ")), None)
        return next((message.header("Call-ID") for message in (first, *messages) if message), "")

    def wait_received(self, start: str, timeout: float = 10.0, count: int = 1) -> Message:
        """Wait for the `count`-th message that starts with `start`: `INVITE`, `SIP/2.0 180`."""

        def found() -> Message | None:
            if self._process.poll() not in (None, 0):
                raise SippFailed(self.report(f"ended before it received {start!r}"))
            hits = [message for message in self.received if message.text.startswith(start)]
            return hits[count - 1] if len(hits) >= count else None

        try:
            return wait_for(found, timeout, f"{self.name} to receive {start!r}")
        except TimeoutError as late:
            raise SippFailed(self.report(str(late))) from None

    def finish(self, timeout: float = 15.0, rung: bool = True) -> None:
        """Wait until the calls have ended; a phone that waits for calls takes no more.

        Raises SippFailed if a call failed or the time ran out, or if a waiting phone has been called but
        should not (`rung` false), or the other way round.
        """
        if self._waits and self._process.poll() is None:
            self._process.send_signal(FINISH)
        try:
            code = self._process.wait(PATIENCE * timeout)
        except subprocess.TimeoutExpired:
            problem = f"did not end within {PATIENCE * timeout:g} s"
            text = self.report(problem)
            self.stop()
            raise SippFailed(text) from None
        self.stop()
        if self._waits and rung != any(message.text.startswith("INVITE") for message in self.received):
            raise SippFailed(self.report("was never called" if rung else "was called"))
        if code and (rung or code != NO_CALLS):
            raise SippFailed(self.report(FINAL_WORDS.get(code, f"ended with code {code}")))

    def stop(self) -> None:
        """End it now."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._ended.set()
        self._listener.join()
        self._screen.close()

    def report(self, problem: str) -> str:
        """What went wrong, what SIPp said of it, and all messages."""
        errors = self._folder / "errors.log"
        said = errors.read_text(errors="replace")[-4000:] if errors.exists() else ""
        if not said and not self.messages:
            said = (self._folder / "screen.log").read_text(errors="replace")[-2000:]
        ladder = "\n".join(str(message) for message in self.messages)
        return f"{self.name} {problem}\n{said}\n{ladder}"

    def _listening(self, transport: str, address: str, port: int) -> Callable[[], bool]:
        octets = "".join(f"{int(octet):02X}" for octet in reversed(address.split(".")))
        entry = f"{octets}:{port:04X}"

        def look() -> bool:
            if self._process.poll() is not None:
                raise SippFailed(self.report(f"ended with code {self._process.returncode} at once"))
            return entry in Path(f"/proc/net/{transport}").read_text()

        return look

    def _listen(self) -> None:
        while not self._ended.wait(LOOK_AGAIN_AFTER):
            if self._hear is None:
                continue
            messages = self.messages
            for message in messages[self._heard :]:
                self._hear(message)
            self._heard = len(messages)
