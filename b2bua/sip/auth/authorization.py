"""Answering challenges on behalf of whoever sends requests, who never sees them (RFC 3261 §22.2, §8.1.3.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from b2bua.sip.auth.challenge import CHALLENGED, Challenge, Credential, challenges_in
from b2bua.sip.text.compose import Header
from b2bua.sip.text.draft import Draft
from b2bua.sip.text.message import Response
from b2bua.sip.transactions.client_transaction import ClientTransaction, ResponseUser

if TYPE_CHECKING:
    from b2bua.sip.transactions.layer import TransactionLayer

# A request is sent again for its challenge, and once more where the nonce was stale or somebody else asks too.
MOST_ATTEMPTS = 2


class Authorization:
    """A credential and what is known of those who ask for it, for one dialog or one row of requests.

    Once a realm has challenged, later requests carry the answer at once, with the next nonce count.
    """

    __slots__ = ("_counts", "_credential", "_known", "_token")

    def __init__(self, credential: Credential, token: Callable[[], str]) -> None:
        self._credential = credential
        self._token = token
        self._known: dict[tuple[str, str], Challenge] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def sign(self, draft: Draft) -> Draft:
        """A new request with the answers to the challenges known so far; as it is where there were none."""
        return draft.with_credentials(self._answers(draft)) if self._known else draft

    def retry(self, draft: Draft, response: Response, number: int) -> Draft | None:
        """The refused request once more under another sequence number, or `None` where the refusal stands."""
        if response.code not in CHALLENGED or draft.attempt >= MOST_ATTEMPTS:
            return None
        challenges = challenges_in(response)
        if draft.attempt:
            challenges = tuple(each for each in challenges if each.stale or each.space not in self._known)
        if not challenges:
            return None
        for each in challenges:
            if (known := self._known.get(each.space)) is None or known.nonce != each.nonce:
                self._counts[each.space] = 0
            self._known[each.space] = each
        return draft.again(number).with_credentials(self._answers(draft))

    def _answers(self, draft: Draft) -> tuple[Header, ...]:
        answers = []
        for space, challenge in self._known.items():
            self._counts[space] += 1
            answers.append(
                (
                    challenge.header,
                    challenge.answer(
                        self._credential, draft.method, draft.uri, self._token(), self._counts[space]
                    ),
                )
            )
        return tuple(answers)


class Authorized:
    """Stands between a request outside any dialog and its user: challenges are answered, the rest is passed on."""

    __slots__ = ("_authorization", "_layer", "_user")

    def __init__(self, layer: TransactionLayer, authorization: Authorization, user: ResponseUser) -> None:
        self._layer = layer
        self._authorization = authorization
        self._user = user

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """A response: answer it if it is a challenge that can be answered."""
        draft = transaction.draft
        again = self._authorization.retry(draft, response, draft.number + 1)
        if again is None:
            self._user.on_response(transaction, response, now)
        else:
            self._layer.send(again, transaction.flow, self, now)

    def on_no_response(self, transaction: ClientTransaction, code: int, now: float) -> None:
        """Silence, or a broken transport."""
        self._user.on_no_response(transaction, code, now)
