"""One call: a caller, a plan, and the walk over it until somebody answers or nothing is left to try.

The plan says what, the performers do it one at a time, and this class holds what outlives them: the caller's leg,
the time, the lines in use and the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from b2bua.call.bridge import Bridge
from b2bua.call.deposit import Deposit
from b2bua.call.dial import Dialling
from b2bua.call.early import Early
from b2bua.call.journal import Journal
from b2bua.call.leg import Leg
from b2bua.call.lines import Lines
from b2bua.call.path import Path
from b2bua.call.ports import Device, Devices, Figures, Mailboxes, Relay, Trunks, Visitor, Watcher
from b2bua.call.ring import Ringing
from b2bua.call.steps import Performer
from b2bua.call.tone import Engaged
from b2bua.call.walk import Walk, advance, begin
from b2bua.callplan.outcome import Ended, StepResult
from b2bua.callplan.plan import Plan
from b2bua.callplan.situation import Caller, Limits
from b2bua.callplan.steps import Cause, Dial, EngagedTone, Reject, Ring, Step, Voicemail
from b2bua.sip.address import Address
from b2bua.sip.agent import UserAgent
from b2bua.sip.anonymity import ANONYMOUS, UNNUMBERED
from b2bua.sip.flow import Hop
from b2bua.sip.server_transaction import ServerTransaction
from b2bua.sip.session import Session
from b2bua.sip.session_user import Nobody
from b2bua.sip.timers import NEVER, Timed
from b2bua.sip.uas import ServerSession
from b2bua.sip.uri import Uri

OUTCOMES = {
    403: "refused",
    404: "unknown",
    410: "unknown",
    480: "no-answer",
    484: "unknown",
    486: "busy",
    503: "unavailable",
    600: "busy",
    603: "busy",
    604: "unknown",
}


@dataclass(frozen=True, slots=True)
class Services:
    """What every call works with. `chance` gives numbers from 0 to 1."""

    agent: UserAgent
    relay: Relay
    mailboxes: Mailboxes
    devices: Devices
    trunks: Trunks
    lines: Lines
    watcher: Watcher
    token: Callable[[], str]
    origin: Callable[[], int]
    chance: Callable[[], float]


class Call(Timed, Nobody):
    """A call in progress. Owns the caller's session until it is answered; then a `Bridge` owns both."""

    def __init__(
        self, services: Services, caller: Leg, who: Caller, dialled: str, walk: Walk, journal: Journal
    ) -> None:
        Timed.__init__(self)
        self.services = services
        self.caller = caller
        self.who = who
        self.dialled = dialled
        self.plan = walk.plan
        self.journal = journal
        self.over = False
        self.max_forwards = 70
        self.occupied: list[int] = []
        self._walk = walk
        self._performer: Performer | None = None
        self._bridge: Bridge | None = None
        self._early: Early | None = None
        self._told_elsewhere: int | None = None
        self._named = len(journal.legs)

    @classmethod
    def arrived(
        cls,
        services: Services,
        invite: ServerTransaction,
        who: Caller,
        dialled: str,
        plan: Plan,
        limits: Limits,
        now: float,
        *,
        early_media: bool = True,
    ) -> Call:
        """Take over an INVITE. Raises BadMessage (400, 488) where it cannot be used; nothing has begun then.

        Without `early_media` the caller is sent no sound before the answer.
        """
        caller = Leg("a", invite.flow, services.origin())
        if (offered := invite.request.sdp) is not None:
            caller.hear(offered)
        call = cls(services, caller, who, dialled, begin(plan, limits, now), Journal(began=now))
        session = caller.session = services.agent.serve(invite, call, now)
        call._early = Early(session, caller, early_media and offered is not None)
        call.max_forwards = max(invite.request.integer("max-forwards", 70) - 1, 0)
        return call

    @property
    def limits(self) -> Limits:
        """The platform's limits, as they were when the call arrived."""
        return self._walk.limits

    @property
    def early(self) -> Early:
        """What the caller is told before the answer; a call from before a restart is past that."""
        assert self._early is not None
        return self._early

    @property
    def session(self) -> ServerSession:
        """The caller's session while nobody has answered."""
        return self.early.session

    @property
    def caller_call_id(self) -> str:
        """The Call-ID of the caller's leg, by which operators know the call."""
        assert self.caller.session is not None
        return self.caller.session.call_id

    @property
    def bridge(self) -> Bridge | None:
        """What joins both sides once the call is answered, until it is over."""
        return self._bridge

    @property
    def state(self) -> str:
        """In a word, for people who look at running calls."""
        if self._bridge is not None:
            return "recording" if self.in_mailbox else "answered"
        return "ringing" if self._early is not None and self._early.ringing else "starting"

    @property
    def in_mailbox(self) -> bool:
        """Whether a mailbox took the call."""
        return self._bridge is not None and self._bridge.mailbox is not None

    def start(self, now: float) -> None:
        """Begin with the first step."""
        with self._or_fail(now):
            if self.who.user is not None:
                self.occupy(self.who.user)
            self._perform(now)

    def rejoin(self, callee: Leg, path: Path, mailbox: Deposit | None) -> None:
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
            self._abandon(now)
            self.session.reject(code, now)
            self._finish("ended", by, now, code)
            return
        for leg in (self._bridge.caller, self._bridge.callee):
            if leg.session is not None:
                leg.session.bye(now)
        self._finish(self.journal.outcome, by, now)

    def registered(self, device: Device, now: float) -> None:
        """A device of the called user registered while the call is unanswered."""
        if self._performer is not None and isinstance(self._walk.step, Ring):
            self._performer.on_registered(device, now)

    def ringing(self, user: int) -> bool:
        """Whether this call is ringing this user at the moment."""
        step = self._walk.step
        return self._performer is not None and isinstance(step, Ring) and step.user == user

    def mailbox_lost(self, now: float) -> None:
        """The media worker under this call died."""
        if self._bridge is not None and self._bridge.mailbox is not None:
            self._bridge.mailbox.lost(now)

    def relay_back(self, now: float) -> None:
        """The relay was restarted and knows nothing of this call."""
        if self._bridge is not None:
            self._bridge.path.reopen(self.path_back)
        elif self._performer is not None:
            self._performer.relay_back(now)

    def path_back(self, there: bool, now: float) -> None:
        """The path of an answered call has a new relay session, or gets none: the call cannot go on then."""
        if self._bridge is None:
            return
        if not there:
            self.hang_up(now, "service (relay lost)")
            return
        self.event("call.rejoined")
        self._bridge.path_back(now)

    # What performers use

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

    def vacate(self, user: int) -> None:
        """This call leaves a user alone again."""
        self.occupied.remove(user)
        self.services.lines.release(user)

    def alert(self, now: float) -> None:
        """The caller is told, once, that it rings."""
        if self.early.alert(now):
            self.event("call.ringing")

    def pass_on(self, leg: Leg, path: Path, code: int, now: float) -> None:
        """Sound from elsewhere before the answer goes to the caller (M4)."""
        assert leg.heard is not None
        path.place(self.caller)
        if self.early.pass_on(leg.heard, code, now):
            self.event("call.ringing")

    def wait_for_step(self) -> None:
        """Call `on_time_up` when the present step has lasted as long as it may."""
        self.wait_until(self._walk.deadline)

    def open(self, path: Path, then: Callable[[bool, float], None]) -> None:
        """Ask for the relay session of a path; `then` is told whether it is there."""

        def opened(there: bool, now: float) -> None:
            with self._or_fail(now):
                then(there, now)

        path.open(self.caller, opened)

    def wait_until(self, when: float) -> None:
        """Call `on_time_up` at this moment; `NEVER` for no limit."""
        self.services.agent.queue.schedule(self, when)

    def seconds_left(self, now: float) -> float:
        """How long the present step may still last."""
        return self._walk.deadline - now

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

    def step_ended(
        self,
        ended: Ended,
        now: float,
        cause: Cause | None = None,
        *,
        trunk: str | None = None,
        code: int | None = None,
    ) -> None:
        """The present step ended unanswered: go on with the next. `code` is what was answered elsewhere."""
        if not self.over:
            self._note(ended, now, trunk=trunk, code=code)
            self._told_elsewhere = code
            self._walk = advance(self._walk, now, cause)
            self._perform(now)

    def answered(
        self,
        leg: Leg,
        path: Path,
        now: float,
        *,
        device: str | None = None,
        trunk: str | None = None,
        mailbox: Deposit | None = None,
    ) -> None:
        """Somebody took the call: answer the caller and join both sides."""
        assert leg.heard is not None and leg.session is not None
        self.wait_until(NEVER)
        path.place(self.caller)
        sdp = self.early.answer(leg.heard)
        self._note(Ended.ANSWERED, now, device, trunk)
        self._performer = None
        self._bridge = Bridge(self, leg, path, mailbox)
        self.journal.answered = now
        self.journal.outcome = "answered" if mailbox is None else "voicemail"
        self.session.accept(sdp, now)
        self.services.watcher.joined(self, path.session, mailbox.token if mailbox else None)
        if leg.moved or self.caller.moved:
            # One of them was told a port of a relay that has died since.
            self._bridge.tell_moved(now)
        if mailbox is not None:
            self.event("voicemail.answered", leg=leg.name)
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
        self.wait_until(NEVER)
        self._bridge.replace_callee(leg, now)
        self.event("voicemail.resumed", leg=leg.name)

    # What the sessions tell

    def on_cancelled(self, session: Session, now: float) -> None:
        """The caller gave up before anybody answered."""
        self._abandon(now)
        self._finish("cancelled", "caller", now, 487)

    def on_ended(self, session: Session, why: str, now: float) -> None:
        """The caller ended the early dialog with a BYE, which means the same, or never heard what we said early."""
        if why == "bye":
            self.on_cancelled(session, now)
        else:
            self._abandon(now)
            self._finish("ended", f"caller ({why})", now, 504)

    def peer_ended(self, side: str, why: str, now: float) -> None:
        """One side of an answered call hung up, or has gone: end the other."""
        assert self._bridge is not None
        other = self._bridge.callee if side == "caller" else self._bridge.caller
        if other.session is not None:
            other.session.bye(now)
        self._finish(self.journal.outcome, side if why == "bye" else f"{side} ({why})", now)

    def on_deadline(self, now: float) -> None:
        """The present step, or the search for another mailbox, lasted as long as it may."""
        with self._or_fail(now):
            if self._performer is not None:
                self._performer.on_time_up(now)
            elif self._bridge is not None and self._bridge.mailbox is not None:
                self._bridge.mailbox.on_time_up(now)

    # The walk

    def _perform(self, now: float) -> None:
        step = self._walk.step
        if isinstance(step, Reject):
            self._reject(step, now)
            return
        self.event("call.step", step=type(step).__name__.lower(), cause=self._walk.cause.name.lower())
        self._performer = self._performer_of(step)
        self.wait_until(self._walk.deadline)
        self._performer.begin(now)

    def _performer_of(self, step: Step) -> Performer:
        match step:
            case Ring():
                return Ringing(self, step)
            case Dial():
                return Dialling(self, step)
            case EngagedTone():
                return Engaged(self)
            case Voicemail():
                services = self.services
                return Deposit(self, step, Path(services.relay, services.token()), services.token())
            case Reject():
                raise AssertionError("a refusal needs no performer")

    def _reject(self, step: Reject, now: float) -> None:
        if step.as_elsewhere and self._told_elsewhere is not None:
            code = self._told_elsewhere
            self.session.reject(code, now)
        else:
            code = step.code
            reason = () if step.q850 is None else (("Reason", f"Q.850;cause={step.q850}"),)
            self.session.reject(code, now, reason, step.reason)
        self._note(Ended.COMPLETED, now, code=code)
        self._finish(OUTCOMES.get(code, "refused"), "service", now, code)

    @contextmanager
    def _or_fail(self, now: float) -> Iterator[None]:
        """A fault of ours ends the call with 500, or BYE, and leaves nothing of it."""
        try:
            yield
        except Exception:
            try:
                self.hang_up(now, "service (fault)", 500)
            finally:
                # Where hanging up fails for the same reason, this much is sure.
                if self._early is not None:
                    self._early.session.reject(500, now)
                self._finish("ended", "service (fault)", now, 500)
            raise

    def _abandon(self, now: float) -> None:
        performer, self._performer = self._performer, None
        if performer is not None:
            performer.stop(now)
            self._note(Ended.ABANDONED, now)

    def _note(
        self,
        ended: Ended,
        now: float,
        device: str | None = None,
        trunk: str | None = None,
        code: int | None = None,
    ) -> None:
        seconds = round(now - self._walk.entered, 3)
        self.journal.steps.append(StepResult(self._walk.step, ended, seconds, device, trunk, code))

    def _finish(self, outcome: str, by: str, now: float, code: int | None = None) -> None:
        if self.over:
            return
        self.over = True
        self._performer = None
        self.wait_until(NEVER)
        for user in self.occupied:
            self.services.lines.release(user)
        self.occupied.clear()
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
