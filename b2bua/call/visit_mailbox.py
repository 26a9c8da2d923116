"""Leads a caller to a mailbox: to leave a message, or to the voice portal of the caller's own."""

from __future__ import annotations

from b2bua.call.context import CallContext
from b2bua.call.early import Early
from b2bua.call.leg import Leg
from b2bua.call.steps import Answer, Performer, StepUser
from b2bua.call.visit import WORKER_TIMEOUT, MailboxStep, Visit
from b2bua.call.walk import Walk
from b2bua.callplan.outcome import Ended


class VisitMailbox(Performer):
    """Performs `Voicemail` and `Portal`."""

    __slots__ = ("_relay_session", "_visit")

    def __init__(
        self, step: MailboxStep, context: CallContext, early: Early, walk: Walk, user: StepUser
    ) -> None:
        super().__init__(context, early, walk, user)
        self._relay_session = early.next_relay_session()
        self._visit = Visit(context, early.caller, self._relay_session, step, context.services.token())

    def begin(self, now: float) -> None:
        """Open a relay session and ask for a worker."""
        self.wait_until(now + WORKER_TIMEOUT)
        self.early.open(self._relay_session, self._opened, now)

    def relay_back(self, now: float) -> None:
        """Go on looking for a worker. The one that answers is told the new port by a re-INVITE."""
        self._relay_session.reopen(self._reopened)

    def stop(self, now: float) -> None:
        """Nobody wants a mailbox any more."""
        self._visit.release(now)
        self.early.leave(self._relay_session)

    def on_time_up(self, now: float) -> None:
        """No worker has answered."""
        self.worker_failed(now)

    def worker_answered(self, leg: Leg, now: float) -> None:
        """Answer the caller."""
        self.user.answered(Answer(leg, self._relay_session, visit=self._visit), now)

    def worker_failed(self, now: float) -> None:
        """Go on with the plan: there is no relay, no worker, or no answer."""
        self.stop(now)
        visit = self._visit
        self.context.event("mailbox.failed", mailbox=visit.step.user, service=visit.words.service)
        self.user.step_ended(Ended.FAILED, now)

    def _opened(self, there: bool, now: float) -> None:
        if there:
            self._visit.reserve(self)
        else:
            self.worker_failed(now)

    def _reopened(self, there: bool, now: float) -> None:
        if there:
            self._relay_session.place(self.early.caller, self._visit.leg)
        else:
            self.worker_failed(now)
