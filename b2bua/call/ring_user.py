"""Rings all devices of a user at once: the first answer wins (BEHAVIOUR N6, N7, R8, B2)."""

from __future__ import annotations

from functools import partial

from b2bua.call.context import CallContext
from b2bua.call.early import Early
from b2bua.call.leg import Leg
from b2bua.call.line_use import Waiter
from b2bua.call.ports import Device
from b2bua.call.relay_session import RelaySession
from b2bua.call.steps import COMPLETED_ELSEWHERE, ENDED, Answer, Performer, StepUser
from b2bua.call.walk import Walk
from b2bua.callplan.causes import Cause
from b2bua.callplan.responses import ends_search, means_busy
from b2bua.callplan.settings import User
from b2bua.callplan.steps import Ring
from b2bua.sip.dialogs.refusal import Refusal
from b2bua.sip.dialogs.session import Session
from b2bua.sip.dialogs.uac import ClientSession
from b2bua.sip.text.address import Address
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.uri import Uri
from b2bua.trunks.dialled import dialled


class Branch:
    """One device that rings, with a relay session of its own (BEHAVIOUR M4).

    If the caller has its answer already, all devices share its session, which is switched to the winner.
    """

    __slots__ = ("device", "leg", "relay_session", "session", "whole")

    def __init__(self, device: Device, leg: Leg, relay_session: RelaySession) -> None:
        self.device = device
        self.leg = leg
        self.relay_session = relay_session
        self.session: ClientSession | None = None
        self.whole = False
        """Whether it was offered all the caller's codecs, and not only the one that the caller was given."""


class RingUser(Performer):
    """Performs `Ring`."""

    __slots__ = ("_branches", "_busy", "_rings", "_rung", "_step", "_unfit", "_waiter", "_waits")

    def __init__(self, step: Ring, context: CallContext, early: Early, walk: Walk, user: StepUser) -> None:
        super().__init__(context, early, walk, user)
        self._step = step
        self._branches: list[Branch] = []
        self._rung: set[tuple[str, str]] = set()
        """The devices that were rung: user name and key of the binding."""
        self._busy = False
        """Whether a device said that its user is busy."""
        self._unfit: int | None = None
        """488 if a device answered with a description of sound that cannot be used."""
        self._rings = False
        """Whether this call has one of the user's lines."""
        self._waiter: Waiter | None = None
        """The place in the queue for a line."""
        self._waits = step.waits
        """Whether to wait for devices that register later; not without a relay."""

    def begin(self, now: float) -> None:
        """Ring the registered devices. A step that queues waits for a line first."""
        user = self.context.user(self._step.user)
        if not self._step.queues or user is None:
            self.context.occupy(self._step.user)
            self._ring_all(now)
            return
        self.early.alert(now)
        self._waiter = Waiter(self._step.user, user.max_calls, self._line_free)
        self.context.services.lines.wait(self._waiter)

    def _line_free(self, now: float) -> None:
        """Ring for the rest of the time, unless a new call has taken the line meanwhile."""
        assert self._waiter is not None
        if self.context.services.lines.in_use(self._step.user) >= self._waiter.calls:
            return
        self.context.occupy(self._step.user)
        self._leave_queue(now)
        self._ring_all(now)

    def _leave_queue(self, now: float) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            self.context.services.lines.leave(waiter, now)

    def _ring_all(self, now: float) -> None:
        self._rings = True
        for device in self.context.services.devices.of_user(self._step.user, now):
            self._ring(device, now)
        if not self._branches:
            self._nobody_rings(now)

    def on_registered(self, device: Device, now: float) -> None:
        """Ring it too, if the step waits. No device rings twice in one step."""
        if self._waits:
            self._ring(device, now)

    def relay_back(self, now: float) -> None:
        """Let the devices ring on. The one that answers is told the new port by a re-INVITE."""
        for branch in self._branches:
            branch.relay_session.reopen(partial(self._reopened, branch))

    def stop(self, now: float) -> None:
        """Nobody wants an answer any more."""
        self._leave_queue(now)
        self._drop_all(now)

    def on_time_up(self, now: float) -> None:
        """Nobody answered in time."""
        self._leave_queue(now)
        self._drop_all(now)
        self._over(Cause.NO_ANSWER, now)

    def _ring(self, device: Device, now: float) -> None:
        # Two devices behind different NATs may have the same contact.
        name = device.username, device.binding.key
        if name in self._rung:
            return
        self._rung.add(name)
        leg = self.context.new_leg(device.target.flow, device.nat)
        branch = Branch(device, leg, self.early.next_relay_session())
        self._branches.append(branch)
        self.early.open(branch.relay_session, lambda there, now: self._invite(branch, there, now), now)

    def _invite(self, branch: Branch, there: bool, now: float) -> None:
        """Offer the device what the caller offers, at the relay's address."""
        if not there:
            self._waits = False
            self._lost(branch, 503, now)
            return
        context, caller = self.context, self.early.caller
        branch.relay_session.place(caller, branch.leg)
        target = branch.device.target
        host = context.services.agent.wire.advertised(target.flow)
        session = context.services.agent.call(
            target.uri,
            target.flow,
            context.identity(host),
            Address(Uri(host.host, branch.device.username, host.port)),
            self,
            now,
            branch.leg.offer(caller.heard if branch.whole else caller.wanted),
            target.routes,
            max_forwards=context.max_forwards,
        )
        branch.session = branch.leg.session = session
        context.leg_added(branch.leg)

    def _reopened(self, branch: Branch, there: bool, now: float) -> None:
        if branch not in self._branches:
            return
        if there:
            branch.relay_session.place(self.early.caller, branch.leg)
        else:
            if branch.session is not None:
                branch.session.cancel(now)
            self._lost(branch, 503, now)

    def on_progress(self, session: Session, code: int, sdp: bytes | None, now: float) -> None:
        """A device rings. Its early media is not passed on: others may ring too (BEHAVIOUR M4)."""
        if code >= 180:
            self.early.alert(now)

    def on_offer(self, session: Session, sdp: bytes | None, now: float) -> None:
        """A device says before its answer where its sound is to go. This matters after the answer."""
        self.answer_early(self._branch(session).leg, sdp, now)

    def on_answered(self, session: Session, sdp: bytes | None, now: float) -> None:
        """Take the first answer. The other devices are told that the call was completed elsewhere."""
        branch = self._branch(session)
        try:
            branch.leg.hear_answer(sdp or b"")
        except BadMessage:
            self._unfit = 488
            session.bye(now)
            self._lost(branch, 488, now)
            return
        self._branches.remove(branch)
        self._drop_all(now, completed=True)
        branch.relay_session.connect(branch.leg)
        self.user.answered(Answer(branch.leg, branch.relay_session, device=branch.device.username), now)

    def on_failed(self, session: Session, refusal: Refusal, now: float) -> None:
        """A device refused, was not reached, or says who is to be called instead."""
        branch = self._branch(session)
        if refusal.code == 488 and self.early.narrowed and not branch.whole:
            # It may have another codec of the caller's, who is told by a re-INVITE then (M1).
            branch.whole = True
            branch.leg = self.context.new_leg(branch.leg.flow, branch.leg.nat)
            self._invite(branch, True, now)
            return
        targets = [target for target in refusal.targets if target.user]
        user = self.context.user(self._step.user)
        if not targets or user is None:
            self._lost(branch, refusal.code, now)
            return
        self._branches.remove(branch)
        self.early.leave(branch.relay_session)
        self.context.event("call.deflected", leg=branch.leg.name, device=branch.device.username)
        self._drop_all(now)
        self.context.vacate(self._step.user, now)
        self.user.deflected([self._named(target, user, branch) for target in targets], user, now)

    def _named(self, target: Uri, user: User, branch: Branch) -> str:
        """Return whom a device's redirect names. Its domain may be the address by which the device knows us."""
        itinerary = self.context.itinerary
        country = itinerary.numbering.customer_of(user).country
        home = self.context.services.agent.wire.advertised(branch.leg.flow).host
        return dialled(target, country, (home,), itinerary.limits.codes)

    def _branch(self, session: Session) -> Branch:
        return next(branch for branch in self._branches if branch.session is session)

    def _lost(self, branch: Branch, code: int, now: float) -> None:
        self._branches.remove(branch)
        self.early.leave(branch.relay_session)
        self.context.event(
            "call.device_failed", leg=branch.leg.name, device=branch.device.username, code=code
        )
        self._busy = self._busy or means_busy(code)
        if ends_search(code):
            self._drop_all(now)
        if self._branches:
            return
        if self._busy:
            self._over(Cause.BUSY, now)
        else:
            self._nobody_rings(now)

    def _nobody_rings(self, now: float) -> None:
        """No device is left, and none was busy: wait for another with ringback, or end the step (R8)."""
        if self._waits:
            self.early.alert(now)
        else:
            self._over(Cause.UNAVAILABLE, now)

    def _drop_all(self, now: float, *, completed: bool = False) -> None:
        branches, self._branches = self._branches, []
        for branch in branches:
            if branch.session is not None:
                branch.session.cancel(now, COMPLETED_ELSEWHERE if completed else ())
            self.early.leave(branch.relay_session)

    def _over(self, cause: Cause, now: float) -> None:
        if self._rings:
            self.context.vacate(self._step.user, now)
        told = None if cause is Cause.BUSY else self._unfit
        self.user.step_ended(ENDED[cause], now, Cause.BUSY if self._step.queues else cause, code=told)
