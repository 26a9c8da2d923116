"""What a request is refused with for what it is, before anybody asks what it is about (RFC 3261 §8.2.1 to §8.2.3).

A merged request (482) is found by the transaction layer, which knows the others.
"""

from __future__ import annotations

from typing import NamedTuple

from b2bua.sip.text.address import parse_party
from b2bua.sip.text.capabilities import (
    ALLOW,
    ALLOW_EVENTS,
    EXTENSIONS,
    METHODS,
    OTHER_METHODS,
    PACKAGES,
    REGISTRAR_EXTENSIONS,
    TAKEN_BY_NONE,
    UNDERSTOOD,
)
from b2bua.sip.text.compose import Header
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.event import event_type
from b2bua.sip.text.message import Request

MAX_CONTACTS = 20
"""Contacts of a REGISTER that are looked at before its sender has shown credentials."""
IN_DIALOG = frozenset({"BYE", "INFO", "PRACK", "UPDATE"})
"""Methods that exist only inside a dialog."""


class Objection(NamedTuple):
    """The refusal of a request: status code, headers, and the reason phrase where it is not the standard one."""

    code: int
    headers: tuple[Header, ...] = ()
    reason: str | None = None


def objection(request: Request) -> Objection | None:
    """What speaks against any request, in a dialog or not: its method, and the extensions that it requires."""
    method = request.method
    if method == TAKEN_BY_NONE:
        return Objection(481)
    if method not in METHODS:
        return Objection(405 if method in OTHER_METHODS else 501, ALLOW)
    understood = REGISTRAR_EXTENSIONS if method == "REGISTER" else EXTENSIONS
    if unknown := request.tokens("require") - understood:
        return Objection(420, (("Unsupported", ", ".join(sorted(unknown))),))
    return None


def opening_objection(request: Request) -> Objection | None:
    """What speaks against a request that is in no dialog, whoever sends it.

    Raises BadMessage (400, 416) where a header that is needed cannot be read.
    """
    method = request.method
    _ = request.uri  # 416 or 400 at once, whatever becomes of it
    if method == "INVITE":
        if request.integer("max-forwards", 70) == 0:
            # A call is passed on; nothing else is.
            return Objection(483)
        if request.contact is None and ("contact" in request.headers or not request.from_.uri.is_sip):
            return Objection(400, reason="Bad Contact")
        return None if request.content.understood else Objection(415, UNDERSTOOD)
    if method == "REGISTER":
        _check_registration(request)
        return None
    if method == "SUBSCRIBE":
        if event_type(request).package not in PACKAGES:
            return Objection(489, ALLOW_EVENTS)
        return Objection(400, reason="Missing Contact") if request.contact is None else None
    return Objection(481) if method in IN_DIALOG else None


def _check_registration(request: Request) -> None:
    """What nobody could register is refused before its sender is asked for credentials."""
    if not request.to.uri.is_sip:
        # RFC 3261 §10.3: the address of record is a SIP URI.
        raise BadMessage(400, "Bad To")
    if request.get("contact") != "*":
        for value in request.values("contact")[:MAX_CONTACTS]:
            if not parse_party(value).uri.is_sip:
                raise BadMessage(400, "Bad Contact")
