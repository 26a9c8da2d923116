"""What lasts as long as a call, whoever is tried and whoever is joined meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from b2bua.call.itinerary import Itinerary
from b2bua.call.journal import Journal
from b2bua.call.leg import Leg
from b2bua.call.ports import ShownCaller
from b2bua.call.relay_session import RelaySession
from b2bua.call.services import Services
from b2bua.callplan.settings import User
from b2bua.sip.bodies.location import Location
from b2bua.sip.sdp.nat import Nat
from b2bua.sip.text.address import Address
from b2bua.sip.text.anonymity import ANONYMOUS, UNNUMBERED
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.uri import Uri


class CallContext:
    """What every part of a call works with. It does not know the parts, and holds no leg: a call may have several."""

    __slots__ = (
        "_legs",
        "_redirected",
        "itinerary",
        "journal",
        "location",
        "marker",
        "max_forwards",
        "occupied",
        "on_fault",
        "services",
    )

    def __init__(
        self,
        services: Services,
        itinerary: Itinerary,
        journal: Journal,
        max_forwards: int = 70,
        location: Location | None = None,
    ) -> None:
        self.services = services
        self.itinerary = itinerary
        self.journal = journal
        self.max_forwards = max_forwards
        """What our INVITEs say (RFC 3261 §8.1.1.6): one less than the caller's."""
        self.location = location
        """Where the caller says it is; only an emergency call passes it on (E6)."""
        self.marker = services.token()
        """By this the call is known when it comes back from outside (D7)."""
        self.occupied: list[int] = []
        """The users whose lines the call takes, once for each line."""
        self.on_fault: Callable[[float], None] = _nothing
        """Ends the call after a fault of ours."""
        self._redirected: list[int] = []
        self._legs = len(journal.legs)

    def guard(self, act: Callable[[float], None], now: float) -> None:
        """Call `act`. A fault of ours ends the call and leaves nothing of it; then it is raised again."""
        try:
            act(now)
        except Exception:
            self.on_fault(now)
            raise

    def close(self, now: float) -> None:
        """The call is over: it takes no lines any more."""
        self.on_fault = _nothing
        for user in self.occupied:
            self.services.lines.release(user, now)
        for user in self._redirected:
            self.services.redirected.release(user, now)
        self.occupied.clear()
        self._redirected.clear()

    def user(self, number: int) -> User | None:
        """Return a user by id, with the settings of the moment when the call arrived."""
        return self.itinerary.numbering.users.get(number)

    def new_relay_session(self) -> RelaySession:
        """Make another relay session; it is not asked for yet."""
        return RelaySession(self.services.relay, self.services.token())

    def new_leg(self, flow: Flow, nat: Nat) -> Leg:
        """Make another leg of ours: b1, b2, …"""
        self._legs += 1
        return Leg(f"b{self._legs}", flow, self.services.origin(), nat)

    def leg_added(self, leg: Leg) -> None:
        """An INVITE of ours went out."""
        assert leg.session is not None
        call_id = leg.session.call_id
        self.journal.legs.append(call_id)
        self.services.watcher.leg_added(self.journal, call_id, leg.name)

    def event(self, name: str, **fields: object) -> None:
        """Tell the watcher."""
        self.services.watcher.event(self.journal, name, **fields)

    def occupy(self, user: int) -> None:
        """Take one of a user's lines (BEHAVIOUR B1)."""
        self.occupied.append(user)
        self.services.lines.occupy(user)

    def vacate(self, user: int, now: float) -> None:
        """Give back one of a user's lines."""
        self.occupied.remove(user)
        self.services.lines.release(user, now)

    def may_redirect(self, user: int) -> bool:
        """Count this call among those that a user's redirects have sent elsewhere (D7).

        It counts once, however often it is redirected. Returns False if the user has as many as are allowed.
        """
        if user in self._redirected:
            return True
        if self.services.redirected.in_use(user) >= self.itinerary.limits.redirected_calls:
            return False
        self._redirected.append(user)
        self.services.redirected.occupy(user)
        return True

    def identity(self, host: SocketAddress) -> Address:
        """Return the caller as the called device is shown it (BEHAVIOUR I2, I4)."""
        who = self.itinerary.who
        if who.withheld:
            return ANONYMOUS
        uri = Uri(host.host, who.number, host.port) if who.number else UNNUMBERED.uri
        return Address(uri, who.name)

    def shown_caller(self) -> ShownCaller:
        """Return the caller as the mailbox is told of it."""
        who = self.itinerary.who
        if who.withheld:
            return ShownCaller(None, None, withheld=True)
        return ShownCaller(who.number, who.name or None, withheld=False)


def _nothing(now: float) -> None:
    """The call is over already."""
