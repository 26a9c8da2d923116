"""A request's way through the proxies it has to visit (RFC 3261 §12.2.1.1, §16.4): Request-URI and Route."""

from __future__ import annotations

from b2bua.sip.text.address import parse_address
from b2bua.sip.text.compose import Header
from b2bua.sip.text.uri import Uri


def routed(target: Uri, routes: tuple[str, ...]) -> tuple[str, tuple[Header, ...]]:
    """Return the Request-URI and the Route headers of a request that visits `routes` before its target.

    A Contact's headers and method are left out: they may stand in no Request-URI (§19.1.1, table 1).
    Raises BadMessage (400) where the first route cannot be read.
    """
    uri = last = str(target.as_target)
    if routes and (first := parse_address(routes[0]).uri).param("lr") is None:
        # A strict router wants itself in the Request-URI and the target as the last route.
        uri = str(first.as_target)
        routes = (*routes[1:], f"<{last}>")
    return uri, tuple(("Route", route) for route in routes)
