"""How much of this machine others take: a limit in seconds holds for a machine that we have to ourselves."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Moment:
    """Seconds of CPU taken until now: by everybody, and by each living process of this test and all it has started."""

    at: float
    everybody: float
    ours: Mapping[int, float]

    @classmethod
    def now(cls) -> Moment:
        """Read /proc (proc_stat(5), proc_pid_stat(5))."""
        user, nice, system, _idle, _wait, *stolen = map(
            int, Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]
        )
        busy = user + nice + system + sum(stolen)
        return cls(time.monotonic(), busy / TICKS, _tree(os.getpid()))

    def others_since(self, earlier: Moment) -> float:
        """The share of the machine that others took since then, from 0 to 0.9.

        What a process took that has been killed meanwhile counts as others'.
        """
        ours = sum(taken - earlier.ours.get(pid, 0.0) for pid, taken in self.ours.items())
        taken = self.everybody - earlier.everybody - ours
        return min(max(taken / CORES / max(self.at - earlier.at, 0.1), 0.0), 0.9)


def stretched(limit: float, others: float) -> float:
    """What a limit in seconds comes to where others took this share of the machine."""
    return limit / (1 - others)


def _tree(root: int) -> dict[int, float]:
    """Seconds of a process, with those of its children that have been waited for, and of its living descendants."""
    ticks, parents = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has just ended
            parents[int(folder.name)] = int(fields[1])
            ticks[int(folder.name)] = sum(map(int, fields[11 : 15 if folder.name == str(root) else 13]))
    own = {root}
    for pid in sorted(parents):
        if parents[pid] in own:
            own.add(pid)
    return {pid: ticks[pid] / TICKS for pid in own if pid in ticks}
