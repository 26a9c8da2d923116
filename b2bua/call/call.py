"""One call, from its INVITE to its end: who is sought for the caller, and who is joined with it."""

from __future__ import annotations

from b2bua.call.bridge import Bridge
from b2bua.call.context import CallContext
from b2bua.call.early import Early
from b2bua.call.itinerary import Itinerary
from b2bua.call.journal import Figures, Journal
from b2bua.call.leg import Leg
from b2bua.call.ports import Device
from b2bua.call.relay_session import RelaySession
from b2bua.call.services import Services
from b2bua.call.setup import Setup
from b2bua.call.steps import Answer
from b2bua.call.visit import Visit
from b2bua.call.walk import begin
from b2bua.callplan.plan import Plan
from b2bua.callplan.question import Rule
from b2bua.callplan.situation import Caller
from b2bua.sip.bodies.location import location_of
from b2bua.sip.dialogs.session import NOBODY
from b2bua.sip.sdp.nat import Nat
from b2bua.sip.transactions.server_transaction import ServerTransaction


class Call:
    """A call in progress. It has a `Setup` while somebody is sought, and a `Bridge` while two sides are joined.

    Today one follows the other. Nothing here forbids both at once.
    """

    def __init__(self, context: CallContext, caller: Leg) -> None:
        self.context = context
        self.caller = caller
        self.itinerary = context.itinerary
        self.journal = context.journal
        self.over = False
        self._setup: Setup | None = None
        self._bridge: Bridge | None = None
        context.on_fault = self._fault

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
        """Take over an INVITE. Raises BadMessage (400, 488) if it cannot be used; nothing has begun then.

        `nat` is the caller's setting. Without `early_media` the caller is sent no sound before the answer. With
        `answers_first` it is answered to hear an announcement (D1).
        """
        request = invite.request
        caller = Leg("a", invite.flow, services.origin(), nat)
        if (offered := request.sdp) is not None:
            caller.hear(offered)
        journal = Journal(request.call_id, itinerary.first.caller.user, dialled, now)
        max_forwards = max(request.integer("max-forwards", 70) - 1, 0)
        context = CallContext(services, itinerary, journal, max_forwards, location_of(request))
        walk = begin(itinerary.first.plan, itinerary.limits, now)
        session = caller.session = services.agent.serve(invite, NOBODY, now)
        call = cls(context, caller)
        sound = early_media and (offered is not None or session.reliable)
        early = Early(context, session, caller, sound=sound, answers_first=answers_first)
        session.user = call._setup = Setup(context, walk, early, call)
        return call

    @property
    def calling(self) -> Caller:
        """Who calls, as the first hop saw it."""
        return self.itinerary.first.caller

    @property
    def plan(self) -> Plan:
        """What was planned for the call when it arrived."""
        return self.itinerary.first.plan

    @property
    def bridge(self) -> Bridge | None:
        """What joins both sides once the call is answered, until it is over."""
        return self._bridge

    @property
    def state(self) -> str:
        """In a word, for people who look at running calls."""
        if self._bridge is not None:
            return self._bridge.state
        return "ringing" if self._setup is not None and self._setup.early.ringing else "starting"

    @property
    def in_mailbox(self) -> bool:
        """Whether a mailbox took the call."""
        return self._bridge is not None and self._bridge.visit is not None

    def start(self, now: float) -> None:
        """Begin with the first step."""
        self.context.guard(self._start, now)

    def join(self, callee: Leg, relay_session: RelaySession, visit: Visit | None) -> Bridge:
        """Join the caller and this leg by this relay session."""
        bridge = self._bridge = Bridge(self.context, self.caller, callee, relay_session, visit, self)
        return bridge

    def resume(self, now: float) -> None:
        """Go on after a restart."""
        assert self._bridge is not None
        self._bridge.resume(now)

    def hang_up(self, now: float, by: str, code: int = 480) -> None:
        """End the call on all sides, whatever its state. An unanswered one is refused with this code."""
        if self.over:
            return
        if self._setup is not None:
            self._setup.hang_up(now, code)
        if self._bridge is not None:
            self._bridge.hang_up(now)
        if self.journal.answered is None:
            self._finish("ended", by, now, code)
        else:
            self._finish(self.journal.outcome, by, now)

    def registered(self, device: Device, now: float) -> None:
        """A device of the called user registered while the call is unanswered."""
        if self._setup is not None:
            self._setup.registered(device, now)

    def ringing(self, user: int) -> bool:
        """Whether this call is ringing this user at the moment."""
        return self._setup is not None and self._setup.ringing(user)

    def mailbox_lost(self, now: float) -> None:
        """The media worker under this call died."""
        if self._bridge is not None:
            self._bridge.worker_lost(now)

    def relay_back(self, now: float) -> None:
        """The relay was restarted and does not know this call."""
        if self._setup is not None:
            self._setup.relay_back(now)
        if self._bridge is not None:
            self._bridge.relay_back(now)

    # What the set-up and the bridge tell

    def answered(self, answer: Answer, sdp: bytes, now: float) -> None:
        """Answer the caller with this description, and join both sides."""
        setup, visit, journal = self._setup, answer.visit, self.journal
        assert setup is not None
        bridge = self.join(answer.leg, answer.relay_session, visit)
        journal.answered = now
        journal.outcome = "answered" if visit is None else visit.words.outcome
        setup.early.session.accept(sdp, now)
        self._setup = None
        watcher = self.context.services.watcher
        watcher.joined(journal, answer.relay_session.name, None if visit is None else visit.token)
        if answer.leg.moved or self.caller.moved or setup.early.narrowed:
            # One side was told the port of a relay that has died since, or a codec that the other has not.
            bridge.tell_moved(now)
        if visit is not None:
            self.context.event("mailbox.answered", leg=answer.leg.name, service=visit.words.service)
        elif answer.trunk is not None:
            self.context.event("call.answered", leg=answer.leg.name, trunk=answer.trunk)
        else:
            self.context.event("call.answered", leg=answer.leg.name, device=answer.device)

    def unanswered(self, outcome: str, by: str, code: int, now: float) -> None:
        """End the call: nobody took it."""
        self._finish(outcome, by, now, code)

    def parted(self, by: str, now: float) -> None:
        """End the call: a side hung up or has gone, or the service could not go on."""
        self._finish(self.journal.outcome, by, now)

    def _start(self, now: float) -> None:
        assert self._setup is not None
        if self.calling.user is not None and self.plan.rule is not Rule.PORTAL:
            self.context.occupy(self.calling.user)
        self._setup.start(now)

    def _fault(self, now: float) -> None:
        """End the call with 500 or BYE after a fault of ours, and leave nothing of it."""
        setup = self._setup
        try:
            self.hang_up(now, "service (fault)", 500)
        finally:
            # If hanging up failed too, at least this is done.
            if setup is not None:
                setup.early.session.reject(500, now)
            self._finish("ended", "service (fault)", now, 500)

    def _finish(self, outcome: str, by: str, now: float, code: int | None = None) -> None:
        """End the call. Only the first call of this counts."""
        if self.over:
            return
        self.over = True
        setup, self._setup = self._setup, None
        bridge, self._bridge = self._bridge, None
        self.context.close(now)
        journal = self.journal
        journal.ended, journal.outcome, journal.hung_up_by, journal.code = now, outcome, by, code
        if bridge is not None:
            # First, because it wants the figures of a relay session that both may use.
            bridge.close(now, self._figures)
        if setup is not None:
            setup.close(now)
        if bridge is None:
            self.context.services.watcher.finished(journal)

    def _figures(self, figures: Figures) -> None:
        self.journal.figures = figures
        self.context.services.watcher.finished(self.journal)
