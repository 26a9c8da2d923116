"""Sound: the relay and its sessions, mailboxes, greetings and the voice portal."""

from __future__ import annotations

from config.events.event import Event

EVENTS = (
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
)
