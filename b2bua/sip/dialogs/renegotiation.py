"""Offers and answers in a dialog (RFC 3261 §14, RFC 3311): by re-INVITE from both sides, by UPDATE from the peer.

We send no UPDATE: a re-INVITE does the same, and every peer knows it.
"""

from __future__ import annotations

from contextlib import suppress

from b2bua.sip.auth.challenge import Credential
from b2bua.sip.dialogs.dialog import Dialog
from b2bua.sip.dialogs.effects import Ends, ends
from b2bua.sip.dialogs.endpoint import Endpoint
from b2bua.sip.dialogs.requester import Requester
from b2bua.sip.dialogs.unacknowledged import Unacknowledged
from b2bua.sip.text.body import SDP
from b2bua.sip.text.capabilities import UNDERSTOOD
from b2bua.sip.text.compose import Header
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.message import Request, Response
from b2bua.sip.transactions.client_transaction import ClientTransaction
from b2bua.sip.transactions.server_transaction import ServerTransaction
from b2bua.sip.transactions.timers import NEVER, Alarm

IN_THE_WAY = 500
"""Refuses an offer while another of the peer's is unanswered (RFC 3261 §14.2, RFC 3311 §5.2)."""
GLARE = 491
"""Refuses an offer while one of ours is unanswered."""


class Renegotiation(Requester):
    """What a session is as a party to offers and answers once there is a dialog.

    `_offer_in` is the request that waits for our answer, `_offer_out` our re-INVITE, `_unacknowledged` our 2xx
    whose ACK is missing, `_ack_owed` the re-INVITE or INVITE whose ACK waits for our answer.

    Each thing that time brings has a deadline of its own, which exists only while it is needed: the 2xx that is
    repeated, and `_offer_limit` for the final response to our re-INVITE. The session's own is its set-up's.
    """

    __slots__ = (
        "_ack_owed",
        "_offer_in",
        "_offer_limit",
        "_offer_out",
        "_offer_withdrawn",
        "_unacknowledged",
    )

    def __init__(self, endpoint: Endpoint, credential: Credential | None) -> None:
        super().__init__(endpoint, credential)
        self._unacknowledged: Unacknowledged | None = None
        self._offer_in: ServerTransaction | None = None
        self._offer_out: ClientTransaction | None = None
        self._offer_limit: Alarm | None = None
        self._offer_withdrawn = False
        self._ack_owed: ClientTransaction | None = None

    @property
    def active(self) -> bool:
        """Whether there is a dialog that needs a BYE to end."""
        raise NotImplementedError

    @property
    def offer_has_sdp(self) -> bool:
        """Whether the peer's request that waits for our answer carries an offer, or asks for one."""
        return self._offer_in is not None and self._offer_in.request.sdp is not None

    # What we do

    def offer(self, sdp: bytes | None, now: float) -> bool:
        """Send a re-INVITE; without a description the peer makes the offer.

        Returns False where an exchange is under way already (RFC 3261 §14.1): the caller of this decides.
        """
        if not self.active or self.dialog is None or self._refusal_code():
            return False
        self._offer_withdrawn = False
        headers = self.endpoint.session_headers(self.dialog.flow, sdp)
        self._offer_out = self._request(self.dialog, "INVITE", now, headers, sdp or b"")
        return True

    def acknowledge(self, sdp: bytes, now: float) -> None:
        """Send the ACK that carries our answer to the offer in the peer's 2xx."""
        if self._ack_owed is not None:
            transaction, self._ack_owed = self._ack_owed, None
            self._send_ack(transaction, sdp)

    def answer_offer(self, sdp: bytes, now: float) -> bool:
        """Answer the peer's request with 200 and our description. False where the peer withdrew it."""
        if self._offer_in is None:
            return False
        transaction, self._offer_in = self._offer_in, None
        transaction.respond(200, now, self.endpoint.session_headers(transaction.flow, sdp), sdp)
        if transaction.cseq[1] == "INVITE":
            self.await_ack(transaction, now)
        return True

    def refuse_offer(self, code: int, now: float, headers: tuple[Header, ...] = ()) -> None:
        """Refuse what the peer offered; the session goes on as it was."""
        if self._offer_in is not None:
            transaction, self._offer_in = self._offer_in, None
            transaction.respond(code, now, headers)

    # What the peer does

    def _reinvited(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        assert self.dialog is not None
        if code := self._refusal_code():
            self._refuse(transaction, code, now)
        elif self._described(self.dialog, transaction, request, now):
            transaction.respond(100, now)
            self._offered(transaction, request, now)

    def _updated(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """RFC 3311 §5.2: without an offer it only refreshes the target, which nothing but another UPDATE hinders."""
        assert self.dialog is not None
        waiting = self._offer_in
        code = self._refusal_code() if request.sdp is not None else 0
        if waiting is not None and waiting.request.method == "UPDATE":
            code = IN_THE_WAY
        if code:
            self._refuse(transaction, code, now)
        else:
            self._refreshed(self.dialog, transaction, request, now)

    def _refreshed(
        self, dialog: Dialog, transaction: ServerTransaction, request: Request, now: float
    ) -> None:
        """An UPDATE that nothing hinders: 200 at once, unless it carries an offer."""
        if not self._described(dialog, transaction, request, now):
            return
        if request.sdp is None:
            transaction.respond(200, now, self.endpoint.session_headers(dialog.flow, None))
        else:
            self._offered(transaction, request, now)

    def _described(
        self, dialog: Dialog, transaction: ServerTransaction, request: Request, now: float
    ) -> bool:
        """Whether the body, if any, is one that we can read; the target is then refreshed (RFC 3261 §12.2)."""
        if not request.content.understood:
            transaction.respond(415, now, UNDERSTOOD)
            return False
        dialog.retarget(request, transaction.flow)
        return True

    def _offered(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """Give an offer, or the wish for one, to the user, who owes an answer.

        Before the call is answered there is nobody to wait for (RFC 3311 §5.2): at once, or it is refused.
        """
        early = not self.active
        self._offer_in = transaction
        try:
            self._tell_offer(request.sdp, now)
        except Exception as error:
            self.refuse_offer((error.code or 400) if isinstance(error, BadMessage) else 500, now)
            raise
        if early:
            self.refuse_offer(488, now)

    def _tell_offer(self, sdp: bytes | None, now: float) -> None:
        raise NotImplementedError

    def _refusal_code(self) -> int:
        """What an offer is refused with at present, 0 for nothing. The same keeps us from making one."""
        if self._offer_in is not None:
            return IN_THE_WAY
        under_way = self._offer_out or self._ack_owed or self._unacknowledged
        return 0 if under_way is None else GLARE

    @staticmethod
    def _refuse(transaction: ServerTransaction, code: int, now: float) -> None:
        transaction.respond(code, now, (("Retry-After", "2"),) if code == IN_THE_WAY else ())

    def _reinvite_answered(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        if transaction is not self._offer_out:
            # A 2xx again, whose ACK waits for our answer.
            return
        if response.code < 200:
            # Timer B runs no more, so the session bounds the wait.
            if self._offer_limit is None:
                self._limit_offer(now)
            return
        self._offer_settled()
        if response.code >= 300 and (what := ends("INVITE", response.code)) is not Ends.REQUEST:
            self._refused(what, now)
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
        self._tell_answer(response, now)

    def _tell_answer(self, response: Response, now: float) -> None:
        raise NotImplementedError

    def _limit_offer(self, now: float) -> None:
        """Wait for the final response to our re-INVITE for 64 T1 from now."""
        if self._offer_limit is None:
            self._offer_limit = Alarm(self.endpoint.queue, self._withdraw_offer)
        self._offer_limit.at(now + self.endpoint.timers.timeout)

    def _unlimit_offer(self) -> None:
        if self._offer_limit is not None:
            self._offer_limit.at(NEVER)
            self._offer_limit = None

    def _offer_settled(self) -> None:
        """Our re-INVITE has its final response, or will have none."""
        self._offer_out = None
        self._unlimit_offer()

    def _withdraw_offer(self, now: float) -> None:
        """A re-INVITE got a provisional response and nothing since: CANCEL, and then the peer has gone."""
        assert self._offer_out is not None
        if self.active and not self._offer_withdrawn:
            self._offer_withdrawn = True
            self.endpoint.layer.cancel(self._offer_out, (), self, now)
            self._limit_offer(now)
        else:
            self._offer_out.abandon()
            self._offer_settled()
            self._gone(now)

    def await_ack(self, transaction: ServerTransaction, now: float) -> None:
        """Repeat a 2xx until its ACK comes."""
        raise NotImplementedError

    def _gone(self, now: float) -> None:
        """The peer does not know the dialog, or says nothing."""
        raise NotImplementedError

    def _refused(self, what: Ends, now: float) -> None:
        """The peer refused a request of ours."""
        raise NotImplementedError

    def _send_ack(self, transaction: ClientTransaction, sdp: bytes) -> None:
        assert self.dialog is not None
        content = (("Content-Type", SDP),) if sdp else ()
        headers = (*self._credentials(transaction.draft), *content)
        ack = self.dialog.request("ACK", headers, sdp, cseq=transaction.draft.number)
        transaction.acknowledge(ack, self.dialog.remote_tag)
