"""One call, from its INVITE to its end: what lasts as long as it does, and both sides once somebody answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from b2bua.call.bridge import Bridge
from b2bua.call.course import Course
from b2bua.call.early import Early
from b2bua.call.itinerary import Itinerary
from b2bua.call.journal import Journal
from b2bua.call.leg import Leg
from b2bua.call.mailbox import AtMailbox
from b2bua.call.path import Path
from b2bua.call.ports import Device, Figures, Visitor
from b2bua.call.services import Services
from b2bua.call.walk import begin
from b2bua.callplan.asked import Rule
from b2bua.callplan.plan import Plan
from b2bua.callplan.responses import meaning
from b2bua.callplan.settings import User
from b2bua.callplan.situation import Caller
from b2bua.sip.address import Address
from b2bua.sip.anonymity import ANONYMOUS, UNNUMBERED
from b2bua.sip.flow import Hop
from b2bua.sip.location import Location, location_of
from b2bua.sip.nat import Nat
from b2bua.sip.server_transaction import ServerTransaction
from b2bua.sip.session_user import NOBODY
from b2bua.sip.uri import Uri


class Call:
    """A call in progress. Until it is answered its `Course` owns the caller's session; then a `Bridge` owns both."""

    def __init__(
        self, services: Services, caller: Leg, itinerary: Itinerary, dialled: str, journal: Journal
    ) -> None:
        self.services = services
        self.caller = caller
        self.itinerary = itinerary
        self.calling = itinerary.first.caller
        self.dialled = dialled
        self.journal = journal
        self.marker = services.token()
        self.over = False
        self.max_forwards = 70
        self.location: Location | None = None
        self.occupied: list[int] = []
        self._redirected: list[int] = []
        self._course: Course | None = None
        self._bridge: Bridge | None = None
        self._named = len(journal.legs)

    @classmethod
    def arrived(
        cls,
        services: Services,
        invite: ServerTransaction,
        itinerary: Itinerary,
        dialled: str,
        now: float,
        *,
        nat: Nat = "auto",
        early_media: bool = True,
        answers_first: bool = False,
    ) -> Call:
        """Take over an INVITE. Raises BadMessage (400, 488) where it cannot be used; nothing has begun then.

        `nat` is the caller's setting. Without `early_media` the caller is sent no sound before the answer; with
        `answers_first` it is answered to hear an announcement (D1).
        """
        caller = Leg("a", invite.flow, services.origin(), nat)
        if (offered := invite.request.sdp) is not None:
            caller.hear(offered)
        call = cls(services, caller, itinerary, dialled, Journal(began=now))
        walk = begin(itinerary.first.plan, itinerary.limits, now)
        session = caller.session = services.agent.serve(invite, NOBODY, now)
        early = Early(session, caller, early_media and (offered is not None or session.reliable))
        session.user = call._course = Course(call, walk, early, answers_first=answers_first)
        call.location = location_of(invite.request)
        call.max_forwards = max(invite.request.integer("max-forwards", 70) - 1, 0)
        return call

    @property
    def who(self) -> Caller:
        """Who calls, as the present hop is to see it; `calling` is who the first one saw."""
        return self.itinerary.who

    @property
    def plan(self) -> Plan:
        """What was planned for the call when it arrived."""
        return self.itinerary.first.plan

    @property
    def course(self) -> Course:
        """What is being tried; a call that is over, or from before a restart, has none."""
        assert self._course is not None
        return self._course

    @property
    def bridge(self) -> Bridge | None:
        """What joins both sides once the call is answered, until it is over."""
        return self._bridge

    @property
    def caller_call_id(self) -> str:
        """The Call-ID of the caller's leg, by which operators know the call."""
        assert self.caller.session is not None
        return self.caller.session.call_id

    @property
    def state(self) -> str:
        """In a word, for people who look at running calls."""
        if self._bridge is not None:
            mailbox = self._bridge.mailbox
            return "answered" if mailbox is None else mailbox.words.state
        return "ringing" if self._course is not None and self._course.early.ringing else "starting"

    @property
    def in_mailbox(self) -> bool:
        """Whether a mailbox took the call."""
        return self._bridge is not None and self._bridge.mailbox is not None

    def start(self, now: float) -> None:
        """Begin with the first step."""
        with self.or_fail(now):
            if self.calling.user is not None and self.plan.rule is not Rule.PORTAL:
                self.occupy(self.calling.user)
            self.course.start(now)

    def rejoin(self, callee: Leg, path: Path, mailbox: AtMailbox | None) -> None:
        """Be the answered call that it was before a restart."""
        self._bridge = Bridge(self, callee, path, mailbox)
        path.place(self.caller, callee)

    def resume(self, now: float) -> None:
        """Go on after a restart: see whether the relay's session is still there, and both sides."""
        assert self._bridge is not None
        self._bridge.path.adopt(self.caller, self._bridge.tell_moved, self.path_back)
        self._bridge.probe(now)

    def hang_up(self, now: float, by: str, code: int = 480) -> None:
        """End the call on both sides, whatever its state; one that is not answered is refused with this code."""
        if self.over:
            return
        if self._bridge is None:
            course = self.course
            course.abandon(now)
            session = course.early.session
            if session.active:
                session.bye(now)
            else:
                session.reject(code, now)
            self.finish("ended", by, now, code)
            return
        for leg in (self._bridge.caller, self._bridge.callee):
            if leg.session is not None:
                leg.session.bye(now)
        self.finish(self.journal.outcome, by, now)

    def registered(self, device: Device, now: float) -> None:
        """A device of the called user registered while the call is unanswered."""
        if self._course is not None:
            self._course.registered(device, now)

    def ringing(self, user: int) -> bool:
        """Whether this call is ringing this user at the moment."""
        return self._course is not None and self._course.ringing(user)

    def mailbox_lost(self, now: float) -> None:
        """The media worker under this call died."""
        if self._bridge is not None and self._bridge.mailbox is not None:
            self._bridge.mailbox.lost(now)

    def relay_back(self, now: float) -> None:
        """The relay was restarted and knows nothing of this call."""
        if self._bridge is not None:
            self._bridge.path.reopen(self.path_back)
        elif self._course is not None:
            self._course.relay_back(now)

    def path_back(self, there: bool, now: float) -> None:
        """The path of an answered call has a new relay session, or gets none: the call cannot go on then."""
        if self._bridge is None:
            return
        if not there:
            self.hang_up(now, "service (relay lost)")
            return
        self.event("call.rejoined")
        self._bridge.path_back(now)

    # What its course and its performers use

    def user(self, number: int) -> User | None:
        """A user by id, as the settings were when the call arrived."""
        return self.itinerary.numbering.users.get(number)

    def new_path(self) -> Path:
        """A relay session of its own, not asked for yet."""
        return Path(self.services.relay, self.services.token())

    def next_leg_name(self) -> str:
        """The name of the next leg of ours: b1, b2, …"""
        self._named += 1
        return f"b{self._named}"

    def leg_added(self, leg: Leg) -> None:
        """An INVITE of ours went out."""
        assert leg.session is not None
        self.journal.legs.append(leg.session.call_id)
        self.services.watcher.leg_added(self, leg.session.call_id, leg.name)

    def event(self, name: str, **fields: object) -> None:
        """Tell the watcher."""
        self.services.watcher.event(self, name, **fields)

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
        if self.who.withheld:
            return ANONYMOUS
        number = self.who.number
        uri = Uri(host.host, number, host.port) if number else UNNUMBERED.uri
        return Address(uri, self.who.name)

    def visitor(self) -> Visitor:
        """Who the mailbox is told is calling."""
        if self.who.withheld:
            return Visitor(None, None, withheld=True)
        return Visitor(self.who.number, self.who.name or None, withheld=False)

    def answered(
        self,
        leg: Leg,
        path: Path,
        sdp: bytes,
        now: float,
        *,
        device: str | None,
        trunk: str | None,
        mailbox: AtMailbox | None,
    ) -> None:
        """Somebody took the call: answer the caller with this description, and join both sides."""
        self._bridge = Bridge(self, leg, path, mailbox)
        early = self.course.early
        self.journal.answered = now
        self.journal.outcome = "answered" if mailbox is None else mailbox.words.outcome
        early.session.accept(sdp, now)
        self._course = None
        self.services.watcher.joined(self, path.session, mailbox.token if mailbox else None)
        if leg.moved or self.caller.moved or early.narrowed:
            # One of them was told a port of a relay that has died since, or a codec that the other has not.
            self._bridge.tell_moved(now)
        if mailbox is not None:
            self.event("mailbox.answered", leg=leg.name, service=mailbox.words.service)
        elif trunk is not None:
            self.event("call.answered", leg=leg.name, trunk=trunk)
        else:
            self.event("call.answered", leg=leg.name, device=device)

    def joined_to(self, path: Path) -> bool:
        """Whether the caller was answered on this path."""
        return self._bridge is not None and self._bridge.path is path

    def rejoined(self, leg: Leg, now: float) -> None:
        """Another worker has taken over the callee's side."""
        assert self._bridge is not None
        self._bridge.replace_callee(leg, now)
        self.event("mailbox.resumed", leg=leg.name)

    def refused(self, code: int, now: float) -> None:
        """Nothing was left to try: the caller got this code."""
        self.finish(meaning(code).outcome, "service", now, code)

    def peer_ended(self, side: str, why: str, now: float) -> None:
        """One side of an answered call hung up, or has gone: end the other."""
        assert self._bridge is not None
        other = self._bridge.callee if side == "caller" else self._bridge.caller
        if other.session is not None:
            other.session.bye(now)
        self.finish(self.journal.outcome, side if why == "bye" else f"{side} ({why})", now)

    @contextmanager
    def or_fail(self, now: float) -> Iterator[None]:
        """A fault of ours ends the call with 500, or BYE, and leaves nothing of it."""
        try:
            yield
        except Exception:
            course = self._course
            try:
                self.hang_up(now, "service (fault)", 500)
            finally:
                # Where hanging up fails for the same reason, this much is sure.
                if course is not None:
                    course.early.session.reject(500, now)
                self.finish("ended", "service (fault)", now, 500)
            raise

    def finish(self, outcome: str, by: str, now: float, code: int | None = None) -> None:
        """The call is over; once is enough."""
        if self.over:
            return
        self.over = True
        course, self._course = self._course, None
        if course is not None:
            course.end()
            if course.early.path is not None:
                course.early.path.close()
        for user in self.occupied:
            self.services.lines.release(user, now)
        for user in self._redirected:
            self.services.redirected.release(user, now)
        self.occupied.clear()
        self._redirected.clear()
        journal = self.journal
        journal.ended, journal.outcome, journal.hung_up_by, journal.code = now, outcome, by, code
        bridge, self._bridge = self._bridge, None
        if bridge is None:
            self.services.watcher.finished(self)
            return
        bridge.over()
        bridge.path.close(self._figures)
        if bridge.mailbox is not None:
            bridge.mailbox.stop(now)

    def _figures(self, figures: Figures) -> None:
        self.journal.figures = figures
        self.services.watcher.finished(self)
