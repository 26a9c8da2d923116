"""The user agent core: what is refused and how, what it says of itself, and where requests in a dialog end up."""

from __future__ import annotations

import gc

import pytest

from b2bua.sip.dialogs.session import Session
from b2bua.sip.text.address import parse_address
from b2bua.sip.text.capabilities import METHODS
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.message import Request, Response
from b2bua.sip.text.transport import Transport
from b2bua.sip.transactions.timers import NEVER
from tests.sip.messages import request
from tests.sip.wire import Network, Peer, Phone, accept, joined, pair, ring

ACCEPTED = "application/sdp, multipart/mixed, multipart/alternative"
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, INFO, PRACK, UPDATE, SUBSCRIBE"


def bench() -> tuple[Network, Phone, Peer]:
    network = Network()
    return network, Phone(network, "192.0.2.2"), Peer(network, "192.0.2.9")


def asked(data: bytes) -> Response:
    """What a request alone gets for a final answer."""
    network, phone, peer = bench()
    peer.send(data, phone.hop)
    network.run(0.1)
    final = [message for message in peer.received if isinstance(message, Response) and message.code >= 200]
    assert len(final) >= 1
    return final[0]


@pytest.mark.parametrize("to_tag", ["", "x"])
def test_a_notify_that_no_subscription_takes(to_tag: str) -> None:
    """RFC 6665 §4.1.3."""
    response = asked(request("NOTIFY", to_tag=to_tag, headers=(("Event", "keep-alive"),)))
    assert response.code == 481 and "NOTIFY" not in ALLOW


@pytest.mark.parametrize("method", ["REFER", "MESSAGE", "PUBLISH"])
@pytest.mark.parametrize("to_tag", ["", "x"])
def test_known_methods_that_are_not_allowed(method: str, to_tag: str) -> None:
    response = asked(request(method, to_tag=to_tag))
    assert response.code == 405 and response.get("allow") == ALLOW


@pytest.mark.parametrize("method", ["FOO", "invite", "Bye"])
def test_methods_that_nobody_knows(method: str) -> None:
    response = asked(request(method))
    assert response.code == 501 and response.get("allow") == ALLOW


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER", "BYE"])
def test_unknown_extensions_that_are_required(method: str) -> None:
    response = asked(request(method, headers=(("Require", "timer, Foo"), ("Require", "bar"))))
    assert response.code == 420 and response.get("unsupported") == "bar, foo, timer"


def test_path_may_be_required_of_the_registrar_only() -> None:
    """RFC 3327 §5.1."""
    assert asked(request("INVITE", headers=(("Require", "path"),))).get("unsupported") == "path"
    assert asked(request("REGISTER", headers=(("Require", "path"),))).code != 420


def test_an_ack_or_cancel_is_not_looked_at_for_require() -> None:
    network, phone, peer = bench()
    phone.when("invite", ring)
    peer.send(request(), phone.hop)
    network.run(0.1)
    peer.send(request("CANCEL", headers=(("Require", "foo"),)), phone.hop)
    network.run(0.2)
    assert peer.codes() == [100, 180, 200, 487]
    peer.send(request("ACK", headers=(("Require", "foo"),)), phone.hop)
    network.settle()
    assert peer.codes() == [100, 180, 200, 487] and phone.idle()


def test_too_many_hops() -> None:
    data = request().replace(b"Max-Forwards: 70", b"Max-Forwards: 0")
    assert asked(data).code == 483
    for method, code in (("OPTIONS", 200), ("REGISTER", 200), ("BYE", 481)):
        assert asked(request(method).replace(b"Max-Forwards: 70", b"Max-Forwards: 0")).code == code
    assert asked(request().replace(b"Max-Forwards: 70", b"Max-Forwards: x")).code == 400


@pytest.mark.parametrize("contact", ["*", "<bad", ","])
def test_an_invite_with_a_contact_that_leads_nowhere(contact: str) -> None:
    network, phone, peer = bench()
    peer.send(request(contact=contact), phone.hop)
    network.run(0.1)
    assert peer.codes() == [400] and phone.events == []


def test_a_peer_older_than_rfc_3261_is_where_its_from_says() -> None:
    network, phone, peer = bench()
    phone.when("invite", accept)
    peer.send(request(contact="", via="SIP/2.0/UDP 192.0.2.9", branch=""), phone.hop)
    network.run(0.1)
    assert peer.codes() == [100, 200]
    assert phone.session.dialog is not None
    assert str(phone.session.dialog.target) == "sip:202@ringplan.example"
    assert asked(request(contact="").replace(b"<sip:202", b"<http:202")).code == 400


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER", "SUBSCRIBE"])
@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("http://x", 416),
        ("sip:", 400),
        ("sip:a@b:99999", 400),
        ("urn:service:sos", 416),
        ("sip:2001:db8::10", 400),
        ("<sip:a@b>", 400),
    ],
)
def test_request_uris_that_cannot_be_used(method: str, uri: str, code: int) -> None:
    assert asked(request(method, uri=uri)).code == code


def test_in_a_dialog_the_request_uri_does_not_matter() -> None:
    assert asked(request("BYE", uri="http://x", to_tag="t")).code == 481


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"To: <sip:", b"To: <isbn:"),
        (b"Contact: <sip:", b"Contact: <name:"),
        (b"Contact: <sip:", b"Contact: <tel:"),
        (b"Contact: <sip:202@192.0.2.9:5060>", b"Contact: sip:202@192.0.2.9?Route=%3Csip:x%3E"),
        (b"Contact: <sip:202", b"Contact: <sip:a@b>, <name:202"),
    ],
)
def test_what_nobody_could_register_is_refused_before_anybody_is_asked(old: bytes, new: bytes) -> None:
    network, phone, peer = bench()
    phone.on_register = lambda *_: pytest.fail("asked")  # type: ignore[method-assign]
    peer.send(request("REGISTER").replace(old, new), phone.hop)
    network.run(0.1)
    assert peer.codes() == [400] and phone.idle()


def test_another_body_than_sdp() -> None:
    data = request(body=b"hello").replace(b"application/sdp", b"text/plain")
    response = asked(data)
    assert response.code == 415 and response.get("accept") == ACCEPTED
    assert response.get("accept-encoding") == "identity"
    assert asked(request(body=b"x").replace(b"Content-Type: application/sdp\r\n", b"")).code == 415


def test_a_malformed_route_set_is_refused() -> None:
    assert asked(request(headers=(("Record-Route", "<sip:p"),))).code == 400


def test_options() -> None:
    response = asked(request("OPTIONS", body=b"whatever"))
    assert response.code == 200
    assert response.get("allow") == ALLOW and response.get("accept") == ACCEPTED
    assert response.get("supported") == "100rel, path"
    assert response.to.tag and response.body == b""
    assert ", ".join(METHODS) == ALLOW


def test_trying_comes_first_without_a_tag_and_with_the_timestamp() -> None:
    network, phone, peer = bench()
    peer.send(request(headers=(("Timestamp", "54.5"),)), phone.hop)
    network.run(0.1)
    first = peer.received[0]
    assert isinstance(first, Response) and first.code == 100
    assert first.to.tag is None and first.get("timestamp") == "54.5"
    phone.incoming.reject(404, network.now)
    network.run(0.2)
    assert "timestamp" not in peer.received[-1].headers


@pytest.mark.parametrize("method", ["BYE", "INFO", "OPTIONS", "INVITE"])
@pytest.mark.parametrize("wrong", ["to_tag", "from_tag", "call_id"])
def test_requests_in_no_dialog_of_ours_are_481(method: str, wrong: str) -> None:
    network, phone, peer = bench()
    phone.when("invite", accept)
    peer.send(request(), phone.hop)
    network.run(0.1)
    tag = peer.received[-1].to.tag
    assert tag
    peer.send(request("ACK", to_tag=tag, branch="z9hG4bK2"), phone.hop)
    change = {"to_tag": tag, wrong: "wrong"}
    peer.send(request(method, branch="z9hG4bK3", cseq=2, **change), phone.hop)  # type: ignore[arg-type]
    network.run(0.2)
    assert peer.codes()[-1] == 481
    assert phone.session.active and phone.names() == ["invite", "acknowledged"]


def test_an_ack_with_wrong_tags_acknowledges_nothing() -> None:
    network, phone, peer = bench()
    phone.when("invite", accept)
    peer.send(request(), phone.hop)
    network.run(0.1)
    tag = peer.received[-1].to.tag or ""
    peer.send(request("ACK", to_tag="wrong", branch="z9hG4bK2"), phone.hop)
    peer.send(request("ACK", to_tag=tag, from_tag="wrong", branch="z9hG4bK3"), phone.hop)
    peer.send(request("ACK", to_tag=tag, cseq=2, branch="z9hG4bK4"), phone.hop)
    network.run(0.2)
    assert phone.names() == ["invite"]
    peer.send(request("ACK", to_tag=tag, branch="z9hG4bK5"), phone.hop)
    peer.send(request("ACK", to_tag=tag, branch="z9hG4bK6"), phone.hop)
    network.run(0.3)
    assert phone.names() == ["invite", "acknowledged"]


@pytest.mark.parametrize("method", ["BYE", "INFO"])
def test_requests_that_need_a_dialog(method: str) -> None:
    assert asked(request(method)).code == 481


def test_register_goes_to_the_application() -> None:
    assert asked(request("REGISTER")).code == 200
    assert asked(request("REGISTER", to_tag="odd")).code == 200


def test_an_invite_and_its_2xx_say_what_we_can() -> None:
    network, caller, callee = joined()
    invite, ok = network.last("INVITE"), network.last("200 INVITE")
    for message, hop in ((invite, caller.hop), (ok, callee.hop)):
        assert message.get("allow") == ALLOW
        assert message.get("supported") == "100rel"
        assert message.get("user-agent") == "Ringplan"
        assert str(message.contact) == f"sip:{hop}"
        assert message.get("content-type") == "application/sdp"
    assert invite.get("max-forwards") == "70" and invite.cseq == (1, "INVITE")


def test_the_contact_names_a_reliable_transport() -> None:
    network, caller, callee = pair(transport=Transport.TCP)
    callee.when("invite", accept)
    caller.call(callee.hop)
    network.run(1.0)
    assert str(network.last("INVITE").contact) == "sip:192.0.2.1:5060;transport=tcp"
    assert network.last("INVITE").via.transport == "TCP"


def test_an_application_that_cannot_use_an_invite_leaves_no_session() -> None:
    network, phone, peer = bench()

    def fail(session: Session, now: float) -> None:
        raise BadMessage(488, "No codec")

    phone.when("invite", fail)
    peer.send(request(), phone.hop)
    network.run(0.1)
    assert peer.codes() == [100, 488] and phone.agent.sessions == 0
    assert isinstance(peer.received[-1], Response) and peer.received[-1].reason == "No codec"
    peer.send(request("ACK"), phone.hop)
    network.settle()
    assert phone.idle()


def test_cancel_of_an_invite_that_has_no_session() -> None:
    network, phone, peer = bench()
    phone.when(
        "invite", lambda session, now: phone.agent.endpoint.remove(phone.incoming.dialog.id, phone.incoming)
    )  # type: ignore[union-attr]
    peer.send(request(), phone.hop)
    network.run(0.1)
    peer.send(request("CANCEL"), phone.hop)
    network.run(0.2)
    assert peer.codes() == [100, 200, 487]


def test_notify() -> None:
    network, phone, peer = bench()
    target, flow = "sip:202@192.0.2.9", network.flow(phone.hop, peer.hop)
    local = parse_address("<sip:202@ringplan.example>")
    phone.agent.notify(
        target,
        flow,
        local,
        parse_address("<sip:202@device.example>"),
        (("Event", "message-summary"),),
        b"Messages-Waiting: yes\r\n",
        0.0,
    )
    network.run(0.1)
    message = peer.received[0]
    assert isinstance(message, Request) and message.method == "NOTIFY" and message.uri_text == target
    assert message.get("to") == "<sip:202@device.example>"
    assert message.get("event") == "message-summary" and message.body == b"Messages-Waiting: yes\r\n"
    assert message.from_.tag and message.to.tag is None and str(message.contact) == "sip:192.0.2.2:5060"
    network.settle()
    assert phone.idle(), "a phone that does not answer changes nothing"


def test_calls_leave_no_garbage_for_the_collector() -> None:
    """Cycles would be found by the collector in the middle of other calls, which makes the tail of the delay."""

    def calls() -> None:
        network, caller, callee = pair()
        callee.when("invite", accept)
        for reaction in ("hang up", "offer", "cancel", "refuse"):
            if reaction in ("cancel", "refuse"):
                callee.when("invite", ring)
            caller.call(callee.hop)
            network.run(network.now + 1.0)
            if reaction == "offer":
                caller.session.offer(b"v=0\r\n", network.now)
                network.run(network.now + 1.0)
                callee.session.answer_offer(b"v=0\r\n", network.now)
                network.run(network.now + 1.0)
            if reaction == "cancel":
                caller.outgoing.cancel(network.now)
            elif reaction == "refuse":
                callee.incoming.reject(486, network.now)
            else:
                caller.session.bye(network.now)
            network.settle()
        assert caller.idle() and callee.idle()
        sessions.extend([*caller.sessions, *callee.sessions])
        caller.sessions.clear()
        callee.sessions.clear()
        agents.append((network, caller, callee))

    sessions: list[Session] = []
    agents: list[object] = []
    calls()
    gc.collect()
    gc.disable()
    try:
        sessions.clear()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_the_queue_is_empty_after_a_call() -> None:
    network, caller, callee = joined()
    caller.session.bye(network.now)
    network.run(200.0)
    for phone in (caller, callee):
        assert phone.agent.queue.next_deadline() == NEVER
        assert phone.idle()


@pytest.mark.parametrize("served", [True, False])
def test_a_fault_in_an_invite_is_a_500_that_is_repeated_and_acknowledged(served: bool) -> None:
    network, phone, peer = bench()

    def fail(session: Session, now: float) -> None:
        raise ZeroDivisionError

    if served:
        phone.when("invite", fail)
    else:
        phone.on_invite = lambda invite, request, now: fail(None, now)  # type: ignore[method-assign,arg-type]
    peer.send(request(), phone.hop)
    with pytest.raises(ZeroDivisionError):
        network.run(0.1)
    assert phone.agent.sessions == 0
    peer.send(request(), phone.hop)
    network.run(0.2)
    assert peer.codes() == [*([100] if served else []), 500, 500]
    peer.send(request("ACK", to_tag=peer.received[-1].to.tag or ""), phone.hop)
    network.settle()
    assert phone.idle()


def test_a_fault_in_a_reinvite_is_a_500_and_the_next_one_is_heard() -> None:
    network, caller, callee = joined()
    reactions: list[str] = []

    def fail(session: Session, now: float) -> None:
        reactions.append("fault")
        raise ZeroDivisionError

    callee.when("offer", fail)
    caller.session.offer(b"v=0\r\n", network.now)
    with pytest.raises(ZeroDivisionError):
        network.run(2.0)
    network.run(3.0)
    assert ("offer answered", (500, None)) in caller.events
    callee.when("offer", lambda session, now: session.answer_offer(b"v=0\r\n", now))
    caller.session.offer(b"v=0\r\n", network.now)
    network.run(4.0)
    assert caller.events[-1] == ("offer answered", (200, b"v=0\r\n"))


@pytest.mark.parametrize(
    "data",
    [
        request("OPTIONS"),
        request("BYE", to_tag="x"),
        request("INVITE", to_tag="x"),
        request("CANCEL"),
        request("SUBSCRIBE"),
        request("FOO"),
        request(contact="*"),
        request("REGISTER", contact="<bad"),
        request(headers=(("Require", "foo"),)),
        request("REGISTER", headers=(("Require", "foo"),)),
        request().replace(b"Max-Forwards: 70", b"Max-Forwards: 0"),
        request(body=b"hello").replace(b"application/sdp", b"text/plain"),
        request(headers=(("Record-Route", "<sip:p"),)),
    ],
    ids=lambda data: data.split()[0].decode(),
)
def test_what_anybody_may_send_is_answered_alike_each_time_and_leaves_nothing(data: bytes) -> None:
    network, phone, peer = bench()
    for _ in range(2):
        peer.send(data, phone.hop)
    network.run(0.05)
    assert phone.idle()
    first, second = peer.received
    assert isinstance(first, Response) and isinstance(second, Response)
    assert first.code == second.code >= 200
    assert first.to.tag and first.to.tag == second.to.tag
    peer.send(request("ACK", to_tag=first.to.tag), phone.hop)
    network.settle()
    assert len(peer.received) == 2 and phone.idle()
