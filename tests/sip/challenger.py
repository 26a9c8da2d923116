"""A far end that challenges every request, as carriers do."""

from __future__ import annotations

from b2bua.sip.auth.challenge import Credential
from b2bua.sip.auth.digest import Algorithm, Authenticator, Missing, Stale, Verified, ha1
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.message import Request, Response
from b2bua.sip.transactions.server_transaction import ServerTransaction
from tests.sip.wire import Phone

CREDENTIAL = Credential("ringplan", "secret")
REALM = "carrier.example"


class Known:
    """The account that the carrier knows."""

    ha1_md5 = ha1("ringplan", REALM, "secret", Algorithm.MD5)
    ha1_sha256 = ha1("ringplan", REALM, "secret", Algorithm.SHA256)


class Challenger:
    """Stands before a phone's user agent. `lifetime` is the seconds for which a nonce is good."""

    def __init__(self, phone: Phone, lifetime: float = 300.0) -> None:
        self.agent = phone.agent
        self.agent.layer.core = self
        self.challenged: list[str] = []
        self.let_in: list[str] = []
        self._authenticator = Authenticator(REALM, b"k" * 32, lifetime)

    def on_request(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        verdict = self._authenticator.check(
            request, lambda name: Known() if name == "ringplan" else None, now
        )
        if isinstance(verdict, Verified):
            self.let_in.append(request.method)
            self.agent.on_request(transaction, request, now)
        elif isinstance(verdict, Missing | Stale):
            self.challenged.append(request.method)
            values = self._authenticator.challenge(now, stale=isinstance(verdict, Stale))
            transaction.respond(401, now, tuple(("WWW-Authenticate", value) for value in values))
        else:
            transaction.respond(403, now)

    def on_ack(self, ack: Request, now: float) -> None:
        self.agent.on_ack(ack, now)

    def on_cancel(self, invite: ServerTransaction, now: float) -> None:
        self.agent.on_cancel(invite, now)

    def on_received(self, message: Request | Response, data: bytes, flow: Flow, now: float) -> None:
        self.agent.on_received(message, data, flow, now)

    def on_refused(self, error: BadMessage, data: bytes, flow: Flow) -> None:
        self.agent.on_refused(error, data, flow)
