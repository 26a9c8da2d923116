"""A device that registers, for the tests of this folder."""

from b2bua.registrar.bindings import Binding
from b2bua.registrar.location import Location
from b2bua.registrar.registrar import Limits, RegisterOutcome, register
from b2bua.sip.text.address import parse_address
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.message import Request, parse_message
from b2bua.sip.text.transport import Transport

FLOW = Flow(Transport.UDP, SocketAddress("127.0.0.1", 5060), SocketAddress("127.0.0.2", 5060))
NAT = Flow(Transport.UDP, SocketAddress("127.0.0.1", 5060), SocketAddress("203.0.113.9", 41234))


def register_request(
    *contacts: str,
    cseq: int = 1,
    call_id: str = "a",
    expires: str | None = None,
    to: str = "201",
    agent: str = "X/1",
    path: tuple[str, ...] = (),
    allow: str | None = None,
) -> Request:
    lines = [
        "REGISTER sip:acme.example SIP/2.0",
        "Via: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK1",
        f"From: <sip:{to}@acme.example>;tag=1",
        f"To: <sip:{to}@acme.example>",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} REGISTER",
        f"User-Agent: {agent}",
        *(f"Contact: {contact}" for contact in contacts),
        *(f"Path: {each}" for each in path),
        *([] if expires is None else [f"Expires: {expires}"]),
        *([] if allow is None else [f"Allow: {allow}"]),
        "\r\n",
    ]
    request = parse_message("\r\n".join(lines).encode("utf-8", "surrogateescape"))
    assert isinstance(request, Request)
    request.check()
    return request


def binding(contact: str, *, expires_at: float = 100.0, username: str = "201", flow: Flow = FLOW) -> Binding:
    address = parse_address(contact)
    return Binding(username, address.uri, address.params, "a", 1, expires_at, flow)


class Registrar:
    """A location and the function that decides, joined as the endpoint joins them."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.location = Location()
        self.limits = limits or Limits()

    def send(
        self, request: Request, *, now: float = 0.0, flow: Flow = FLOW, username: str = "201"
    ) -> RegisterOutcome:
        live = self.location.lookup(username, now)
        registration = register(request, username, flow, live, self.limits, now)
        self.location.apply(registration.changes)
        return registration

    def contacts(self, now: float = 0.0, username: str = "201") -> set[str]:
        return {str(each.contact) for each in self.location.lookup(username, now)}
