"""`ringplan` commands for tests, each in a process of its own that need not import everything first.

One process imports the command line once and forks for each command: that is the same program with the same
environment, without a second of CPU before it does anything. One command at a time.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LIMIT = 90
"""Seconds that a command may take; it is ended then by SIGALRM."""


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str


class Commands:
    """Runs commands, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parent: subprocess.Popen[str] | None = None

    def run(self, arguments: tuple[str, ...], environment: Mapping[str, str]) -> Done:
        """Run `ringplan` with these arguments, and this environment alone."""
        with self._lock, tempfile.TemporaryDirectory(prefix="command-") as folder:
            parent = self._started()
            assert parent.stdin is not None and parent.stdout is not None
            asked = {"arguments": arguments, "environment": dict(environment), "folder": folder}
            try:
                parent.stdin.write(json.dumps(asked) + "\n")
                parent.stdin.flush()
                code = int(parent.stdout.readline())
            except BaseException:
                # Its answer would be taken for that to the next command.
                parent.kill()
                parent.wait()
                raise
            return Done(code, Path(folder, "out").read_text(), Path(folder, "err").read_text())

    def _started(self) -> subprocess.Popen[str]:
        if self._parent is None or self._parent.poll() is not None:
            command = [sys.executable, "-m", "tests.support.commands"]
            pipe = subprocess.PIPE
            self._parent = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
            atexit.register(self._parent.kill)
        return self._parent


def serve() -> None:
    """Read what is asked, a line of JSON each, and answer each with the exit code of a child."""
    from b2bua.cli import main

    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(asked)
            main.main()
            sys.exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(asked: dict[str, object]) -> None:
    """In the child: the environment, arguments and streams of the command."""
    environment, arguments, folder = asked["environment"], asked["arguments"], asked["folder"]
    assert isinstance(environment, dict) and isinstance(arguments, list) and isinstance(folder, str)
    signal.alarm(LIMIT)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["ringplan", *arguments]
    for number, name, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, f"{folder}/out", os.O_WRONLY | os.O_CREAT),
        (2, f"{folder}/err", os.O_WRONLY | os.O_CREAT),
    ):
        opened = os.open(name, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)


if __name__ == "__main__":
    serve()
