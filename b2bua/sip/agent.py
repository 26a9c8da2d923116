"""The user agent core (RFC 3261 §8): checks every request, finds its dialog, and makes sessions.

What a request outside a dialog means is the `Application`'s business; this class knows only the protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from b2bua.sip.auth.authorization import Authorization, Authorized
from b2bua.sip.auth.challenge import Credential
from b2bua.sip.dialogs.dialog import Dialog, DialogId
from b2bua.sip.dialogs.session import Session
from b2bua.sip.dialogs.session_state import SessionState
from b2bua.sip.dialogs.session_user import NOBODY, SessionUser
from b2bua.sip.dialogs.subscription import Subscription, SubscriptionUser, event_type
from b2bua.sip.dialogs.uac import ClientSession
from b2bua.sip.dialogs.uas import ServerSession
from b2bua.sip.text.address import Address, parse_party
from b2bua.sip.text.body import SDP, Part, write_multipart
from b2bua.sip.text.capabilities import (
    ALLOW,
    ALLOW_EVENTS,
    CAPABILITIES,
    EXTENSIONS,
    METHODS,
    OTHER_METHODS,
    PACKAGES,
    REGISTRAR_EXTENSIONS,
    SUPPORTED,
    UNDERSTOOD,
)
from b2bua.sip.text.compose import Header
from b2bua.sip.text.draft import Draft
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.message import Request, Response
from b2bua.sip.transactions.client_transaction import IGNORE, ResponseUser
from b2bua.sip.transactions.layer import TransactionLayer, Wire
from b2bua.sip.transactions.server_transaction import ServerTransaction
from b2bua.sip.transactions.timers import TimerQueue, Timers

MAX_CONTACTS = 20
"""Contacts of a REGISTER that are looked at before its sender has shown credentials."""


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
        self.timers = timers
        self.token = token
        self.queue = TimerQueue() if queue is None else queue
        self.layer = TransactionLayer(wire, self, timers, self.queue, token)
        self._name = name
        self._provisional_repeat = provisional_repeat
        self._sessions: dict[DialogId, Session] = {}
        self._subscriptions: dict[DialogId, Subscription] = {}

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
        session = ServerSession(self, user, invite, self._provisional_repeat, credential)
        assert session.dialog is not None
        self.remember(session.dialog.id, session)
        # RFC 3261 §8.2.6.1
        stamp = invite.request.get("timestamp")
        invite.respond(100, now, (("Timestamp", stamp),) if stamp else ())
        return session

    def subscribe(
        self, subscribe: ServerTransaction, user: SubscriptionUser, seconds: int, now: float
    ) -> Subscription:
        """Accept a SUBSCRIBE that arrived, for `seconds`; 0 is one look. Raises BadMessage (400) for bad headers."""
        subscription = Subscription(self, user, subscribe)
        self._subscriptions[subscription.dialog.id] = subscription
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
                *self.session_headers(flow, body, content_type),
            ),
            call_id,
            body,
        )
        return ClientSession(self, user, draft, local, flow, now, credential)

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
        session = Session(self, NOBODY, dialog.call_id, credential, owns_call_id=owns_call_id)
        session.dialog = dialog
        session.state = SessionState.ANSWERED
        self.remember(dialog.id, session)
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
                self.contact(flow),
                *headers,
            ),
            call_id,
            body,
        )
        self.layer.send(draft, flow, IGNORE, now)

    # What sessions need

    def contact(self, flow: Flow) -> Header:
        """Our Contact on a flow: always our own address, never anybody else's."""
        name = flow.transport.uri_param
        transport = f";transport={name}" if name else ""
        return "Contact", f"<sip:{self.wire.advertised(flow)}{transport}>"

    def session_headers(self, flow: Flow, body: bytes | None, content_type: str = SDP) -> tuple[Header, ...]:
        """The headers of every INVITE, UPDATE and their 2xx (RFC 3261 §13.2.1, §13.3.1.4).

        What we support is said in addition where a call begins: a re-INVITE is not to be answered reliably.
        """
        content = (("Content-Type", content_type),) if body else ()
        return (self.contact(flow), ("User-Agent", self._name), *ALLOW, *ALLOW_EVENTS, *content)

    def remember(self, dialog_id: DialogId, session: Session) -> None:
        """Requests in this dialog belong to this session."""
        self._sessions[dialog_id] = session

    def forget(self, dialog_id: DialogId) -> None:
        """The dialog is over."""
        self._sessions.pop(dialog_id, None)

    def forget_subscription(self, dialog_id: DialogId) -> None:
        """The subscription of this dialog is over."""
        self._subscriptions.pop(dialog_id, None)

    @property
    def sessions(self) -> int:
        """How many dialogs of calls there are."""
        return len(self._sessions)

    @property
    def subscriptions(self) -> int:
        """How many subscriptions there are."""
        return len(self._subscriptions)

    # What the transaction layer tells

    def on_request(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """Check a request as RFC 3261 §8.2 says, then give it to its dialog or to the application.

        What anybody may send, and nobody had to prove anything for, is answered without leaving a trace.
        """
        method = request.method
        if method not in METHODS:
            transaction.dismiss(405 if method in OTHER_METHODS else 501, ALLOW)
        elif unknown := request.tokens("require") - (
            REGISTRAR_EXTENSIONS if method == "REGISTER" else EXTENSIONS
        ):
            transaction.dismiss(420, (("Unsupported", ", ".join(sorted(unknown))),))
        elif method == "REGISTER":
            self._registered(transaction, request, now)
        elif request.to.tag is not None:
            self._in_dialog(transaction, request, now)
        else:
            _ = request.uri  # 416 or 400 at once, whatever becomes of it
            self._begun(transaction, request, now)

    def _begun(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        method = request.method
        if method == "INVITE":
            self._invited(transaction, request, now)
        elif method == "SUBSCRIBE":
            self._subscribed(transaction, request, now)
        elif method == "OPTIONS":
            transaction.dismiss(200, CAPABILITIES)
        else:
            # BYE, INFO, PRACK and UPDATE exist only inside a dialog.
            transaction.dismiss(481)

    def on_ack(self, ack: Request, now: float) -> None:
        """The ACK of a 2xx."""
        session = self._session_of(ack)
        if session is not None:
            session.on_ack(ack, now)

    def on_cancel(self, invite: ServerTransaction, cancel: Request | None, now: float) -> None:
        """A caller withdraws its INVITE."""
        session = self._sessions.get((invite.request.call_id, invite.request.to.tag or invite.tag))
        if session is None:
            invite.respond(487, now)
        else:
            session.on_cancel(invite, now)

    def on_received(self, message: Request | Response, data: bytes, flow: Flow, now: float) -> None:
        """Pass on what arrived."""
        self.application.on_received(message, data, flow, now)

    def on_refused(self, error: BadMessage, data: bytes, flow: Flow) -> None:
        """Pass on what was refused."""
        self.application.on_refused(error, data, flow)

    def _registered(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """What nobody could register is refused before its sender is asked for credentials."""
        _ = request.uri
        if not request.to.uri.is_sip:
            # RFC 3261 §10.3: the address of record is a SIP URI.
            raise BadMessage(400, "Bad To")
        if request.get("contact") != "*":
            for value in request.values("contact")[:MAX_CONTACTS]:
                if not parse_party(value).uri.is_sip:
                    raise BadMessage(400, "Bad Contact")
        self.application.on_register(transaction, request, now)

    def _invited(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        if request.integer("max-forwards", 70) == 0:
            # A call is passed on; nothing else is.
            transaction.dismiss(483)
        elif request.contact is None and ("contact" in request.headers or not request.from_.uri.is_sip):
            transaction.dismiss(400, reason="Bad Contact")
        elif not request.content.understood:
            transaction.dismiss(415, UNDERSTOOD)
        else:
            try:
                self.application.on_invite(transaction, request, now)
            except Exception as error:
                session = self._sessions.get((request.call_id, transaction.tag))
                if isinstance(session, ServerSession):
                    if isinstance(error, BadMessage):
                        session.reject(error.code or 400, now, error.headers, error.reason)
                    else:
                        session.reject(500, now)
                raise

    def _subscribed(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        if event_type(request).package not in PACKAGES:
            transaction.dismiss(489, ALLOW_EVENTS)
        elif request.contact is None:
            transaction.dismiss(400, reason="Missing Contact")
        else:
            self.application.on_subscribe(transaction, request, now)

    def _in_dialog(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        usage = self._session_of(request) or self._subscription_of(request)
        if usage is None:
            transaction.dismiss(481)
        else:
            usage.on_request(transaction, request, now)

    def _session_of(self, request: Request) -> Session | None:
        """The session whose dialog has the request's Call-ID and both tags (RFC 3261 §12.2.2)."""
        session = self._sessions.get((request.call_id, request.to.tag or ""))
        if session is None or session.dialog_with(request.from_.tag or "") is None:
            return None
        return session

    def _subscription_of(self, request: Request) -> Subscription | None:
        subscription = self._subscriptions.get((request.call_id, request.to.tag or ""))
        known = subscription is not None and subscription.dialog.remote_tag == (request.from_.tag or "")
        return subscription if known else None
