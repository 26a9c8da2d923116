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
from b2bua.sip.address import Address
from b2bua.sip.anonymity import ANONYMOUS, UNNUMBERED
from b2bua.sip.flow import Flow, Hop
from b2bua.sip.location import Location
from b2bua.sip.nat import Nat
from b2bua.sip.uri import Uri


class CallContext:
    """What every part of a call works with. It knows no part, and holds no leg: a call may have two or more."""

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
        self.location = location
        self.marker = services.token()
        self.occupied: list[int] = []
        self.on_fault: Callable[[float], None] = _nothing
        self._redirected: list[int] = []
        self._legs = len(journal.legs)

    def guard(self, act: Callable[[float], None], now: float) -> None:
        """Do this. A fault of ours ends the call, and leaves nothing of it, before it is raised again."""
        try:
            act(now)
        except Exception:
            self.on_fault(now)
            raise

    def close(self, now: float) -> None:
        """The call is over: it takes no line any more."""
        self.on_fault = _nothing
        for user in self.occupied:
            self.services.lines.release(user, now)
        for user in self._redirected:
            self.services.redirected.release(user, now)
        self.occupied.clear()
        self._redirected.clear()

    def user(self, number: int) -> User | None:
        """A user by id, as the settings were when the call arrived."""
        return self.itinerary.numbering.users.get(number)

    def new_relay_session(self) -> RelaySession:
        """A relay session of its own, not asked for yet."""
        return RelaySession(self.services.relay, self.services.token())

    def new_leg(self, flow: Flow, nat: Nat) -> Leg:
        """Another leg of ours: b1, b2, …"""
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
        """This call takes one of a user's calls (BEHAVIOUR B1)."""
        self.occupied.append(user)
        self.services.lines.occupy(user)

    def vacate(self, user: int, now: float) -> None:
        """This call leaves a user alone again."""
        self.occupied.remove(user)
        self.services.lines.release(user, now)

    def may_redirect(self, user: int) -> bool:
        """Count a call that a user's redirect sends elsewhere, unless there are as many as may be (D7).

        It counts once, however many numbers it is sent to one after the other.
        """
        if user in self._redirected:
            return True
        if self.services.redirected.in_use(user) >= self.itinerary.limits.redirected_calls:
            return False
        self._redirected.append(user)
        self.services.redirected.occupy(user)
        return True

    def identity(self, host: Hop) -> Address:
        """Who the called device is shown as calling (BEHAVIOUR I2, I4)."""
        who = self.itinerary.who
        if who.withheld:
            return ANONYMOUS
        uri = Uri(host.host, who.number, host.port) if who.number else UNNUMBERED.uri
        return Address(uri, who.name)

    def shown_caller(self) -> ShownCaller:
        """Who the mailbox is told is calling."""
        who = self.itinerary.who
        if who.withheld:
            return ShownCaller(None, None, withheld=True)
        return ShownCaller(who.number, who.name or None, withheld=False)


def _nothing(now: float) -> None:
    """A fault in what is left of a call that is over ends nothing."""
