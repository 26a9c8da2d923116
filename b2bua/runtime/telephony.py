"""What requests mean: an INVITE becomes a call, a REGISTER a binding, a SUBSCRIBE news of messages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from b2bua.call.call import Call
from b2bua.call.itinerary import Itinerary
from b2bua.call.services import Services
from b2bua.callplan.hops import Hop
from b2bua.callplan.outbound import refuse_too_many
from b2bua.callplan.question import Rule
from b2bua.callplan.route import route
from b2bua.callplan.settings import User
from b2bua.callplan.situation import Limits, Situation
from b2bua.callplan.steps import Dial
from b2bua.registrar.bindings import Added, Change
from b2bua.runtime.callers import Callers
from b2bua.runtime.directory import LiveDevices
from b2bua.runtime.guard.call_rate import CallRate
from b2bua.runtime.guard.rate_limit import LogLimit
from b2bua.runtime.message_waiting import MessageWaiting
from b2bua.runtime.records.callbook import CallBook
from b2bua.runtime.records.emergencies import Emergencies
from b2bua.runtime.records.trace import Trace
from b2bua.runtime.registrations import Registrations
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.message import Request, Response
from b2bua.sip.transactions.server_transaction import ServerTransaction

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Parts:
    """What telephony works with."""

    services: Services
    """What every call works with."""
    registrations: Registrations
    callers: Callers
    message_waiting: MessageWaiting


class Telephony:
    """The `Application` of the user agent.

    `join` is called once, at the end, with telephony itself: the user agent and the registrar have to know whom they
    tell what happens.
    """

    def __init__(
        self,
        join: Callable[[Telephony], Parts],
        devices: LiveDevices,
        book: CallBook,
        trace: Trace,
        limits: Limits,
        emergencies: Emergencies,
        rate: CallRate,
    ) -> None:
        self.devices = devices
        self.book = book
        self.refused = 0
        self._lines = LogLimit("sip.message_refused")
        self.draining = False
        self._trace = trace
        self._limits = limits
        self._emergencies = emergencies
        self._rate = rate
        parts = join(self)
        self.services = parts.services
        self._registrations = parts.registrations
        self._callers = parts.callers
        self._message_waiting = parts.message_waiting

    # What the user agent tells

    def on_invite(self, invite: ServerTransaction, request: Request, now: float) -> None:
        """A new call: who calls, whom, and what then."""
        if self.draining:
            invite.dismiss(503, (("Retry-After", "10"),))
            return
        calling = self._callers.identify(invite, request, now)
        if calling is None:
            return
        if calling.trunk is None and request.contact is None:
            # Only carriers still have equipment older than RFC 3261.
            invite.dismiss(400, reason="Missing Contact")
            return
        numbering = self.devices.directory.numbering
        arrival = datetime.now(UTC)
        trunk = calling.trunk
        back = None if trunk is None else self._emergencies.caller(calling.dialled)

        def first(called: User) -> Situation:
            return self._situation(called, now, arrival, called_back=called.id == back)

        def later(called: User, then: float) -> Situation:
            return self._situation(called, then, arrival)

        hop = route(
            calling.dialled,
            calling.caller,
            numbering,
            first,
            self._limits,
            calling.diversions,
            self.book.visited(calling.marker),
            called_back=back,
        )
        if hop.plan.rule is Rule.OUTBOUND and not self._may_call_out(hop, now):
            hop = replace(hop, plan=refuse_too_many())
        call = Call.arrived(
            self.services,
            invite,
            Itinerary([hop], numbering, later, self._limits),
            calling.dialled,
            now,
            nat=calling.nat,
            early_media=trunk is None or trunk.early_media,
            answers_first=trunk is not None and trunk.answer_first,
        )
        self.book.add(call, hop.user)
        if hop.plan.rule is Rule.EMERGENCY:
            self._call_for_help(call)
        call.start(now)

    def answered(self, hops: tuple[Hop, ...]) -> Itinerary:
        """The itinerary of a call that was answered before a restart: it goes nowhere any more."""
        arrival = datetime.now(UTC)

        def look(called: User, now: float) -> Situation:
            return self._situation(called, now, arrival)

        return Itinerary(hops, self.devices.directory.numbering, look, self._limits)

    def _may_call_out(self, hop: Hop, now: float) -> bool:
        calls = any(isinstance(step, Dial) for step in hop.plan.steps)
        return not calls or hop.caller.customer is None or self._rate.take(hop.caller.customer, now)

    def _call_for_help(self, call: Call) -> None:
        """Tell operators, and remember the number that is shown: it may be rung back (E4)."""
        for step in call.plan.steps:
            if isinstance(step, Dial) and step.emergency:
                number = step.identity.presented
                call.context.event("emergency.called", code=step.number, number=number)
                if number is not None and call.calling.user is not None:
                    self._emergencies.called(number, call.calling.user)

    def on_register(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A registration."""
        self._registrations.on_register(transaction, request, now)

    def on_subscribe(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A subscription to what a mailbox holds."""
        self._message_waiting.on_subscribe(transaction, request, now)

    def on_received(self, message: Request | Response, data: bytes, flow: Flow, now: float) -> None:
        """Keep it for the ladder of its call."""
        if isinstance(message, Request) and message.method not in ("INVITE", "ACK", "BYE", "CANCEL", "INFO"):
            return
        self._trace.see(now, False, message.call_id, flow.remote, data)

    def on_refused(self, error: BadMessage, data: bytes, flow: Flow) -> None:
        """Count what is no SIP, and say so, as long as it is not too often."""
        self.refused += 1
        if not self._lines.may_say(time.monotonic()):
            return
        log.warning(
            "sip.message_refused",
            source=str(flow.remote),
            code=error.code,
            reason=error.reason,
            size=len(data),
        )

    # What the registrar tells

    def registration_changed(self, change: Change, now: float) -> None:
        """A device registered or has gone: its lamp is told, and a call that waits for it rings it (R8, V4)."""
        self._message_waiting.registration_changed(change, now)
        binding = change.binding
        account = self.devices.directory.account(binding.username)
        if account is None or not isinstance(change, Added):
            return
        if (device := self.devices.device(binding)) is None:
            return
        for call in self.book:
            if call.ringing(account.user_id):
                call.registered(device, now)

    def _situation(
        self, called: User, now: float, arrival: datetime, *, called_back: bool = False
    ) -> Situation:
        return Situation(
            now=arrival,
            busy=self.services.lines.in_use(called.id) >= called.max_calls,
            registered=bool(self.devices.of_user(called.id, now)),
            called_back=called_back,
        )
