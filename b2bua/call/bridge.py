"""Two legs joined through the relay: everything that passes between them once a call is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2bua.call.digits import digit_of_info
from b2bua.call.leg import Leg
from b2bua.call.path import Path
from b2bua.sip.errors import BadMessage
from b2bua.sip.session import Nobody, Session

if TYPE_CHECKING:
    from b2bua.call.call import Call
    from b2bua.call.deposit import Deposit

# What an INFO may carry from one phone to the other (RFC 6086 leaves the rest to packages nobody here knows).
INFO_TYPES = ("application/dtmf-relay", "application/dtmf", "application/media_control+xml")


class Bridge(Nobody):
    """Owns both sessions of an answered call. An offer on one side becomes an offer on the other."""

    __slots__ = ("_asking", "call", "callee", "caller", "mailbox", "path")

    def __init__(self, call: Call, callee: Leg, path: Path, mailbox: Deposit | None) -> None:
        self.call = call
        self.caller = call.caller
        self.callee = callee
        self.path = path
        self.mailbox = mailbox
        self._asking: Leg | None = None
        self._join(callee)

    def replace_callee(self, callee: Leg, now: float) -> None:
        """Another worker took over; an offer that the caller had under way is answered by what the new one said."""
        self.callee = callee
        self._join(callee)
        if self._asking is self.caller and self.caller.session is not None:
            self._asking = None
            self.caller.session.refuse_offer(491, now)

    def on_offer(self, session: Session, sdp: bytes | None, now: float) -> None:
        """A re-INVITE: hold, resume, another codec, another address, or a request for our offer."""
        asking, other = self._sides(session)
        assert other.session is not None
        try:
            offer = None if sdp is None else other.offer(asking.hear(sdp))
        except BadMessage as error:
            session.refuse_offer(error.code, now)
            return
        if not other.session.offer(offer, now):
            session.refuse_offer(491, now)
            return
        self._asking = asking

    def on_offer_answered(self, session: Session, code: int, sdp: bytes | None, now: float) -> None:
        """The other side's answer to what we passed on."""
        other, asking = self._sides(session)
        if self._asking is not asking or asking.session is None:
            return
        if code >= 300:
            self._asking = None
            asking.session.refuse_offer(code, now)
            return
        try:
            heard = other.hear(sdp or b"")
            if asking.session.offer_has_sdp:
                self._asking = None
                asking.session.answer_offer(asking.answer(heard), now)
                self._moved(asking)
            else:
                asking.session.answer_offer(asking.offer(heard), now)
        except BadMessage:
            self._asking = None
            asking.session.refuse_offer(488, now)
            return
        self._moved(other)
        self._held()

    def on_acknowledged(self, session: Session, sdp: bytes | None, now: float) -> None:
        """An ACK with a description answers our offer: the end of a delayed offer."""
        if sdp is None:
            return
        leg, other = self._sides(session)
        try:
            heard = leg.hear(sdp)
        except BadMessage:
            self.call.hang_up(now, "service")
            return
        self._moved(leg)
        if self._asking is leg and other.session is not None:
            self._asking = None
            other.session.acknowledge(other.answer(heard), now)
        self._held()

    def on_info(self, session: Session, content_type: str, body: bytes, now: float) -> None:
        """A key pressed goes to the mailbox, or to the other phone as it came."""
        _, other = self._sides(session)
        if self.mailbox is not None:
            if (digit := digit_of_info(content_type, body)) is not None:
                self.call.services.mailboxes.digit(self.mailbox.token, digit)
        elif content_type in INFO_TYPES and other.session is not None:
            other.session.send("INFO", (("Content-Type", content_type),), body, now)

    def on_ended(self, session: Session, why: str, now: float) -> None:
        """One side hung up or has gone: so does the other."""
        self.call.peer_ended("caller" if session is self.caller.session else "callee", why, now)

    def _join(self, callee: Leg) -> None:
        assert self.caller.session is not None and callee.session is not None
        self.caller.session.user = callee.session.user = self

    def _sides(self, session: Session) -> tuple[Leg, Leg]:
        """The leg of this session, then the other."""
        if session is self.caller.session:
            return self.caller, self.callee
        return self.callee, self.caller

    def _moved(self, leg: Leg) -> None:
        if leg is self.caller:
            self.path.move_near(leg)
        else:
            self.path.connect(leg)

    def _held(self) -> None:
        legs = (self.caller, self.callee)
        self.path.hold(any(leg.heard is not None and leg.heard.audio.on_hold for leg in legs))
