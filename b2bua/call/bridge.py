"""Two sides of an answered call, joined through the relay until one of them hangs up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from b2bua.call.agreement import Agreement
from b2bua.call.context import CallContext
from b2bua.call.journal import Figures
from b2bua.call.leg import Leg
from b2bua.call.relay_session import RelaySession
from b2bua.call.visit import Visit
from b2bua.sip.bodies.digits import digit_of_info
from b2bua.sip.dialogs.session import Session
from b2bua.sip.text.body import Body, Kind
from b2bua.sip.transactions.timers import NEVER


class BridgeUser(Protocol):
    """Hears when the two sides are no longer joined."""

    def parted(self, by: str, now: float) -> None:
        """Both sides have hung up, or were hung up on. `by` says who began."""


class Bridge(Agreement):
    """Owns both sessions of an answered call, and the visit where the callee is a mailbox."""

    __slots__ = ("_user", "visit")

    def __init__(
        self,
        context: CallContext,
        caller: Leg,
        callee: Leg,
        relay_session: RelaySession,
        visit: Visit | None,
        user: BridgeUser,
    ) -> None:
        super().__init__(context, caller, callee, relay_session)
        self.visit = visit
        self._user = user
        relay_session.hand_over(self._reopened)

    @property
    def state(self) -> str:
        """In a word, for people who look at running calls."""
        return "answered" if self.visit is None else self.visit.words.state

    def resume(self, now: float) -> None:
        """Go on after a restart, if the relay's session and both sides are still there."""
        self.relay_session.adopt(self.caller, self.tell_moved, self._reopened)
        self._probe(now)

    def hang_up(self, now: float) -> None:
        """Hang up on both sides."""
        for leg in (self.caller, self.callee):
            if leg.session is not None:
                leg.session.bye(now)

    def close(self, now: float, done: Callable[[Figures], None]) -> None:
        """The call is over. `done` gets the figures of its sound."""
        self.context.services.agent.queue.schedule(self, NEVER)
        self.relay_session.close(done)
        if self.visit is not None:
            self.visit.release(now)

    def worker_lost(self, now: float) -> None:
        """Ask for another media worker: the first one died."""
        if self.visit is not None:
            self.visit.resume(self, now)

    def worker_answered(self, leg: Leg, now: float) -> None:
        """Another worker has taken over."""
        self._replace_callee(leg, now)
        self.context.event("mailbox.resumed", leg=leg.name)

    def worker_failed(self, now: float) -> None:
        """There is no other worker."""
        self._give_up("service", now)

    def relay_back(self, now: float) -> None:
        """The relay was restarted and does not know this call."""
        self.relay_session.reopen(self._reopened)

    def on_info(self, session: Session, body: Body, now: float) -> None:
        """A key pressed goes to the mailbox, or to the other phone as it came.

        RFC 6086 leaves what else an INFO may carry to packages that nobody here knows.
        """
        _, other = self._sides(session)
        if self.visit is not None:
            if (digit := digit_of_info(body)) is not None:
                self.visit.digit(digit)
            return
        part = body.first(Kind.KEY) or body.first(Kind.PICTURE)
        if part is not None and other.session is not None:
            other.session.send("INFO", (("Content-Type", part.media_type),), part.data, now)

    def on_ended(self, session: Session, why: str, now: float) -> None:
        """One side hung up or has gone: hang up on the other."""
        _, other = self._sides(session)
        side = "callee" if other is self.caller else "caller"
        if other.session is not None:
            other.session.bye(now)
        self._user.parted(side if why == "bye" else f"{side} ({why})", now)

    def _reopened(self, there: bool, now: float) -> None:
        """The relay session is there again, with other ports. If it is not, the call ends."""
        if not there:
            self._give_up("service (relay lost)", now)
            return
        self.context.event("call.rejoined")
        self.relay_session.place(self.caller, self.callee)
        self.relay_session.connect(self.callee)
        self._settled()
        self.tell_moved(now)

    def _probe(self, now: float) -> None:
        """Ask both sides whether they know the call: one may have hung up while nobody listened (§12.2.1.2)."""
        for leg in (self.caller, self.callee):
            assert leg.session is not None and leg.session.dialog is not None
            flow, target = leg.flow, leg.session.dialog.target
            # Behind a NAT only the phone can open another connection, so we cannot ask it.
            if not flow.reliable or flow.reopened(target) is not None:
                leg.session.send("OPTIONS", (), b"", now)

    def _give_up(self, by: str, now: float) -> None:
        self.hang_up(now)
        self._user.parted(by, now)
