"""What a call needs from the world, as Protocols: relay, mailboxes, registered devices, trunks, a watcher.

Nothing here waits. What takes time answers later by calling `done`, with `now` in monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from b2bua.call.journal import Figures, Journal
from b2bua.callplan.settings import Trunk
from b2bua.registrar.bindings import Binding
from b2bua.registrar.target import Target
from b2bua.sip.challenge import Credential
from b2bua.sip.flow import Flow
from b2bua.sip.nat import Nat


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a side's sound goes. Where there are `sources`, the first packet from one of them tells better."""

    address: str
    port: int
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ports:
    """A relay session's two ports: `near` is said to the caller, `far` to whoever is called."""

    near: int
    far: int


@dataclass(frozen=True, slots=True)
class Device:
    """A registered device of a user, at the moment a step rings it, and where an INVITE to it goes."""

    username: str
    binding: Binding
    target: Target
    nat: Nat = "auto"


@dataclass(frozen=True, slots=True)
class Gateway:
    """A trunk at one of its addresses. `host` and `port` are what stands in URIs: a name stays a name."""

    trunk: Trunk
    flow: Flow
    host: str
    port: int | None = None
    credential: Credential | None = None


@dataclass(frozen=True, slots=True)
class ShownCaller:
    """What a mailbox needs to know of a caller; a withheld caller has neither number nor name."""

    number: str | None
    name: str | None
    withheld: bool


class Relay(Protocol):
    """Relays the sound of a call; names of sessions are ours and never come from a message."""

    def open(self, session: str, near: Peer, done: Callable[[Ports | None, float], None]) -> None:
        """Make a session; `done` gets `None` when the relay is full or gone."""

    def adopt(self, session: str, ports: Ports, done: Callable[[bool, float], None]) -> None:
        """Take over a session that a process before this one opened; `done` gets whether it is still there."""

    def connect_far(self, session: str, far: Peer) -> None:
        """Switch the far side, exactly and at once; the near port stays."""

    def update_near(self, session: str, near: Peer) -> None:
        """The caller's address changed; both ports stay."""

    def play(self, session: str, sound: str, payload: int, *, once: bool) -> None:
        """Play a sound to the near side in PCMU (0) or PCMA (8), once or over and over, at most until
        `connect_far` or `close`."""

    def seconds(self, sound: str) -> float:
        """How long a sound is when it is played once; 0 for one that is not there."""

    def hold(self, session: str, held: bool) -> None:
        """Silence is to be expected, or no longer."""

    def close(self, session: str, done: Callable[[Figures], None]) -> None:
        """End a session, also before its `open` is done; `done` gets its figures, empty where there are none."""

    def address(self, flow: Flow) -> str:
        """The address at which the peer of a flow reaches the relay's ports."""


class Mailboxes(Protocol):
    """Answers calls for people (greeting, beep, recording), and lets them hear what is there."""

    def reserve(
        self,
        token: str,
        service: str,
        user: int,
        occasion: str | None,
        caller: ShownCaller,
        call_id: str,
        done: ReservationDone,
    ) -> None:
        """Ask for a place to send an INVITE with this token to; `done` gets `None` when there is none.

        `service` is `deposit`, which has an `occasion`, or `portal`, which has none.
        """

    def resume(self, token: str, done: ReservationDone) -> None:
        """Ask for another place after the first one was lost."""

    def release(self, token: str) -> None:
        """Nobody will come to the place that was asked for, whether or not `done` was called yet."""

    def digit(self, token: str, digit: str) -> None:
        """The caller pressed a key, told by SIP INFO."""


ReservationDone = Callable[[Flow | None, float], None]


class Devices(Protocol):
    """Which devices a user has at this moment."""

    def of_user(self, user: int, now: float) -> Sequence[Device]:
        """The registered devices, in the order in which they registered."""


class Trunks(Protocol):
    """The ways out, and how they fare."""

    def gateways(self) -> Sequence[Gateway]:
        """All of them in the order in which they are tried: those that seem to be down come last."""

    def silent(self, gateway: Gateway) -> None:
        """A call met nothing there, not even a provisional response."""

    def answered(self, gateway: Gateway) -> None:
        """There was a response of some kind."""


class Watcher(Protocol):
    """Hears what happens in a call, for the log, the call log and the figures. It knows a call by its journal."""

    def event(self, journal: Journal, name: str, **fields: object) -> None:
        """Something happened that an operator wants to read."""

    def leg_added(self, journal: Journal, call_id: str, leg: str) -> None:
        """The call has a leg of ours with this Call-ID."""

    def joined(self, journal: Journal, relay_session: str, token: str | None) -> None:
        """The call was answered; `token` is the mailbox's name for it where a mailbox answered."""

    def changed(self, journal: Journal) -> None:
        """Something was agreed on in an answered call that must be known to take it up after a restart."""

    def finished(self, journal: Journal) -> None:
        """The call is over and its figures are in."""
