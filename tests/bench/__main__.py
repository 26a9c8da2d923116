"""`python -m tests.bench [NAME …] [--quick]`: take the figures, print them, write them to build/bench.json."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.bench import calls, media
from tests.bench.delay import delay
from tests.bench.figures import Figure, table, write
from tests.bench.pinning import TooFewCores, cores, pin
from tests.bench.runs import FULL, QUICK, Pace
from tests.bench.subject import Ringplan

BENCHMARKS: dict[str, Callable[[Path, Pace], Iterator[Figure]]] = {
    "call": lambda folder, pace: calls.call(
        Ringplan, folder, pace, (50, 100, 300) if pace is FULL else (100,)
    ),
    "max": partial(calls.max_rate, Ringplan),
    "delay": partial(delay, Ringplan),
    "auth": calls.auth_call,
    "registration": partial(calls.registration, Ringplan),
    "memory": partial(calls.memory, Ringplan),
    "relay": media.relay,
    "voicemail": media.voicemail,
}
RESULT = Path("build/bench.json")


def main() -> int:
    """Run the benchmarks that are named, all by default."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="short runs, once each: for a first look")
    parser.add_argument("--keep", action="store_true", help="keep SIPp's files, and say where they are")
    parser.add_argument("--json", type=Path, default=RESULT, help=f"where the figures go ({RESULT})")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    try:
        pin(cores()[1])
    except TooFewCores as error:
        print(error, file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    figures: list[Figure] = []
    for name in chosen.names or BENCHMARKS:
        for figure in BENCHMARKS[name](folder / name, QUICK if chosen.quick else FULL):
            figures.append(figure)
            print(table([figure]).split("\n")[1], flush=True)
    print(f"\n{table(figures)}\n")
    write(chosen.json, figures, circumstances(chosen.quick))
    if chosen.keep:
        print(f"SIPp's files are in {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if any(figure.problem for figure in figures) else 0


def circumstances(quick: bool) -> dict[str, object]:
    """What must be known to compare figures."""
    return {
        "taken": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "quick": quick,
        "machine": {"processor": processor(), "cores": os.cpu_count(), "system": platform.platform()},
        "python": platform.python_version(),
        "with": "call plan, relay set-up, call log, trace",
    }


def processor() -> str:
    """The processor's name as the kernel has it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


if __name__ == "__main__":
    sys.exit(main())
