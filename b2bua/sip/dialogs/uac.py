"""A session that we begin: we call (RFC 3261 §13.2)."""

from __future__ import annotations

from b2bua.sip.auth.challenge import Credential
from b2bua.sip.dialogs.dialog import Dialog, bare_dialog, dialog_of_response
from b2bua.sip.dialogs.endpoint import Endpoint
from b2bua.sip.dialogs.prack import EarlyDialog, EarlyDialogs, rack, rseq
from b2bua.sip.dialogs.refusal import Refusal
from b2bua.sip.dialogs.renegotiation import GLARE
from b2bua.sip.dialogs.session import NOBODY, Session, SessionState, SessionUser
from b2bua.sip.text.address import Address, parse_address
from b2bua.sip.text.compose import Header
from b2bua.sip.text.draft import Draft
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.message import Request, Response
from b2bua.sip.text.redirect import targets_of
from b2bua.sip.transactions.client_transaction import ClientTransaction
from b2bua.sip.transactions.server_transaction import ServerTransaction


class ClientSession(Session):
    """The callee's side of a call. One INVITE may be forked downstream; the first 2xx is the call.

    How long it may ring is for whoever calls: nothing here ends an INVITE that has a provisional response.
    `_heard_early` is the last description in any response to it: some gateways leave it out of their 2xx, which then
    may have another To tag (RFC 3261 §13.2.1 wants it there).
    """

    __slots__ = (
        "_cancel_headers",
        "_early",
        "_heard_early",
        "_provisional",
        "draft",
        "flow",
        "invite",
        "local",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        user: SessionUser,
        draft: Draft,
        local: Address,
        flow: Flow,
        now: float,
        credential: Credential | None = None,
    ) -> None:
        super().__init__(endpoint, user, draft.call_id, credential, owns_call_id=True)
        self.draft = draft
        self.local = local
        self.flow = flow
        self._provisional = False
        self._early: EarlyDialogs | None = None
        self._heard_early: bytes | None = None
        self._cancel_headers: tuple[Header, ...] = ()
        self.invite = endpoint.layer.send(draft, flow, self, now)

    @property
    def heard_from(self) -> bool:
        """Whether there was a provisional response."""
        return self._provisional

    def cancel(self, now: float, headers: tuple[Header, ...] = ()) -> None:
        """Stop calling. The session is over for its user at once.

        CANCEL waits for a provisional response (RFC 3261 §9.1); a 2xx that crosses it gets an ACK and a BYE.
        """
        if self.state is not SessionState.INVITED:
            return
        self.state = SessionState.CANCELLED
        self.user = NOBODY
        self._cancel_headers = headers
        if self._provisional:
            self._send_cancel(now)

    def give_up(self, now: float, headers: tuple[Header, ...] = ()) -> None:
        """Stop calling somebody who says nothing. The session is over for its user at once.

        As `cancel`, but an INVITE that nobody answered is not sent again: it reaches nobody any more for whom
        the first ones were lost. Should it have arrived, a late 1xx gets a CANCEL, a late 2xx an ACK and a BYE.
        """
        self.cancel(now, headers)
        if self.state is SessionState.CANCELLED:
            self.invite.stop_resending()

    def end(self, now: float) -> None:
        """Forget the dialog; an INVITE without final response is cancelled."""
        if self.invite.answered:
            if self._early is not None:
                self.endpoint.remove((self.call_id, self.local.tag or ""), self)
            super().end(now)
        else:
            self.cancel(now)

    def dialog_with(self, remote_tag: str) -> Dialog | None:
        """The dialog with the peer of this tag: the call's, or an early one of any branch."""
        dialog = super().dialog_with(remote_tag)
        if dialog is not None or self._early is None or (early := self._early.of(remote_tag)) is None:
            return dialog
        return early.dialog

    def on_request(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A request in the call's dialog, or in an early one."""
        early = None if self._early is None else self._early.of(request.from_.tag or "")
        if early is None or early.dialog is self.dialog:
            super().on_request(transaction, request, now)
        else:
            self._early_request(early, transaction, request, now)

    def _early_request(
        self, early: EarlyDialog, transaction: ServerTransaction, request: Request, now: float
    ) -> None:
        """Before the answer the callee may refresh its target, and offer anew once it has answered our offer."""
        number, method = request.cseq
        if method != "UPDATE" or self.active:
            transaction.respond(481, now)
        elif number <= early.dialog.remote_cseq:
            transaction.respond(500, now, reason="CSeq out of order")
        else:
            early.dialog.remote_cseq = number
            if request.sdp is not None and early.described is None:
                # RFC 3311 §5.2: the offer in our INVITE has no answer yet.
                self._refuse(transaction, GLARE, now)
            else:
                self._refreshed(early.dialog, transaction, request, now)

    def answer_offer(self, sdp: bytes, now: float) -> bool:
        """Answer an offer; an early one takes the place of the callee's answer to ours."""
        offer = None if self._offer_in is None else self._offer_in.request
        taken = super().answer_offer(sdp, now)
        if taken and offer is not None and self._early is not None and not self.active:
            self._early.offered(offer)
        return taken

    def _responded(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """A response to the INVITE, to its CANCEL, or to a later request."""
        if transaction is not self.invite:
            super()._responded(transaction, response, now)
        elif response.code < 200:
            self._progress(response, now)
        elif response.code < 300:
            self._success(response, now)
        else:
            self._failed(Refusal(response.code, targets=targets_of(response)), now)

    def on_no_response(self, transaction: ClientTransaction, code: int, now: float) -> None:
        """No answer to the INVITE at all, or none to a later request."""
        if transaction is self.invite:
            self._failed(Refusal(code, answered=False), now)
        else:
            super().on_no_response(transaction, code, now)

    def on_deadline(self, now: float) -> None:
        """A cancelled INVITE got no final response within 64 T1 (RFC 3261 §9.1): it is taken as ended."""
        self.invite.abandon()
        self.end(now)

    def _progress(self, response: Response, now: float) -> None:
        first, self._provisional = not self._provisional, True
        if self.state is SessionState.CANCELLED:
            if first:
                self._send_cancel(now)
        elif response.code > 100 and (not rseq(response) or self._acknowledged(response, now)):
            sdp = response.sdp
            if sdp is not None and self._early is not None:
                sdp = self._early.sdp(response)
            self._heard_early = sdp or self._heard_early
            self.user.on_progress(self, response.code, sdp, now)

    def _acknowledged(self, response: Response, now: float) -> bool:
        """Send the PRACK of a reliable response, once; whether it is news (RFC 3262 §4)."""
        early = EarlyDialogs() if self._early is None else self._early
        dialog = early.hear(response, self.draft, self.local, self.flow)
        if self._early is None:
            self._early = early
            self.endpoint.add((self.call_id, self.local.tag or ""), self)
        if dialog is None:
            return False
        self._request(dialog, "PRACK", now, (rack(response),))
        return True

    def _success(self, response: Response, now: float) -> None:
        tag = response.to.tag or ""
        if self.dialog is not None and tag == self.dialog.remote_tag:
            # The 2xx again, whose ACK waits for our answer.
            return
        try:
            dialog = dialog_of_response(self.draft, self.local, response, self.flow)
        except BadMessage:
            self._release(bare_dialog(self.draft, self.local, response, self.flow), tag, now)
            if self.dialog is None:
                self._failed(Refusal(500), now)
            raise
        if self._early is not None:
            self._early.confirm(dialog)
        if self.state is SessionState.INVITED:
            self._answered(dialog, response, now)
            return
        self._release(dialog, tag, now)
        if self.state is SessionState.CANCELLED:
            self.end(now)

    def _release(self, dialog: Dialog, tag: str, now: float) -> None:
        """End what a 2xx began that nobody wants: from another branch, across our CANCEL, or one that says no way."""
        ack = dialog.request("ACK", self._credentials(self.draft), cseq=self.draft.number)
        self.invite.acknowledge(ack, tag)
        self._request(dialog, "BYE", now)

    def _answered(self, dialog: Dialog, response: Response, now: float) -> None:
        self.dialog = dialog
        self.state = SessionState.ANSWERED
        self.endpoint.add(dialog.id, self)
        if self.draft.body:
            self._send_ack(self.invite, b"")
        else:
            self._ack_owed = self.invite
        sdp = response.sdp if self._early is None else self._early.sdp(response)
        if self.draft.body:
            sdp = sdp or self._heard_early
        self.user.on_answered(self, sdp, now)

    def _failed(self, refusal: Refusal, now: float) -> None:
        user = self.user
        self.end(now)
        user.on_failed(self, refusal, now)

    def _wanted(self, transaction: ClientTransaction) -> bool:
        if transaction is self.invite or transaction.method == "PRACK":
            return self.state is SessionState.INVITED
        return super()._wanted(transaction)

    def _dialog_of(self, draft: Draft) -> Dialog | None:
        if self._early is not None and draft.method == "PRACK":
            early = self._early.of(parse_address(draft.header("To")).tag or "")
            return None if early is None else early.dialog
        return super()._dialog_of(draft)

    def _replace(self, old: ClientTransaction, new: ClientTransaction) -> None:
        if old is self.invite:
            self.invite, self.draft = new, new.draft
            self._provisional = False
        else:
            super()._replace(old, new)

    def _send_cancel(self, now: float) -> None:
        self.endpoint.layer.cancel(self.invite, self._cancel_headers, self, now)
        self.endpoint.queue.schedule(self, now + self.endpoint.timers.timeout)
