"""INVITE sessions (RFC 3261 §13 to §15): what both sides of a call share once there is a dialog.

A session tells its `SessionUser` in plain events what the peer did, and offers verbs for what we do.
Retransmission, acknowledgement, ordering and glare are settled here; nobody above sees them.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from b2bua.sip.challenge import Credential
from b2bua.sip.client_transaction import ClientTransaction
from b2bua.sip.compose import Header
from b2bua.sip.errors import BadMessage
from b2bua.sip.message import Request, Response
from b2bua.sip.requester import Requester
from b2bua.sip.server_transaction import ServerTransaction
from b2bua.sip.session_state import SessionState
from b2bua.sip.session_user import NOBODY, SessionUser
from b2bua.sip.timers import NEVER

if TYPE_CHECKING:
    from b2bua.sip.agent import UserAgent

SDP = "application/sdp"


class Session(Requester):
    """A dialog with an INVITE usage. Subclasses add how it is set up from either side.

    `owns_call_id`: the first INVITE was ours, which decides who tries again first after glare (RFC 3261 §14.1).
    """

    __slots__ = (
        "_ack_owed",
        "_bye_headers",
        "_interval",
        "_offer_in",
        "_offer_out",
        "_offer_withdrawn",
        "_resend_until",
        "_unacknowledged",
        "call_id",
        "owns_call_id",
        "state",
        "user",
    )

    def __init__(
        self,
        agent: UserAgent,
        user: SessionUser,
        call_id: str,
        credential: Credential | None,
        *,
        owns_call_id: bool,
    ) -> None:
        super().__init__(agent, credential)
        self.owns_call_id = owns_call_id
        self.user = user
        self.call_id = call_id
        self.state = SessionState.INVITED
        self._unacknowledged: ServerTransaction | None = None
        self._interval = 0.0
        self._resend_until = NEVER
        self._bye_headers: tuple[Header, ...] = ()
        self._offer_in: ServerTransaction | None = None
        self._offer_out: ClientTransaction | None = None
        self._offer_withdrawn = False
        self._ack_owed: ClientTransaction | None = None

    @property
    def active(self) -> bool:
        """Whether there is a dialog that needs a BYE to end."""
        return self.state is SessionState.ANSWERED

    @property
    def offer_has_sdp(self) -> bool:
        """Whether the peer's re-INVITE that waits for our answer carries an offer, or asks for one."""
        return self._offer_in is not None and self._offer_in.request.sdp is not None

    # What we do in an established dialog

    def offer(self, sdp: bytes | None, now: float) -> bool:
        """Send a re-INVITE; without a description the peer makes the offer.

        Returns False where an exchange is under way already (RFC 3261 §14.1): the caller of this decides.
        """
        if not self.active or self.dialog is None or self._pending or self._offer_in is not None:
            return False
        self._offer_withdrawn = False
        headers = self.agent.session_headers(self.dialog.flow, sdp)
        self._offer_out = self._request(self.dialog, "INVITE", now, headers, sdp or b"")
        return True

    def acknowledge(self, sdp: bytes, now: float) -> None:
        """Send the ACK that carries our answer to the offer in the peer's 2xx."""
        if self._ack_owed is not None:
            transaction, self._ack_owed = self._ack_owed, None
            self._send_ack(transaction, sdp)

    def answer_offer(self, sdp: bytes, now: float) -> bool:
        """Answer the peer's re-INVITE with 200 and our description. False where the peer withdrew it."""
        if self._offer_in is None or self.dialog is None:
            return False
        transaction, self._offer_in = self._offer_in, None
        transaction.respond(200, now, self.agent.session_headers(self.dialog.flow, sdp), sdp)
        self.await_ack(transaction, now)
        return True

    def refuse_offer(self, code: int, now: float) -> None:
        """Refuse the peer's re-INVITE; the session goes on as it was."""
        if self._offer_in is not None:
            transaction, self._offer_in = self._offer_in, None
            transaction.respond(code, now)

    def send(self, method: str, headers: tuple[Header, ...], body: bytes, now: float) -> None:
        """Send another request in the dialog, such as INFO; its answer matters only if the dialog is gone."""
        if self.active and self.dialog is not None:
            self._request(self.dialog, method, now, headers, body)

    def bye(self, now: float, headers: tuple[Header, ...] = ()) -> None:
        """Hang up. The session is over for its user at once (RFC 3261 §15.1.1).

        The callee's BYE waits for the ACK (§15): before it, the caller may not know that it was answered.
        """
        if self.state is SessionState.CLOSING:
            return
        if not self.active:
            self.end(now)
        elif self._unacknowledged is not None:
            self.state = SessionState.CLOSING
            self.user = NOBODY
            self._bye_headers = headers
        else:
            self._hang_up(now, headers)

    def end(self, now: float) -> None:
        """Forget the dialog and everything under way in it, without a word to the peer."""
        if self.state is SessionState.ENDED:
            return
        self.acknowledge(b"", now)
        self.state = SessionState.ENDED
        # The re-INVITE of a dialog that is over is answered by the peer, unless that has gone.
        waiting = self._offer_out is not None
        self.agent.queue.schedule(self, now + self.agent.timers.timeout if waiting else NEVER)
        self.refuse_offer(487, now)
        self._unacknowledged = None
        self.user = NOBODY
        if self.dialog is not None:
            self.agent.forget(self.dialog.id)

    # What the peer does in an established dialog

    def on_request(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A request inside the dialog (RFC 3261 §12.2.2)."""
        assert self.dialog is not None
        number, method = request.cseq
        if number <= self.dialog.remote_cseq:
            transaction.respond(500, now, reason="CSeq out of order")
            return
        self.dialog.remote_cseq = number
        if method == "BYE":
            transaction.respond(200, now)
            self._ended_by_peer("bye", now)
        elif method == "INVITE":
            self._reinvited(transaction, request, now)
        elif method == "INFO":
            transaction.respond(200, now)
            self.user.on_info(self, request.content_type, request.body, now)
        elif method == "OPTIONS":
            transaction.respond(200, now, self.agent.capabilities())
        else:
            transaction.respond(405, now, self.agent.allow())

    def on_cancel(self, invite: ServerTransaction, now: float) -> None:
        """The peer withdraws an INVITE that has no final response: here a re-INVITE (RFC 3261 §9.2)."""
        if invite is self._offer_in:
            self._offer_in = None
        invite.respond(487, now)

    def on_ack(self, ack: Request, now: float) -> None:
        """The ACK of a 2xx of ours; one for an older INVITE is no news."""
        transaction = self._unacknowledged
        if transaction is None or ack.cseq[0] != transaction.request.cseq[0]:
            return
        self._unacknowledged = None
        self.agent.queue.schedule(self, NEVER)
        if self.state is SessionState.CLOSING:
            self._hang_up(now, self._bye_headers)
        else:
            self.user.on_acknowledged(self, ack.sdp, now)

    def _responded(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """A response to a request that we sent in the dialog."""
        method = transaction.draft.method
        if method == "INVITE":
            self._reinvite_answered(transaction, response, now)
        elif response.code in (408, 481) and method not in ("BYE", "CANCEL"):
            self._gone(now)

    def on_no_response(self, transaction: ClientTransaction, code: int, now: float) -> None:
        """Silence inside a dialog ends it (RFC 3261 §12.2.1.2), unless it was ending anyway."""
        if transaction is self._offer_out:
            self._offer_out = None
            self.agent.queue.schedule(self, NEVER)
        if transaction.draft.method not in ("BYE", "CANCEL"):
            self._gone(now)

    def on_deadline(self, now: float) -> None:
        """The ACK of a 2xx is late, or the final response to a re-INVITE."""
        if self._unacknowledged is not None:
            self._repeat_success(self._unacknowledged, now)
        elif self._offer_out is not None:
            self._withdraw_offer(self._offer_out, now)

    # What goes on by itself

    def await_ack(self, transaction: ServerTransaction, now: float) -> None:
        """Repeat a 2xx until its ACK comes (RFC 3261 §13.3.1.4): also over reliable transports."""
        self._unacknowledged = transaction
        self._interval = self.agent.timers.t1
        self._resend_until = now + self.agent.timers.timeout
        self.agent.queue.schedule(self, now + self._interval)

    @property
    def _pending(self) -> bool:
        """Whether an INVITE of ours is not through, or a 2xx of ours is not acknowledged."""
        return not (self._offer_out is None and self._ack_owed is None and self._unacknowledged is None)

    def _repeat_success(self, transaction: ServerTransaction, now: float) -> None:
        if now >= self._resend_until:
            self._unacknowledged = None
            user = self.user
            self._hang_up(now, self._bye_headers)
            user.on_ended(self, "no-ack", now)
            return
        transaction.resend()
        self._interval = min(2 * self._interval, self.agent.timers.t2)
        self.agent.queue.schedule(self, min(now + self._interval, self._resend_until))

    def _withdraw_offer(self, transaction: ClientTransaction, now: float) -> None:
        """A re-INVITE got a provisional response and nothing since: CANCEL, and then the peer has gone."""
        if self.active and not self._offer_withdrawn:
            self._offer_withdrawn = True
            self.agent.layer.cancel(transaction, (), self, now)
            self.agent.queue.schedule(self, now + self.agent.timers.timeout)
        else:
            self._offer_out = None
            transaction.abandon()
            self._gone(now)

    def _reinvited(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        assert self.dialog is not None
        if self.state is SessionState.INVITED or self._offer_in is not None:
            # RFC 3261 §14.2: the first INVITE has no final response yet.
            transaction.respond(500, now, (("Retry-After", "2"),))
        elif self._pending:
            transaction.respond(491, now)
        elif request.body and request.sdp is None:
            transaction.respond(415, now, (("Accept", SDP),))
        else:
            self.dialog.retarget(request, transaction.flow)
            transaction.respond(100, now)
            self._offer_in = transaction
            try:
                self.user.on_offer(self, request.sdp, now)
            except Exception as error:
                self.refuse_offer((error.code or 400) if isinstance(error, BadMessage) else 500, now)
                raise

    def _reinvite_answered(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        if transaction is not self._offer_out:
            # A 2xx again, whose ACK waits for our answer.
            return
        if response.code < 200:
            # Timer B runs no more, so the session bounds the wait.
            if self.deadline == NEVER:
                self.agent.queue.schedule(self, now + self.agent.timers.timeout)
            return
        self._offer_out = None
        self.agent.queue.schedule(self, NEVER)
        if response.code in (408, 481):
            self._gone(now)
            return
        if response.code < 300:
            assert self.dialog is not None
            with suppress(BadMessage):
                # The answer stands; without a Contact that can be used so does the target.
                self.dialog.retarget(response, self.dialog.flow)
            if transaction.draft.body or not self.active:
                self._send_ack(transaction, b"")
            else:
                self._ack_owed = transaction
        self.user.on_offer_answered(self, response.code, response.sdp, now)

    def _send_ack(self, transaction: ClientTransaction, sdp: bytes) -> None:
        assert self.dialog is not None
        content = (("Content-Type", SDP),) if sdp else ()
        headers = (*self._credentials(transaction.draft), *content)
        ack = self.dialog.request("ACK", headers, sdp, cseq=transaction.draft.number)
        transaction.acknowledge(ack, self.dialog.remote_tag)

    # Challenges

    def _wanted(self, transaction: ClientTransaction) -> bool:
        """Whether a challenged request is worth another try: a BYE always is, a withdrawn INVITE is not."""
        if transaction is self._offer_out:
            return self.active and not self._offer_withdrawn
        return transaction.draft.method == "BYE" or (self.active and transaction.draft.method != "CANCEL")

    def _replace(self, old: ClientTransaction, new: ClientTransaction) -> None:
        """A request was sent again: its second transaction stands for the first."""
        if old is self._offer_out:
            self._offer_out = new
            self.agent.queue.schedule(self, NEVER)

    def _hang_up(self, now: float, headers: tuple[Header, ...] = ()) -> None:
        assert self.dialog is not None
        self.acknowledge(b"", now)
        self._request(self.dialog, "BYE", now, headers)
        self.end(now)

    def _gone(self, now: float) -> None:
        """The peer does not know the dialog, or says nothing; a BYE tells it, in case it does (§12.2.1.2)."""
        if self.active:
            user = self.user
            self._hang_up(now)
            user.on_ended(self, "gone", now)

    def _ended_by_peer(self, why: str, now: float) -> None:
        if self.state is not SessionState.ENDED:
            user = self.user
            self.end(now)
            user.on_ended(self, why, now)
