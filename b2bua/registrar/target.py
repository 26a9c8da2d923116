"""Where a request to a registered device goes (RFC 3261 §16.5, RFC 3327 §5.3, RFC 5626 §5.3): one pure decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from b2bua.registrar.bindings import Binding
from b2bua.sip.sdp.nat import in_reach
from b2bua.sip.text.compose import Header
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.route import routed
from b2bua.sip.text.transport import Transport


@dataclass(frozen=True, slots=True)
class Ways:
    """What ways there are. `local` holds where we listen, by transport.

    `closed` tells whether an address is none of a device's. Then it is our own, where a request would come
    back to us, or a carrier's, which would take it for a call of ours.
    """

    local: Mapping[Transport, SocketAddress]
    closed: Callable[[SocketAddress], bool]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: `uri` is its Request-URI, `routes` its Route headers, `flow` takes it to the next hop."""

    uri: str
    routes: tuple[Header, ...]
    flow: Flow


def target_of(binding: Binding, ways: Ways) -> Target | None:
    """Decide where requests to a binding go: to its Contact, through the proxies of its Path.

    They go back by the flow of its REGISTER where the device asked for that (outbound), and where its
    connection is there. They do so too where the next hop cannot be reached as it is named. That is so behind
    NAT, for a host name (a caller would wait for the look-up), and for a transport or an address that we do
    not send to. `None`: only a connection that is gone led there.
    """
    contact = binding.contact.as_target
    uri, routes = routed(contact, binding.path)
    flow = _direct(binding, ways) or _back(binding)
    return None if flow is None else Target(uri, routes, flow)


def _back(binding: Binding) -> Flow | None:
    """The way that its REGISTER came by; `None` where the connection has gone."""
    flow = binding.flow
    return None if flow.reliable and not flow.connection else flow


def _direct(binding: Binding, ways: Ways) -> Flow | None:
    """The way to the next hop as it is named; `None` where it cannot be reached so, or need not be."""
    back, source = _back(binding), binding.flow.remote
    if back is not None and binding.outbound:
        return None
    named = binding.next_hop
    beside = named.host == source.host
    if back is not None and back.reliable and beside:
        return None
    transport = binding.flow.transport if beside and not named.param("transport") else named.transport
    if transport is None:
        return None
    hop = SocketAddress(named.host, named.port or transport.port)
    if back is not None and (transport, hop) == (back.transport, source):
        return None
    local = ways.local.get(transport)
    if binding.behind_nat or named.scheme != "sip" or local is None:
        return None
    if not in_reach(hop.host, source.host) or ways.closed(hop):
        return None
    return Flow(transport, local, hop)
