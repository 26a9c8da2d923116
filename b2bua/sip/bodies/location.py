"""Where a caller says to be (RFC 6442): read from its INVITE, and written into ours for an emergency."""

from __future__ import annotations

import re
from dataclasses import dataclass

from b2bua.sip.text.body import Kind, Part
from b2bua.sip.text.compose import Header
from b2bua.sip.text.message import Request

# A location that somebody else keeps: its address. `cid:` names a part of the body, which has another name with us.
_REFERENCE = re.compile(r'<((?:sips?|pres|https?):[^<>"\s]{1,1024}+)>', re.IGNORECASE)
MOST = 4
"""Documents, and addresses, that travel on at the most."""


@dataclass(frozen=True, slots=True)
class Location:
    """Documents (PIDF-LO, RFC 4119) from the body, addresses of others, and whether routing may use them."""

    documents: tuple[Part, ...]
    references: tuple[str, ...]
    routing: str = ""

    def sent_as(self, host: str, token: str) -> tuple[tuple[Header, ...], tuple[Part, ...]]:
        """The headers and the parts of the body by which a request of ours says it. `host` and `token` name them."""
        parts = tuple(
            Part(part.media_type, part.data, "render", "optional", f"{token}.{number}@{host}")
            for number, part in enumerate(self.documents, 1)
        )
        values = (*(f"<cid:{part.content_id}>" for part in parts), *(f"<{each}>" for each in self.references))
        headers: list[Header] = [("Geolocation", ", ".join(values))]
        if self.routing:
            headers.append(("Geolocation-Routing", self.routing))
        return tuple(headers), parts


def location_of(request: Request) -> Location | None:
    """Where the sender of a request says to be, or `None`. Never raises: what cannot be read is left out."""
    documents = tuple(part for part in request.content.parts if part.kind is Kind.LOCATION)[:MOST]
    references = tuple(
        reference for line in request.lines("geolocation") for reference in _REFERENCE.findall(line)
    )[:MOST]
    if not documents and not references:
        return None
    routing = (request.get("geolocation-routing") or "").strip().lower()
    return Location(documents, references, routing if routing in ("yes", "no") else "")
