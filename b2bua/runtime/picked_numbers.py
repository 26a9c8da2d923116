"""The number that a user picked for a client's calls, until that client signs off (BEHAVIOUR I1, I2)."""

from __future__ import annotations

from b2bua.registrar.bindings import Removal

SIGNED_OFF = frozenset({Removal.UNREGISTERED, Removal.EXPIRED, Removal.WITHDRAWN})
"""How a registration ends that was no lost connection: coming back after one of those is no new sign-on."""


class PickedNumbers:
    """The picked numbers of clients, by SIP username."""

    def __init__(self) -> None:
        self._picked: dict[str, str] = {}

    def of(self, username: str) -> str | None:
        """The number that was picked for this client (E.164), if any."""
        return self._picked.get(username)

    def pick(self, username: str, number: str | None) -> None:
        """From now on this number, `None` for the one that is set."""
        if number is None:
            self._picked.pop(username, None)
        else:
            self._picked[username] = number

    def removed(self, username: str, reason: Removal) -> None:
        """The last registration of a client has ended."""
        if reason in SIGNED_OFF:
            self._picked.pop(username, None)
