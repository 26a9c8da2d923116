"""Requests of ours before they are sent: everything but the Via, which the transaction layer adds."""

from __future__ import annotations

from dataclasses import dataclass

from b2bua.sip.compose import Header


@dataclass(frozen=True, slots=True)
class Draft:
    """A request to be sent, whole but for its Via. `headers` holds From, To, Call-ID, CSeq and the rest."""

    method: str
    uri: str
    headers: tuple[Header, ...]
    call_id: str
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return the value of a header that is there."""
        return next(value for key, value in self.headers if key == name)

    @property
    def number(self) -> int:
        """The sequence number in CSeq."""
        return int(self.header("CSeq").partition(" ")[0])

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
