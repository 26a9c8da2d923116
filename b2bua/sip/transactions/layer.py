"""The transaction layer (RFC 3261 §17, §18): datagrams in, transactions found or made, datagrams out.

It knows no dialogs and no calls. Above it is a `Core` (RFC 3261 calls it the transaction user), below it the
`Sender`. Nothing that arrives can raise out of `receive`, except a fault of our own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from b2bua.sip.text.capabilities import KNOWN_METHODS
from b2bua.sip.text.compose import Header
from b2bua.sip.text.draft import Draft
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.message import BadRequest, Request, Response, parse_message
from b2bua.sip.transactions import stateless
from b2bua.sip.transactions.client_transaction import ClientTransaction, ResponseUser
from b2bua.sip.transactions.sender import MAGIC, Sender, Wire
from b2bua.sip.transactions.server_transaction import Key, MergeKey, RequestUser, ServerTransaction
from b2bua.sip.transactions.timers import TimerQueue, Timers
from b2bua.sip.transactions.transaction import Event, Setting, response_event

KEEPALIVE = 4
"""Line ends and zeros that phones send to keep a NAT's mapping open (RFC 5626 §4.4.1); nothing SIP is so short."""
MAX_DATAGRAM = 1300
"""Bytes of a request that may go by UDP where nothing is known of the path (RFC 3261 §18.1.1)."""


class Core(RequestUser, Protocol):
    """The layer above: RFC 3261's transaction user for everything that arrives."""

    def on_received(self, message: Request | Response, data: bytes, flow: Flow, now: float) -> None:
        """A well-formed message arrived, before anything is done with it: for traces."""

    def on_refused(self, error: BadMessage, data: bytes, flow: Flow) -> None:
        """Something arrived that is no usable SIP: for logs and counters."""


class TransactionLayer:
    """All transactions of an endpoint."""

    def __init__(
        self, wire: Wire, core: Core, timers: Timers, queue: TimerQueue, token: Callable[[], str]
    ) -> None:
        self.core = core
        self._sender = Sender(wire, token)
        self._setting = Setting(timers, queue, self._sender)
        self._token = token
        self._servers: dict[Key, ServerTransaction] = {}
        self._clients: dict[tuple[str, str], ClientTransaction] = {}
        # RFC 3261 §8.2.2.2: the same request by two paths shows as one Call-ID, CSeq and From tag twice.
        self._merged: dict[MergeKey, Key] = {}

    def __len__(self) -> int:
        return len(self._servers) + len(self._clients)

    @property
    def waiting(self) -> bool:
        """Whether a request of ours still waits for its final response."""
        return any(not transaction.answered for transaction in self._clients.values())

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one message from the wire."""
        if len(data) <= KEEPALIVE:
            return
        try:
            message = parse_message(data)
            message.check()
        except BadRequest as error:
            self.core.on_refused(error, data, flow)
            self._refuse_statelessly(error.request, error.code, flow)
            return
        except BadMessage as error:
            self.core.on_refused(error, data, flow)
            return
        self.core.on_received(message, data, flow, now)
        if isinstance(message, Response):
            self._response(message, flow, now)
        else:
            self._request(message, flow, now)

    def refuse(self, error: BadMessage, head: bytes, flow: Flow) -> None:
        """Refuse what a stream's framing could not cut out; its headers may be enough for an answer."""
        self.core.on_refused(error, head, flow)
        try:
            message = parse_message(head)
        except BadRequest as bad:
            message = bad.request
        except BadMessage:
            return
        if isinstance(message, Request):
            self._refuse_statelessly(message, error.code, flow)

    def send(self, draft: Draft, flow: Flow, user: ResponseUser, now: float) -> ClientTransaction:
        """Send a request in a transaction of its own."""
        return self._begin(draft, flow, MAGIC + self._token(), user, now)

    def cancel(
        self, invite: ClientTransaction, headers: Iterable[Header], user: ResponseUser, now: float
    ) -> None:
        """Cancel an INVITE that has a provisional response (RFC 3261 §9.1): its branch, another transaction."""
        draft = invite.draft.companion("CANCEL", invite.draft.header("To"), tuple(headers))
        self._begin(draft, invite.flow, invite.branch, user, now)

    def opening_of(self, ack: Request) -> ServerTransaction | None:
        """The INVITE outside of any dialog that an ACK is for by Call-ID, CSeq and From tag, whatever its To says.

        It is known for as long as its 2xx may be repeated (RFC 6026 §7.1).
        """
        key = self._merged.get((ack.call_id, (ack.cseq[0], "INVITE"), ack.from_.tag or ""))
        return None if key is None else self._servers.get(key)

    def broken(self, flow: Flow, now: float) -> None:
        """The transport says that a flow is dead: what cannot be sent or answered any more fails now.

        An INVITE of ours that has a provisional response goes on (RFC 3261 figure 5), and what went by a connection
        for its length alone goes by UDP after all (§18.1.1).
        """
        for client in list(self._clients.values()):
            if client.flow != flow:
                continue
            if client.unheard and client.datagrams is not None:
                client.flow, client.datagrams = client.datagrams, None
                client.data = self._sender.render(client.draft, client.flow, client.branch)
                self._sender.transmit(client.data, client.flow, client.call_id)
                client.start(now)
            else:
                client.handle(Event.BROKEN, now)
        for server in list(self._servers.values()):
            if server.flow == flow:
                server.handle(Event.BROKEN, now)

    def _begin(
        self, draft: Draft, flow: Flow, branch: str, user: ResponseUser, now: float
    ) -> ClientTransaction:
        transaction = ClientTransaction(self._setting, draft, branch, flow, user, self._client_over)
        self._clients[branch, draft.method] = transaction
        transaction.data = self._sender.render(draft, flow, branch)
        if len(transaction.data) > MAX_DATAGRAM and not flow.reliable:
            self._prefer_stream(transaction)
        self._sender.transmit(transaction.data, transaction.flow, draft.call_id)
        transaction.start(now)
        return transaction

    def _prefer_stream(self, transaction: ClientTransaction) -> None:
        """Let a request that is too long for a datagram go by a connection, if there can be one (RFC 3261 §18.1.1)."""
        datagrams = transaction.flow
        if (
            transaction.draft.leads_to(datagrams.remote)
            and (stream := self._sender.wire.stream(datagrams)) is not None
        ):
            transaction.flow, transaction.datagrams = stream, datagrams
            transaction.data = self._sender.render(transaction.draft, stream, transaction.branch)

    def _response(self, response: Response, flow: Flow, now: float) -> None:
        transaction = self._clients.get((response.via.branch, response.cseq[1]))
        if transaction is None:
            return
        try:
            # RFC 3261 §8.1.3.3: with more than one Via it was meant for somebody else.
            if len(response.values("via")) == 1:
                transaction.handle(response_event(response.code), now, response)
        except BadMessage as error:
            self._note(error, response, flow)

    def _request(self, request: Request, flow: Flow, now: float) -> None:
        if request.cseq[1] != request.method:
            # RFC 4475 §3.1.2.18: what else is said of a method that nobody knows does not matter.
            self._refuse_statelessly(request, 400 if request.method in KNOWN_METHODS else 501, flow)
            return
        key = _key(request)
        known = self._servers.get(key)
        try:
            if request.method == "ACK":
                # The ACK of a 2xx has a branch of its own and belongs to the dialog, not to a transaction.
                if known is not None:
                    known.handle(Event.ACK, now, request)
                else:
                    self.core.on_ack(request, now)
            elif known is not None:
                known.handle(Event.REQUEST, now)
            elif request.method == "CANCEL":
                self._cancelled(key, request, flow, now)
            else:
                self._new(key, request, flow, now)
        except BadMessage as error:
            self._note(error, request, flow)

    def _new(self, key: Key, request: Request, flow: Flow, now: float) -> None:
        transaction = self._serve(key, request, flow, self._token())
        if request.to.tag is None:
            transaction.merge_key = _merge_key(request)
            first = self._merged.setdefault(transaction.merge_key, key)
            if first != key:
                transaction.dismiss(482)
                return
        try:
            self.core.on_request(transaction, request, now)
        except BadMessage as error:
            if transaction.trying:
                transaction.respond(error.code or 400, now, error.headers, reason=error.reason)
            elif not transaction.answered:
                transaction.dismiss(error.code or 400, error.headers, error.reason)
            raise
        except Exception:
            # A fault of ours; the caller should not have to wait for what will not come.
            if not transaction.answered:
                transaction.respond(500, now)
            raise

    def _cancelled(self, key: Key, cancel: Request, flow: Flow, now: float) -> None:
        """RFC 3261 §9.2: a CANCEL is answered itself; its INVITE, if that waits, is the core's."""
        invite = self._servers.get((key[0], key[1], "INVITE"))
        if invite is None:
            self._serve(key, cancel, flow, "").dismiss(481)
            return
        self._serve(key, cancel, flow, invite.tag).respond(200, now)
        if not invite.answered:
            self.core.on_cancel(invite, now)

    def _serve(self, key: Key, request: Request, flow: Flow, tag: str) -> ServerTransaction:
        transaction = ServerTransaction(self._setting, key, request, flow, tag, self.core, self._server_over)
        self._servers[key] = transaction
        return transaction

    def _client_over(self, transaction: ClientTransaction) -> None:
        self._clients.pop((transaction.branch, transaction.method), None)

    def _server_over(self, transaction: ServerTransaction) -> None:
        self._servers.pop(transaction.key, None)
        merge_key = transaction.merge_key
        if merge_key is not None and self._merged.get(merge_key) == transaction.key:
            del self._merged[merge_key]

    def _refuse_statelessly(self, request: Request, code: int, flow: Flow) -> None:
        """Answer a request that no transaction can be made of."""
        if code and (answer := stateless.refusal(request, flow, code)) is not None:
            self._sender.transmit(*answer, request.call_id)

    def _note(self, error: BadMessage, message: Request | Response, flow: Flow) -> None:
        self.core.on_refused(error, message.first_line.encode("utf-8", "surrogateescape"), flow)


def _key(request: Request) -> Key:
    """RFC 3261 §17.2.3: branch, sent-by and method, an ACK counting as its INVITE.

    Peers older than RFC 3261 have no magic cookie, or nothing behind it; for them the headers that name the request
    stand in (RFC 4475 §3.2.1).
    """
    via = request.via
    method = "INVITE" if request.method == "ACK" else request.method
    if via.branch.startswith(MAGIC) and via.branch != MAGIC:
        return via.branch, f"{via.host}:{via.port or 5060}", method
    number = request.cseq[0]
    return f"{via.text}|{request.uri_text}|{request.from_.tag}|{number}", request.call_id, method


def _merge_key(request: Request) -> MergeKey:
    return request.call_id, request.cseq, request.from_.tag or ""
