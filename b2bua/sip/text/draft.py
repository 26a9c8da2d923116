"""Requests of ours before they are sent: everything but the Via, which the transaction layer adds."""

from __future__ import annotations

from typing import NamedTuple

from b2bua.sip.text.address import parse_address
from b2bua.sip.text.compose import Header
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import SocketAddress
from b2bua.sip.text.transport import Transport
from b2bua.sip.text.uri import parse_uri

CREDENTIALS = ("Authorization", "Proxy-Authorization")


class Draft(NamedTuple):
    """A request to be sent, whole but for its Via. `headers` holds From, To, Call-ID, CSeq and the rest.

    `attempt` counts how often it was sent again because it was challenged.
    """

    method: str
    uri: str
    headers: tuple[Header, ...]
    call_id: str
    body: bytes = b""
    attempt: int = 0

    def header(self, name: str) -> str:
        """Return the value of a header that is there."""
        return next(value for key, value in self.headers if key == name)

    @property
    def number(self) -> int:
        """The sequence number in CSeq."""
        return int(self.header("CSeq").partition(" ")[0])

    @property
    def credentials(self) -> tuple[Header, ...]:
        """The answers to challenges that it carries."""
        return tuple(header for header in self.headers if header[0] in CREDENTIALS)

    def with_credentials(self, credentials: tuple[Header, ...]) -> Draft:
        """The same request with these answers to challenges and no others."""
        others = tuple(header for header in self.headers if header[0] not in CREDENTIALS)
        return self._replace(headers=(*others, *credentials))

    def again(self, number: int) -> Draft:
        """The same request under another sequence number (RFC 3261 §22.2)."""
        headers = tuple(
            (key, f"{number} {self.method}" if key == "CSeq" else value) for key, value in self.headers
        )
        return self._replace(headers=headers, attempt=self.attempt + 1)

    def leads_to(self, hop: SocketAddress) -> bool:
        """Whether TCP would reach the same next hop, in place of UDP.

        Not where the URI names another transport, and not where the address in the URI is
        another: the peer is then behind a NAT, which lets nobody in.
        """
        routes = [value for key, value in self.headers if key == "Route"]
        try:
            uri = parse_address(routes[0]).uri if routes else parse_uri(self.uri)
        except BadMessage:
            return False
        asked = uri.transport if uri.param("transport") else Transport.TCP
        if uri.scheme != "sip" or asked is not Transport.TCP:
            return False
        named = not uri.host.replace(".", "").isdigit()
        return named or (uri.host, uri.port or Transport.TCP.port) == hop

    def companion(self, method: str, to: str, headers: tuple[Header, ...] = ()) -> Draft:
        """The ACK or CANCEL that goes with this INVITE (RFC 3261 §9.1, §17.1.1.3)."""
        return Draft(
            method,
            self.uri,
            (
                ("Max-Forwards", "70"),
                *((key, value) for key, value in self.headers if key == "Route"),
                ("From", self.header("From")),
                ("To", to),
                ("Call-ID", self.call_id),
                ("CSeq", f"{self.number} {method}"),
                *headers,
            ),
            self.call_id,
        )
