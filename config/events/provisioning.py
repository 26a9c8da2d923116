"""Settings, the database, and telling people."""

from __future__ import annotations

from config.events.event import Event

EVENTS = (
    Event(
        "settings.changed",
        "info",
        "The settings were read again; the next call follows them. `by` names who changed them since.",
        ("by", "version"),
    ),
    Event(
        "control.failed",
        "error",
        "A request on the control socket could not be answered because of a fault.",
        ("do",),
    ),
    Event(
        "store.binding_dropped",
        "error",
        "A registration could not be written and was left out.",
        ("reason", "username"),
    ),
    Event(
        "store.call_dropped",
        "error",
        "A record of the call log could not be written and was left out.",
        ("reason",),
    ),
    Event(
        "store.dialogs_failed",
        "error",
        "Answered calls cannot be put on disk: a restart of signalling would lose them; it is tried again.",
        ("reason",),
    ),
    Event(
        "store.emergencies_failed",
        "error",
        "The numbers that emergency calls showed cannot be written or read: a restart within the hour forgets them.",
        ("reason",),
    ),
    Event(
        "store.read_failed",
        "error",
        "The database could not be read; what is in memory stays in force.",
        ("reason",),
    ),
    Event(
        "store.write_failed",
        "error",
        "The database could not be written; it is tried again.",
        ("backlog", "reason"),
    ),
    Event(
        "notification.delayed",
        "warning",
        "A mail server or webhook did not take something; it is tried again in so many seconds.",
        ("again_in", "attempts", "channel", "kind", "notification", "reason"),
    ),
    Event(
        "notification.fault",
        "error",
        "Something could not be told because of a fault of ours; it is tried again.",
        ("channel", "kind", "notification"),
    ),
    Event(
        "notification.given_up",
        "error",
        "Somebody will not be told of something: it was refused for good, or tried in vain for days.",
        ("attempts", "channel", "kind", "notification", "reason"),
    ),
    Event(
        "notification.off",
        "info",
        "No mail server, or no webhook, is set: what would be told by it is not.",
        ("channel",),
    ),
    Event(
        "notification.queue_failed",
        "error",
        "The queue of notifications could not be read or written; it is tried again.",
        ("reason",),
    ),
    Event(
        "notification.sent",
        "info",
        "A mail server or webhook took something that a user is told.",
        ("channel", "kind", "notification", "waited"),
    ),
)
