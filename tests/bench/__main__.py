"""Take the figures of Ringplan, print them, and write them to build/bench.json. `make bench` runs this."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import calls, media, portal
from tests.bench.delay import delay
from tests.bench.figures import OURS, Figure, shown, table, write
from tests.bench.peers import Kamailio, Sippy
from tests.bench.pinning import TooFewCores, cores, pin
from tests.bench.runs import FULL, QUICK, Pace
from tests.bench.sipp import LoadFailed
from tests.bench.subject import Ringplan, Start

COMPARED: dict[str, Callable[[Start, Path, Pace], Iterator[Figure]]] = {
    "call": calls.call,
    "max": calls.max_rate,
    "delay": delay,
    "registration": calls.registration,
    "memory": calls.memory,
}
"""What peers can do too."""
OWN: dict[str, Callable[[Path, Pace], Iterator[Figure]]] = {
    "auth": calls.auth_call,
    "relay": media.relay,
    "voicemail": media.voicemail,
    "portal": portal.portal,
}
NAMES = (*COMPARED, *OWN)
PEERS: dict[Start, tuple[str, ...]] = {
    Sippy: ("call", "max", "delay", "memory"),
    Kamailio: ("call", "max", "delay", "registration", "memory"),
}
"""sippy's plain B2BUA does not register anybody."""
RESULT = Path("build/bench.json")


FAILURES = (AssertionError, OSError, RuntimeError, TimeoutError, LoadFailed)


def benchmarks(
    names: list[str], peers: bool, pace: Pace, folder: Path
) -> Iterator[tuple[str, Iterator[Figure]]]:
    """The named benchmarks of Ringplan; with `peers` each beside those of the peers that can do the same."""
    for name in names:
        if name in OWN:
            yield name, OWN[name](folder / name, pace)
            continue
        yield name, COMPARED[name](Ringplan, folder / name, pace)
        for peer, able in PEERS.items() if peers else ():
            if name in able:
                title = f"{name}-{peer.__name__.lower()}"
                yield title, COMPARED[name](peer, folder / title, pace)


def main() -> int:
    """Run the benchmarks that are named, all by default."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="short runs, once each: for a first look")
    parser.add_argument(
        "--peers", action="store_true", help="what can be compared, of sippy and Kamailio too"
    )
    parser.add_argument("--keep", action="store_true", help="keep SIPp's files, and say where they are")
    parser.add_argument("--json", type=Path, default=RESULT, help=f"where the figures go ({RESULT})")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(NAMES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    try:
        pin(cores()[1])
    except TooFewCores as error:
        print(error, file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    names = chosen.names or list(COMPARED if chosen.peers else NAMES)
    figures: list[Figure] = []
    failed = False
    for name, taken in benchmarks(names, chosen.peers, QUICK if chosen.quick else FULL, folder):
        try:
            for figure in taken:
                figures.append(figure)
                said = f"{figure.subject} {figure.name} {shown(figure.value)} {figure.verdict}"
                print(said, file=sys.stderr, flush=True)
        except FAILURES as error:
            failed = True
            print(f"{name}: {error}", file=sys.stderr, flush=True)
    print(f"\n{table(figures)}\n")
    write(chosen.json, figures, circumstances(chosen.quick))
    print(f"Written to {chosen.json}.")
    if chosen.keep:
        print(f"SIPp's files are in {folder}.")
    else:
        shutil.rmtree(folder)
    return 1 if failed or any(figure.problem for figure in figures if figure.subject == OURS) else 0


def circumstances(quick: bool) -> dict[str, object]:
    """What must be known to compare figures."""
    described = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True)
    return {
        "taken": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "version": described.stdout.strip() or None,
        "quick": quick,
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "with": ["call plan", "relay", "call log", "trace"],
    }


def processor() -> str:
    """The processor's name as the kernel has it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


if __name__ == "__main__":
    sys.exit(main())
