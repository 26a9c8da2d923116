"""A request of ours (RFC 3261 §17.1) and whoever waits for what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from b2bua.sip.text.draft import Draft
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.message import Response
from b2bua.sip.transactions.timers import NEVER
from b2bua.sip.transactions.transaction import Action, Kind, Setting, State, Transaction


class ResponseUser(Protocol):
    """Whoever sent a request and waits for what becomes of it."""

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """A provisional or final response; for an INVITE every 2xx that was not acknowledged yet."""

    def on_no_response(self, transaction: ClientTransaction, code: int, now: float) -> None:
        """No final response: 408 for silence, 503 for a broken transport (RFC 3261 §8.1.3.1)."""


class _Ignore:
    """For requests whose answer changes nothing, and for transactions that are over."""

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """Nothing."""

    def on_no_response(self, transaction: ClientTransaction, code: int, now: float) -> None:
        """Nothing."""


IGNORE: ResponseUser = _Ignore()


class ClientTransaction(Transaction):
    """A request of ours. One INVITE may be answered 2xx by several peers; `acknowledge` is per To tag.

    `datagrams` is the flow that it would have taken if it were shorter. `over` is told when it has ended. After a
    final response that nobody will be told again it only absorbs repetitions, and keeps no more than that needs.
    """

    __slots__ = ("_acks", "_draft", "_over", "branch", "call_id", "datagrams", "method", "user")

    def __init__(
        self,
        setting: Setting,
        draft: Draft,
        branch: str,
        flow: Flow,
        user: ResponseUser,
        over: Callable[[ClientTransaction], None],
    ) -> None:
        kind = Kind.INVITE_CLIENT if draft.method == "INVITE" else Kind.CLIENT
        super().__init__(kind, flow, setting)
        self._over = over
        self._draft: Draft | None = draft
        self.method = draft.method
        self.call_id = draft.call_id
        self.branch = branch
        self.user = user
        self.datagrams: Flow | None = None
        self._acks: dict[str, bytes] = {}

    @property
    def draft(self) -> Draft:
        """What was sent, until its user has been told for the last time."""
        assert self._draft is not None
        return self._draft

    @property
    def answered(self) -> bool:
        """Whether a final response came, or will no more."""
        return self.state not in (State.CALLING, State.TRYING, State.PROCEEDING)

    @property
    def unheard(self) -> bool:
        """Whether nothing at all came back yet."""
        return self.state in (State.CALLING, State.TRYING)

    def acknowledge(self, ack: Draft, tag: str) -> None:
        """Send the ACK of a 2xx with this To tag; it goes out again for every repetition (RFC 3261 §13.2.2.4)."""
        self._acks[tag] = self.setting.sender.send_stateless(ack, self.flow)

    def perform(self, action: Action, message: object, now: float) -> None:
        """Carry out one action of the table."""
        if action is Action.RESEND:
            self.setting.sender.transmit(self.data, self.flow, self.call_id)
        elif action is Action.DELIVER:
            assert isinstance(message, Response)
            ack = self._acks.get(message.to.tag or "") if self._acks else None
            if ack is None:
                self._deliver(message, now)
            else:
                self.setting.sender.transmit(ack, self.flow, self.call_id)
        elif action is Action.ACKNOWLEDGE:
            assert isinstance(message, Response)
            self._acknowledge_failure(message)
        else:
            self.user.on_no_response(self, 408 if action is Action.TIMED_OUT else 503, now)

    def _deliver(self, response: Response, now: float) -> None:
        try:
            self.user.on_response(self, response, now)
        finally:
            if self.state is State.COMPLETED:
                self._draft = None
                self.user = IGNORE
                if self.kind is Kind.CLIENT:
                    self.data = b""

    def _acknowledge_failure(self, response: Response) -> None:
        """Send the ACK that belongs to the transaction (RFC 3261 §17.1.1.3): the same for every repetition."""
        if self._draft is None:
            self.setting.sender.transmit(self.data, self.flow, self.call_id)
        else:
            ack = self._draft.companion("ACK", response.get("to") or "")
            self.data = self.setting.sender.send_stateless(ack, self.flow, self.branch)

    def abandon(self) -> None:
        """Stop waiting for a final response (RFC 3261 §9.1)."""
        self.state = State.TERMINATED
        self.setting.queue.schedule(self, NEVER)
        self.forget()

    def forget(self) -> None:
        """Say that it is over, and drop the reference that makes a cycle with its session."""
        self._over(self)
        self.user = IGNORE
