"""SIP: messages, registrations, subscriptions, trunks, and who is let in."""

from __future__ import annotations

from config.events.event import Event

EVENTS = (
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
