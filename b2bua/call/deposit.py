"""The mailbox takes the call: an INVITE to a media worker on loopback, which greets and records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2bua.call.leg import Leg
from b2bua.call.path import Path
from b2bua.call.steps import Performer
from b2bua.callplan.outcome import Ended
from b2bua.callplan.steps import Voicemail
from b2bua.sip.address import Address
from b2bua.sip.errors import BadMessage
from b2bua.sip.flow import Flow
from b2bua.sip.message import Response
from b2bua.sip.session import Session
from b2bua.sip.uac import ClientSession
from b2bua.sip.uri import Uri

if TYPE_CHECKING:
    from b2bua.call.call import Call

SERVICE = "deposit"


class Deposit(Performer):
    """Performs `Voicemail`, and finds another worker when one is lost in the middle of a recording."""

    __slots__ = ("_invited", "_path", "_session", "_step", "leg", "token")

    def __init__(self, call: Call, step: Voicemail) -> None:
        super().__init__(call)
        self._step = step
        self._path = Path(call.services.relay, call.services.token())
        self._session: ClientSession | None = None
        self._invited = False
        self.token = call.services.token()
        self.leg: Leg | None = None

    def begin(self, now: float) -> None:
        """Open a relay session and ask for a worker."""
        self._path.open(self.call.caller, self._reserve)

    def stop(self, now: float) -> None:
        """The caller gave up before the greeting."""
        self._give_up(now)

    def on_time_up(self, now: float) -> None:
        """A mailbox has no time limit of its own."""

    def lost(self, now: float) -> None:
        """The worker died under an answered call: the caller keeps its port, another worker goes on."""
        if self.leg is not None and self.leg.session is not None:
            self.leg.session.end(now)
        self.call.services.mailboxes.resume(self.token, self._invite)

    def _reserve(self, there: bool, now: float) -> None:
        if not there:
            self._fail(now)
            return
        self.call.services.mailboxes.reserve(
            self.token,
            self._step.user,
            self._step.occasion,
            self.call.visitor(),
            self.call.caller_call_id,
            self._invite,
        )

    def _invite(self, flow: Flow | None, now: float) -> None:
        if self.call.over:
            if flow is not None:
                self.call.services.mailboxes.release(self.token)
            return
        if flow is None:
            self._fail(now)
            return
        call = self.call
        leg = Leg(call.next_leg_name(), flow, call.services.origin())
        self._path.place(call.caller, leg)
        host = call.services.agent.wire.advertised(flow)
        target = Uri(flow.remote.host, SERVICE, flow.remote.port)
        self._invited = True
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
        self.leg = leg
        call.leg_added(leg)

    def on_answered(self, session: Session, sdp: bytes | None, now: float) -> None:
        """The worker is there: the caller is answered, or goes on where it was."""
        assert self.leg is not None
        try:
            self.leg.hear(sdp or b"")
        except BadMessage:
            session.bye(now)
            self._fail(now)
            return
        self._path.connect(self.leg)
        if self.call.joined_to(self._path):
            self.call.rejoined(self.leg, now)
        else:
            self.call.answered(self.leg, self._path, now, mailbox=self)

    def on_failed(self, session: Session, code: int, response: Response | None, now: float) -> None:
        """The worker refused."""
        self._fail(now)

    def _give_up(self, now: float) -> None:
        if self._session is not None:
            self._session.cancel(now)
        elif not self._invited:
            self.call.services.mailboxes.release(self.token)
        self._path.close()

    def _fail(self, now: float) -> None:
        """No relay, no worker, or no answer: the plan goes on, or a call already answered ends."""
        if self.call.joined_to(self._path):
            self.call.hang_up(now, "service")
            return
        self._path.close()
        self.call.event("voicemail.failed", mailbox=self._step.user)
        self.call.step_ended(Ended.FAILED, now)
