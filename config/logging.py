"""The log of every process: structlog, one event a line on stdout, as JSON or coloured for a terminal.

A process calls `configure("signalling", settings.log)` once, then every module has
`log = structlog.get_logger()` and writes `log.info("call.answered", call_id=..., leg=...)` with a name from
`config.events`. What concerns one call is bound: `log.bind(call_id=...)` on a logger, or
`structlog.contextvars.bound_contextvars(call_id=..., leg=..., user=...)` around a block.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from io import TextIOWrapper
from typing import Any, Literal, Protocol, TextIO, cast

import structlog
from structlog.typing import EventDict, WrappedLogger

from config.settings import LogSettings

SECRET_WORDS = frozenset(
    {"password", "passwords", "pin", "secret", "secrets", "authorization", "ha1", "nonce"}
)
MASK = "***"
LEADING = ("time", "level", "process", "event")
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

Render = Callable[[EventDict], str]
_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


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


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace the values of secret fields, those in nested mappings too."""
    for key, value in event.items():
        if is_secret(key):
            event[key] = MASK
        elif isinstance(value, Mapping):
            event[key] = mask_secrets(_logger, _method, dict(value))
    return event


def to_json(event: EventDict) -> str:
    """One event as one line of JSON, the time, level, process and name first."""
    ordered = {key: event[key] for key in LEADING if key in event}
    return _encode({**ordered, **event})


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


class _Foreign(logging.Handler):
    """Brings what libraries say through the standard `logging` into the same log."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        failure = record.exc_info if record.exc_info and record.exc_info[0] else None
        if record.levelno >= logging.ERROR:
            log.error("library.error", library=record.name, message=record.getMessage(), exc_info=failure)
        else:
            log.warning("library.warning", library=record.name, message=record.getMessage())


def configure(process: str, settings: LogSettings, stream: LineStream | None = None) -> None:
    """Set up the log of this process; `process` is in every line. `stream` is stdout unless given."""
    if stream is None:
        # A peer may send bytes that are no text; the line shows them escaped.
        cast(TextIOWrapper, sys.stdout).reconfigure(errors="backslashreplace")
        stream = sys.stdout
    render = renderer_for(settings.format, stream)

    def name_process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    def finish(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
        return render(event)

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            name_process,
            mask_secrets,
            structlog.processors.format_exc_info,
            finish,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[settings.level]),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, stream)),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Foreign()], level=logging.WARNING, force=True)
    logging.captureWarnings(True)
    sys.excepthook = _report_crash


def announce_ready() -> None:
    """Say `process.ready`, whatever `log.level` is: the supervisor waits for it."""
    log = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(0))
    log.info("process.ready")


def _report_crash(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """An exception nobody caught ends the process; it is the log's last line, not loose text on stderr."""
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger().error("process.crashed", exc_info=(kind, error, trace))
