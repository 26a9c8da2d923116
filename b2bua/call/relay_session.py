"""One relay session of a call, from asking for it to its figures."""

from __future__ import annotations

from collections.abc import Callable

from b2bua.call.journal import Figures
from b2bua.call.leg import Leg
from b2bua.call.ports import Peer, Ports, Relay

NOWHERE = Peer("127.0.0.1", 9)
"""Stands for a caller with a delayed offer, who has not said yet where its sound goes: the discard port."""

Then = Callable[[bool, float], None]
"""Is told whether a session is there, and when."""


class RelaySession:
    """The way sound takes: the caller is the near side, whoever is called the far side."""

    __slots__ = ("_away", "_near", "_relay", "_waiting", "name", "over", "ports")

    def __init__(self, relay: Relay, name: str, ports: Ports | None = None) -> None:
        self._relay = relay
        self._away = False
        """Whether the session died with the relay and is not there again."""
        self._near: Leg | None = None
        self._waiting: list[Then] = []
        """Who is told when it is there again."""
        self.name = name
        self.ports = ports
        """The last that the relay told."""
        self.over = False
        """Whether it was closed, or refused."""

    def open(self, near: Leg, then: Then) -> None:
        """Ask for the session. `then` is told whether it is there, unless the session is closed before."""
        self._near = near

        def opened(ports: Ports | None, now: float) -> None:
            if not self.over:
                self._away = self.over = ports is None
                self.ports = ports
                then(ports is not None, now)

        self._relay.open(self.name, near.peer() or NOWHERE, opened)

    def reopen(self, then: Then) -> None:
        """Ask a restarted relay for the same session again. It will have other ports.

        `then` is told whether it is there, but not if the session is still being asked for the first time.
        """
        if self._near is None or self.ports is None or self.over:
            return
        if not self._away:
            self._away = True
            self.open(self._near, self._reopened)
        if then not in self._waiting:
            self._waiting.append(then)

    def wait(self, then: Then) -> bool:
        """Tell `then` when a session that is away is there again, or is lost. Returns False if it is not away."""
        if self._away:
            self._waiting.append(then)
        return self._away

    def hand_over(self, then: Then | None = None) -> None:
        """Somebody else uses the session from now on: only `then` is told when it is there again."""
        self._waiting.clear()
        if self._away and then is not None:
            self._waiting.append(then)

    def adopt(self, near: Leg, kept: Callable[[float], None], reopened: Then) -> None:
        """Take over a session that a process before this one opened.

        `kept` is called if the relay still has it. If not, it is opened again, and `reopened` is told.
        """
        assert self.ports is not None
        self._near = near

        def known(there: bool, now: float) -> None:
            if not there:
                self.reopen(reopened)
            elif not self.over:
                kept(now)

        self._relay.adopt(self.name, self.ports, known)

    def place(self, near: Leg, far: Leg | None = None) -> None:
        """Give the legs their addresses and ports in this session."""
        assert self.ports is not None
        near.address, near.port = self._relay.address(near.flow), self.ports.near
        if far is not None:
            far.address, far.port = self._relay.address(far.flow), self.ports.far

    def connect(self, far: Leg) -> None:
        """Send the caller's sound to this leg, and this leg's to the caller."""
        if not self._away and (peer := far.peer()) is not None:
            self._relay.connect_far(self.name, peer)

    def move_near(self, near: Leg) -> None:
        """Send the caller its sound where it wants it now."""
        if not self._away and (peer := near.peer()) is not None:
            self._relay.update_near(self.name, peer)

    def play(self, sound: str, payload: int, *, once: bool = False) -> None:
        """Play a sound to the caller: once, or until somebody is connected or the session ends."""
        if not self._away:
            self._relay.play(self.name, sound, payload, once=once)

    def hold(self, held: bool) -> None:
        """Say whether silence is to be expected."""
        if not self._away:
            self._relay.hold(self.name, held)

    def close(self, done: Callable[[Figures], None] | None = None) -> None:
        """End the session, also before the relay has answered. `done` gets its figures. Only the first call counts."""
        asked = self._near is not None or self.ports is not None
        if asked and not self.over:
            self.over = True
            self._relay.close(self.name, done or _discard)

    def _reopened(self, there: bool, now: float) -> None:
        # Whoever is told first may clear the list.
        while self._waiting:
            self._waiting.pop(0)(there, now)


def _discard(figures: Figures) -> None:
    """Nobody needs the figures of a session that carried nothing."""
