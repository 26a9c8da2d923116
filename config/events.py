"""The vocabulary of the log: every event's name, level, meaning and fields, as data.

A test holds the code to it: each `log.<level>("x.y", ...)` uses a name of this table at its level with its
fields, and each name is used. The page docs/events.md is printed from it by `python -m scripts.write_docs`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["debug", "info", "warning", "error"]

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
    Event(
        "library.warning", "warning", "A library warned through Python's own logging.", ("library", "message")
    ),
    Event(
        "library.error",
        "error",
        "A library reported an error through Python's own logging.",
        ("library", "message"),
    ),
    Event(
        "auth.refused",
        "warning",
        "Credentials were wrong; `reason` says how, the sender only sees another challenge.",
        ("method", "reason", "source", "username"),
    ),
    Event(
        "auth.blocked",
        "warning",
        "Too many wrong passwords from one address: nothing from it is heard for so many seconds.",
        ("failures", "seconds", "source"),
    ),
    Event("call.answered", "info", "A device or somebody elsewhere took the call.", ("device", "trunk")),
    Event(
        "call.deflected",
        "info",
        "A phone that rang says who is to be called instead (302): that is its user's redirect.",
        ("device",),
    ),
    Event(
        "call.device_failed", "info", "A device refused the call or cannot be reached.", ("code", "device")
    ),
    Event(
        "call.ended",
        "info",
        "The call is over; `seconds` counts from its INVITE.",
        ("code", "hung_up_by", "outcome", "seconds"),
    ),
    Event(
        "call.redirected",
        "info",
        "A redirect of user `by` takes the call to user `to`.",
        ("by", "cause", "to"),
    ),
    Event(
        "call.redirects_exhausted",
        "info",
        "As many calls of user `by` are redirected elsewhere as calls.redirected allows: this one is not.",
        ("by",),
    ),
    Event("call.rejoined", "info", "The call has sound again after the relay was restarted.", ()),
    Event("call.restored", "info", "A call that was answered before the start goes on.", ()),
    Event(
        "call.snapshot_dropped",
        "error",
        "What was kept of a call cannot be used: a restart of signalling ends or has ended it.",
        ("reason",),
    ),
    Event("call.ringing", "info", "The caller hears that it rings.", ()),
    Event(
        "call.silent",
        "warning",
        "No sound came from either side for media.silence_timeout: the call is ended.",
        (),
    ),
    Event(
        "call.started",
        "info",
        "A call arrived and its plan is made; `rule` decided it.",
        ("called_user", "dialled", "rule"),
    ),
    Event(
        "call.trunk_failed",
        "info",
        "A trunk refused the call or, where there is no code, said nothing; the next one is tried, if any.",
        ("code", "trunk"),
    ),
    Event("call.step", "info", "The next step of the plan begins, on this cause.", ("cause", "step")),
    Event(
        "control.failed",
        "error",
        "A request on the control socket could not be answered because of a fault.",
        ("do",),
    ),
    Event(
        "emergency.called",
        "info",
        "Somebody calls an emergency number; `number` is shown, and reaches its user for an hour whatever is set.",
        ("code", "number"),
    ),
    Event(
        "greeting.changed",
        "info",
        "A user recorded a greeting by telephone.",
        ("mailbox", "occasion"),
    ),
    Event(
        "greeting.removed",
        "info",
        "A user went back to the system's greeting by telephone.",
        ("mailbox", "occasion"),
    ),
    Event(
        "mailbox.answered",
        "info",
        "A mailbox took the call; `service` says whether for a message (deposit) or as the voice portal (portal).",
        ("service",),
    ),
    Event(
        "mailbox.clean_up_failed",
        "error",
        "Old messages, or mailboxes of users long deleted, could not be removed; it is tried again in an hour.",
        ("reason",),
    ),
    Event(
        "mailbox.disk_full",
        "error",
        "There is no room for a message: callers are told so.",
        ("mailbox",),
    ),
    Event(
        "mailbox.failed",
        "info",
        "No media worker could take the call; the plan goes on.",
        ("mailbox", "service"),
    ),
    Event(
        "mailbox.message_dropped",
        "info",
        "A recording with too little sound in it was not kept.",
        ("mailbox", "message"),
    ),
    Event(
        "mailbox.expired",
        "info",
        "So many messages were older than voicemail.keep_days and are gone.",
        ("mailbox", "messages"),
    ),
    Event("mailbox.message_deleted", "info", "A user deleted a message.", ("mailbox", "message")),
    Event(
        "mailbox.message_restored", "info", "A user took back that it was deleted.", ("mailbox", "message")
    ),
    Event("mailbox.message_saved", "info", "A new message was heard or saved.", ("mailbox", "message")),
    Event("mailbox.message_stored", "info", "A message is safe on disk.", ("mailbox", "message", "seconds")),
    Event(
        "mailbox.owner_not_told",
        "error",
        "A message is stored, but its owner cannot be told of it now; that is tried again at the next start.",
        ("mailbox", "message", "reason"),
    ),
    Event(
        "mailbox.purge_failed",
        "error",
        "What a caller deleted or dropped could not be removed from the disk; the next start does.",
        ("error", "mailbox"),
    ),
    Event(
        "mailbox.message_damaged",
        "error",
        "What is known of a message cannot be read: it is left out until its .json file is mended or removed.",
        ("mailbox", "message", "reason"),
    ),
    Event(
        "mailbox.recording_cut",
        "error",
        "The disk filled while a caller spoke: the message ends there, is kept as far as it came, and marked.",
        ("mailbox", "seconds", "session"),
    ),
    Event("mailbox.removed", "info", "The mailbox of a user who was deleted long ago is gone.", ("mailbox",)),
    Event(
        "mailbox.repair_failed",
        "error",
        "A recording that was interrupted cannot be read; it stays where it is.",
        ("error", "mailbox", "message"),
    ),
    Event(
        "mailbox.repaired",
        "info",
        "A recording that was interrupted was dealt with at the start; `kept` says whether it is a message now.",
        ("kept", "mailbox", "message", "seconds"),
    ),
    Event("mailbox.resumed", "info", "Another media worker went on where the lost one was.", ()),
    Event(
        "mailbox.store_failed",
        "error",
        "A recording could not be stored; it is tried again each minute, and at the next start.",
        ("error", "mailbox", "message"),
    ),
    Event("media.connected", "info", "The media host is there again.", ()),
    Event(
        "media.errand_failed",
        "error",
        "Something a caller asked of the mailbox or of the users' side failed; the caller was told.",
        ("errand", "mailbox", "reason", "session"),
    ),
    Event(
        "media.gone",
        "error",
        "The media host has gone: callers get the plan's next step until it is back.",
        (),
    ),
    Event("media.refused", "warning", "The media host took no caller.", ("reason",)),
    Event(
        "media.session_ended",
        "info",
        "A caller's session in a mailbox is over.",
        ("mailbox", "service", "session", "why"),
    ),
    Event(
        "media.session_failed",
        "error",
        "A session ended because of a fault.",
        ("mailbox", "reason", "service", "session"),
    ),
    Event(
        "media.session_lost",
        "warning",
        "The worker died under a session; another one goes on with it.",
        ("mailbox", "service", "session"),
    ),
    Event(
        "media.session_started",
        "info",
        "A caller reached a mailbox.",
        ("mailbox", "service", "session", "worker"),
    ),
    Event("media.worker_ended", "info", "A worker ended as it was told to.", ("calls", "pid", "worker")),
    Event(
        "media.worker_failed",
        "error",
        "A worker could not be started, or broke its protocol.",
        ("reason", "worker"),
    ),
    Event("media.worker_lost", "error", "A worker died.", ("pid", "reason", "worker")),
    Event(
        "media.worker_started", "info", "A worker is ready for callers.", ("address", "pid", "port", "worker")
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
    Event(
        "owners.message_untold",
        "error",
        "A message is kept, but because of a fault its owner is not told of it by mail.",
        ("message",),
    ),
    Event(
        "owners.unavailable",
        "error",
        "The media host cannot use the database: nobody gets into the voice portal, and so many new messages wait "
        "to be told of. It is tried again; messages are taken as ever.",
        ("reason", "waiting"),
    ),
    Event(
        "portal.locked",
        "warning",
        "Wrong PINs have locked a user's voice portal until then; a new PIN unlocks it.",
        ("until",),
    ),
    Event("portal.opened", "info", "A user was let into the voice portal.", ("mailbox", "session")),
    Event("portal.pin_changed", "info", "A user set a new PIN by telephone.", ("mailbox", "session")),
    Event(
        "portal.refused",
        "warning",
        "The voice portal stayed shut: no-pin, wrong or locked.",
        ("mailbox", "reason", "session"),
    ),
    Event("process.refused", "error", "A process cannot start; `reason` says what to mend.", ("reason",)),
    Event(
        "registration.added",
        "info",
        "A device signed on.",
        ("expires_in", "source", "user_agent", "username"),
    ),
    Event(
        "registration.refused",
        "warning",
        "A verified device asked for something that is not allowed.",
        ("code", "reason", "username"),
    ),
    Event("registration.removed", "info", "A device signed off, or was signed off.", ("reason", "username")),
    Event(
        "registration.restored",
        "info",
        "So many registrations were taken over from before the start.",
        ("bindings",),
    ),
    Event("relay.connected", "info", "The relay is there again.", ()),
    Event("relay.failed", "warning", "The relay could not carry out a command for one call.", ("reason",)),
    Event(
        "relay.gone",
        "error",
        "The relay has gone: calls have no sound until it is back, and end if that takes 10 seconds.",
        (),
    ),
    Event(
        "relay.orphans_deleted",
        "info",
        "So many relay sessions of calls that were lost with an earlier process were ended.",
        ("sessions",),
    ),
    Event("relay.refused", "warning", "The relay could not open a session.", ("reason",)),
    Event(
        "relay.sound_missing",
        "warning",
        "A tone or announcement is not there, or of another format: callers will not hear it.",
        ("reason", "sound"),
    ),
    Event(
        "settings.changed", "info", "The settings were read again; the next call follows them.", ("version",)
    ),
    Event(
        "sip.buffer_clamped",
        "warning",
        "The kernel gives the socket a smaller receive buffer than asked: raise net.core.rmem_max.",
        ("asked", "granted"),
    ),
    Event(
        "sip.connection_cut",
        "warning",
        "A TCP connection was ended by us: nobody known used it in time, or its peer does not read.",
        ("reason", "source"),
    ),
    Event(
        "sip.connection_failed",
        "info",
        "A peer could not be connected to by TCP; what goes by TCP only because it is long goes by UDP then.",
        ("reason", "remote"),
    ),
    Event(
        "sip.connections_exhausted",
        "warning",
        "A TCP connection was refused: too many at once; said again only after one has ended.",
        ("reason", "source"),
    ),
    Event(
        "sip.fault",
        "error",
        "A message was lost because of a fault of ours; everything else goes on.",
        ("source", "reason"),
    ),
    Event(
        "sip.message_refused",
        "warning",
        "Something arrived that is no usable SIP.",
        ("code", "reason", "size", "source"),
    ),
    Event(
        "sip.overloaded",
        "warning",
        "More datagrams wait than sip.receive_queue: strangers are dropped first, new calls and registrations get 503.",
        ("waiting",),
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
        "subscription.added",
        "info",
        "A device has subscribed to its messages: its lamp is told in this subscription.",
        ("expires_in", "source", "username"),
    ),
    Event(
        "subscription.refused",
        "warning",
        "A device may not subscribe to what it asked for, or has too many subscriptions.",
        ("code", "reason", "username"),
    ),
    Event(
        "subscription.removed",
        "info",
        "A subscription is over; `told` says whether the device has heard so.",
        ("told", "username"),
    ),
    Event(
        "trunk.contact_rewritten",
        "info",
        "A carrier keeps another Contact for us than we named, as border controllers make it; its time counts.",
        ("contact", "seconds", "trunk"),
    ),
    Event("trunk.down", "warning", "A trunk does not answer: calls try it last.", ("address", "trunk")),
    Event(
        "trunk.fault",
        "error",
        "Something failed that should not; it concerns this trunk alone.",
        ("trunk",),
    ),
    Event(
        "trunk.registered",
        "info",
        "A carrier took our registration, for the first time or after a failure.",
        ("seconds", "trunk"),
    ),
    Event(
        "trunk.registration_failed",
        "warning",
        "A carrier refused our registration (`code`), or said nothing (408, 503); 0: it has no address.",
        ("again_in", "code", "trunk"),
    ),
    Event(
        "trunk.resolved",
        "info",
        "A trunk's addresses were found, or are others than before.",
        ("addresses", "trunk"),
    ),
    Event(
        "trunk.suspect",
        "warning",
        "A call met silence: others try this trunk later until it answers.",
        ("address", "trunk"),
    ),
    Event(
        "trunk.unresolved",
        "warning",
        "A trunk's name has no address now; those known before stay in force.",
        ("reason", "trunk"),
    ),
    Event("trunk.up", "info", "A trunk that was down or suspect answers again.", ("address", "trunk")),
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
