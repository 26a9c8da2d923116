"""A session that a peer began: we are called (RFC 3261 §13.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2bua.sip.challenge import Credential
from b2bua.sip.compose import Header
from b2bua.sip.dialog import dialog_of_request
from b2bua.sip.server_transaction import ServerTransaction
from b2bua.sip.session import SDP, Session
from b2bua.sip.session_state import SessionState
from b2bua.sip.session_user import SessionUser

if TYPE_CHECKING:
    from b2bua.sip.agent import UserAgent


class ServerSession(Session):
    """The caller's side of a call. Made when the INVITE arrives; our first answer fixes the dialog."""

    __slots__ = ("_provisional", "_repeat", "invite", "request")

    def __init__(
        self,
        agent: UserAgent,
        user: SessionUser,
        invite: ServerTransaction,
        repeat: float,
        credential: Credential | None = None,
    ) -> None:
        super().__init__(agent, user, invite.request.call_id, credential, owns_call_id=False)
        self.invite = invite
        self.request = invite.request
        self.dialog = dialog_of_request(invite.request, invite.tag, invite.flow)
        self._repeat = repeat
        self._provisional: tuple[int, tuple[Header, ...], bytes] | None = None

    @property
    def offered(self) -> bytes | None:
        """The offer in the INVITE, or `None` for a delayed offer."""
        return self.request.sdp

    def progress(self, code: int, now: float, sdp: bytes = b"", headers: tuple[Header, ...] = ()) -> None:
        """Send a 101 to 199 response. It is repeated every minute (RFC 3261 §13.3.1.1)."""
        if self.state is SessionState.INVITED:
            self._provisional = code, headers, sdp
            self._send_provisional(now)

    def accept(self, sdp: bytes, now: float) -> None:
        """Answer the call with 200."""
        if self.state is not SessionState.INVITED:
            return
        assert self.dialog is not None
        self.state = SessionState.ANSWERED
        headers = (*self._record_routes(), *self.agent.session_headers(self.dialog.flow, sdp))
        self.invite.respond(200, now, headers, sdp)
        self.await_ack(self.invite, now)

    def reject(
        self, code: int, now: float, headers: tuple[Header, ...] = (), reason: str | None = None
    ) -> None:
        """Refuse the call with a 3xx to 6xx response; the session is over."""
        if self.state is SessionState.INVITED:
            self.invite.respond(code, now, headers, reason=reason)
            self.end(now)

    def on_cancel(self, invite: ServerTransaction, now: float) -> None:
        """The caller sent CANCEL (RFC 3261 §9.2), for the call or for a later re-INVITE."""
        if invite is self.invite and self.state is SessionState.INVITED:
            user = self.user
            self.end(now)
            user.on_cancelled(self, now)
        else:
            super().on_cancel(invite, now)

    def end(self, now: float) -> None:
        """Forget the dialog; an INVITE without final response gets 487 (RFC 3261 §15.1.2)."""
        if self.state is SessionState.INVITED and not self.invite.answered:
            self.invite.respond(487, now)
        super().end(now)

    def on_deadline(self, now: float) -> None:
        """Repeat what was said last: the provisional response, or the 2xx."""
        if self.state is SessionState.INVITED:
            self._send_provisional(now)
        else:
            super().on_deadline(now)

    def _send_provisional(self, now: float) -> None:
        assert self._provisional is not None and self.dialog is not None
        code, headers, sdp = self._provisional
        content = (("Content-Type", SDP),) if sdp else ()
        contact = self.agent.contact(self.dialog.flow)
        self.invite.respond(code, now, (*self._record_routes(), contact, *headers, *content), sdp)
        self.agent.queue.schedule(self, now + self._repeat)

    def _record_routes(self) -> tuple[Header, ...]:
        assert self.dialog is not None
        return tuple(("Record-Route", route) for route in self.dialog.routes)
