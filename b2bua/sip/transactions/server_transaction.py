"""A request that we answer (RFC 3261 §17.2): where its responses go, and what they copy from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from b2bua.sip.sdp.warning import warned
from b2bua.sip.text.compose import Header, reason_phrase, render, reply_flow, response_headers
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.message import Request
from b2bua.sip.transactions.stateless import tag_of
from b2bua.sip.transactions.transaction import Action, Kind, Setting, State, Transaction, response_event

Key = tuple[str, str, str]
"""Branch, sent-by and method (RFC 3261 §17.2.3)."""
MergeKey = tuple[str, tuple[int, str], str]
"""Call-ID, CSeq and From tag: what a request is that comes by two ways (RFC 3261 §8.2.2.2)."""


class RequestUser(Protocol):
    """Whoever is asked: for a new request, and for what follows it."""

    def on_request(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A new request, not an ACK and not a CANCEL. It must be answered through the transaction."""

    def on_ack(self, ack: Request, now: float) -> None:
        """An ACK that belongs to a 2xx."""

    def on_cancel(self, invite: ServerTransaction, now: float) -> None:
        """The caller withdraws an INVITE without a final answer, or its connection is gone."""


class ServerTransaction(Transaction):
    """A request that we answer. `tag` is the To tag of our answers; `flow` is where they go.

    `over` is told when it has ended. `merge_key` is for a request in no dialog. After its final answer it lasts for
    another 64 T1, for repetitions: of the request and what answers copy from it nothing is kept until then.
    """

    __slots__ = ("_headers", "_over", "_request", "_user", "call_id", "cseq", "key", "merge_key", "tag")

    def __init__(
        self,
        setting: Setting,
        key: Key,
        request: Request,
        flow: Flow,
        tag: str,
        user: RequestUser,
        over: Callable[[ServerTransaction], None],
    ) -> None:
        kind = Kind.INVITE_SERVER if request.method == "INVITE" else Kind.SERVER
        super().__init__(kind, reply_flow(request, flow), setting)
        self._user = user
        self._over = over
        self.key = key
        self.merge_key: MergeKey | None = None
        self.call_id = request.call_id
        self.cseq = request.cseq
        self.tag = tag
        self._request: Request | None = request
        self._headers = response_headers(request, flow)

    @property
    def request(self) -> Request:
        """What was asked, until the final answer."""
        assert self._request is not None
        return self._request

    @property
    def answered(self) -> bool:
        """Whether a final response was given."""
        return self.state not in (State.TRYING, State.PROCEEDING)

    @property
    def trying(self) -> bool:
        """Whether a provisional response was given, so that the peer waits and repeats its INVITE no more."""
        return bool(self.data) and not self.answered

    def respond(
        self,
        code: int,
        now: float,
        headers: tuple[Header, ...] = (),
        body: bytes = b"",
        reason: str | None = None,
    ) -> None:
        """Answer. To gets our tag unless it has one, or the answer is 100 (RFC 3261 §8.2.6.2).

        After a final answer, or when the connection is gone, this does nothing.
        """
        if self._request is None:
            return
        self.handle(response_event(code), now, self._response(self._request, code, headers, body, reason))
        if code >= 200:
            self._release()

    def dismiss(self, code: int, headers: tuple[Header, ...] = (), reason: str | None = None) -> None:
        """Answer for good and keep nothing: an ACK finds nobody, a repeated request is a new one (RFC 3261 §8.2.7).

        For whoever has not proven yet who it is: however many requests come, nothing is left of them.
        """
        self.tag = tag_of(self.request)
        self.data = self._response(self.request, code, headers, b"", reason)
        self.state = State.TERMINATED
        self.resend()
        self.forget()

    def resend(self) -> None:
        """Send again what was said last, such as a 2xx whose ACK has not come (RFC 3261 §13.3.1.4)."""
        self.setting.sender.transmit(self.data, self.flow, self.call_id)

    def perform(self, action: Action, message: object, now: float) -> None:
        """Carry out one action of the table."""
        if action is Action.SEND:
            assert isinstance(message, bytes)
            self.data = message
            self.resend()
        elif action is Action.RESEND:
            if self.data:
                self.resend()
        elif action is Action.DELIVER:
            assert isinstance(message, Request)
            self._user.on_ack(message, now)
        elif action is Action.FAILED and self.kind is Kind.INVITE_SERVER and self._request is not None:
            self._user.on_cancel(self, now)
        # A failure that nobody acknowledged, or that could not be sent again, concerns nobody any more.

    def forget(self) -> None:
        """Say that it is over."""
        self._over(self)

    def _release(self) -> None:
        self._request = None
        self._headers = []

    def _response(
        self, request: Request, code: int, headers: tuple[Header, ...], body: bytes, reason: str | None
    ) -> bytes:
        to = request.get("to") or ""
        if code > 100 and request.to.tag is None:
            to = f"{to};tag={self.tag}"
        start = f"SIP/2.0 {code} {reason or reason_phrase(code)}"
        return render(start, [*self._headers, ("To", to), *warned(code, headers)], body)
