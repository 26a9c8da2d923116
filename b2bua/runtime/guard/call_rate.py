"""How many calls a customer may send out a minute: stolen credentials cost less than they could (BEHAVIOUR D7, I6)."""

from __future__ import annotations

from collections import deque

MINUTE = 60.0


class CallRate:
    """Counts the calls of each customer over the last minute, in monotonic seconds."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._begun: dict[int, deque[float]] = {}

    def take(self, customer: int, now: float) -> bool:
        """Whether the customer may make another call; it counts then."""
        begun = self._begun.setdefault(customer, deque())
        while begun and begun[0] <= now - MINUTE:
            begun.popleft()
        if len(begun) >= self._per_minute:
            return False
        begun.append(now)
        return True
