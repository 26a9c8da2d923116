"""The vocabulary of the log: every event's name, level, meaning and fields, as data, in a file for each area.

A test holds the code to it: each `log.<level>("x.y", ...)` uses a name of this table at its level with its
fields, and each name is used. The page docs/events.md is printed from it by `python -m scripts.write_docs`.
"""

from __future__ import annotations

from config.events import calls, media, processes, provisioning, sip
from config.events.event import Event

COMMON_FIELDS: dict[str, str] = {
    "time": "when, in UTC, ISO 8601 with microseconds",
    "level": "debug, info, warning or error",
    "process": "who says it: supervisor, signalling, relay, media, worker, provisioning or cli",
    "event": "the name, from the tables below",
    "call_id": "the Call-ID of the caller's leg, where the event belongs to a call",
    "leg": "which leg of the call",
    "user": "the user's id, where the event belongs to one",
    "exception": "the traceback, where something failed that should not",
}

EVENTS: tuple[Event, ...] = (
    *processes.EVENTS,
    *sip.EVENTS,
    *calls.EVENTS,
    *media.EVENTS,
    *provisioning.EVENTS,
)
BY_NAME: dict[str, Event] = {event.name: event for event in EVENTS}


def as_markdown() -> str:
    """docs/events.md: the common fields, then one table for each family of events."""
    lines = [
        "# Events in the log",
        "",
        "<!-- Printed from config/events/ by `python -m scripts.write_docs` -->",
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
