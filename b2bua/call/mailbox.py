"""A mailbox takes the call: an INVITE to a media worker on loopback, which records a message or is the voice portal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from b2bua.call.leg import Leg
from b2bua.call.path import Path
from b2bua.call.steps import Performer
from b2bua.callplan.outcome import Ended
from b2bua.callplan.steps import Portal, Voicemail
from b2bua.sip.address import Address
from b2bua.sip.errors import BadMessage
from b2bua.sip.flow import Flow
from b2bua.sip.session import Session
from b2bua.sip.session_user import Refusal
from b2bua.sip.uac import ClientSession
from b2bua.sip.uri import Uri

if TYPE_CHECKING:
    from b2bua.call.call import Call
    from b2bua.call.course import Course

# Seconds from asking for a worker to its answer; an idle one takes milliseconds, starting one about a second.
PATIENCE = 10.0


Visit = Voicemail | Portal
"""The steps that lead to a mailbox: of a caller with a message, and of its owner."""


class Words(NamedTuple):
    """What a visit is called: the media host's `service`, a call's `state` while it lasts, its `outcome` afterwards."""

    service: str
    state: str
    outcome: str


WORDS: dict[type[Visit], Words] = {
    Voicemail: Words("deposit", "recording", "voicemail"),
    Portal: Words("portal", "portal", "portal"),
}


class AtMailbox(Performer):
    """Performs `Voicemail` and `Portal`, and finds another worker when one is lost in the middle of it."""

    __slots__ = ("_asked", "_leg", "_path", "_session", "step", "token")

    def __init__(
        self,
        call: Call,
        course: Course | None,
        step: Visit,
        path: Path,
        token: str,
        leg: Leg | None = None,
    ) -> None:
        """`leg` is the worker's, of a call that was answered before a restart."""
        super().__init__(call, course)
        self.step = step
        self.token = token
        self._path = path
        self._asked = False
        self._leg = leg
        self._session: ClientSession | None = None

    @property
    def words(self) -> Words:
        """What this visit is called."""
        return WORDS[type(self.step)]

    def begin(self, now: float) -> None:
        """Open a relay session and ask for a worker."""
        self.wait_until(now + PATIENCE)
        self.course.open(self._path, self._reserve, now)

    def relay_back(self, now: float) -> None:
        """The search for a worker goes on; one that answers is told the new port by a re-INVITE."""
        self._path.reopen(self._reopened)

    def stop(self, now: float) -> None:
        """Nobody wants a mailbox any more: take back the place that was asked for, and an INVITE under way."""
        if self._asked:
            self._asked = False
            self.call.services.mailboxes.release(self.token)
        if self._session is not None:
            self._session.cancel(now)
        if self._course is not None:
            self._course.leave(self._path)

    def on_time_up(self, now: float) -> None:
        """No worker has answered."""
        self._fail(now)

    def lost(self, now: float) -> None:
        """The worker died under an answered call: the caller keeps its port, another worker goes on."""
        if self._asked:
            # One is being looked for already.
            return
        if self._leg is not None and self._leg.session is not None:
            self._leg.session.end(now)
        self.wait_until(now + PATIENCE)
        self._asked = True
        self.call.services.mailboxes.resume(self.token, self._invite)

    def _reopened(self, there: bool, now: float) -> None:
        if self.call.joined_to(self._path):
            self.call.path_back(there, now)
        elif there:
            self._path.place(self.call.caller, self._leg)
        else:
            self._fail(now)

    def _reserve(self, there: bool, now: float) -> None:
        if not there:
            self._fail(now)
            return
        self._asked = True
        self.call.services.mailboxes.reserve(
            self.token,
            self.words.service,
            self.step.user,
            self.step.occasion if isinstance(self.step, Voicemail) else None,
            self.call.visitor(),
            self.call.caller_call_id,
            self._invite,
        )

    def _invite(self, flow: Flow | None, now: float) -> None:
        if not self._asked:
            # It was taken back meanwhile.
            return
        self._asked = False
        if flow is None:
            self._fail(now)
            return
        call = self.call
        leg = self._leg = Leg(call.next_leg_name(), flow, call.services.origin(), "never")
        self._path.place(call.caller, leg)
        host = call.services.agent.wire.advertised(flow)
        target = Uri(flow.remote.host, self.words.service, flow.remote.port)
        self._session = leg.session = call.services.agent.call(
            str(target),
            flow,
            Address(Uri(host.host, "ringplan", host.port)),
            Address(target),
            self,
            now,
            leg.offer(call.caller.wanted),
            headers=(("X-Session", self.token),),
        )
        call.leg_added(leg)

    def on_answered(self, session: Session, sdp: bytes | None, now: float) -> None:
        """The worker is there: the caller is answered, or goes on where it was."""
        assert self._leg is not None
        try:
            self._leg.hear_answer(sdp or b"")
        except BadMessage:
            session.bye(now)
            self._fail(now)
            return
        self._path.connect(self._leg)
        if self.call.joined_to(self._path):
            self.rest()
            self.call.rejoined(self._leg, now)
        else:
            self.course.answered(self._leg, self._path, now, mailbox=self)

    def on_failed(self, session: Session, refusal: Refusal, now: float) -> None:
        """The worker refused."""
        self._fail(now)

    def _fail(self, now: float) -> None:
        """No relay, no worker, or no answer: the plan goes on, or a call already answered ends."""
        if self.call.joined_to(self._path):
            self.call.hang_up(now, "service")
            return
        self.stop(now)
        self.call.event("mailbox.failed", mailbox=self.step.user, service=self.words.service)
        self.course.step_ended(Ended.FAILED, now)
