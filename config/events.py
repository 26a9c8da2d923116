"""The vocabulary of the log: every event's name, level, meaning and fields, as data.

A test holds the code to it: each `log.<level>("x.y", ...)` uses a name of this table at its level with its
fields, and each name is used. docs/events.md is printed from it by `python -m scripts.write_docs`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["debug", "info", "warning", "error"]

COMMON_FIELDS: dict[str, str] = {
    "time": "when, in UTC, ISO 8601 with microseconds",
    "level": "debug, info, warning or error",
    "process": "who says it: supervisor, signalling, relay, media, worker or cli",
    "event": "the name, from the tables below",
    "call_id": "the Call-ID of the caller's leg, where the event belongs to a call",
    "leg": "which leg of the call",
    "user": "the user's id, where the event belongs to one",
    "exception": "the traceback, where something failed that should not",
}


class Event(NamedTuple):
    """One entry: the level it is always written at, what it means, and the fields beyond the common ones."""

    name: str
    level: Level
    meaning: str
    fields: tuple[str, ...] = ()


EVENTS: tuple[Event, ...] = (
    Event("process.started", "info", "The supervisor started a process.", ("name", "pid")),
    Event(
        "process.not_started",
        "error",
        "The machine could not start a process; it is tried again.",
        ("name", "reason"),
    ),
    Event("process.ready", "info", "A process accepts work."),
    Event("process.ended", "info", "A process ended as it was told to.", ("name", "pid", "code")),
    Event(
        "process.died",
        "warning",
        "A process ended by itself; it is started again.",
        ("name", "pid", "code", "again_in"),
    ),
    Event(
        "process.killed", "warning", "A process did not end in time and was killed.", ("name", "pid", "after")
    ),
    Event("process.crashed", "error", "An exception that nobody caught ended the process."),
    Event("process.output", "warning", "A process wrote a line that is not an event.", ("name", "line")),
    Event("service.ready", "info", "Every process is ready: calls are accepted."),
    Event(
        "service.stopping",
        "info",
        "The service was told to stop; calls in progress may go on for calls.drain seconds.",
    ),
    Event("log.dropped", "warning", "Lines were dropped because stdout was not read.", ("lines",)),
    Event(
        "library.warning", "warning", "A library warned through Python's own logging.", ("library", "message")
    ),
    Event(
        "library.error",
        "error",
        "A library reported an error through Python's own logging.",
        ("library", "message"),
    ),
)

BY_NAME: dict[str, Event] = {event.name: event for event in EVENTS}


def as_markdown() -> str:
    """docs/events.md: the common fields, then one table for each family of events."""
    lines = [
        "# Events in the log",
        "",
        "<!-- Printed from config/events.py by `python -m scripts.write_docs` -->",
        "",
        "Every line of the log is one event. `ringplan run` writes them to stdout and, as JSON, to",
        "`log.file`, which `ringplan logs -f` follows. No event holds a password, a PIN or a number",
        "that a caller withheld.",
        "",
        "| Field | Meaning |",
        "|---|---|",
        *(f"| `{name}` | {meaning} |" for name, meaning in COMMON_FIELDS.items()),
    ]
    family = ""
    for event in sorted(EVENTS):
        if (head := event.name.partition(".")[0]) != family:
            family = head
            lines += ["", f"## {family}", "", "| Event | Level | Meaning | Fields |", "|---|---|---|---|"]
        fields = ", ".join(f"`{field}`" for field in event.fields)
        lines.append(f"| `{event.name}` | {event.level} | {event.meaning} | {fields} |")
    return "\n".join(lines) + "\n"
