"""CPU time and memory as the kernel keeps them (proc_pid_stat(5), proc_stat(5)): of processes, of the machine.

A process's time is exact, however short its turns are, and shown in steps of 10 ms. Time of children that have
ended is in their parent's, so that the sum over a tree of processes never falls.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class ProcessTimes:
    """One process: its parent, and seconds of CPU that it and its ended children used."""

    parent: int
    cpu: float


def parse_process(text: str) -> ProcessTimes:
    """Read /proc/PID/stat. The command's name may hold anything, so what counts starts after its last `)`."""
    fields = text.rpartition(")")[2].split()
    # From field 3, the state: parent 4; utime, stime, cutime, cstime 14 to 17.
    return ProcessTimes(int(fields[1]), sum(map(int, fields[11:15])) / TICKS)


def parse_machine(text: str) -> float:
    """Seconds of CPU that all cores were busy, from /proc/stat: all but idle and waiting for a disk."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, text.split("\n", 1)[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def parse_memory(text: str) -> int:
    """The proportional set size in kB, from /proc/PID/smaps_rollup: shared pages count by their share."""
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def processes() -> dict[int, ProcessTimes]:
    """Every process of the machine."""
    found = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                found[int(folder.name)] = parse_process((folder / "stat").read_text())
            except OSError:
                continue  # it has just ended
    return found


def tree(roots: Iterable[int], of: Mapping[int, ProcessTimes]) -> set[int]:
    """These processes and all that descend from them."""
    children: dict[int, list[int]] = {}
    for pid, known in of.items():
        children.setdefault(known.parent, []).append(pid)
    found, look = set(), list(roots)
    while look:
        pid = look.pop()
        if pid in of and pid not in found:
            found.add(pid)
            look += children.get(pid, [])
    return found


def memory_kb(roots: Iterable[int]) -> int:
    """Memory of these processes and their children in kB."""
    pids = tree(roots, processes())
    return sum(parse_memory((PROC / str(pid) / "smaps_rollup").read_text()) for pid in pids)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a stretch of time took: `seconds` of it, CPU seconds by role, and cores kept busy by others."""

    seconds: float
    cpu: Mapping[str, float]
    others: float

    @property
    def total(self) -> float:
        """CPU seconds of all roles."""
        return sum(self.cpu.values())

    def without(self, idle: Usage) -> Usage:
        """The same, less what the processes would have used in this time if nobody had wanted anything."""
        share = self.seconds / idle.seconds
        return Usage(
            self.seconds,
            {role: used - idle.cpu[role] * share for role, used in self.cpu.items()},
            self.others,
        )


class Meter:
    """Starts with its making; `read` tells what was used since.

    `roles` are the processes that are measured, each with its children. Others are all but this process and
    its descendants, which the measured ones and the load are among.
    """

    def __init__(self, roles: Mapping[str, Iterable[int]]) -> None:
        self._roles = {role: tuple(pids) for role, pids in roles.items()}
        self._start = self._look()

    @classmethod
    def idle(cls, roles: Mapping[str, Iterable[int]], seconds: float) -> Usage:
        """What these processes use when nobody wants anything of them."""
        meter = cls(roles)
        time.sleep(seconds)
        return meter.read()

    def read(self) -> Usage:
        """What was used since the start."""
        began, busy, own, cpu = self._start
        now, busy_now, own_now, cpu_now = self._look()
        elapsed = now - began
        others = max(0.0, (busy_now - busy) - (own_now - own)) / elapsed
        return Usage(elapsed, {role: cpu_now[role] - cpu[role] for role in cpu}, others)

    def _look(self) -> tuple[float, float, float, dict[str, float]]:
        known = processes()

        def used(roots: Iterable[int]) -> float:
            return sum(known[pid].cpu for pid in tree(roots, known))

        cpu = {role: used(pids) for role, pids in self._roles.items()}
        machine = parse_machine((PROC / "stat").read_text())
        return time.monotonic(), machine, used([os.getpid()]), cpu


CALM = 0.5
"""Seconds without more than one step of CPU: nothing is being worked off any more."""


def wait_until_calm(pids: Iterable[int], timeout: float = 20.0) -> None:
    """Wait until these processes have worked off what they had to do. Raises TimeoutError."""
    watched = tuple(pids)
    deadline = time.monotonic() + timeout

    def used() -> float:
        known = processes()
        return sum(known[pid].cpu for pid in watched if pid in known)

    before = used()
    while time.monotonic() < deadline:
        time.sleep(CALM)
        now = used()
        if now - before < 1.5 / TICKS:
            return
        before = now
    raise TimeoutError(f"processes {watched} were still busy after {timeout:g} s")
