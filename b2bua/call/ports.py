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
from b2bua.sip.auth.challenge import Credential
from b2bua.sip.sdp.nat import Nat
from b2bua.sip.text.flow import Flow


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a side's sound goes."""

    address: str
    port: int
    sources: tuple[str, ...] = ()
    """The addresses whose first packet tells better, if there are any."""


@dataclass(frozen=True, slots=True)
class Ports:
    """A relay session's two ports."""

    near: int
    """Said to the caller."""
    far: int
    """Said to whoever is called."""


@dataclass(frozen=True, slots=True)
class Device:
    """A registered device of a user, at the moment a step rings it, and where an INVITE to it goes."""

    username: str
    binding: Binding
    target: Target
    nat: Nat = "auto"


@dataclass(frozen=True, slots=True)
class Gateway:
    """A trunk at one of its addresses."""

    trunk: Trunk
    flow: Flow
    host: str
    """Stands in URIs: a name stays a name."""
    port: int | None = None
    credential: Credential | None = None


@dataclass(frozen=True, slots=True)
class ShownCaller:
    """A caller as a mailbox is told of it. A withheld caller has neither number nor name."""

    number: str | None
    name: str | None
    withheld: bool


class Relay(Protocol):
    """Relays the sound of a call. We name the sessions; names never come from a message."""

    def open(self, session: str, near: Peer, done: Callable[[Ports | None, float], None]) -> None:
        """Make a session. `done` gets `None` if the relay is full or gone."""

    def adopt(self, session: str, ports: Ports, done: Callable[[bool, float], None]) -> None:
        """Take over a session that a process before this one opened. `done` gets whether it is still there."""

    def connect_far(self, session: str, far: Peer) -> None:
        """Switch the far side at once. Both ports stay."""

    def update_near(self, session: str, near: Peer) -> None:
        """Send the near side its sound to another address. Both ports stay."""

    def play(self, session: str, sound: str, payload: int, *, once: bool) -> None:
        """Play a sound to the near side in PCMU (0) or PCMA (8), once or repeatedly.

        It ends with `connect_far` or `close`.
        """

    def seconds(self, sound: str) -> float:
        """Return how long a sound lasts; 0 if there is none of this name."""

    def hold(self, session: str, held: bool) -> None:
        """Say whether silence is to be expected."""

    def close(self, session: str, done: Callable[[Figures], None]) -> None:
        """End a session, also before its `open` is done. `done` gets its figures, empty if there are none."""

    def address(self, flow: Flow) -> str:
        """Return the address at which the peer of a flow reaches the relay's ports."""


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
        """Ask for a place to which an INVITE with this token is sent. `done` gets `None` if there is none.

        `service` is `deposit`, which has an `occasion`, or `portal`, which has none.
        """

    def resume(self, token: str, done: ReservationDone) -> None:
        """Ask for another place after the first one was lost."""

    def release(self, token: str) -> None:
        """Give back a place, also before `done` was called: nobody will come."""

    def digit(self, token: str, digit: str) -> None:
        """The caller pressed a key, told by SIP INFO."""


ReservationDone = Callable[[Flow | None, float], None]


class Devices(Protocol):
    """Knows which devices a user has at this moment."""

    def of_user(self, user: int, now: float) -> Sequence[Device]:
        """Return the registered devices, in the order in which they registered."""


class Trunks(Protocol):
    """Knows the trunks, and whether they work."""

    def gateways(self) -> Sequence[Gateway]:
        """Return all of them in the order in which they are tried. Those that seem to be down come last."""

    def silent(self, gateway: Gateway) -> None:
        """A call got no response there, not even a provisional one."""

    def answered(self, gateway: Gateway) -> None:
        """A call got a response there."""


class Watcher(Protocol):
    """Hears what happens in a call, for the log, the call log and the figures. It knows a call by its journal."""

    def event(self, journal: Journal, name: str, **fields: object) -> None:
        """Something happened that an operator wants to read."""

    def leg_added(self, journal: Journal, call_id: str, leg: str) -> None:
        """The call has a leg of ours with this Call-ID."""

    def joined(self, journal: Journal, relay_session: str, token: str | None) -> None:
        """The call was answered. `token` is the media host's name for it if a mailbox answered."""

    def changed(self, journal: Journal) -> None:
        """The sides of an answered call agreed on something. It must be known after a restart."""

    def finished(self, journal: Journal) -> None:
        """The call is over and its figures are in."""
