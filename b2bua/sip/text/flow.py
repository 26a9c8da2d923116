"""Where a message came from and where its answer goes: one socket of ours and one address of the peer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from b2bua.sip.text.transport import Transport

if TYPE_CHECKING:
    from b2bua.sip.text.uri import Uri


class SocketAddress(NamedTuple):
    """An IPv4 address in dotted form and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Flow(NamedTuple):
    """The path a message took (RFC 5626 §2): transport, our local address, the peer's address as seen here.

    Replies, and requests to a phone behind NAT, go back by the flow its registration came by. `connection`
    tells apart two stream connections between the same addresses and is 0 for UDP. A stream's 0 is no particular
    one: the connection we opened to that address, or open when there is something to send.
    """

    transport: Transport
    local: SocketAddress
    remote: SocketAddress
    connection: int = 0

    @property
    def reliable(self) -> bool:
        """Whether the transport delivers by itself, so that transactions do not retransmit."""
        return self.transport.reliable

    def reopened(self, contact: Uri) -> Flow | None:
        """Return a stream's flow after its connection has gone: a new one to the Contact (RFC 3261 §18.1.1).

        `None` where that leads nowhere, because the Contact is not the address that the peer came from: it is
        behind a NAT, and only the peer can open a connection.
        """
        if contact.scheme != "sip" or contact.host != self.remote.host:
            return None
        return self._replace(
            remote=SocketAddress(contact.host, contact.port or self.transport.port), connection=0
        )
