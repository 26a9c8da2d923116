"""A place at a mailbox: it is reserved, taken by an INVITE to a media worker, and resumed after the worker died."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from b2bua.call.context import CallContext
from b2bua.call.leg import Leg
from b2bua.call.relay_session import RelaySession
from b2bua.callplan.steps import Portal, Voicemail
from b2bua.sip.dialogs.refusal import Refusal
from b2bua.sip.dialogs.session import Nobody, Session
from b2bua.sip.dialogs.uac import ClientSession
from b2bua.sip.text.address import Address
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.uri import Uri
from b2bua.sip.transactions.timers import NEVER, Timed

WORKER_TIMEOUT = 10.0
"""Seconds from asking for a worker to its answer. An idle one takes milliseconds, a new one about a second."""

MailboxStep = Voicemail | Portal
"""The steps that lead to a mailbox: of a caller with a message, and of its owner."""


class Words(NamedTuple):
    """What a visit is called."""

    service: str
    """By the media host, and in the URI of our INVITE."""
    state: str
    """By operators, while it lasts."""
    outcome: str
    """In the call log."""


WORDS: dict[type[MailboxStep], Words] = {
    Voicemail: Words("deposit", "recording", "voicemail"),
    Portal: Words("portal", "portal", "portal"),
}


class VisitUser(Protocol):
    """Hears whether a worker came."""

    def worker_answered(self, leg: Leg, now: float) -> None:
        """A worker is there, and hears the caller."""

    def worker_failed(self, now: float) -> None:
        """There is no worker, or it did not take the call."""


class Visit(Timed, Nobody):
    """One caller's visit to a mailbox, whichever worker serves it."""

    __slots__ = (
        "_asked",
        "_caller",
        "_context",
        "_relay_session",
        "_session",
        "_user",
        "leg",
        "step",
        "token",
    )

    def __init__(
        self,
        context: CallContext,
        caller: Leg,
        relay_session: RelaySession,
        step: MailboxStep,
        token: str,
        leg: Leg | None = None,
    ) -> None:
        super().__init__()
        self.step = step
        """The step that led to the mailbox."""
        self.token = token
        """The media host's name for the visit."""
        self.leg = leg
        """The worker's leg."""
        self._context = context
        self._caller = caller
        self._relay_session = relay_session
        self._user: VisitUser | None = None
        """Whoever waits for a worker."""
        self._asked = False
        """Whether the media host is looking for a worker."""
        self._session: ClientSession | None = None

    @property
    def words(self) -> Words:
        """What this visit is called."""
        return WORDS[type(self.step)]

    def reserve(self, user: VisitUser) -> None:
        """Ask for a worker."""
        self._user = user
        self._asked = True
        self._context.services.mailboxes.reserve(
            self.token,
            self.words.service,
            self.step.user,
            self.step.occasion if isinstance(self.step, Voicemail) else None,
            self._context.shown_caller(),
            self._context.journal.call_id,
            self._invite,
        )

    def resume(self, user: VisitUser, now: float) -> None:
        """Ask for another worker after one died under an answered call. The caller keeps its port."""
        if self._asked:
            return
        if self.leg is not None and self.leg.session is not None:
            self.leg.session.end(now)
        self._user = user
        self._asked = True
        self._within(now + WORKER_TIMEOUT)
        self._context.services.mailboxes.resume(self.token, self._invite)

    def digit(self, digit: str) -> None:
        """Pass on a key that the caller pressed."""
        self._context.services.mailboxes.digit(self.token, digit)

    def release(self, now: float) -> None:
        """End the visit: give back a place that was asked for, and cancel an INVITE under way."""
        self._user = None
        self._within(NEVER)
        if self._asked:
            self._asked = False
            self._context.services.mailboxes.release(self.token)
        if self._session is not None:
            self._session.cancel(now)

    def on_deadline(self, now: float) -> None:
        """No other worker has answered."""
        self._context.guard(self._fail, now)

    def on_answered(self, session: Session, sdp: bytes | None, now: float) -> None:
        """The worker is there."""
        assert self.leg is not None and self._user is not None
        try:
            self.leg.hear_answer(sdp or b"")
        except BadMessage:
            session.bye(now)
            self._fail(now)
            return
        user, self._user = self._user, None
        self._within(NEVER)
        self._relay_session.connect(self.leg)
        user.worker_answered(self.leg, now)

    def on_failed(self, session: Session, refusal: Refusal, now: float) -> None:
        """The worker refused."""
        self._fail(now)

    def _invite(self, flow: Flow | None, now: float) -> None:
        if not self._asked:
            # The visit ended meanwhile.
            return
        self._asked = False
        if flow is None:
            self._fail(now)
            return
        context = self._context
        leg = self.leg = context.new_leg(flow, "never")
        self._relay_session.place(self._caller, leg)
        host = context.services.agent.wire.advertised(flow)
        target = Uri(flow.remote.host, self.words.service, flow.remote.port)
        self._session = leg.session = context.services.agent.call(
            str(target),
            flow,
            Address(Uri(host.host, "ringplan", host.port)),
            Address(target),
            self,
            now,
            leg.offer(self._caller.wanted),
            headers=(("X-Session", self.token),),
        )
        context.leg_added(leg)

    def _within(self, when: float) -> None:
        self._context.services.agent.queue.schedule(self, when)

    def _fail(self, now: float) -> None:
        user, self._user = self._user, None
        if user is not None:
            user.worker_failed(now)
