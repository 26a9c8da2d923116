"""What all performers of a plan's steps share. Each step of a plan has one performer; a call runs one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2bua.call.leg import Leg
from b2bua.call.ports import Device
from b2bua.callplan.causes import Cause
from b2bua.callplan.outcome import Ended
from b2bua.sip.compose import Header
from b2bua.sip.sdp import Direction
from b2bua.sip.session_user import Nobody
from b2bua.sip.timers import NEVER, Timed

if TYPE_CHECKING:
    from b2bua.call.call import Call
    from b2bua.call.course import Course

COMPLETED_ELSEWHERE: tuple[Header, ...] = (("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),)


ENDED = {
    Cause.BUSY: Ended.BUSY,
    Cause.UNAVAILABLE: Ended.UNAVAILABLE,
    Cause.NO_ANSWER: Ended.NO_ANSWER,
}
"""What a step that rang somebody came to, by the cause that it gives the call."""


class Performer(Timed, Nobody):
    """Carries out one step of a course: ends by `step_ended`, `deflected` or `answered` there, or is stopped.

    `course` is `None` at the mailbox of a call that was answered before a restart.
    """

    __slots__ = ("_course", "call")

    def __init__(self, call: Call, course: Course | None) -> None:
        super().__init__()
        self.call = call
        self._course = course

    @property
    def course(self) -> Course:
        """The course that this is a step of."""
        assert self._course is not None
        return self._course

    def wait_until(self, when: float) -> None:
        """Call `on_time_up` at this moment; `NEVER` for no limit."""
        self.call.services.agent.queue.schedule(self, when)

    def rest(self) -> None:
        """The step is over, or somebody answered: nothing is due any more."""
        self.wait_until(NEVER)

    def on_deadline(self, now: float) -> None:
        """It lasted as long as it may."""
        with self.call.or_fail(now):
            self.on_time_up(now)

    def begin(self, now: float) -> None:
        """Start; may end at once."""
        raise NotImplementedError

    def stop(self, now: float) -> None:
        """The step's time is up or the caller has gone: undo everything under way."""
        raise NotImplementedError

    def on_time_up(self, now: float) -> None:
        """The step lasted as long as it may."""
        raise NotImplementedError

    def relay_back(self, now: float) -> None:
        """The relay was restarted, and the sessions this step had with it are gone."""

    def answer_early(self, leg: Leg, sdp: bytes | None, now: float) -> bool:
        """Answer what a callee offers before it answers the call (RFC 3311): all that it was offered stays so.

        The caller, who may have an early answer of one codec, notices nothing. Whether it could be answered.
        """
        caller = self.call.caller.heard
        return leg.answer_early(sdp, Direction.SENDRECV if caller is None else caller.audio.direction, now)

    def on_registered(self, device: Device, now: float) -> None:
        """A device of somebody registered meanwhile; most steps do not mind."""
