"""The Event header (RFC 6665 §8.2.1): what a subscription is about."""

from __future__ import annotations

from typing import NamedTuple

from b2bua.sip.text.message import Request


class EventType(NamedTuple):
    """An event package, and the `id` that older subscribers want back."""

    package: str
    id: str = ""

    def __str__(self) -> str:
        return f"{self.package};id={self.id}" if self.id else self.package


def event_type(request: Request) -> EventType:
    """What a SUBSCRIBE is about; the package is empty where it does not say."""
    package, *params = (part.strip() for part in (request.get("event") or "").split(";"))
    named = (param.partition("=") for param in params)
    return EventType(
        package.lower(),
        next((value.strip() for name, _, value in named if name.strip().lower() == "id"), ""),
    )
