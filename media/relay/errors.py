"""What can go wrong between signalling and the relay."""

from __future__ import annotations


class RelayError(Exception):
    """The relay refused or could not carry out a command."""


class RelayFull(RelayError):
    """No port pair or session is left: the caller gets 503."""


class NoSession(RelayError):
    """The relay holds no such session: never opened, closed, or ended by silence."""


class RelayGone(RelayError):
    """The relay process has ended, or cannot be reached."""
