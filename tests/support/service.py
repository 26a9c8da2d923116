"""A whole Ringplan for a test: started as users start it, on its own addresses, asked through its CLI."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tests.support.addresses import fresh_address, fresh_network
from tests.support.commands import Commands
from tests.support.waiting import wait_for

RINGPLAN = Path(sys.executable).with_name("ringplan")
COMMANDS = Commands()
READY = "ready"
"""The line that `ringplan run` prints when calls are accepted."""
START_LIMIT, STOP_LIMIT = 40.0, 15.0

SHORTENED = {
    "RINGPLAN_CALLS__ENGAGED_TONE": "1.6",
    "RINGPLAN_CALLS__KEEP_RINGING": "6",
    "RINGPLAN_CALLS__DRAIN": "0",
    "RINGPLAN_VOICEMAIL__MIN_SECONDS": "1",
    "RINGPLAN_VOICEMAIL__SILENCE_SECONDS": "3",
    "RINGPLAN_VOICEMAIL__MAX_MESSAGES": "3",
}
"""Limits that a test would otherwise wait for: in seconds, and in messages."""


class ServiceFailed(AssertionError):
    """The service did not start, or a command of its CLI did not succeed."""


class Service:
    """A running service. `sip` is where phones send to, `media` the address that its SDP names."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        address = fresh_address()
        # Unix sockets have short paths, and pytest's folders have long names.
        self.folder = Path(tempfile.mkdtemp(prefix="ringplan-"))
        self.data = self.folder / "data"
        own = {
            "RINGPLAN_DATA_DIR": str(self.data),
            "RINGPLAN_SIP__UDP": f"{address}:5060",
            "RINGPLAN_MEDIA__PORTS": "20000-20799",
            "RINGPLAN_MEDIA__SESSIONS": "100",
            "RINGPLAN_MEDIA__WORKER_NETWORK": fresh_network(),
            "RINGPLAN_METRICS__ADDRESS": f"{address}:9160",
            "RINGPLAN_LOG__FORMAT": "json",
        }
        own |= SHORTENED | dict(settings or {})
        foreign = {name: value for name, value in os.environ.items() if not name.startswith("RINGPLAN_")}
        self.environment = foreign | own
        host, _, port = own["RINGPLAN_SIP__UDP"].partition(":")
        advertised = own.get("RINGPLAN_SIP__PUBLIC_ADDRESS") or host
        self.sip = (advertised, int(port))
        self.media = own.get("RINGPLAN_MEDIA__PUBLIC_ADDRESS") or own.get("RINGPLAN_MEDIA__ADDRESS") or host
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [str(RINGPLAN), "run"],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, name="log of the service", daemon=True)
        self._reader.start()
        try:
            wait_for(self._is_ready, START_LIMIT, "the service to be ready")
        except (TimeoutError, ServiceFailed) as error:
            self.stop()
            raise ServiceFailed(f"{error}\n{self.log_tail()}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it as Ctrl-C does, and whatever it left running."""
        left = self.processes()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pid, command in left.items():
            # A pid may have gone to somebody else meanwhile: only what is still the same command is ended.
            if _commands().get(pid) == command:
                os.kill(pid, signal.SIGKILL)
        self._reader.join(5)
        shutil.rmtree(self.folder, ignore_errors=True)

    # Its processes and its log

    @property
    def pid(self) -> int:
        """The process id of `ringplan run`."""
        return self._process.pid

    def processes(self) -> dict[int, str]:
        """The command lines of all processes of this service but `ringplan run` itself, by process id."""
        commands, parents = _commands(), _parents()
        own = {self.pid}
        for pid in sorted(parents):
            if parents[pid] in own:
                own.add(pid)
        return {pid: commands.get(pid, "") for pid in own - {self.pid}}

    def events(self, name: str = "", since: int = 0) -> list[dict[str, Any]]:
        """The events in the log so far, or those of one name; `since` is an index of `lines`."""
        found = []
        for line in self.lines[since:]:
            if line.startswith("{"):
                event = json.loads(line)
                if not name or event.get("event") == name:
                    found.append(event)
        return found

    def kill(self, name: str) -> float:
        """Kill a process (-9) and wait for the one that takes its place; returns the seconds between."""
        pid = next(e["pid"] for e in reversed(self.events("process.started")) if e["name"] == name)
        since, killed = len(self.lines), time.monotonic()
        os.kill(pid, signal.SIGKILL)
        wait_for(
            lambda: any(e["process"] == name for e in self.events("process.ready", since)),
            START_LIMIT,
            f"{name} to be there again",
        )
        return time.monotonic() - killed

    def signal(self, number: int) -> None:
        """Send a signal to `ringplan run`."""
        self._process.send_signal(number)

    def wait_ended(self, timeout: float) -> int:
        """Wait for the end of `ringplan run`; returns its exit code."""
        code = self._process.wait(timeout)
        self._reader.join(5)
        return code

    def wait_for_event(self, name: str, timeout: float = 5.0) -> None:
        """Wait until it is in the log."""
        wait_for(lambda: self.events(name), timeout, name)

    def log_tail(self, lines: int = 80) -> str:
        """The last lines of its output."""
        return "\n".join(self.lines[-lines:])

    # The CLI

    def run_cli(self, *arguments: str) -> str:
        """Run a `ringplan` command and return its output. Raises ServiceFailed when it does not succeed."""
        done = COMMANDS.run(arguments, self.environment)
        if done.code:
            raise ServiceFailed(f"ringplan {' '.join(arguments)}: {done.code}\n{done.out}{done.err}")
        return done.out

    def apply(self, company: str, *options: str) -> str:
        """Make the database say what this company file says."""
        file = self.folder / "company.toml"
        file.write_text(company)
        return self.run_cli("apply", str(file), *options)

    def calls(self) -> list[dict[str, Any]]:
        """The call log, newest first."""
        calls: list[dict[str, Any]] = json.loads(self.run_cli("calls", "--json"))["calls"]
        return calls

    def call(self, call_id: str, timeout: float = 5.0) -> dict[str, Any]:
        """One call of the call log with its messages. It is written behind the call, so it is waited for."""

        def found() -> dict[str, Any] | None:
            try:
                return dict(json.loads(self.run_cli("call", call_id, "--json")))
            except ServiceFailed as failed:
                failures.append(failed)
                return None

        failures: list[ServiceFailed] = []
        try:
            return wait_for(found, timeout, f"call {call_id} in the call log")
        except TimeoutError as late:
            raise ServiceFailed(f"{late}\n{failures[-1]}") from None

    def registrations(self) -> list[dict[str, Any]]:
        """The live registrations."""
        found: list[dict[str, Any]] = json.loads(self.run_cli("registrations", "--json"))["registrations"]
        return found

    def messages(self, email: str) -> list[dict[str, Any]]:
        """The messages in a user's mailbox, oldest first."""
        listed: list[dict[str, Any]] = json.loads(self.run_cli("voicemail", "list", "--json"))["messages"]
        return [message for message in listed if message["user"] == email]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))

    def _is_ready(self) -> bool:
        if self._process.poll() is not None:
            raise ServiceFailed(f"`ringplan run` ended with code {self._process.returncode}")
        return READY in (line.strip() for line in list(self.lines))


def _commands() -> dict[int, str]:
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ").strip()
            except OSError:
                continue  # it has just ended
    return found


def _parents() -> dict[int, int]:
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                # After the command's name in parentheses: state, then the parent (proc_pid_stat(5)).
                found[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    return found
