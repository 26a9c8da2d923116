"""A data directory with a company and finished calls, the command run on it, and a service that answers."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from b2bua.cli import main
from provisioning.file.apply import apply_changes
from provisioning.file.company_file import parse_company_file
from provisioning.store.calllog import CallRecord, TraceEntry
from provisioning.store.store import open_store

COMPANY = """
[[customers]]
name = "Acme Ltd"
numbers = ["+441632960201", "+441632960202"]

  [[customers.users]]
  name = "Ann"
  email = "ann@acme.example"
  extension = "301"
  numbers = ["+441632960201"]
  voice_portal_pin = ""
  soft_clients = [{ username = "ann", password = "pass-0123456789" }]

  [[customers.users]]
  name = "Ben"
  email = "ben@acme.example"
  extension = "302"
  numbers = ["+441632960202"]
  voice_portal_pin = ""
  soft_clients = [{ username = "ben", password = "pass-9876543210" }]

    [customers.users.not_answered]
    action = "voicemail"
    after = 7
"""
BEGAN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Ran:
    """What a run of the command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output as JSON."""
        assert self.code == 0, self.err
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data directory that the settings name."""
    for name in [name for name in os.environ if name.startswith("RINGPLAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RINGPLAN_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def ringplan(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process."""

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["ringplan", *arguments])
        capsys.readouterr()
        try:
            main.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run


@pytest.fixture
def company(data: Path) -> Path:
    """The data directory with the company in it."""

    async def fill() -> None:
        async with await open_store(data) as store:
            await apply_changes(store, parse_company_file(COMPANY))

    asyncio.run(fill())
    return data


def record(call_id: str = "call-1", **changes: Any) -> CallRecord:
    """A call from Ann to Ben that ended in voicemail."""
    values: dict[str, Any] = {
        "call_id": call_id,
        "started_at": BEGAN,
        "answered_at": BEGAN + timedelta(seconds=7),
        "ended_at": BEGAN + timedelta(seconds=20),
        "dialled": "302",
        "rule": "ring",
        "outcome": "voicemail",
        "leg_call_ids": ("leg-b1", "leg-b2"),
        "caller_user": 1,
        "caller_number": "301",
        "caller_name": "Ann",
        "called_user": 2,
        "plan": {"rule": "ring", "considered": [], "steps": [{"do": "ring", "user": "ben@acme.example"}]},
        "steps": [{"do": "ring", "user": "ben@acme.example", "ended": "no-answer", "after": 7.0}],
        "explanation": ("Ben’s devices ring for 7 seconds.", "Nobody answered."),
        "hung_up_by": "caller",
        "rtp": {"near": {"packets_in": 650}},
    }
    return CallRecord(**{**values, **changes})


LADDER = (
    ("in", "a", "INVITE sip:302@127.0.0.1 SIP/2.0"),
    ("out", "a", "SIP/2.0 180 Ringing"),
    ("out", "b1", "INVITE sip:ben@127.0.0.2 SIP/2.0"),
    ("in", "b1", "SIP/2.0 180 Ringing"),
)


def traces(call_id: str = "call-1") -> list[TraceEntry]:
    """The first four messages of that call."""
    return [
        TraceEntry(
            time=(BEGAN + timedelta(milliseconds=number)).timestamp(),
            direction=way,  # type: ignore[arg-type]
            leg=leg,
            peer="127.0.0.1:5070" if leg == "a" else "127.0.0.2:5060",
            first_line=line,
            headers=(("Call-ID", call_id),),
        )
        for number, (way, leg, line) in enumerate(LADDER)
    ]


@pytest.fixture
def log_call(company: Path) -> Callable[..., None]:
    """Put a call into the call log."""

    def write(**changes: Any) -> None:
        one = record(**changes)

        async def fill() -> None:
            async with await open_store(company) as store:
                await store.write_calls([(one, traces(one.call_id))])

        asyncio.run(fill())

    return write


@pytest.fixture
def answering(data: Path) -> Iterator[dict[str, Any]]:
    """A control socket that answers each `do` with what the dictionary holds for it."""
    answers: dict[str, Any] = {}
    path = data / "run" / "control.sock"
    path.parent.mkdir(parents=True, exist_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection, connection.makefile("rw") as lines:
                request = json.loads(lines.readline())
                answer = answers.get(request["do"])
                reply = {"v": 1, "id": request["id"], "ok": answer is not None, **(answer or {})}
                lines.write(json.dumps(reply) + "\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield answers
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(5)
