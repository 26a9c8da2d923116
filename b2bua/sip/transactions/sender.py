"""Sending (RFC 3261 §18.1, §18.2.2): requests of ours get their Via here, and whatever is sent leaves here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from b2bua.sip.text.compose import render
from b2bua.sip.text.draft import Draft
from b2bua.sip.text.flow import Flow, SocketAddress

MAGIC = "z9hG4bK"
"""How a branch begins that names its transaction by itself (RFC 3261 §8.1.1.7)."""


class Wire(Protocol):
    """What carries datagrams, and knows under which address a peer reaches us."""

    def send(self, data: bytes, flow: Flow, call_id: str) -> None:
        """Send one message. Never blocks and never raises."""

    def stream(self, flow: Flow) -> Flow | None:
        """A connection to the peer at the other end of a UDP flow, made now if need be; `None`: it takes none.

        Whether it does may turn out later; the flow that was returned is then `broken` soon.
        """

    def advertised(self, flow: Flow) -> SocketAddress:
        """Our address as the peer at the other end of the flow must write it."""


class Sender:
    """Sends by one wire. `token` makes fresh branches."""

    __slots__ = ("_token", "wire")

    def __init__(self, wire: Wire, token: Callable[[], str]) -> None:
        self.wire = wire
        self._token = token

    def render(self, draft: Draft, flow: Flow, branch: str) -> bytes:
        """Write a request that goes by this flow."""
        via = f"SIP/2.0/{flow.transport.token} {self.wire.advertised(flow)};branch={branch};rport"
        return render(f"{draft.method} {draft.uri} SIP/2.0", (("Via", via), *draft.headers), draft.body)

    def transmit(self, data: bytes, flow: Flow, call_id: str) -> None:
        """Hand a message to the wire."""
        self.wire.send(data, flow, call_id)

    def send_stateless(self, draft: Draft, flow: Flow, branch: str | None = None) -> bytes:
        """Send a request that has no transaction, which is an ACK, and return it for repetition."""
        data = self.render(draft, flow, branch or MAGIC + self._token())
        self.transmit(data, flow, draft.call_id)
        return data
