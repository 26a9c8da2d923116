"""Where the log lines of all processes meet: each goes to stdout, and as JSON to the log file.

Calls must go on when nobody reads stdout (a stopped terminal, a full pipe). So a thread writes it from a
bounded queue, and lines that do not fit are dropped and counted.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from pathlib import Path
from typing import TextIO

import structlog

from config.logging import Render

log = structlog.get_logger()

QUEUE_LINES = 10_000
FLUSH_LIMIT = 2.0
"""Seconds that `close` waits for stdout to take what is queued."""


class LogFile:
    """A file that is appended to and survives rotation: when its path names another file, that is opened.

    A write that fails is reported once on stderr and tried again with the next line; the log of a service
    whose disk is full goes on on stdout.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO | None = None
        self._identity: tuple[int, int] | None = None
        self._failed = False

    def write(self, line: str) -> None:
        """Append one line; the end of line is added."""
        try:
            file = self._current()
            file.write(line + "\n")
            file.flush()
            self._failed = False
        except OSError as error:
            self.close()
            if not self._failed:
                print(f"{self.path}: the log file cannot be written: {error.strerror}", file=sys.stderr)
            self._failed = True

    def close(self) -> None:
        """Close the file; the next line opens it again (SIGHUP after a rotation)."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError:
                self._failed = True

    def _current(self) -> TextIO:
        if self._file is not None:
            try:
                now = os.stat(self.path)  # noqa: PTH116
            except FileNotFoundError:
                self.close()
            else:
                if (now.st_dev, now.st_ino) != self._identity:
                    self.close()
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = self.path.open("a", encoding="utf-8")
            self.path.chmod(0o600)
            status = os.fstat(self._file.fileno())
            self._identity = (status.st_dev, status.st_ino)
        return self._file


class LogStream:
    """The merged log. Also the text stream that the supervisor's own structlog writes to."""

    def __init__(self, stdout: TextIO, render: Render | None, file: LogFile) -> None:
        """`render` turns an event into the line for stdout; None passes the JSON line on as it is."""
        self.file = file
        self._stdout = stdout
        self._render = render
        self._lines: queue.Queue[str | None] = queue.Queue(QUEUE_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write_stdout, name="stdout", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """One JSON line of ours, its end of line included."""
        self.event(text.rstrip("\n"))

    def flush(self) -> None:
        """Nothing is held back: the writing thread flushes."""

    def isatty(self) -> bool:
        """Never: our own events are taken as JSON and rendered like those of the other processes."""
        return False

    def event(self, line: str) -> None:
        """One event as a line of JSON, from any of the processes."""
        self.file.write(line)
        self.say(line if self._render is None else self._render(json.loads(line)))

    def say(self, text: str) -> None:
        """A line for people, on stdout only."""
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self._dropped += 1
            return
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            log.warning("log.dropped", lines=dropped)

    def close(self) -> None:
        """Wait a little until stdout has taken what is queued, then close the file."""
        try:
            self._lines.put(None, timeout=FLUSH_LIMIT)
        except queue.Full:
            self._dropped += 1
        self._thread.join(FLUSH_LIMIT)
        self.file.close()

    def _write_stdout(self) -> None:
        try:
            while (line := self._lines.get()) is not None:
                self._stdout.write(line + "\n")
                if self._lines.empty():
                    self._stdout.flush()
            self._stdout.flush()
        except (OSError, ValueError):  # the reader is gone, or the stream is closed: the file goes on
            while self._lines.get() is not None:
                pass
