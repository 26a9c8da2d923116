"""Dialogs (RFC 3261 §12): who we are to each other, the route, the sequence numbers."""

from __future__ import annotations

from dataclasses import dataclass

from b2bua.sip.text.address import Address, parse_address
from b2bua.sip.text.compose import Header
from b2bua.sip.text.draft import Draft
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.message import Request, Response
from b2bua.sip.text.route import routed
from b2bua.sip.text.uri import Uri, parse_uri

DialogId = tuple[str, str]


@dataclass(slots=True)
class Dialog:
    """One dialog, seen from our side. `flow` is where the peer is, as far as the network is concerned.

    `routes` holds Route values in the order in which a request of ours visits them.
    """

    call_id: str
    local: Address
    remote: Address
    target: Uri
    flow: Flow
    routes: tuple[str, ...] = ()
    local_cseq: int = 0
    remote_cseq: int = -1

    @property
    def id(self) -> DialogId:
        """Call-ID and our tag, under which in-dialog requests find us."""
        return self.call_id, self.local.tag or ""

    @property
    def remote_tag(self) -> str:
        """The peer's tag; empty for a peer older than RFC 3261."""
        return self.remote.tag or ""

    def request(
        self, method: str, headers: tuple[Header, ...] = (), body: bytes = b"", cseq: int = 0
    ) -> Draft:
        """Draft a request in the dialog (RFC 3261 §12.2.1.1); `cseq` is for an ACK, which has its INVITE's."""
        if not cseq:
            self.local_cseq += 1
            cseq = self.local_cseq
        uri, routes = routed(self.target, self.routes)
        return Draft(
            method,
            uri,
            (
                ("Max-Forwards", "70"),
                *routes,
                ("From", str(self.local)),
                ("To", str(self.remote)),
                ("Call-ID", self.call_id),
                ("CSeq", f"{cseq} {method}"),
                *headers,
            ),
            self.call_id,
            body,
        )

    def retarget(self, message: Request | Response, flow: Flow) -> None:
        """A target refresh (RFC 3261 §12.2): the peer's Contact, and the way it came, replace the old ones.

        Raises BadMessage (400) for a Contact that cannot be used; the old target stays.
        """
        self.target = message.contact or self.target
        self.flow = flow


def dialog_of_request(request: Request, tag: str, flow: Flow) -> Dialog:
    """The dialog that our answer to this request makes (RFC 3261 §12.1.1). Raises BadMessage (400)."""
    return Dialog(
        call_id=request.call_id,
        local=request.to.with_tag(tag),
        remote=request.from_,
        target=request.contact or request.from_.uri,
        flow=flow,
        routes=_routes(request),
        remote_cseq=request.cseq[0],
    )


def dialog_of_response(draft: Draft, local: Address, response: Response, flow: Flow) -> Dialog:
    """The dialog that this answer to our request makes (RFC 3261 §12.1.2). Raises BadMessage (400)."""
    return Dialog(
        call_id=draft.call_id,
        local=local,
        remote=response.to,
        target=response.contact or response.to.uri,
        flow=flow,
        routes=_routes(response)[::-1],
        local_cseq=draft.number,
    )


def bare_dialog(draft: Draft, local: Address, response: Response, flow: Flow) -> Dialog:
    """The dialog of an answer whose Contact or Record-Route cannot be read: the way that our request took."""
    return Dialog(
        call_id=draft.call_id,
        local=local,
        remote=response.to,
        target=parse_uri(draft.uri),
        flow=flow,
        routes=tuple(value for name, value in draft.headers if name == "Route"),
        local_cseq=draft.number,
    )


def _routes(message: Request | Response) -> tuple[str, ...]:
    """The Record-Route set as it came, once it is known that every part of it can be read."""
    routes = tuple(message.values("record-route"))
    for route in routes:
        parse_address(route)
    return routes
