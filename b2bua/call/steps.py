"""What all performers of a plan's steps share. Each step of a plan has one performer; a set-up runs one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from b2bua.call.context import CallContext
from b2bua.call.early import Early
from b2bua.call.leg import Leg
from b2bua.call.ports import Device
from b2bua.call.relay_session import RelaySession
from b2bua.call.visit import Visit
from b2bua.call.walk import Walk
from b2bua.callplan.causes import Cause
from b2bua.callplan.outcome import Ended
from b2bua.callplan.settings import User
from b2bua.sip.dialogs.session import Nobody
from b2bua.sip.sdp.description import Direction
from b2bua.sip.text.compose import Header
from b2bua.sip.transactions.timers import NEVER, Timed

COMPLETED_ELSEWHERE: tuple[Header, ...] = (("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),)
"""Said to the devices that did not answer first (RFC 3326)."""

ENDED = {
    Cause.BUSY: Ended.BUSY,
    Cause.UNAVAILABLE: Ended.UNAVAILABLE,
    Cause.NO_ANSWER: Ended.NO_ANSWER,
}
"""How a step that rang somebody ended, by the cause that it gives the call."""


class Answer(NamedTuple):
    """Who took a call."""

    leg: Leg
    relay_session: RelaySession
    """The session that joins the leg to the caller."""
    device: str | None = None
    """The user name of the device that answered."""
    trunk: str | None = None
    """The name of the trunk that the answer came by."""
    visit: Visit | None = None
    """The visit to the mailbox that answered."""


class StepUser(Protocol):
    """Hears how a step ended, in one of these three ways, unless it is stopped before."""

    def step_ended(
        self,
        ended: Ended,
        now: float,
        cause: Cause | None = None,
        *,
        trunk: str | None = None,
        code: int | None = None,
    ) -> None:
        """Nobody took the call.

        `cause` is the call's from now on. `trunk` was tried last. `code` is what was answered elsewhere, and 488 where
        a device's answer could not be used.
        """

    def deflected(self, targets: Sequence[str], by: User, now: float) -> None:
        """A device that rang says who is to be called instead (302), the best first. `by` is its user."""

    def answered(self, answer: Answer, now: float) -> None:
        """Somebody took the call. Raises BadMessage (488) where the caller cannot be told so."""


class Performer(Timed, Nobody):
    """Carries out one step of a walk for the caller of `early`, and tells `user` how it ended."""

    __slots__ = ("context", "early", "user", "walk")

    def __init__(self, context: CallContext, early: Early, walk: Walk, user: StepUser) -> None:
        super().__init__()
        self.context = context
        self.early = early
        self.walk = walk
        self.user = user

    def wait_until(self, when: float) -> None:
        """Call `on_time_up` at this moment; `NEVER` means no limit."""
        self.context.services.agent.queue.schedule(self, when)

    def rest(self) -> None:
        """The step is over: nothing is due any more."""
        self.wait_until(NEVER)

    def on_deadline(self, now: float) -> None:
        """The step lasted as long as it may."""
        self.context.guard(self.on_time_up, now)

    def begin(self, now: float) -> None:
        """Start the step. It may end at once."""
        raise NotImplementedError

    def stop(self, now: float) -> None:
        """Undo everything under way: the time is up, or the caller has gone."""
        raise NotImplementedError

    def on_time_up(self, now: float) -> None:
        """The step lasted as long as it may."""
        raise NotImplementedError

    def relay_back(self, now: float) -> None:
        """The relay was restarted; the sessions of this step are gone."""

    def answer_early(self, leg: Leg, sdp: bytes | None, now: float) -> bool:
        """Answer what a callee offers before it answers the call (RFC 3311). What it was offered still holds.

        The caller may have an early answer of one codec, and notices nothing. Returns False if it was refused.
        """
        caller = self.early.caller.heard
        return leg.answer_early(sdp, Direction.SENDRECV if caller is None else caller.audio.direction, now)

    def on_registered(self, device: Device, now: float) -> None:
        """A device of the called user registered. Most steps do not need it."""
