"""Processes, the log, and the service as a whole."""

from __future__ import annotations

from config.events.event import Event

EVENTS = (
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
    Event(
        "process.clock_jumped",
        "warning",
        "The wall clock was set by so many seconds; calls and registrations go by another and do not notice.",
        ("seconds",),
    ),
    Event(
        "process.stalled",
        "warning",
        "The event loop was held up for so long: messages and timers waited. At most one line in 10 seconds.",
        ("milliseconds",),
    ),
    Event("process.crashed", "error", "An exception that nobody caught ended the process."),
    Event("process.output", "warning", "A process wrote a line that is not an event.", ("name", "line")),
    Event("process.refused", "error", "A process cannot start; `reason` says what to mend.", ("reason",)),
    Event("service.ready", "info", "Every process is ready: calls are accepted."),
    Event(
        "service.stopping",
        "info",
        "The service was told to stop; calls in progress may go on for calls.drain seconds.",
    ),
    Event("log.dropped", "warning", "Lines were dropped because stdout was not read.", ("lines",)),
    Event(
        "log.omitted",
        "warning",
        "So many lines of an event were left out, because there were too many in one second.",
        ("lines", "name"),
    ),
)
