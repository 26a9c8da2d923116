"""What we can do, as we say it in our messages (RFC 3261 §20.5, §20.37, RFC 6665 §7.2)."""

from __future__ import annotations

from b2bua.sip.text.body import SDP
from b2bua.sip.text.compose import Header

RELIABLY = "100rel"
"""The option tag of reliable provisional responses (RFC 3262 §8.1)."""

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "INFO", "PRACK", "UPDATE", "SUBSCRIBE")
# Methods we know of and do not allow: 405, while one that nobody knows gets 501 (RFC 3261 §8.2.1, §21.5.2).
OTHER_METHODS = ("PUBLISH", "REFER", "MESSAGE")
# We subscribe to nothing, so no NOTIFY is for us: 481, as for any that no subscription takes (RFC 6665 §4.1.3).
TAKEN_BY_NONE = "NOTIFY"
KNOWN_METHODS = frozenset((*METHODS, *OTHER_METHODS, TAKEN_BY_NONE))
# Option tags we understand in Require (RFC 3261 §8.2.2.3); in Supported we offer the same.
EXTENSIONS = frozenset({RELIABLY})
# In a REGISTER also those of the registrar (RFC 3327 §4).
REGISTRAR_EXTENSIONS = EXTENSIONS | {"path"}
# The event packages that may be subscribed to.
PACKAGES = ("message-summary",)

ALLOW: tuple[Header, ...] = (("Allow", ", ".join(METHODS)),)
SUPPORTED: tuple[Header, ...] = (("Supported", ", ".join(sorted(EXTENSIONS))),)
ALLOW_EVENTS: tuple[Header, ...] = (("Allow-Events", ", ".join(PACKAGES)),)
ACCEPT: tuple[Header, ...] = (("Accept", f"{SDP}, multipart/mixed, multipart/alternative"),)
UNDERSTOOD: tuple[Header, ...] = (*ACCEPT, ("Accept-Encoding", "identity"))
"""For the refusal of a body (RFC 3261 §21.4.13)."""
CAPABILITIES: tuple[Header, ...] = (
    *ALLOW,
    ("Supported", ", ".join(sorted(REGISTRAR_EXTENSIONS))),
    *ALLOW_EVENTS,
    *ACCEPT,
)
"""For the answer to OPTIONS (RFC 3261 §11.2)."""
