"""What two joined sides agree on about sound: an offer on one side becomes an offer on the other (RFC 3261 §14)."""

from __future__ import annotations

from b2bua.call.context import CallContext
from b2bua.call.leg import Leg
from b2bua.call.relay_session import RelaySession
from b2bua.sip.dialogs.session import Nobody, Session
from b2bua.sip.sdp.description import Sdp, parse_sdp
from b2bua.sip.sdp.offer_answer import same_numbers
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.transactions.timers import Timed

MAX_PUT_OFF = 5
"""How often offers of our own may be put off (491, 500) before the call is given up."""


class Agreement(Timed, Nobody):
    """A bridge as the party between two sessions that negotiate."""

    __slots__ = (
        "_asking",
        "_before",
        "_numbered",
        "_offered",
        "_owing",
        "_put_off",
        "_telling",
        "_waiting",
        "callee",
        "caller",
        "context",
        "relay_session",
    )

    def __init__(self, context: CallContext, caller: Leg, callee: Leg, relay_session: RelaySession) -> None:
        super().__init__()
        self.context = context
        self.caller = caller
        self.relay_session = relay_session
        self._asking: Leg | None = None
        """The leg whose re-INVITE we have passed on; the other has not answered it."""
        self._offered: Sdp | None = None
        """What that leg offers; `None` if it wants our offer."""
        self._before: Sdp | None = None
        """What the other leg was told before."""
        self._owing: Leg | None = caller if caller.heard is None else None
        """The leg whose ACK will carry the answer to an offer of ours."""
        self._telling: dict[Leg, Sdp] = {}
        """The legs to which an offer of our own is under way, with what they were told before."""
        self._put_off = 0
        """How often such an offer was put off."""
        self._waiting: set[Leg] = set()
        """The legs that get such an offer again at the deadline."""
        self._numbered: set[Leg] = set()
        """The legs that have answered about payload numbers; they are not asked again."""
        self._join(callee)

    def tell_moved(self, now: float) -> None:
        """Offer each side what it was not told yet, by a re-INVITE.

        This is the relay's present port; for a caller who was given a codec early, one that the callee has (BEHAVIOUR
        M1); for a callee, that the caller has gone on hold since it was called, or come back; and for both, the
        payload numbers that the other side answered with, because the relay does not renumber.
        """
        for leg, other in ((self.caller, self.callee), (self.callee, self.caller)):
            behind = self._cut_off(leg, other) or (leg not in self._numbered and _misnumbered(leg, other))
            if behind and leg not in self._telling and leg not in self._waiting:
                self._tell_moved(leg, other, now)

    def on_deadline(self, now: float) -> None:
        """Try again what was put off."""
        self._waiting.clear()
        self.tell_moved(now)

    def on_offer(self, session: Session, sdp: bytes | None, now: float) -> None:
        """A re-INVITE: hold, resume, another codec, another address, or a request for our offer."""
        asking, other = self._sides(session)
        assert other.session is not None and session.dialog is not None
        before = other.said
        try:
            offered = None if sdp is None else parse_sdp(sdp)
        except BadMessage as error:
            session.refuse_offer(error.code, now, error.headers)
            return
        if not other.session.offer(None if offered is None else other.offer(offered), now):
            other.said = before
            session.refuse_offer(491, now)
            return
        asking.flow = session.dialog.flow
        self._asking, self._offered, self._before = asking, offered, before

    def on_offer_answered(self, session: Session, code: int, sdp: bytes | None, now: float) -> None:
        """A side answers what we passed on, or an offer of our own."""
        other, asking = self._sides(session)
        if self._asking is not asking:
            self._agreed(other, code, sdp, now)
            # Nobody waits for an offer that it may have made.
            session.acknowledge(b"", now)
        elif code >= 300:
            self._asking = None
            other.take_back(self._before)
            if asking.session is not None:
                # The reason is not passed on, except that it may be tried again.
                asking.session.refuse_offer(491 if code == 491 else 488, now)
        elif self._offered is None:
            self._pass_offer(other, asking, sdp, now)
        else:
            self._pass_answer(other, asking, self._offered, sdp, now)

    def on_acknowledged(self, session: Session, sdp: bytes | None, now: float) -> None:
        """An ACK with a description answers our offer."""
        leg, other = self._sides(session)
        if self._owing is not leg or other.session is None:
            return
        self._owing = None
        try:
            heard = leg.hear_answer(sdp or b"")
            if self._asking is leg:
                self._asking = None
                other.session.acknowledge(other.answer(heard), now)
            elif other.heard is not None and _narrower(heard, other.heard):
                other.session.offer(other.offer(heard), now)
        except BadMessage:
            self._give_up("service", now)
            return
        self._moved(leg)
        self._settled()
        self.tell_moved(now)

    def on_early_answer(self, session: Session, sdp: bytes | None, now: float) -> None:
        """The caller answers our early offer, and somebody has taken the call meanwhile."""
        self.on_acknowledged(session, sdp, now)

    def _give_up(self, by: str, now: float) -> None:
        """End the call: the sides cannot agree."""
        raise NotImplementedError

    def _replace_callee(self, callee: Leg, now: float) -> None:
        """Join another callee. A re-INVITE of the caller that the old one did not answer may be tried again."""
        self._telling.pop(self.callee, None)
        self._join(callee)
        if self._asking is self.caller and self.caller.session is not None:
            self.caller.session.refuse_offer(491, now)
        self._asking = None
        self._settled()

    def _pass_answer(self, other: Leg, asking: Leg, offered: Sdp, sdp: bytes | None, now: float) -> None:
        assert other.session is not None and asking.session is not None
        before = asking.heard, asking.said
        self._asking = None
        try:
            answer = other.hear_answer(sdp or b"")
            asking.heard = offered
            taken = asking.session.answer_offer(asking.answer(answer), now)
        except BadMessage as error:
            asking.session.refuse_offer(488, now, error.headers)
            taken = False
        if taken:
            self._moved(asking)
        else:
            # It was withdrawn meanwhile, or does not fit: the other side is offered what held before.
            asking.heard, asking.said = before
            other.session.offer(other.offer(asking.heard), now)
        self._moved(other)
        self._settled()

    def _pass_offer(self, other: Leg, asking: Leg, sdp: bytes | None, now: float) -> None:
        assert other.session is not None and asking.session is not None
        said = asking.said
        try:
            offer = asking.offer(other.hear(sdp or b""))
            if asking.session.answer_offer(offer, now):
                self._owing = asking
            else:
                # It was withdrawn meanwhile: the other side is answered with what held before.
                self._asking, asking.said = None, said
                assert asking.heard is not None
                other.session.acknowledge(other.answer(asking.heard), now)
        except BadMessage:
            self._give_up("service", now)
            return
        self._moved(other)
        self._settled()

    def _tell_moved(self, leg: Leg, other: Leg, now: float) -> None:
        before = leg.said
        assert before is not None and leg.session is not None
        if other.heard is not None and leg.session.offer(leg.offer(other.wanted), now):
            self._telling[leg] = before
        else:
            leg.said = before
            self._tell_later(leg, now)

    def _tell_later(self, leg: Leg, now: float) -> None:
        """Try again after a random time (RFC 3261 §14.1)."""
        assert leg.session is not None
        self._waiting.add(leg)
        chance = self.context.services.chance()
        wait = 2.1 + 1.9 * chance if leg.session.owns_call_id else 2.0 * chance
        self.context.services.agent.queue.schedule(self, now + wait)

    def _not_told(self, leg: Leg, code: int, before: Sdp, now: float) -> None:
        leg.take_back(before)
        self._put_off += 1
        if code in (491, 500) and self._put_off <= MAX_PUT_OFF:
            self._tell_later(leg, now)
            return
        self._numbered.add(leg)
        if self._cut_off(leg, self.callee if leg is self.caller else self.caller):
            # Its sound goes where nobody listens, or nobody understands it.
            self._give_up("service (relay lost)" if leg.moved else "service (no common codec)", now)

    def _agreed(self, leg: Leg, code: int, sdp: bytes | None, now: float) -> None:
        """An offer of our own was answered. If it was refused, or the answer does not fit, nothing changes."""
        before = self._telling.pop(leg, None)
        if code >= 300:
            if before is not None:
                self._not_told(leg, code, before, now)
            return
        if before is not None:
            self._numbered.add(leg)
        try:
            leg.hear_answer(sdp or b"")
        except BadMessage:
            return
        self._moved(leg)
        self._settled()
        self.tell_moved(now)

    def _cut_off(self, leg: Leg, other: Leg) -> bool:
        """Whether a side sends its sound to the wrong port, in a codec that the other has not, or while it must not."""
        return leg.moved or _unfit(leg, other) or (leg is self.callee and _held_since(leg, other))

    def _join(self, callee: Leg) -> None:
        assert self.caller.session is not None and callee.session is not None
        self.callee = callee
        self.caller.session.user = callee.session.user = self

    def _sides(self, session: Session) -> tuple[Leg, Leg]:
        """Return the leg of this session, then the other."""
        if session is self.caller.session:
            return self.caller, self.callee
        return self.callee, self.caller

    def _moved(self, leg: Leg) -> None:
        if leg is self.caller:
            self.relay_session.move_near(leg)
        else:
            self.relay_session.connect(leg)

    def _settled(self) -> None:
        """Tell the relay whether to expect silence, and the watcher that something was agreed on."""
        legs = (self.caller, self.callee)
        self.relay_session.hold(any(leg.heard is not None and leg.heard.audio.on_hold for leg in legs))
        self.context.services.watcher.changed(self.context.journal)


def _unfit(leg: Leg, other: Leg) -> bool:
    """Whether a side was told no codec that the other one speaks."""
    said, heard = leg.said, other.heard
    if said is None or heard is None:
        return False
    return not any(codec.is_speech and said.audio.find(codec) for codec in heard.audio.codecs)


def _misnumbered(leg: Leg, other: Leg) -> bool:
    """Whether a side sends a format (above all keys) with another payload number than the other one expects."""
    return leg.said is not None and other.heard is not None and not same_numbers(leg.said, other.heard)


def _held_since(callee: Leg, caller: Leg) -> bool:
    """Whether the caller wants another direction than the callee was told."""
    said, heard = callee.said, caller.heard
    return said is not None and heard is not None and said.audio.direction is not heard.audio.direction


def _narrower(answer: Sdp, offer: Sdp) -> bool:
    """Whether an answer leaves out a codec that the side that offered it may send."""
    return any(codec.is_speech and answer.audio.find(codec) is None for codec in offer.audio.codecs)
