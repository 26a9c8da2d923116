"""What a running service holds: its gauges, and the memory and files of its processes."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.support.service import Service
from tests.support.waiting import wait_for

PROGRAMS = {
    "signalling": "-m b2bua",
    "relay": "-m media.relay",
    "media": "-m media",
    "worker": "-m media.worker",
    "provisioning": "-m provisioning",
}
"""How the command of each kind of process ends, or for a worker goes on."""
HELD = (
    "ringplan_calls",
    "ringplan_legs",
    "ringplan_transactions",
    "ringplan_relay_sessions",
    "ringplan_media_sessions",
    "ringplan_write_backlog",
    "ringplan_connections",
)
"""The gauges that are zero when nothing goes on."""


def gauges(service: Service) -> dict[str, float]:
    """All gauges of the signalling process. Raises OSError while it is away."""
    return {name: value for name, value in _read(service).items() if "{" not in name}


def unheard(service: Service) -> dict[str, float]:
    """How many messages were not handled, by reason."""
    start = 'ringplan_messages_refused_total{reason="'
    return {
        name.removeprefix(start).removesuffix('"}'): value
        for name, value in _read(service).items()
        if name.startswith(start)
    }


def _read(service: Service) -> dict[str, float]:
    address = service.environment["RINGPLAN_METRICS__ADDRESS"]
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=3) as reply:
        lines = reply.read().decode().splitlines()
    return {
        name: float(value)
        for line in lines
        if line.startswith("ringplan_")
        for name, _, value in (line.rpartition(" "),)
    }


def held(service: Service) -> dict[str, float]:
    """Those of `HELD` that are not zero."""
    read = gauges(service)
    return {name: read[name] for name in HELD if read[name]}


def pids(service: Service, kind: str) -> list[int]:
    """The processes of one kind, oldest first."""
    command = PROGRAMS[kind]
    return sorted(
        pid
        for pid, line in service.processes().items()
        if line.endswith(command) or (kind == "worker" and f"{command} " in line)
    )


@dataclass(frozen=True)
class Size:
    """Resident memory in kB and open files of one process."""

    rss: int
    files: int

    @classmethod
    def of(cls, pid: int) -> Size:
        """Read /proc (proc_pid_status(5))."""
        status = Path(f"/proc/{pid}/status").read_text().splitlines()
        rss = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
        return cls(rss, sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()))

    def __str__(self) -> str:
        return f"{self.rss / 1024:.1f} MB, {self.files} files"


def sizes(service: Service) -> dict[str, Size]:
    """The three processes that are never replaced unless they die."""
    return {kind: Size.of(pids(service, kind)[0]) for kind in ("signalling", "relay", "media")}


def settle(service: Service, within: float) -> None:
    """Wait until the service holds nothing any more. Raises AssertionError that says what it still holds."""
    try:
        wait_for(lambda: not held(service), within, "the service to be idle")
    except TimeoutError:
        left = held(service)
        assert not left, f"after {within:g} s the service still holds {left}"


def assert_untroubled(service: Service, explained: tuple[str, ...] = ()) -> None:
    """Nothing in the log is an error, no event, or the death of a process, but for the events `explained`."""
    troubles = [
        event
        for event in service.events()
        if (event["level"] == "error" or event["event"] in ("process.output", "process.died"))
        and event["event"] not in explained
    ]
    assert not troubles, "\n".join(json.dumps(event) for event in troubles[:20])
