"""Requests of ours in a dialog, and the challenges to them, which are answered here and seen by nobody above."""

from __future__ import annotations

from b2bua.sip.auth.authorization import Authorization
from b2bua.sip.auth.challenge import CHALLENGED, Credential
from b2bua.sip.dialogs.dialog import Dialog
from b2bua.sip.dialogs.endpoint import Endpoint
from b2bua.sip.text.compose import Header
from b2bua.sip.text.draft import Draft
from b2bua.sip.text.message import Response
from b2bua.sip.transactions.client_transaction import ClientTransaction
from b2bua.sip.transactions.timers import Timed


class Requester(Timed):
    """What a session is as a sender of requests. `credential` is for a peer that challenges them."""

    __slots__ = ("_authorization", "dialog", "endpoint")

    def __init__(self, endpoint: Endpoint, credential: Credential | None) -> None:
        super().__init__()
        self.endpoint = endpoint
        self.dialog: Dialog | None = None
        self._authorization = None if credential is None else Authorization(credential, endpoint.token)

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """A response to a request of ours: a challenge is answered, anything else told."""
        challenged = response.code in CHALLENGED and self._authorization is not None
        if not (challenged and self._sent_again(transaction, response, now)):
            self._responded(transaction, response, now)

    def on_no_response(self, transaction: ClientTransaction, code: int, now: float) -> None:
        """No final response (RFC 3261 §8.1.3.1)."""
        raise NotImplementedError

    def _responded(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """A response that stands."""
        raise NotImplementedError

    def _wanted(self, transaction: ClientTransaction) -> bool:
        """Whether a challenged request is worth another try."""
        raise NotImplementedError

    def _replace(self, old: ClientTransaction, new: ClientTransaction) -> None:
        """A request was sent again: its second transaction stands for the first."""
        raise NotImplementedError

    def _request(
        self,
        dialog: Dialog,
        method: str,
        now: float,
        headers: tuple[Header, ...] = (),
        body: bytes = b"",
    ) -> ClientTransaction:
        """Send a request in a dialog of ours, with our credentials where they were asked for before."""
        draft = dialog.request(method, headers, body)
        if self._authorization is not None:
            draft = self._authorization.sign(draft)
        return self.endpoint.layer.send(draft, dialog.flow, self, now)

    def _dialog_of(self, draft: Draft) -> Dialog | None:
        """The dialog that a request of ours was sent in."""
        return self.dialog

    def _credentials(self, draft: Draft) -> tuple[Header, ...]:
        """What the ACK of a 2xx repeats of its INVITE (RFC 3261 §22.1)."""
        return () if self._authorization is None else draft.credentials

    def _sent_again(self, transaction: ClientTransaction, response: Response, now: float) -> bool:
        """Send a challenged request again with our credentials, unless nobody wants it any more."""
        assert self._authorization is not None
        if not self._wanted(transaction):
            return False
        number = transaction.draft.number + 1
        dialog = self._dialog_of(transaction.draft)
        if dialog is not None:
            number = max(number, dialog.local_cseq + 1)
        draft = self._authorization.retry(transaction.draft, response, number)
        if draft is None:
            return False
        if dialog is not None:
            dialog.local_cseq = number
        self._replace(transaction, self.endpoint.layer.send(draft, transaction.flow, self, now))
        return True
