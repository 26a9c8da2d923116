"""The log of every process: structlog, one event a line on stdout, as JSON or coloured for a terminal.

A process calls `configure("signalling", settings.log)` once, then every module has
`log = structlog.get_logger()` and writes `log.info("call.answered", call_id=..., leg=...)` with a name from
`config.events`. What concerns one call is bound: `log.bind(call_id=...)` on a logger, or
`structlog.contextvars.bound_contextvars(call_id=..., leg=..., user=...)` around a block.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from io import TextIOWrapper
from typing import Any, Literal, Protocol, cast

import msgspec
import structlog
from structlog.typing import EventDict, WrappedLogger

from config.tables import LogSettings

HOLD = 0.02
"""Seconds that a line may wait for others to be written with, in a process that holds its lines."""
SECRET_WORDS = frozenset(
    {"password", "passwords", "pin", "secret", "secrets", "authorization", "ha1", "nonce"}
)
MASK = "***"
PLAIN = (str, int, float, type(None))
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

Render = Callable[[EventDict], str]
_encoder = msgspec.json.Encoder(enc_hook=str)


class LineStream(Protocol):
    """What the log needs of the stream it writes to; every text file has it."""

    def write(self, text: str, /) -> object:
        """Take one line with its end."""

    def flush(self) -> None:
        """Let the reader see what was written."""

    def isatty(self) -> bool:
        """Whether a person reads it."""


@lru_cache(maxsize=1024)
def is_secret(key: str) -> bool:
    """Whether a field of this name is never printed: a secret's word is in it, as in `voice_portal_pin`."""
    return not SECRET_WORDS.isdisjoint(re.split(r"[^a-z0-9]+", key.lower()))


def mask_secrets(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with the values of secret ones replaced, those in nested mappings too."""
    return {
        key: MASK
        if is_secret(key)
        else mask_secrets(value)
        if not isinstance(value, PLAIN) and isinstance(value, Mapping)
        else value
        for key, value in fields.items()
    }


def to_json(event: EventDict) -> str:
    """One event as one line of JSON."""
    try:
        return msgspec.json.format(_encoder.encode(event), indent=0).decode()
    except UnicodeEncodeError:
        # A peer sent bytes that are no text: they are shown escaped.
        return json.dumps(event, default=str)


def console_renderer(colours: bool) -> Render:
    """One event as a line for people: local time of day, level, process, name, then the fields."""
    renderer = structlog.dev.ConsoleRenderer(
        colors=colours, timestamp_key="time", pad_event_to=26, sort_keys=False
    )

    def render(event: EventDict) -> str:
        event = dict(event)
        process = event.pop("process", "")
        if time := event.get("time"):
            event["time"] = f"{datetime.fromisoformat(time).astimezone():%H:%M:%S.%f}"[:-3]
        event["event"] = f"{process:<11} {event.get('event', '')}"
        return str(renderer(None, str(event.get("level", "info")), event))

    return render


def renderer_for(form: Literal["auto", "json", "console"], stream: LineStream) -> Render:
    """How events become lines on `stream`: `auto` is the console's form on a terminal, else JSON."""
    terminal = stream.isatty()
    if form == "console" or (form == "auto" and terminal):
        return console_renderer(terminal)
    return to_json


class LineWriter:
    """Where finished lines go: to the stream at once, or a few at a time once `hold` was called.

    A line that waits costs no system call of its own and does not wake the reader. A warning or an error
    waits for nobody, and takes with it what was held before it.
    """

    def __init__(self, stream: LineStream) -> None:
        self._stream = stream
        self._held: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.get_ident()

    def hold(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on lines of this thread, which runs the loop, may wait for `HOLD` seconds."""
        self._loop, self._thread = loop, threading.get_ident()

    def release(self) -> None:
        """Write what is held, and every line at once from now on: the loop ends."""
        self._loop = None
        self._write_out()

    def info(self, line: str) -> None:
        """Take a line that may wait."""
        if self._loop is None or threading.get_ident() != self._thread:
            self.warning(line)
            return
        if not self._held:
            self._loop.call_later(HOLD, self._write_out)
        self._held.append(line)

    debug = info

    def warning(self, line: str) -> None:
        """Write a line at once."""
        self._held.append(line)
        self._write_out()

    error = warning

    def _write_out(self) -> None:
        lines, self._held = self._held, []
        if lines:
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()


class _Foreign(logging.Handler):
    """Brings what libraries say through the standard `logging` into the same log."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        failure = record.exc_info if record.exc_info and record.exc_info[0] else None
        if record.levelno >= logging.ERROR:
            log.error("library.error", library=record.name, message=record.getMessage(), exc_info=failure)
        else:
            log.warning("library.warning", library=record.name, message=record.getMessage())


def configure(process: str, settings: LogSettings, stream: LineStream | None = None) -> LineWriter:
    """Set up the log of this process; `process` is in every line. `stream` is stdout unless given."""
    if stream is None:
        # A peer may send bytes that are no text; the line shows them escaped.
        cast(TextIOWrapper, sys.stdout).reconfigure(errors="backslashreplace")
        stream = sys.stdout
    render = renderer_for(settings.format, stream)
    lines = LineWriter(stream)

    def finish(_logger: WrappedLogger, level: str, event: EventDict) -> str:
        """All there is to do in one step: a processor for each part made a line cost three times as much."""
        name = event.pop("event")
        if "exc_info" in event:
            event = structlog.processors.format_exc_info(_logger, level, event)
        time = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return render(
            {"time": time, "level": level, "process": process, "event": name, **mask_secrets(event)}
        )

    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, finish],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[settings.level]),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Foreign()], level=logging.WARNING, force=True)
    logging.captureWarnings(True)
    sys.excepthook = _report_crash
    return lines


def announce_ready() -> None:
    """Say `process.ready`, whatever `log.level` is: the supervisor waits for it."""
    log = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(0))
    log.info("process.ready")


def _report_crash(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """An exception nobody caught ends the process; it is the log's last line, not loose text on stderr."""
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger().error("process.crashed", exc_info=(kind, error, trace))
