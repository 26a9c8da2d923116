"""Peers that took no connection lately, so that nothing waits for them again."""

from __future__ import annotations

from b2bua.sip.text.flow import SocketAddress

LATELY = 300.0  # seconds
MOST = 1000


class Unreachable:
    """Remembers addresses for some minutes, of many the latest. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._until: dict[SocketAddress, float] = {}

    def add(self, peer: SocketAddress, now: float) -> None:
        """This one could not be connected to."""
        self._until.pop(peer, None)
        self._until[peer] = now + LATELY
        if len(self._until) > MOST:
            del self._until[next(iter(self._until))]

    def holds(self, peer: SocketAddress, now: float) -> bool:
        """Whether this one could lately not be connected to."""
        return self._until.get(peer, 0.0) > now
