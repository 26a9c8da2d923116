"""The course of a call until somebody answers: the walk over its plans, one step at a time (BEHAVIOUR R, N, B, D, M).

The plan says what, the performers do it, and this class holds what outlives them: the caller's ringing session,
the time, and what the caller was told and hears.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from b2bua.call.dial import Dialling
from b2bua.call.early import Early
from b2bua.call.leg import Leg
from b2bua.call.mailbox import AtMailbox
from b2bua.call.path import Path
from b2bua.call.ports import Device
from b2bua.call.ring import Ringing
from b2bua.call.sounding import Sounding
from b2bua.call.steps import Performer
from b2bua.call.walk import Walk, advance, announces, begin
from b2bua.callplan.causes import Cause
from b2bua.callplan.outcome import Ended, StepResult
from b2bua.callplan.plan import Plan
from b2bua.callplan.settings import User
from b2bua.callplan.situation import Limits
from b2bua.callplan.steps import Announce, Dial, EngagedTone, Portal, Reject, Ring, Step, Transfer, Voicemail
from b2bua.sip.errors import BadMessage
from b2bua.sip.sdp import Direction
from b2bua.sip.session import Session
from b2bua.sip.session_user import Nobody

if TYPE_CHECKING:
    from b2bua.call.call import Call


class Course(Nobody):
    """Owns the caller's session until it is answered. Performers end by `step_ended`, `deflected` or `answered`."""

    __slots__ = ("_elsewhere", "_performer", "_walk", "answers_first", "call", "early")

    def __init__(self, call: Call, walk: Walk, early: Early, *, answers_first: bool) -> None:
        self.call = call
        self.early = early
        self.answers_first = answers_first
        self._walk = walk
        self._performer: Performer | None = None
        self._elsewhere: int | None = None

    @property
    def limits(self) -> Limits:
        """The platform's limits, as they were when the call arrived."""
        return self._walk.limits

    def start(self, now: float) -> None:
        """Begin with the first plan."""
        self._enter(now)

    @property
    def deadline(self) -> float:
        """When the present step must end, in monotonic seconds."""
        return self._walk.deadline

    def end(self) -> None:
        """The call is answered, or over: nothing is tried any more."""
        performer, self._performer = self._performer, None
        if performer is not None:
            performer.rest()

    def abandon(self, now: float) -> None:
        """Nobody wants an answer any more."""
        performer = self._performer
        self.end()
        if performer is not None:
            performer.stop(now)
            self._note(Ended.ABANDONED, now)

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

    # What performers use

    def alert(self, now: float) -> None:
        """The caller is told that it rings."""
        if self.early.alert(now):
            self.call.event("call.ringing")

    def pass_on(self, leg: Leg, path: Path, code: int, now: float) -> None:
        """Sound from elsewhere before the answer goes to the caller (M4)."""
        assert leg.heard is not None
        if self.early.pass_on(path, leg.heard, code, now):
            self.call.event("call.ringing")

    def way(self) -> Path:
        """The path for an attempt: the one whose port the caller was told, or else one of its own."""
        return self.early.path or self.call.new_path()

    def leave(self, path: Path) -> None:
        """An attempt is over; the caller keeps the path whose port it was told."""
        if path is not self.early.path:
            path.close()

    def open(self, path: Path, then: Callable[[bool, float], None], now: float) -> None:
        """Ask for the relay session of a path; `then` is told whether it is there, which may be at once."""
        if path is self.early.path:
            then(True, now)
            return
        call = self.call

        def opened(there: bool, now: float) -> None:
            with call.or_fail(now):
                then(there, now)

        path.open(call.caller, opened)

    def seconds_left(self, now: float) -> float:
        """How long the present step may still last."""
        return self.deadline - now

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
        if not self.call.over:
            self._note(ended, now, trunk=trunk, code=code)
            self.end()
            self._elsewhere = code
            self._walk = advance(self._walk, now, cause)
            self._perform(now)

    def deflected(self, targets: Sequence[str], by: User, now: float) -> None:
        """A device of a user, which rang, says who is to be called instead (302), the best first."""
        self._note(Ended.DEFLECTED, now)
        self._go_to(self.call.itinerary.deflect(targets, by, now), now)

    def answered(
        self,
        leg: Leg,
        path: Path,
        now: float,
        *,
        device: str | None = None,
        trunk: str | None = None,
        mailbox: AtMailbox | None = None,
    ) -> None:
        """Somebody took the call."""
        assert leg.heard is not None
        path.place(self.call.caller)
        sdp = self.early.answer(leg.heard)
        self._note(Ended.ANSWERED, now, device, trunk)
        self.end()
        self.call.answered(leg, path, sdp, now, device=device, trunk=trunk, mailbox=mailbox)

    # What the caller's session tells

    def on_cancelled(self, session: Session, now: float) -> None:
        """The caller gave up before anybody answered."""
        self.abandon(now)
        self.call.finish("cancelled", "caller", now, 487)

    def on_ended(self, session: Session, why: str, now: float) -> None:
        """The caller ended the early dialog with a BYE, which means the same, or never heard what we said early."""
        if why == "bye":
            self.on_cancelled(session, now)
        else:
            self.abandon(now)
            self.call.finish("ended", f"caller ({why})", now, 504)

    def on_early_answer(self, session: Session, sdp: bytes | None, now: float) -> None:
        """The caller, who left the offer to us, answered it with its PRACK (M3)."""
        try:
            self.call.caller.hear_answer(sdp or b"")
        except BadMessage:
            self.call.hang_up(now, "service", 488)
            return
        if self.early.path is not None:
            self.early.path.move_near(self.call.caller)

    def on_offer(self, session: Session, sdp: bytes | None, now: float) -> None:
        """The caller, who has its answer, offers anew before anybody took the call (RFC 3311): it has moved, or holds.

        What it hears meanwhile is ours, or a carrier's that no UPDATE of ours tells, so a caller that holds hears it
        on. Whoever takes the call is told when it has.
        """
        path = self.early.path
        if path is not None and self.call.caller.answer_early(sdp, Direction.SENDRECV, now):
            path.move_near(self.call.caller)

    # The walk

    def _go_to(self, plan: Plan, now: float) -> None:
        """The next hop: another plan, in what is left of the time."""
        self._walk = begin(plan, self.limits, now, self._walk.began)
        self._enter(now)

    def _enter(self, now: float) -> None:
        """Begin with a plan. Where it has an announcement the caller hears ringback from us from the start (M2)."""
        self.end()
        early = self.early
        if early.path is not None or not early.sound or not announces(self._walk.plan):
            self._perform(now)
            return
        path = self.way()

        def opened(there: bool, now: float) -> None:
            if self.call.over:
                path.close()
                return
            try:
                if there:
                    early.take(path)
            except BadMessage:
                path.close()
            early.sound = early.path is not None
            self._perform(now)

        self.open(path, opened, now)

    def _perform(self, now: float) -> None:
        step, cause = self._walk.step, self._walk.cause
        if isinstance(step, Reject):
            self._reject(step, now)
        elif isinstance(step, Transfer):
            self._note(Ended.COMPLETED, now)
            self.call.event("call.redirected", by=step.by, to=step.user, cause=cause.name.lower())
            self._go_to(self.call.itinerary.follow(step, cause, now), now)
        else:
            self.call.event("call.step", step=type(step).__name__.lower(), cause=cause.name.lower())
            self._performer = self._performer_of(step)
            self._performer.wait_until(self.deadline)
            self._performer.begin(now)

    def _performer_of(self, step: Step) -> Performer:
        match step:
            case Ring():
                return Ringing(self, step)
            case Dial():
                return Dialling(self, step)
            case EngagedTone() | Announce():
                return Sounding(self, step)
            case Voicemail() | Portal():
                return AtMailbox(self.call, self, step, self.way(), self.call.services.token())
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
        self.call.refused(code, now)

    def _note(
        self,
        ended: Ended,
        now: float,
        device: str | None = None,
        trunk: str | None = None,
        code: int | None = None,
    ) -> None:
        seconds = round(now - self._walk.entered, 3)
        self.call.journal.steps.append(StepResult(self._walk.step, ended, seconds, device, trunk, code))
