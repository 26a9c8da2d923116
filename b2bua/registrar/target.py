"""Where a request to a registered device goes (RFC 3261 §16.5, RFC 3327 §5.3): one pure decision."""

from __future__ import annotations

from dataclasses import dataclass

from b2bua.registrar.bindings import Binding
from b2bua.sip.compose import Header
from b2bua.sip.flow import Flow
from b2bua.sip.route import routed


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: `uri` is its Request-URI, `routes` its Route headers, `flow` takes it to the next hop."""

    uri: str
    routes: tuple[Header, ...]
    flow: Flow


def target_of(binding: Binding) -> Target:
    """Decide where requests to a binding go: to its Contact through the proxies of its Path."""
    uri, routes = routed(binding.contact, binding.path)
    return Target(uri, routes, binding.flow)
