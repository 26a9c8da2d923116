"""The user agent core (RFC 3261 §8): gives every request to its dialog or to the application, and makes sessions.

What a request outside a dialog means is the `Application`'s business; this class knows only the protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from b2bua.sip.auth.authorization import Authorization, Authorized
from b2bua.sip.auth.challenge import Credential
from b2bua.sip.dialogs.dialog import Dialog, dialog_of_request
from b2bua.sip.dialogs.endpoint import Endpoint
from b2bua.sip.dialogs.session import NOBODY, Session, SessionState, SessionUser
from b2bua.sip.dialogs.subscription import Subscription, SubscriptionUser
from b2bua.sip.dialogs.uac import ClientSession
from b2bua.sip.dialogs.uas import ServerSession
from b2bua.sip.inspection import objection, opening_objection
from b2bua.sip.text.address import Address
from b2bua.sip.text.body import SDP, Part, write_multipart
from b2bua.sip.text.capabilities import CAPABILITIES, SUPPORTED
from b2bua.sip.text.compose import Header
from b2bua.sip.text.draft import Draft
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.event import event_type
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.message import Request, Response
from b2bua.sip.transactions.client_transaction import IGNORE, ResponseUser
from b2bua.sip.transactions.layer import TransactionLayer
from b2bua.sip.transactions.sender import Wire
from b2bua.sip.transactions.server_transaction import ServerTransaction
from b2bua.sip.transactions.timers import TimerQueue, Timers


class Application(Protocol):
    """What requests outside a dialog mean, and who watches the traffic."""

    def on_invite(self, invite: ServerTransaction, request: Request, now: float) -> None:
        """A new call. Owes an answer, by `UserAgent.serve` or directly; until then the caller repeats it.

        Without a Contact it comes from a peer older than RFC 3261, and its From says where the caller is.
        """

    def on_register(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A registration. Owes an answer."""

    def on_subscribe(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A new subscription to one of `PACKAGES`. Owes an answer, by `UserAgent.subscribe` or directly."""

    def on_received(self, message: Request | Response, data: bytes, flow: Flow, now: float) -> None:
        """A well-formed message arrived: for traces."""

    def on_refused(self, error: BadMessage, data: bytes, flow: Flow) -> None:
        """Something that is no usable SIP arrived: for logs and counters."""


class UserAgent:
    """One SIP endpoint: its transactions and its dialogs."""

    def __init__(
        self,
        wire: Wire,
        application: Application,
        timers: Timers,
        token: Callable[[], str],
        queue: TimerQueue | None = None,
        name: str = "Ringplan",
        provisional_repeat: float = 60.0,
    ) -> None:
        self.wire = wire
        self.application = application
        self.token = token
        self.queue = TimerQueue() if queue is None else queue
        self.layer = TransactionLayer(wire, self, timers, self.queue, token)
        self.endpoint = Endpoint(self.layer, wire, timers, self.queue, token, name)
        self._name = name
        self._provisional_repeat = provisional_repeat

    # Verbs

    def serve(
        self,
        invite: ServerTransaction,
        user: SessionUser,
        now: float,
        credential: Credential | None = None,
    ) -> ServerSession:
        """Make the session of a call that arrived, which is answered 100.

        `credential` answers the peer's challenges to what we send in the dialog. Raises BadMessage (400) for a bad
        Record-Route.
        """
        session = ServerSession(self.endpoint, user, invite, self._provisional_repeat, credential)
        # RFC 3261 §8.2.6.1
        stamp = invite.request.get("timestamp")
        invite.respond(100, now, (("Timestamp", stamp),) if stamp else ())
        return session

    def subscribe(
        self, subscribe: ServerTransaction, user: SubscriptionUser, seconds: int, now: float
    ) -> Subscription:
        """Accept a SUBSCRIBE that arrived, for `seconds`; 0 is one look. Raises BadMessage (400) for bad headers."""
        request = subscribe.request
        dialog = dialog_of_request(request, subscribe.tag, subscribe.flow)
        subscription = Subscription(self.endpoint, user, dialog, event_type(request))
        subscription.accept(subscribe, seconds, now)
        return subscription

    def call(
        self,
        target: str,
        flow: Flow,
        local: Address,
        remote: Address,
        user: SessionUser,
        now: float,
        sdp: bytes = b"",
        headers: tuple[Header, ...] = (),
        max_forwards: int = 70,
        credential: Credential | None = None,
        parts: tuple[Part, ...] = (),
    ) -> ClientSession:
        """Call a target URI by a flow. `local` gets a fresh tag; the Call-ID is our own.

        `credential` answers the peer's challenges, to the INVITE and to whatever is sent in its dialog. `parts`
        stand in the body beside the offer.
        """
        local = local.with_tag(self.token())
        call_id = self.token()
        content_type, body = SDP, sdp
        if parts:
            content_type, body = write_multipart((Part(SDP, sdp), *parts), self.token())
        draft = Draft(
            "INVITE",
            target,
            (
                ("Max-Forwards", str(max_forwards)),
                ("From", str(local)),
                ("To", str(remote)),
                ("Call-ID", call_id),
                ("CSeq", "1 INVITE"),
                *headers,
                # An offer in a reliable response would want its answer in the PRACK (RFC 3262 §5).
                *(SUPPORTED if sdp else ()),
                *self.endpoint.session_headers(flow, body, content_type),
            ),
            call_id,
            body,
        )
        return ClientSession(self.endpoint, user, draft, local, flow, now, credential)

    def request(
        self,
        method: str,
        target: str,
        flow: Flow,
        local: Address,
        remote: Address,
        user: ResponseUser,
        now: float,
        headers: tuple[Header, ...] = (),
        call_id: str = "",
        number: int = 1,
        authorization: Authorization | None = None,
    ) -> None:
        """Send a request outside any dialog, such as REGISTER or OPTIONS; `user` hears what becomes of it.

        Without `call_id` it has one of its own. `authorization` answers challenges: the request is then sent
        again with the next sequence number, which the response that `user` gets has in its CSeq.
        """
        call_id = call_id or self.token()
        draft = Draft(
            method,
            target,
            (
                ("Max-Forwards", "70"),
                ("From", str(local.with_tag(self.token()))),
                ("To", str(remote)),
                ("Call-ID", call_id),
                ("CSeq", f"{number} {method}"),
                *headers,
                ("User-Agent", self._name),
            ),
            call_id,
        )
        if authorization is not None:
            draft = authorization.sign(draft)
            user = Authorized(self.layer, authorization, user)
        self.layer.send(draft, flow, user, now)

    def resume(self, dialog: Dialog, credential: Credential | None, *, owns_call_id: bool) -> Session:
        """Take up a dialog that an earlier process established; `owns_call_id` if its first INVITE was ours.

        It has no user yet. `credential` answers the peer's challenges.
        """
        session = Session(self.endpoint, NOBODY, dialog.call_id, credential, owns_call_id=owns_call_id)
        session.dialog = dialog
        session.state = SessionState.ANSWERED
        self.endpoint.add(dialog.id, session)
        return session

    def notify(
        self,
        target: str,
        flow: Flow,
        local: Address,
        remote: Address,
        headers: tuple[Header, ...],
        body: bytes,
        now: float,
    ) -> None:
        """Send a NOTIFY outside any dialog, as phones that do not subscribe take it for message waiting."""
        call_id = self.token()
        draft = Draft(
            "NOTIFY",
            target,
            (
                ("Max-Forwards", "70"),
                ("From", str(local.with_tag(self.token()))),
                ("To", str(remote)),
                ("Call-ID", call_id),
                ("CSeq", "1 NOTIFY"),
                self.endpoint.contact(flow),
                *headers,
            ),
            call_id,
            body,
        )
        self.layer.send(draft, flow, IGNORE, now)

    # What there is

    @property
    def sessions(self) -> int:
        """How many dialogs of calls there are."""
        return self.endpoint.count(Session)

    @property
    def subscriptions(self) -> int:
        """How many subscriptions there are."""
        return self.endpoint.count(Subscription)

    # What the transaction layer tells

    def on_request(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """Refuse a request for what it is, or give it to its dialog or to the application.

        What anybody may send, and nobody had to prove anything for, is answered without leaving a trace.
        """
        method = request.method
        if (refused := objection(request)) is not None:
            transaction.dismiss(*refused)
        elif method != "REGISTER" and (tag := request.to.tag) is not None:
            usage = self.endpoint.usage_of(request, tag)
            if usage is None:
                transaction.dismiss(481)
            else:
                usage.on_request(transaction, request, now)
        elif (refused := opening_objection(request)) is not None:
            transaction.dismiss(*refused)
        elif method == "INVITE":
            self._invited(transaction, request, now)
        elif method == "REGISTER":
            self.application.on_register(transaction, request, now)
        elif method == "SUBSCRIBE":
            self.application.on_subscribe(transaction, request, now)
        else:
            # OPTIONS.
            transaction.dismiss(200, CAPABILITIES)

    def on_ack(self, ack: Request, now: float) -> None:
        """The ACK of a 2xx. Some clients (pyVoIP) give it a To tag of their own making.

        Then Call-ID, From tag and CSeq name its INVITE, which nobody knows who has not seen it. It is taken where it
        only says that the 200 came: where it would bring a description, it has to be right.
        """
        usage = self.endpoint.usage_of(ack, ack.to.tag or "")
        if usage is None and (invite := self.layer.opening_of(ack)) is not None:
            session = self.endpoint.usage_of(ack, invite.tag)
            if isinstance(session, ServerSession) and session.offered is not None:
                usage = session
        if usage is not None:
            usage.on_ack(ack, now)

    def on_cancel(self, invite: ServerTransaction, now: float) -> None:
        """A caller withdraws its INVITE."""
        usage = self.endpoint.usage_of(invite.request, invite.request.to.tag or invite.tag)
        if usage is None:
            invite.respond(487, now)
        else:
            usage.on_cancel(invite, now)

    def on_received(self, message: Request | Response, data: bytes, flow: Flow, now: float) -> None:
        """Pass on what arrived."""
        self.application.on_received(message, data, flow, now)

    def on_refused(self, error: BadMessage, data: bytes, flow: Flow) -> None:
        """Pass on what was refused."""
        self.application.on_refused(error, data, flow)

    def _invited(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A new call. Whatever goes wrong, its caller hears of it."""
        try:
            self.application.on_invite(transaction, request, now)
        except Exception as error:
            session = self.endpoint.usage_of(request, transaction.tag)
            if isinstance(session, ServerSession):
                if isinstance(error, BadMessage):
                    session.reject(error.code or 400, now, error.headers, error.reason)
                else:
                    session.reject(500, now)
            raise
