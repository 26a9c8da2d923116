"""One relay session of a call, from asking for it to its figures."""

from __future__ import annotations

from collections.abc import Callable

from b2bua.call.journal import Figures
from b2bua.call.leg import Leg
from b2bua.call.ports import Peer, Ports, Relay

# A caller with a delayed offer has not said where its sound goes; the discard port stands in until it does.
NOWHERE = Peer("127.0.0.1", 9)

Then = Callable[[bool, float], None]


class RelaySession:
    """The way sound takes: near side the caller, far side whoever is called.

    `ports` are the last that were told: of a session that died with the relay until it is there again.
    """

    __slots__ = ("_away", "_near", "_relay", "_waiting", "name", "over", "ports")

    def __init__(self, relay: Relay, name: str, ports: Ports | None = None) -> None:
        self._relay = relay
        self._away = False
        self._near: Leg | None = None
        self._waiting: list[Then] = []
        self.name = name
        self.ports = ports
        self.over = False
        """Whether it was closed, or refused."""

    def open(self, near: Leg, then: Then) -> None:
        """Ask for the session. `then` is told whether it is there, unless it was closed meanwhile."""
        self._near = near

        def opened(ports: Ports | None, now: float) -> None:
            if not self.over:
                self._away = self.over = ports is None
                self.ports = ports
                then(ports is not None, now)

        self._relay.open(self.name, near.peer() or NOWHERE, opened)

    def reopen(self, then: Then) -> None:
        """The relay was restarted: ask for the same session again, which will have other ports, and tell `then`.

        A session that is being asked for comes by itself, and `then` is not told.
        """
        if self._near is None or self.ports is None or self.over:
            return
        if not self._away:
            self._away = True
            self.open(self._near, self._reopened)
        if then not in self._waiting:
            self._waiting.append(then)

    def wait(self, then: Then) -> bool:
        """Tell `then` whether a session that is away could be opened again. Returns False if it is not away."""
        if self._away:
            self._waiting.append(then)
        return self._away

    def hand_over(self, then: Then | None = None) -> None:
        """Whoever waits for the session uses it no longer: only `then` is told now."""
        self._waiting.clear()
        if self._away and then is not None:
            self._waiting.append(then)

    def adopt(self, near: Leg, kept: Callable[[float], None], reopened: Then) -> None:
        """Take over the session that a process before this one opened; one the relay has lost is opened again."""
        assert self.ports is not None
        self._near = near

        def known(there: bool, now: float) -> None:
            if not there:
                self.reopen(reopened)
            elif not self.over:
                kept(now)

        self._relay.adopt(self.name, self.ports, known)

    def place(self, near: Leg, far: Leg | None = None) -> None:
        """Tell the legs their addresses in this session."""
        assert self.ports is not None
        near.address, near.port = self._relay.address(near.flow), self.ports.near
        if far is not None:
            far.address, far.port = self._relay.address(far.flow), self.ports.far

    def connect(self, far: Leg) -> None:
        """Send the caller's sound to this leg and the other way round."""
        if not self._away and (peer := far.peer()) is not None:
            self._relay.connect_far(self.name, peer)

    def move_near(self, near: Leg) -> None:
        """The caller's own address may have changed."""
        if not self._away and (peer := near.peer()) is not None:
            self._relay.update_near(self.name, peer)

    def play(self, sound: str, payload: int, *, once: bool = False) -> None:
        """Play a sound to the caller, until somebody is connected or the session ends, or only once."""
        if not self._away:
            self._relay.play(self.name, sound, payload, once=once)

    def hold(self, held: bool) -> None:
        """Say whether silence is to be expected."""
        if not self._away:
            self._relay.hold(self.name, held)

    def close(self, done: Callable[[Figures], None] | None = None) -> None:
        """End the session, also while the relay has not answered yet; once is enough. `done` gets its figures."""
        asked = self._near is not None or self.ports is not None
        if asked and not self.over:
            self.over = True
            self._relay.close(self.name, done or _discard)

    def _reopened(self, there: bool, now: float) -> None:
        # One who is told may make the others leave.
        while self._waiting:
            self._waiting.pop(0)(there, now)


def _discard(figures: Figures) -> None:
    """The figures of a session that carried nothing matter to nobody."""
