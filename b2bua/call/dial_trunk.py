"""Calls a number elsewhere, by one trunk after another: two never ring at once (BEHAVIOUR N4, E3, M4)."""

from __future__ import annotations

from typing import NamedTuple

from b2bua.call.context import CallContext
from b2bua.call.early import Early
from b2bua.call.leg import Leg
from b2bua.call.ports import Gateway
from b2bua.call.steps import ENDED, Answer, Performer, StepUser
from b2bua.call.walk import Walk
from b2bua.callplan.causes import Cause
from b2bua.callplan.responses import asks_next, better, meaning
from b2bua.callplan.steps import Dial
from b2bua.sip.bodies.location import Location
from b2bua.sip.dialogs.refusal import Refusal
from b2bua.sip.dialogs.session import Session
from b2bua.sip.dialogs.uac import ClientSession
from b2bua.sip.text.address import Address
from b2bua.sip.text.body import Part
from b2bua.sip.text.compose import Header
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.uri import Uri
from b2bua.trunks.numbers import to_trunk
from b2bua.trunks.shown import shown

MARKER = "X-Ringplan"
"""By this header a call of ours is known that comes back from outside (D7). It says nothing to anybody else."""


class Attempt(NamedTuple):
    """One call to a trunk."""

    gateway: Gateway
    location: Location | None = None
    """Where the caller is; only an emergency call says it (E6)."""


class DialTrunk(Performer):
    """Performs `Dial`. One relay session serves all trunks, one after the other.

    A trunk that refuses a call with the caller's location is called again without it: the call must get through.
    """

    __slots__ = (
        "_attempt",
        "_attempts",
        "_leg",
        "_relay_session",
        "_rings",
        "_session",
        "_step",
        "_told",
        "_whole",
    )

    def __init__(self, step: Dial, context: CallContext, early: Early, walk: Walk, user: StepUser) -> None:
        super().__init__(context, early, walk, user)
        self._step = step
        self._relay_session = early.next_relay_session()
        location = context.location if step.emergency else None
        self._attempts = [Attempt(gateway, location) for gateway in context.services.trunks.gateways()]
        self._attempt: Attempt | None = None
        self._leg: Leg | None = None
        self._session: ClientSession | None = None
        self._rings = False
        """Whether it rang somewhere: no other trunk is tried then."""
        self._told: int | None = None
        """The best refusal so far that the caller may be told."""
        self._whole = False
        """Whether the trunk was offered all the caller's codecs, and not only the one that the caller was given."""

    def begin(self, now: float) -> None:
        """Open a relay session, then try the first trunk. A user's redirects have a limit (D7)."""
        by = self._step.by
        if by is not None and not self.context.may_redirect(by):
            self.context.event("call.redirects_exhausted", by=by)
            self._over(Cause.UNAVAILABLE, now)
            return
        self.early.open(self._relay_session, self._opened, now)

    def stop(self, now: float) -> None:
        """Nobody wants an answer any more."""
        self._drop(now)
        self.early.leave(self._relay_session)

    def on_time_up(self, now: float) -> None:
        """Try the next trunk if this one is silent, or end: nobody answered in time."""
        assert self._session is not None and self._attempt is not None
        gateway, location = self._attempt
        if self.walk.seconds_left(now) <= 0:
            self._over(Cause.NO_ANSWER, now)
        elif self._session.heard_from or not (self._attempts or location):
            # Without another trunk nothing is better than to wait.
            self.wait_until(self.walk.deadline)
        else:
            self.context.services.trunks.silent(gateway)
            self.context.event("call.trunk_failed", leg=self._name, trunk=gateway.trunk.name, code=None)
            self._session.give_up(now)
            if location is not None:
                # The message may have been too long for its attempt. The other trunks come first.
                self._attempts.append(Attempt(gateway))
            self._try_next(now)

    def relay_back(self, now: float) -> None:
        """Let it ring on. Whoever answers is told the new port by a re-INVITE."""
        self._relay_session.reopen(self._reopened)

    def _reopened(self, there: bool, now: float) -> None:
        if there:
            self._relay_session.place(self.early.caller, self._leg)
        else:
            self._over(Cause.UNAVAILABLE, now)

    def _opened(self, there: bool, now: float) -> None:
        if there:
            self._try_next(now)
        else:
            self._over(Cause.UNAVAILABLE, now)

    def _try_next(self, now: float) -> None:
        if not self._attempts:
            self._over(Cause.UNAVAILABLE, now)
            return
        self._attempt = self._attempts.pop(0)
        self._whole = False
        self._invite(self._attempt, now)

    def _invite(self, attempt: Attempt, now: float) -> None:
        context, caller, gateway = self.context, self.early.caller, attempt.gateway
        leg = self._leg = context.new_leg(gateway.flow, gateway.trunk.nat)
        self._relay_session.place(caller, leg)
        ours = context.services.agent.wire.advertised(gateway.flow)
        number = to_trunk(self._step.number, gateway.trunk)
        target = Uri(gateway.host, number, gateway.port)
        # A carrier that knows us by a name wants its own domain there; one that knows our address, ours.
        from_, headers = shown(
            self._step.identity,
            gateway.trunk,
            gateway.host if gateway.credential else ours.host,
            self._step.number,
        )
        where: tuple[Header, ...] = ()
        parts: tuple[Part, ...] = ()
        if attempt.location is not None:
            where, parts = attempt.location.sent_as(ours.host, context.services.token())
        self._session = leg.session = context.services.agent.call(
            str(target),
            gateway.flow,
            from_,
            Address(target),
            self,
            now,
            leg.offer(caller.heard if self._whole else caller.wanted),
            headers=(*headers, *where, (MARKER, context.marker)),
            max_forwards=context.max_forwards,
            credential=gateway.credential,
            parts=parts,
        )
        context.leg_added(leg)
        self.wait_until(now + min(self.walk.limits.trunk_silence, self.walk.seconds_left(now)))

    def on_progress(self, session: Session, code: int, sdp: bytes | None, now: float) -> None:
        """It rings there, or somebody is heard: pass it on to the caller (M4)."""
        assert self._leg is not None
        self._rings = self._rings or code == 180
        if sdp is not None and self._hear_early(sdp):
            self.early.pass_on(self._leg, self._relay_session, code, now)
        elif code == 180:
            self.early.alert(now)

    def on_offer(self, session: Session, sdp: bytes | None, now: float) -> None:
        """The trunk's early sound comes from another address now; the caller still hears it (M4)."""
        assert self._leg is not None
        heard = self._leg.heard is not None
        if self.answer_early(self._leg, sdp, now) and heard:
            self._relay_session.connect(self._leg)

    def on_answered(self, session: Session, sdp: bytes | None, now: float) -> None:
        """Somebody took the call."""
        assert self._leg is not None and self._attempt is not None
        try:
            self._leg.hear_answer(sdp or b"")
        except BadMessage:
            # What rang there does so no more: another trunk may do better.
            self._rings = False
            session.bye(now)
            self._failed(488, now)
            return
        self._relay_session.connect(self._leg)
        self.context.services.trunks.answered(self._attempt.gateway)
        self.user.answered(
            Answer(self._leg, self._relay_session, trunk=self._attempt.gateway.trunk.name), now
        )

    def on_failed(self, session: Session, refusal: Refusal, now: float) -> None:
        """It was refused there, or by the trunk itself."""
        assert self._attempt is not None
        if not refusal.answered:
            # Silence and a broken connection are the same to the caller.
            self.context.services.trunks.silent(self._attempt.gateway)
            self._failed(503, now)
        else:
            # The trunk works. A 503 concerns this call only (RFC 3261 §21.5.4).
            self.context.services.trunks.answered(self._attempt.gateway)
            if refusal.code == 488 and self.early.narrowed and not self._whole:
                # It may have another codec of the caller's, who is told by a re-INVITE then (M1).
                self._whole = True
                self._invite(self._attempt, now)
            else:
                self._failed(refusal.code, now)

    @property
    def _name(self) -> str:
        return self._leg.name if self._leg is not None else ""

    def _failed(self, code: int, now: float) -> None:
        assert self._attempt is not None
        self._session = None
        gateway, location = self._attempt
        self.context.event("call.trunk_failed", leg=self._name, trunk=gateway.trunk.name, code=code)
        if meaning(code).told:
            self._told = better(self._told, code)
        if location is not None:
            self._attempts.insert(0, Attempt(gateway))
        onward = self._step.emergency or asks_next(code, gateway.trunk)
        if self._attempts and not self._rings and onward:
            self._try_next(now)
        else:
            best = code if self._told is None else self._told
            self._over(meaning(best).cause, now, self._told)

    def _hear_early(self, sdp: bytes) -> bool:
        assert self._leg is not None and self._attempt is not None
        if not self._attempt.gateway.trunk.early_media:
            return False
        try:
            self._leg.hear_answer(sdp)
        except BadMessage:
            return False
        self._relay_session.connect(self._leg)
        return True

    def _drop(self, now: float) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.cancel(now)

    def _over(self, cause: Cause, now: float, code: int | None = None) -> None:
        self.stop(now)
        trunk = self._attempt.gateway.trunk.name if self._attempt is not None else None
        self.user.step_ended(ENDED[cause], now, cause, trunk=trunk, code=code)
