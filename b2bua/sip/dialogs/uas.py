"""A session that a peer began: we are called (RFC 3261 §13.3, RFC 3262 §3)."""

from __future__ import annotations

from zlib import crc32

from b2bua.sip.auth.challenge import Credential
from b2bua.sip.dialogs.dialog import dialog_of_request
from b2bua.sip.dialogs.endpoint import Endpoint
from b2bua.sip.dialogs.reliable import MAX_FIRST, REPEAT_FACTOR, Provisional, Reliable
from b2bua.sip.dialogs.renegotiation import GLARE, IN_THE_WAY
from b2bua.sip.dialogs.session import Session, SessionState, SessionUser
from b2bua.sip.text.body import SDP
from b2bua.sip.text.capabilities import RELIABLY, SUPPORTED
from b2bua.sip.text.compose import Header
from b2bua.sip.text.message import Request
from b2bua.sip.transactions.server_transaction import ServerTransaction
from b2bua.sip.transactions.timers import NEVER


class ServerSession(Session):
    """The caller's side of a call. Made when the INVITE arrives; our first answer fixes the dialog.

    `_accepted` is the description of a 2xx that waits until the caller has said by PRACK that the one before came.
    `reliable`: the caller knows reliable provisional responses, so what carries a description is sent as one;
    `_insists`: it wants all but 100 to be reliable.
    `_superseded`: the caller has offered anew since it was answered early. The responses to its INVITE carry no
    description any more, because what it was told there holds no longer (RFC 3261 §13.2.1).
    """

    __slots__ = (
        "_accepted",
        "_insists",
        "_last",
        "_reliable",
        "_repeat",
        "_superseded",
        "invite",
        "reliable",
        "request",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        user: SessionUser,
        invite: ServerTransaction,
        repeat: float,
        credential: Credential | None = None,
    ) -> None:
        """Raises BadMessage (400) where a header of the INVITE cannot be read; none is read later."""
        super().__init__(endpoint, user, invite.request.call_id, credential, owns_call_id=False)
        self.invite = invite
        self.request = invite.request
        self.dialog = dialog_of_request(invite.request, invite.tag, invite.flow)
        self._insists = RELIABLY in invite.request.tokens("require")
        self.reliable = self._insists or RELIABLY in invite.request.tokens("supported")
        self._repeat = repeat
        self._last: Provisional | None = None
        self._reliable: Reliable | None = None
        self._accepted: bytes | None = None
        self._superseded = False
        endpoint.add(self.dialog.id, self)

    @property
    def offered(self) -> bytes | None:
        """The offer in the INVITE, or `None` for a delayed offer."""
        return self.request.sdp

    @property
    def _offer_given(self) -> bool:
        """Whether the caller left the offer to us, and got it before the final response."""
        return self.offered is None and self._reliable is not None and bool(self._reliable.described)

    def progress(self, code: int, now: float, sdp: bytes = b"", headers: tuple[Header, ...] = ()) -> None:
        """Send a 101 to 199 response; it is repeated every minute (RFC 3261 §13.3.1.1).

        With a description it is reliable where the caller knows that (`reliable`), and then waits for the PRACK of
        the one before. An offer of ours goes only so, and once; `on_early_answer` tells what was answered.
        """
        if self.state is not SessionState.INVITED or self._accepted is not None:
            return
        given = self.offered is None and (self._offer_given or not self.reliable)
        if given or self._superseded:
            sdp = b""
        self._last = Provisional(code, sdp, headers)
        if self._insists or (sdp and self.reliable):
            if self._reliable is None:
                first = 1 + crc32(self.endpoint.token().encode()) % MAX_FIRST
                self._reliable = Reliable(first, self.request.cseq[0], self.endpoint.timers)
            self._reliable.put(self._last)
            self._send_next(self._reliable, now)
        else:
            self._send(self._last, (), now)
            if self._reliable is None or self._reliable.waiting is None:
                self.endpoint.queue.schedule(self, now + self._repeat)

    def accept(self, sdp: bytes, now: float) -> None:
        """Answer the call with 200, as soon as a description sent before has its PRACK (RFC 3262 §3).

        Where the offer was ours and early, `sdp` is not sent again. Whatever ends the call from now on is told by
        `on_ended`.
        """
        if self.state is not SessionState.INVITED or self._accepted is not None:
            return
        waiting = None if self._reliable is None else self._reliable.waiting
        if waiting is not None and waiting.sdp:
            self._accepted = sdp
        else:
            self._answer(sdp, now)

    def reject(
        self, code: int, now: float, headers: tuple[Header, ...] = (), reason: str | None = None
    ) -> None:
        """Refuse the call with a 3xx to 6xx response; the session is over."""
        if self.state is SessionState.INVITED:
            self.invite.respond(code, now, headers, reason=reason)
            self.end(now)

    def on_cancel(self, invite: ServerTransaction, now: float) -> None:
        """The caller sent CANCEL (RFC 3261 §9.2), for the call or for a later re-INVITE."""
        if invite is not self.invite or self.state is not SessionState.INVITED:
            super().on_cancel(invite, now)
        elif self._accepted is not None:
            self._ended_by_peer("bye", now)
        else:
            user = self.user
            self.end(now)
            user.on_cancelled(self, now)

    def end(self, now: float) -> None:
        """Forget the dialog; an INVITE without final response gets 487 (RFC 3261 §15.1.2)."""
        if self.state is SessionState.INVITED and not self.invite.answered:
            self.invite.respond(487, now)
        super().end(now)

    def on_deadline(self, now: float) -> None:
        """Repeat the provisional response that was given last."""
        if self._reliable is not None and self._reliable.waiting is not None:
            self._send_again(self._reliable, self._reliable.waiting, now)
        elif self._last is not None:
            self.progress(self._last.code, now, self._last.sdp, self._last.headers)

    # Reliable responses, and what may be offered before the final one

    def _pracked(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """RFC 3262 §3, §5. What is acknowledged stays so, whatever becomes of an offer in the PRACK."""
        reliable = self._reliable
        described = reliable is not None and reliable.waiting is not None and bool(reliable.waiting.sdp)
        if reliable is None or not reliable.acknowledge(request.get("rack") or ""):
            super()._pracked(transaction, request, now)
            return
        try:
            self._heard(transaction, request, described, now)
        finally:
            self._go_on(reliable, now)

    def _heard(self, transaction: ServerTransaction, request: Request, described: bool, now: float) -> None:
        """Answer the PRACK of a response, which was `described` if it carried a description."""
        assert self.dialog is not None
        if self.offered is None and described:
            transaction.respond(200, now)
            self.user.on_early_answer(self, request.sdp, now)
        elif request.sdp is None and request.content.understood:
            transaction.respond(200, now)
        elif request.sdp is not None and (code := self._refusal_code()):
            self._refuse(transaction, code, now)
        elif self._described(self.dialog, transaction, request, now):
            self._offered(transaction, request, now)

    def _go_on(self, reliable: Reliable, now: float) -> None:
        """The PRACK came: what waited for it is sent. The owner may have been quicker."""
        if self.state is not SessionState.INVITED or reliable.waiting is not None:
            return
        if self._accepted is not None:
            self._answer(self._accepted, now)
        else:
            # An unreliable response that was sent meanwhile may have got lost.
            factor = REPEAT_FACTOR if self._insists or (self._last is not None and self._last.sdp) else 1.0
            self.endpoint.queue.schedule(self, now + factor * self._repeat)
            self._send_next(reliable, now)

    def _send_next(self, reliable: Reliable, now: float) -> None:
        when = reliable.begin(now)
        if reliable.waiting is not None and when < NEVER:
            self._send(reliable.waiting, reliable.headers, now)
            self.endpoint.queue.schedule(self, when)

    def _send_again(self, reliable: Reliable, waiting: Provisional, now: float) -> None:
        when = reliable.repeat(now)
        if when < NEVER:
            self._send(waiting, reliable.headers, now)
            self.endpoint.queue.schedule(self, when)
        else:
            user = self.user
            self.reject(504, now)
            user.on_ended(self, "no-prack", now)

    def _reinvited(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        if self.state is SessionState.INVITED:
            # RFC 3261 §14.2: the first INVITE has no final response yet.
            self._refuse(transaction, IN_THE_WAY, now)
        else:
            super()._reinvited(transaction, request, now)

    def _refusal_code(self) -> int:
        """Before the final response nobody may offer anything until the first offer is answered reliably."""
        if self.state is not SessionState.INVITED:
            return super()._refusal_code()
        if self._accepted is None and self._reliable is not None and self._reliable.agreed:
            return super()._refusal_code()
        return GLARE if self._offer_given or self._accepted is not None else IN_THE_WAY

    def answer_offer(self, sdp: bytes, now: float) -> bool:
        """Answer an offer; an early one takes the place of what the INVITE's responses say."""
        taken = super().answer_offer(sdp, now)
        if taken and self.state is SessionState.INVITED:
            self._superseded = True
            if self._reliable is not None:
                self._reliable.strip_next()
        return taken

    # What is sent

    def _send(self, response: Provisional, reliably: tuple[Header, ...], now: float) -> None:
        assert self.dialog is not None
        content = (("Content-Type", SDP),) if response.sdp else ()
        contact = self.endpoint.contact(self.dialog.flow)
        headers = (*self._record_routes(), contact, *reliably, *response.headers, *content)
        self.invite.respond(response.code, now, headers, response.sdp)

    def _answer(self, sdp: bytes, now: float) -> None:
        assert self.dialog is not None
        if self._offer_given or self._superseded:
            sdp = b""
        self.state = SessionState.ANSWERED
        self.endpoint.queue.schedule(self, NEVER)
        headers = (
            *self._record_routes(),
            *SUPPORTED,
            *self.endpoint.session_headers(self.dialog.flow, sdp),
        )
        self.invite.respond(200, now, headers, sdp)
        self.await_ack(self.invite, now)

    def _record_routes(self) -> tuple[Header, ...]:
        assert self.dialog is not None
        return tuple(("Record-Route", route) for route in self.dialog.routes)
