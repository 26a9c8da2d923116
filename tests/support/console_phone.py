"""A phone of another make, driven by the commands that a person types into its console.

What a person does is the same at each of them. A kind of phone says how it is started, what is typed, and by which
words it tells what has happened.
"""

from __future__ import annotations

import re
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

from tests.support.meter import Sound
from tests.support.phone_log import answers_to_invite
from tests.support.waiting import wait_for

CLOSING_LIMIT = 5.0
"""Seconds that a phone may take to sign off and end."""


class ConsolePhone(ABC):
    """One phone, registering with its registrar at once. It speaks the WAV file it was given.

    It has no address of its own: it sends from unbound sockets, and the kernel gives these the source 127.0.0.1.
    """

    registered: ClassVar[str]
    """What it says when it is registered; so with the others."""
    called: ClassVar[str]
    talking: ClassVar[str]
    ended: ClassVar[tuple[str, ...]]
    held: ClassVar[str]
    resumed: ClassVar[str]
    key: ClassVar[re.Pattern[str]]
    """A key that the other side has pressed."""

    def __init__(self, command: Sequence[str | Path], folder: Path, user: str, log: Path) -> None:
        self.user = user
        self._log = log
        self._since = 0
        self._said: list[str] = []
        self._arrived = threading.Condition()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
            cwd=folder,
            text=True,
            errors="replace",
            bufsize=1,
        )
        self._reader = threading.Thread(target=self._read, name=f"words of {user}", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What a person does

    def register(self) -> None:
        """Wait until the phone, which registers by itself, is registered."""
        self._wait(self.registered)

    @abstractmethod
    def dial(self, number: str) -> None:
        """Call a number."""

    @abstractmethod
    def answer(self) -> None:
        """Wait for a call and take it."""

    @abstractmethod
    def redirect(self, number: str) -> None:
        """Wait for a call and say who is to be called instead (302)."""

    @abstractmethod
    def send_digits(self, digits: str) -> None:
        """Press keys."""

    def hold(self) -> None:
        """Put the call on hold, and wait until it is."""
        self._forget()
        self._command(self._hold)
        self._wait(self.held)

    def resume(self) -> None:
        """Take the call back, and wait until it is there."""
        self._forget()
        self._command(self._resume)
        self._wait(self.resumed)

    def hang_up(self) -> None:
        """End the call."""
        self._command(self._hang_up)

    def wait_ringing(self) -> None:
        """Wait until it is called."""
        self._wait(self.called)

    def wait_talking(self) -> None:
        """Wait until the call that it made is answered."""
        self._wait(self.talking)

    def wait_ended(self) -> None:
        """Wait until the call is over. What it said of it is forgotten."""
        self._wait(*self.ended)
        self._forget()

    def wait_heard(self, seconds: float) -> None:
        """Wait until so much of the present call has been heard."""
        wait_for(
            lambda: self.recorded_seconds() >= seconds, seconds + 20, f"{self.user} to hear {seconds:g} s"
        )

    # What it noticed

    @abstractmethod
    def recorded_seconds(self) -> float:
        """How much of the present call has been heard so far."""

    @abstractmethod
    def heard(self) -> Sound:
        """What it has heard in the present call so far."""

    def hearing(self) -> Sound:
        """The same, by the name that phones use which cannot tell before a call has ended."""
        return self.heard()

    def digits(self) -> str:
        """The keys that the other side pressed since the last call, hold or resumption."""
        with self._arrived:
            return "".join(self.key.findall("".join(self._said[self._since :])))

    def told(self) -> list[tuple[int, str]]:
        """What its INVITEs were answered with: code and SDP, in order, repeated ones too."""
        return answers_to_invite(self._log)

    def logged(self) -> str:
        """Its log, with every SIP message that it sent and received."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def output(self) -> str:
        """What it said to the person in front of it."""
        with self._arrived:
            return "".join(self._said)

    def close(self) -> None:
        """End the phone: it hangs up and unregisters first."""
        if self._process.poll() is None:
            self._command("quit")
            try:
                self._process.wait(CLOSING_LIMIT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join(3)

    # The console

    _hold: ClassVar[str]
    _resume: ClassVar[str]
    _hang_up: ClassVar[str]

    def _forget(self) -> None:
        """What it has said so far is over."""
        with self._arrived:
            self._since = len(self._said)

    def _wait(self, *wanted: str, timeout: float = 20.0) -> None:
        """Wait until the phone says one of these in its present call."""

        def said() -> bool:
            return any(words in line for line in self._said[self._since :] for words in wanted)

        with self._arrived:
            if self._arrived.wait_for(said, timeout):
                return
        raise AssertionError(
            f"{self.user}: no {wanted} in {timeout:g} s\n{self.output()}\n{self.logged()[-6000:]}"
        )

    def _command(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._arrived:
                self._said.append(line)
                self._arrived.notify_all()
