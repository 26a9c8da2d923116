"""INVITE sessions (RFC 3261 §13 to §15): what both sides of a call share once there is a dialog.

A session tells its `SessionUser` in plain events what the peer did, and offers verbs for what we do.
Retransmission, acknowledgement, ordering and glare are settled here; nobody above sees them.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Protocol

from b2bua.sip.auth.challenge import Credential
from b2bua.sip.dialogs.dialog import Dialog
from b2bua.sip.dialogs.effects import CONCLUDING, Ends, ends
from b2bua.sip.dialogs.endpoint import Endpoint
from b2bua.sip.dialogs.refusal import Refusal
from b2bua.sip.dialogs.renegotiation import Renegotiation
from b2bua.sip.dialogs.unacknowledged import Unacknowledged
from b2bua.sip.text.body import Body
from b2bua.sip.text.capabilities import ALLOW, CAPABILITIES
from b2bua.sip.text.compose import Header
from b2bua.sip.text.message import Request, Response
from b2bua.sip.transactions.client_transaction import ClientTransaction
from b2bua.sip.transactions.server_transaction import ServerTransaction
from b2bua.sip.transactions.timers import NEVER

SUBSCRIBING = ("SUBSCRIBE", "NOTIFY")
"""Requests that are about a subscription (RFC 6665)."""


class SessionState(Enum):
    """How far a session is."""

    INVITED = auto()  # the INVITE has no final response
    CANCELLED = auto()  # we sent, or will send, a CANCEL and wait for the final response
    ANSWERED = auto()  # a 2xx was given
    CLOSING = auto()  # we hung up; the BYE waits for the ACK of our 2xx
    ENDED = auto()


class SessionUser(Protocol):
    """The owner of a session: a call's leg."""

    def on_progress(self, session: Session, code: int, sdp: bytes | None, now: float) -> None:
        """The callee answered with 101 to 199. `sdp` is `None` where the response says nothing about sound, else what
        holds at present: a callee that has answered reliably may have offered anew since."""

    def on_answered(self, session: Session, sdp: bytes | None, now: float) -> None:
        """The callee answered with 2xx; the ACK is sent. After an INVITE without offer, owes `acknowledge`.

        `sdp` is what holds, also where it was said reliably before, and the 2xx says nothing or something else.
        """

    def on_failed(self, session: Session, refusal: Refusal, now: float) -> None:
        """The callee cannot be had."""

    def on_cancelled(self, session: Session, now: float) -> None:
        """The caller withdrew before we answered; 487 is sent."""

    def on_early_answer(self, session: Session, sdp: bytes | None, now: float) -> None:
        """The PRACK of an early offer came: with the answer, or against the rule without (RFC 3262 §5).

        Must not raise: a description that cannot be used is a reason to `reject`.
        """

    def on_acknowledged(self, session: Session, sdp: bytes | None, now: float) -> None:
        """The ACK of our 2xx came; with a description where our 2xx carried the offer."""

    def on_offer(self, session: Session, sdp: bytes | None, now: float) -> None:
        """A re-INVITE or UPDATE with an offer, or asking for one. Owes `answer_offer` or `refuse_offer`.

        Before the final response, where PRACK and UPDATE may carry an offer, it must be answered before this
        returns, or is refused. What the responses to the INVITE say about sound means nothing from then on.
        """

    def on_offer_answered(self, session: Session, code: int, sdp: bytes | None, now: float) -> None:
        """What became of our `offer`. After a 2xx to an INVITE without offer, owes `acknowledge`."""

    def on_info(self, session: Session, body: Body, now: float) -> None:
        """An INFO request (RFC 6086 §9, or a digit); 200 is sent."""

    def on_ended(self, session: Session, why: str, now: float) -> None:
        """The peer hung up (`bye`), never acknowledged our answer (`no-ack`) or an early response (`no-prack`: the
        INVITE was refused with 504), or no longer knows the dialog (`gone`)."""


class Nobody:
    """The owner of a session that is over: late messages are settled by the session and concern nobody."""

    __slots__ = ()

    def on_progress(self, session: Session, code: int, sdp: bytes | None, now: float) -> None:
        """Nothing."""

    def on_answered(self, session: Session, sdp: bytes | None, now: float) -> None:
        """Nothing."""

    def on_failed(self, session: Session, refusal: Refusal, now: float) -> None:
        """Nothing."""

    def on_cancelled(self, session: Session, now: float) -> None:
        """Nothing."""

    def on_early_answer(self, session: Session, sdp: bytes | None, now: float) -> None:
        """Nothing."""

    def on_acknowledged(self, session: Session, sdp: bytes | None, now: float) -> None:
        """Nothing."""

    def on_offer(self, session: Session, sdp: bytes | None, now: float) -> None:
        """Nothing."""

    def on_offer_answered(self, session: Session, code: int, sdp: bytes | None, now: float) -> None:
        """Nothing."""

    def on_info(self, session: Session, body: Body, now: float) -> None:
        """Nothing."""

    def on_ended(self, session: Session, why: str, now: float) -> None:
        """Nothing."""


NOBODY = Nobody()


class Session(Renegotiation):
    """The INVITE usage of a dialog (RFC 5057 §2). Subclasses add how it is set up from either side.

    By itself it is a session that was established before, by a process that is no more (`UserAgent.resume`).
    `owns_call_id`: the first INVITE was ours, which decides who tries again first after glare (RFC 3261 §14.1).
    """

    __slots__ = (
        "_bye_headers",
        "call_id",
        "owns_call_id",
        "state",
        "user",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        user: SessionUser,
        call_id: str,
        credential: Credential | None,
        *,
        owns_call_id: bool,
    ) -> None:
        super().__init__(endpoint, credential)
        self.owns_call_id = owns_call_id
        self.user = user
        self.call_id = call_id
        self.state = SessionState.INVITED
        self._bye_headers: tuple[Header, ...] = ()

    @property
    def active(self) -> bool:
        """Whether there is a dialog that needs a BYE to end."""
        return self.state is SessionState.ANSWERED

    @property
    def confirmed(self) -> bool:
        """Whether both sides know that the call was answered: no ACK is missing."""
        return self.active and self._unacknowledged is None and self._ack_owed is None

    # What we do in an established dialog

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
        self.endpoint.queue.schedule(self, NEVER)
        if self._offer_out is not None:
            # The re-INVITE of a dialog that is over is answered by the peer, unless that has gone.
            self._limit_offer(now)
        self.refuse_offer(487, now)
        if self._unacknowledged is not None:
            self._await_ack_no_more(self._unacknowledged)
        self.user = NOBODY
        if self.dialog is not None:
            self.endpoint.remove(self.dialog.id, self)

    # What the peer does in an established dialog

    def on_request(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A request inside the dialog (RFC 3261 §12.2.2)."""
        assert self.dialog is not None
        number, method = request.cseq
        # A PRACK says by itself what it acknowledges: overtaken by another request it is as good.
        if number <= self.dialog.remote_cseq and method != "PRACK":
            transaction.respond(500, now, reason="CSeq out of order")
            return
        self.dialog.remote_cseq = max(number, self.dialog.remote_cseq)
        if method == "BYE":
            transaction.respond(200, now)
            self._ended_by_peer("bye", now)
        elif method == "INVITE":
            self._reinvited(transaction, request, now)
        elif method == "UPDATE":
            self._updated(transaction, request, now)
        elif method == "PRACK":
            self._pracked(transaction, request, now)
        elif method == "INFO":
            transaction.respond(200, now)
            self.user.on_info(self, request.content, now)
        elif method == "OPTIONS":
            transaction.respond(200, now, CAPABILITIES)
        else:
            # A subscription begins with a dialog of its own (RFC 6665 §4.5.2).
            transaction.respond(405, now, ALLOW)

    def dialog_with(self, remote_tag: str) -> Dialog | None:
        """The dialog with the peer of this tag, if there is one (RFC 3261 §12.2.2)."""
        dialog = self.dialog
        return dialog if dialog is not None and dialog.remote_tag == remote_tag else None

    def takes(self, request: Request) -> bool:
        """All but what is about a subscription, and so for another use of the dialog (RFC 5057 §4.2)."""
        return request.method not in SUBSCRIBING

    def on_cancel(self, invite: ServerTransaction, now: float) -> None:
        """The peer withdraws an INVITE that has no final response: here a re-INVITE (RFC 3261 §9.2)."""
        if invite is self._offer_in:
            self._offer_in = None
        invite.respond(487, now)

    def on_ack(self, ack: Request, now: float) -> None:
        """The ACK of a 2xx of ours; one for an older INVITE is no news."""
        waiting = self._unacknowledged
        if waiting is None or ack.cseq[0] != waiting.transaction.cseq[0]:
            return
        self._await_ack_no_more(waiting)
        if self.state is SessionState.CLOSING:
            self._hang_up(now, self._bye_headers)
        else:
            self.user.on_acknowledged(self, ack.sdp, now)

    def _responded(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """A response to a request that we sent in the dialog."""
        method = transaction.method
        if method == "INVITE":
            self._reinvite_answered(transaction, response, now)
        elif response.code >= 300:
            self._refused(ends(method, response.code), now)

    def on_no_response(self, transaction: ClientTransaction, code: int, now: float) -> None:
        """Silence inside a dialog ends it (RFC 3261 §12.2.1.2), unless it was ending anyway."""
        if transaction is self._offer_out:
            self._offer_settled()
        if transaction.method not in CONCLUDING:
            self._gone(now)

    # What goes on by itself

    def await_ack(self, transaction: ServerTransaction, now: float) -> None:
        """Repeat a 2xx until its ACK comes."""
        self._unacknowledged = Unacknowledged(
            transaction, self.endpoint.queue, self.endpoint.timers, self._never_acknowledged, now
        )

    def _await_ack_no_more(self, waiting: Unacknowledged) -> None:
        self._unacknowledged = None
        self.endpoint.queue.schedule(waiting, NEVER)

    def _never_acknowledged(self, now: float) -> None:
        user = self.user
        self._hang_up(now, self._bye_headers)
        user.on_ended(self, "no-ack", now)

    def _pracked(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A PRACK for which no provisional response waits (RFC 3262 §3)."""
        transaction.respond(481, now)

    def _tell_offer(self, sdp: bytes | None, now: float) -> None:
        self.user.on_offer(self, sdp, now)

    def _tell_answer(self, response: Response, now: float) -> None:
        self.user.on_offer_answered(self, response.code, response.sdp, now)

    # Challenges

    def _wanted(self, transaction: ClientTransaction) -> bool:
        """Whether a challenged request is worth another try: a BYE always is, a withdrawn INVITE is not."""
        if transaction is self._offer_out:
            return self.active and not self._offer_withdrawn
        return transaction.method == "BYE" or (self.active and transaction.method != "CANCEL")

    def _replace(self, old: ClientTransaction, new: ClientTransaction) -> None:
        """A request was sent again: its second transaction stands for the first."""
        if old is self._offer_out:
            self._offer_out = new
            self._unlimit_offer()

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

    def _refused(self, what: Ends, now: float) -> None:
        """The peer refused a request of ours: the call may be over, or all that shares its dialog."""
        dialog = self.dialog
        if what is not Ends.REQUEST:
            self._gone(now)
        if what is Ends.DIALOG and dialog is not None:
            self.endpoint.dialog_gone(dialog, now)

    def on_dialog_gone(self, now: float) -> None:
        """A request about another use of the dialog was refused in a way that ends them all (RFC 5057 §5.1)."""
        self._gone(now)

    def _ended_by_peer(self, why: str, now: float) -> None:
        if self.state is not SessionState.ENDED:
            user = self.user
            self.end(now)
            user.on_ended(self, why, now)
