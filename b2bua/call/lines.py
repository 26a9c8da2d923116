"""Which lines are in use: busy is decided here, not on the phone (BEHAVIOUR B1)."""

from __future__ import annotations

from collections import Counter


class Lines:
    """Calls a user has: live, alerting, held and outgoing ones; not those that a mailbox took."""

    def __init__(self) -> None:
        self._calls: Counter[int] = Counter()

    def occupy(self, user: int) -> None:
        """A call of this user begins."""
        self._calls[user] += 1

    def release(self, user: int) -> None:
        """A call of this user is over, or was given up."""
        self._calls[user] -= 1
        if self._calls[user] <= 0:
            del self._calls[user]

    def in_use(self, user: int) -> int:
        """How many calls this user has."""
        return self._calls[user]
