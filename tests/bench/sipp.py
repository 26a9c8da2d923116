"""SIPp as a load: many calls at a steady rate, and one that answers them all; what it counted, read from its files."""

from __future__ import annotations

import csv
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.support.waiting import wait_for

SCENARIOS = Path(__file__).parent / "scenarios"
NOTIFIED = Path(__file__).parents[2] / "sipp_scenarios" / "common" / "notify.xml"
KERNEL_BUFFER = 4 << 20
OVERTIME = 40.0
"""Seconds after its last call in which a load must have ended."""


class LoadFailed(Exception):
    """SIPp did not start or did not end; the text holds what it said."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What one SIPp counted: calls, those that failed, and messages that were sent more than once, by either side."""

    calls: int = 0
    failed: int = 0
    retransmissions: int = 0

    def __add__(self, other: Counted) -> Counted:
        return Counted(
            self.calls + other.calls,
            self.failed + other.failed,
            self.retransmissions + other.retransmissions,
        )


@dataclass(frozen=True, slots=True)
class Load:
    """Calls at a steady rate: `rate` a second for `seconds`, each held for `hold` seconds once answered.

    `users` is a file of SIPp's `[fieldN]`, its lines used in turn.
    """

    scenario: str
    users: Path
    rate: float
    seconds: float
    hold: float = 0.1

    @property
    def calls(self) -> int:
        """How many calls it makes."""
        return max(1, round(self.rate * self.seconds))


def read_statistics(text: str) -> Counted:
    """Read SIPp's statistics file: the last line holds the totals. Retransmissions are those SIPp itself sent."""
    row = _last_row(text)
    if not row:
        return Counted()
    return Counted(int(row["SuccessfulCall(C)"]), int(row["FailedCall(C)"]), int(row["Retransmissions(C)"]))


def read_repeats(text: str) -> int:
    """How many messages SIPp received more than once, from its file of message counts.

    Its columns are `INDEX_MESSAGE_Sent`, `_Recv`, `_Retrans`, …; a sent message's repeats are in the
    statistics already, and a received one's are those of the other side.
    """
    row = _last_row(text)
    received = {name.removesuffix("_Recv") for name in row if name.endswith("_Recv")}
    return sum(
        int(value)
        for name, value in row.items()
        if name.endswith("_Retrans") and name.removesuffix("_Retrans") in received
    )


def _last_row(text: str) -> dict[str, str]:
    rows = list(csv.DictReader(text.splitlines(), delimiter=";"))
    return {name: value for name, value in rows[-1].items() if name and value} if rows else {}


class SippLoad:
    """One running SIPp at `address:port`."""

    def __init__(self, folder: Path, scenario: str, address: str, port: int, arguments: list[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._scenario = scenario
        command = ["sipp", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-i", address, "-p", str(port)]
        command += ["-nostdin", "-timer_resol", "1", "-buff_size", str(KERNEL_BUFFER)]
        command += ["-trace_stat", "-stf", str(folder / "statistics.csv"), "-fd", "1"]
        command += ["-trace_counts", "-trace_err", "-error_file", str(folder / "errors.log")]
        with (folder / "screen.log").open("wb") as screen:
            self._process = subprocess.Popen(
                command + arguments,
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=subprocess.STDOUT,
                cwd=folder,
            )

    def wait(self, timeout: float) -> Counted:
        """What it counted, once it has ended by itself. Raises LoadFailed."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.stop()
            raise LoadFailed(self._said(f"did not end within {timeout:g} s")) from None
        if code not in (0, 1, 99):
            raise LoadFailed(self._said(f"ended with code {code}"))
        return self._counted()

    def finish(self) -> Counted:
        """What it counted; it takes no more calls and ends with those it has."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGUSR1)
        return self.wait(OVERTIME)

    def stop(self) -> None:
        """End it now."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def _counted(self) -> Counted:
        statistics = self._folder / "statistics.csv"
        counted = read_statistics(statistics.read_text()) if statistics.exists() else Counted()
        repeats = sum(read_repeats(file.read_text()) for file in self._folder.glob("*_counts.csv"))
        return counted + Counted(retransmissions=repeats)

    def _said(self, problem: str) -> str:
        said = (self._folder / "screen.log").read_text(errors="replace")[-1500:]
        errors = self._folder / "errors.log"
        said += errors.read_text(errors="replace")[-1500:] if errors.exists() else ""
        return f"SIPp ({self._scenario}, {self._folder}) {problem}\n{said}"


def place(load: Load, folder: Path, source: tuple[str, int], service: tuple[str, int]) -> SippLoad:
    """Start a load from the address `source` towards `service`."""
    arguments = ["-inf", str(load.users), "-oocsf", str(NOTIFIED)]
    arguments += ["-r", f"{load.rate:g}", "-m", str(load.calls), "-d", str(round(load.hold * 1000))]
    # As many at once as there are: a load that waits for the service would not be a steady one.
    arguments += ["-l", str(load.calls + 1), f"{service[0]}:{service[1]}"]
    return SippLoad(folder, load.scenario, *source, arguments)


def answer(folder: Path, address: tuple[str, int], ring: float = 0.1) -> SippLoad:
    """Start the phones that ring for `ring` seconds and answer, all at one address."""
    phones = SippLoad(folder, "answer", *address, ["-d", str(round(ring * 1000))])

    def listening() -> bool:
        if not phones.running:
            phones.finish()
        return listens(address)

    wait_for(listening, 5, f"SIPp to listen on {address[0]}:{address[1]}")
    return phones


def listens(address: tuple[str, int]) -> bool:
    """Whether something has a UDP socket there, from /proc/net/udp."""
    octets = "".join(f"{int(octet):02X}" for octet in reversed(address[0].split(".")))
    return f"{octets}:{address[1]:04X}" in Path("/proc/net/udp").read_text()
