"""Plays tones and announcements before the answer, by the relay itself (BEHAVIOUR B3, D1, A2, M1)."""

from __future__ import annotations

from b2bua.call.context import CallContext
from b2bua.call.early import Early
from b2bua.call.steps import Performer, StepUser
from b2bua.call.walk import Walk
from b2bua.callplan.outcome import Ended
from b2bua.callplan.steps import Announce, Announcement, EngagedTone
from b2bua.sip.text.errors import BadMessage

ENGAGED = "engaged"
RELAY_TIMEOUT = 5.0
"""Seconds for the relay to make a session. It takes a millisecond, unless the relay is away."""


class PlayTone(Performer):
    """Performs `EngagedTone` and `Announce`. Callers who take no sound before the answer are not kept waiting."""

    __slots__ = ("_played", "_relay_session", "_step")

    def __init__(
        self, step: EngagedTone | Announce, context: CallContext, early: Early, walk: Walk, user: StepUser
    ) -> None:
        super().__init__(context, early, walk, user)
        self._step = step
        self._relay_session = early.next_relay_session()
        self._played = False

    def begin(self, now: float) -> None:
        """Open a relay session, unless the caller has one already."""
        if not self.early.sound or self.walk.seconds_left(now) <= 0:
            self.user.step_ended(Ended.FAILED, now)
        else:
            self.wait_until(now + min(RELAY_TIMEOUT, self.walk.seconds_left(now)))
            self.early.open(self._relay_session, self._play, now)

    def stop(self, now: float) -> None:
        """Stop the sound."""
        self.early.leave(self._relay_session)

    def relay_back(self, now: float) -> None:
        """Ask for the session again, for whoever is called next. The rest of the sound is silent."""
        self._relay_session.reopen(_nothing)

    def on_time_up(self, now: float) -> None:
        """Go on: the sound was heard to its end, or there is no relay."""
        self.stop(now)
        self.user.step_ended(Ended.COMPLETED if self._played else Ended.FAILED, now)

    def _play(self, there: bool, now: float) -> None:
        early = self.early
        try:
            if there and early.relay_session is None:
                early.take(self._relay_session)
        except BadMessage:
            there = False
        if not there:
            self.stop(now)
            self.user.step_ended(Ended.FAILED, now)
            return
        self._played = True
        if isinstance(self._step, EngagedTone):
            early.play(ENGAGED, now)
            self.wait_until(self.walk.deadline)
            return
        if self.early.answers_first and self._step.announcement is Announcement.REDIRECTING:
            # Never to refuse the call (A2).
            early.accept(now)
        early.play(self._step.announcement, now, once=True)
        self.wait_until(now + self.context.services.relay.seconds(self._step.announcement))


def _nothing(there: bool, now: float) -> None:
    """The sound is not played again."""
