"""What all performers of a plan's steps share. Each step of a plan has one performer; a call runs one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2bua.call.ports import Device
from b2bua.callplan.causes import Cause
from b2bua.callplan.outcome import Ended
from b2bua.sip.compose import Header
from b2bua.sip.session_user import Nobody

if TYPE_CHECKING:
    from b2bua.call.call import Call

COMPLETED_ELSEWHERE: tuple[Header, ...] = (("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),)


ENDED = {
    Cause.BUSY: Ended.BUSY,
    Cause.UNAVAILABLE: Ended.UNAVAILABLE,
    Cause.NO_ANSWER: Ended.NO_ANSWER,
}
"""What a step that rang somebody came to, by the cause that it gives the call."""


class Performer(Nobody):
    """Carries out one step. It ends by `call.step_ended` or `call.answered`, or is stopped by the call."""

    __slots__ = ("call",)

    def __init__(self, call: Call) -> None:
        self.call = call

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

    def on_registered(self, device: Device, now: float) -> None:
        """A device of somebody registered meanwhile; most steps do not mind."""
