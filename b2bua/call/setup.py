"""The set-up of a call: the walk over its plans, one step at a time, until somebody answers (BEHAVIOUR R, N, B, D, M).

The plan says what is done, and performers do it. The set-up holds what outlives them: the caller who waits, and the
place in the plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from b2bua.call.context import CallContext
from b2bua.call.dial_trunk import DialTrunk
from b2bua.call.early import Early
from b2bua.call.play_tone import PlayTone
from b2bua.call.ports import Device
from b2bua.call.ring_user import RingUser
from b2bua.call.steps import Answer, Performer
from b2bua.call.visit_mailbox import VisitMailbox
from b2bua.call.walk import Walk, advance, announces, begin
from b2bua.callplan.causes import Cause
from b2bua.callplan.outcome import Ended, StepResult
from b2bua.callplan.plan import Plan
from b2bua.callplan.responses import meaning
from b2bua.callplan.settings import User
from b2bua.callplan.steps import Announce, Dial, EngagedTone, Portal, Reject, Ring, Step, Transfer, Voicemail
from b2bua.sip.dialogs.session import Nobody, Session
from b2bua.sip.sdp.description import Direction
from b2bua.sip.text.errors import BadMessage


class SetupUser(Protocol):
    """Hears how a set-up ended."""

    def answered(self, answer: Answer, sdp: bytes, now: float) -> None:
        """Somebody took the call. Owes the caller an answer with this description."""

    def unanswered(self, outcome: str, by: str, code: int, now: float) -> None:
        """Nobody took the call, and the caller has been told so. `by` says who ended it."""


class Setup(Nobody):
    """Owns the caller's session until somebody answers, and runs one performer at a time."""

    __slots__ = ("_context", "_elsewhere", "_over", "_performer", "_user", "_walk", "early")

    def __init__(self, context: CallContext, walk: Walk, early: Early, user: SetupUser) -> None:
        self.early = early
        self._context = context
        self._walk = walk
        self._user = user
        self._performer: Performer | None = None
        self._elsewhere: int | None = None
        """What was answered elsewhere in the step before."""
        self._over = False

    def start(self, now: float) -> None:
        """Begin with the first plan."""
        self._enter(now)

    def hang_up(self, now: float, code: int) -> None:
        """Stop. The caller is refused with this code, or hung up on if it was answered for an announcement."""
        self._abandon(now)
        session = self.early.session
        if session.active:
            session.bye(now)
        else:
            session.reject(code, now)

    def close(self, now: float) -> None:
        """The call is over: try nobody any more."""
        self._over = True
        self._abandon(now)
        self.early.close()

    def registered(self, device: Device, now: float) -> None:
        """A device of the called user registered."""
        if self._performer is not None and isinstance(self._walk.step, Ring):
            self._performer.on_registered(device, now)

    def ringing(self, user: int) -> bool:
        """Whether this user is being rung at the moment."""
        step = self._walk.step
        return self._performer is not None and isinstance(step, Ring) and step.user == user

    def relay_back(self, now: float) -> None:
        """The relay was restarted and knows nothing of this call."""
        if self._performer is not None:
            self._performer.relay_back(now)

    # What performers tell

    def step_ended(
        self,
        ended: Ended,
        now: float,
        cause: Cause | None = None,
        *,
        trunk: str | None = None,
        code: int | None = None,
    ) -> None:
        """Go on with the next step."""
        if not self._over:
            self._note(ended, now, trunk=trunk, code=code)
            self._rest()
            self._elsewhere = code
            self._walk = advance(self._walk, now, cause, code)
            self._perform(now)

    def deflected(self, targets: Sequence[str], by: User, now: float) -> None:
        """Go on with the plan of the next hop."""
        self._note(Ended.DEFLECTED, now)
        self._go_to(self._context.itinerary.deflect(targets, by, now), now)

    def answered(self, answer: Answer, now: float) -> None:
        """Give the call to whoever took it."""
        assert answer.leg.heard is not None
        answer.relay_session.place(self.early.caller)
        sdp = self.early.answer(answer.leg.heard)
        self._note(Ended.ANSWERED, now, answer.device, answer.trunk)
        self._over = True
        self._rest()
        self._user.answered(answer, sdp, now)

    # What the caller's session tells

    def on_cancelled(self, session: Session, now: float) -> None:
        """The caller gave up before anybody answered."""
        self._abandon(now)
        self._user.unanswered("cancelled", "caller", 487, now)

    def on_ended(self, session: Session, why: str, now: float) -> None:
        """The caller gave up with a BYE instead of a CANCEL, or never acknowledged an early response."""
        if why == "bye":
            self.on_cancelled(session, now)
        else:
            self._abandon(now)
            self._user.unanswered("ended", f"caller ({why})", 504, now)

    def on_early_answer(self, session: Session, sdp: bytes | None, now: float) -> None:
        """The caller left the offer to us, and its PRACK answers it (M3)."""
        try:
            self.early.caller.hear_answer(sdp or b"")
        except BadMessage:
            self.hang_up(now, 488)
            self._user.unanswered("ended", "service", 488, now)
            return
        if self.early.relay_session is not None:
            self.early.relay_session.move_near(self.early.caller)

    def on_offer(self, session: Session, sdp: bytes | None, now: float) -> None:
        """The caller has its answer, and offers anew before anybody took the call (RFC 3311): it moved, or holds.

        A caller that holds goes on hearing our sound, or a carrier's: no UPDATE of ours tells the carrier. Whoever
        takes the call is told of the hold after the answer.
        """
        relay_session = self.early.relay_session
        if relay_session is not None and self.early.caller.answer_early(sdp, Direction.SENDRECV, now):
            relay_session.move_near(self.early.caller)

    # The walk

    def _go_to(self, plan: Plan, now: float) -> None:
        """Begin with the plan of the next hop, in what is left of the time."""
        self._walk = begin(plan, self._walk.limits, now, self._walk.began)
        self._enter(now)

    def _enter(self, now: float) -> None:
        """Begin with a plan. If it has an announcement, the caller hears our ringback from the start (M2)."""
        self._rest()
        early = self.early
        if early.relay_session is not None or not early.sound or not announces(self._walk.plan):
            self._perform(now)
            return
        relay_session = early.next_relay_session()

        def opened(there: bool, now: float) -> None:
            if self._over:
                relay_session.close()
                return
            try:
                if there:
                    early.take(relay_session)
            except BadMessage:
                relay_session.close()
            early.sound = early.relay_session is not None
            self._perform(now)

        early.open(relay_session, opened, now)

    def _perform(self, now: float) -> None:
        step, cause = self._walk.step, self._walk.cause
        if isinstance(step, Reject):
            self._reject(step, now)
        elif isinstance(step, Transfer):
            self._note(Ended.COMPLETED, now)
            self._context.event("call.redirected", by=step.by, to=step.user, cause=cause.name.lower())
            self._go_to(self._context.itinerary.follow(step, cause, now), now)
        else:
            self._context.event("call.step", step=type(step).__name__.lower(), cause=cause.name.lower())
            self._performer = self._performer_of(step)
            self._performer.wait_until(self._walk.deadline)
            self._performer.begin(now)

    def _performer_of(self, step: Step) -> Performer:
        context, early, walk = self._context, self.early, self._walk
        match step:
            case Ring():
                return RingUser(step, context, early, walk, self)
            case Dial():
                return DialTrunk(step, context, early, walk, self)
            case EngagedTone() | Announce():
                return PlayTone(step, context, early, walk, self)
            case Voicemail() | Portal():
                return VisitMailbox(step, context, early, walk, self)
            case Reject() | Transfer():
                raise AssertionError("this step needs no performer")

    def _reject(self, step: Reject, now: float) -> None:
        session, code = self.early.session, step.code
        if session.active:
            # It was answered for an announcement, and nobody else took it.
            session.bye(now)
        elif step.as_elsewhere and self._elsewhere is not None:
            code = self._elsewhere
            session.reject(code, now)
        else:
            reason = () if step.q850 is None else (("Reason", f"Q.850;cause={step.q850}"),)
            session.reject(code, now, reason, step.reason)
        self._note(Ended.COMPLETED, now, code=code)
        self._user.unanswered(meaning(code).outcome, "service", code, now)

    def _abandon(self, now: float) -> None:
        performer = self._performer
        self._rest()
        if performer is not None:
            performer.stop(now)
            self._note(Ended.ABANDONED, now)

    def _rest(self) -> None:
        """The present step is over, if there is one."""
        performer, self._performer = self._performer, None
        if performer is not None:
            performer.rest()
        if self.early.relay_session is not None:
            self.early.relay_session.hand_over()

    def _note(
        self,
        ended: Ended,
        now: float,
        device: str | None = None,
        trunk: str | None = None,
        code: int | None = None,
    ) -> None:
        seconds = round(now - self._walk.entered, 3)
        self._context.journal.steps.append(StepResult(self._walk.step, ended, seconds, device, trunk, code))
