"""The transports that we speak, and all that differs between them (RFC 3261 §18)."""

from __future__ import annotations

from enum import Enum


class Transport(Enum):
    """A transport; its value is how Via, the snapshots of calls and the stored bindings name it (RFC 3261 §20.42)."""

    UDP = "UDP", False, False, 5060, "", "_sip._udp"
    TCP = "TCP", True, False, 5060, "tcp", "_sip._tcp"

    _value_: str
    token: str
    """How Via names it; the same as its value, which `Enum` looks up more slowly."""
    reliable: bool
    """Whether it delivers by itself, so that transactions do not retransmit."""
    secure: bool
    """Whether it encrypts, and proves who the server is."""
    port: int
    """The port where none is named (RFC 3261 §19.1.2)."""
    uri_param: str
    """What `transport` says in a URI of ours; empty for UDP, which is meant where a URI names none."""
    service: str
    """How DNS names the service (RFC 3263 §4.1)."""

    def __new__(
        cls, token: str, reliable: bool, secure: bool, port: int, uri_param: str, service: str
    ) -> Transport:
        """Make a member; only its token is its value."""
        member = object.__new__(cls)
        member._value_ = member.token = token
        member.reliable, member.secure, member.port = reliable, secure, port
        member.uri_param, member.service = uri_param, service
        return member

    # `Enum` hashes the name in Python, at each look into a table.
    __hash__ = object.__hash__

    @classmethod
    def named(cls, text: str) -> Transport | None:
        """The transport that a URI's `transport` or a setting names, in any case; `None` for one we do not speak."""
        return _NAMED.get(text.upper())


_NAMED = {transport.value: transport for transport in Transport}
