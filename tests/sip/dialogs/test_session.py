"""What both sides of an answered call do: hang up, re-INVITE, glare, INFO, and peers that vanish."""

from __future__ import annotations

import pytest

from b2bua.sip.dialogs.session import Session, SessionState
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import SocketAddress
from b2bua.sip.text.message import Request, Response
from tests.sip.messages import request, response_to
from tests.sip.wire import ANSWER, OFFER, Network, Peer, Phone, accept, joined, ring

HOLD = b"v=0\r\na=sendonly\r\n"
HELD = b"v=0\r\na=recvonly\r\n"
REPEATED = [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


def sides(swapped: bool) -> tuple[Network, Phone, Phone]:
    """An answered call, with the callee first where swapped: everything holds both ways."""
    network, caller, callee = joined()
    return (network, callee, caller) if swapped else (network, caller, callee)


both_ways = pytest.mark.parametrize("swapped", [False, True], ids=["caller", "callee"])


def answering(phone: Phone, sdp: bytes = HELD) -> None:
    phone.when("offer", lambda session, now: session.answer_offer(sdp, now))


class Visitor(Peer):
    """A caller driven by hand, one answered call in progress."""

    def __init__(self, network: Network, host: str, phone: Phone) -> None:
        super().__init__(network, host)
        self.phone = phone
        self._branches = 10
        phone.when("invite", accept)
        self.send(request(body=OFFER), phone.hop)
        network.run(network.now + 0.1)
        self.tag = self.received[-1].to.tag or ""
        self.send(request("ACK", to_tag=self.tag, branch="z9hG4bK9"), phone.hop)
        network.run(network.now + 0.1)

    def ask(self, method: str, cseq: int, **changes: object) -> None:
        self._branches += 1
        data = request(method, cseq=cseq, to_tag=self.tag, branch=f"z9hG4bK{self._branches}", **changes)  # type: ignore[arg-type]
        self.send(data, self.phone.hop)
        self.network.run(self.network.now + 0.1)

    def answer(self, code: int, body: bytes = b"", method: str = "INVITE") -> None:
        packet = next(p for p in reversed(self.network.sent) if p.name == method and p.target == self.hop)
        self.send(response_to(packet.data, code, body=body), packet.source)
        self.network.run(self.network.now + 0.1)

    def requests(self, method: str) -> list[Request]:
        return [m for m in self.received if isinstance(m, Request) and m.method == method]


def visited() -> tuple[Network, Phone, Visitor]:
    network = Network()
    phone = Phone(network, "192.0.2.2")
    return network, phone, Visitor(network, "192.0.2.9", phone)


# Hanging up


@both_ways
def test_hanging_up(swapped: bool) -> None:
    network, one, other = sides(swapped)
    one.events.clear()
    one.session.bye(network.now, (("Reason", "Q.850;cause=16"),))
    one.session.bye(network.now)
    assert one.session.state is SessionState.ENDED and one.agent.sessions == 0
    network.run(2.0)
    assert other.events[-1] == ("ended", "bye") and one.events == []
    assert network.names(since=1.0) == ["BYE", "200 BYE"]
    assert network.last("BYE").get("reason") == "Q.850;cause=16"
    network.settle()
    assert one.idle() and other.idle()


def test_byes_that_cross() -> None:
    network, caller, callee = joined()
    for phone in (caller, callee):
        phone.events.clear()
        phone.session.bye(network.now)
    network.settle()
    assert network.names(since=1.0) == ["BYE", "BYE", "481 BYE", "481 BYE"]
    assert caller.events == callee.events == [] and caller.idle() and callee.idle()


@both_ways
def test_a_bye_that_nobody_answers(swapped: bool) -> None:
    network, one, other = sides(swapped)
    network.dead.add(other.hop)
    one.events.clear()
    one.session.bye(network.now)
    network.settle()
    assert one.events == [] and one.idle()
    assert network.moments("BYE") == [1.0 + at for at in REPEATED]


def test_a_session_that_was_ended_without_a_word() -> None:
    network, caller, callee = joined()
    caller.session.end(network.now)
    caller.session.end(network.now)
    callee.session.send("INFO", (), b"x", network.now)
    network.settle()
    assert network.names(since=1.0)[:2] == ["INFO", "481 INFO"]
    assert callee.events[-1] == ("ended", "gone") and caller.idle() and callee.idle()


# re-INVITE


@both_ways
def test_reinvite(swapped: bool) -> None:
    network, one, other = sides(swapped)
    answering(other)
    assert one.session.offer(HOLD, network.now)
    assert not one.session.offer(HOLD, network.now), "one exchange at a time"
    network.run(2.0)
    assert other.events[-2:] == [("offer", HOLD), ("acknowledged", None)]
    assert one.events[-1] == ("offer answered", (200, HELD))
    assert network.names(since=1.0) == ["INVITE", "100 INVITE", "200 INVITE", "ACK"]
    invite, _, ok, ack = (packet.message for packet in network.sent[-4:])
    assert invite.cseq[0] == ack.cseq[0] and invite.via.branch != ack.via.branch and ack.body == b""
    assert invite.to.tag and ok.to.tag == invite.to.tag
    assert str(invite.contact) == f"sip:{one.hop}" and str(ok.contact) == f"sip:{other.hop}"
    assert "record-route" not in ok.headers
    assert one.session.offer(OFFER, network.now), "and then the next"
    network.run(3.0)
    assert one.session.active and other.session.active
    assert len(one.agent.queue) + len(other.agent.queue) > 0
    network.run(100.0)
    assert len(one.agent.layer) + len(other.agent.layer) + len(one.agent.queue) + len(other.agent.queue) == 0


@both_ways
def test_reinvite_without_offer(swapped: bool) -> None:
    network, one, other = sides(swapped)
    other.when("offer", lambda session, now: session.answer_offer(OFFER, now))
    assert one.session.offer(None, network.now)
    network.run(2.0)
    assert ("offer", None) in other.events and ("offer answered", (200, OFFER)) in one.events
    assert network.names(since=1.0).count("ACK") == 0
    assert not one.session.offer(HOLD, network.now), "an ACK is owed"
    one.session.acknowledge(ANSWER, network.now)
    one.session.acknowledge(b"twice", network.now)
    network.run(3.0)
    assert other.events[-1] == ("acknowledged", ANSWER)
    assert network.last("ACK").sdp == ANSWER
    repeated = network.names(since=1.0).count("200 INVITE")
    network.run(60.0)
    assert network.names(since=1.0).count("200 INVITE") == repeated
    assert one.names().count("offer answered") == 1


@both_ways
def test_whether_a_reinvite_brings_an_offer(swapped: bool) -> None:
    network, one, other = sides(swapped)
    assert not other.session.offer_has_sdp
    one.session.offer(None, network.now)
    network.run(1.2)
    assert not other.session.offer_has_sdp
    other.session.refuse_offer(488, network.now)
    network.run(1.4)
    one.session.offer(HOLD, network.now)
    network.run(1.6)
    assert other.session.offer_has_sdp


@both_ways
def test_a_refused_reinvite_leaves_the_call_as_it_was(swapped: bool) -> None:
    network, one, other = sides(swapped)
    other.when("offer", lambda session, now: session.refuse_offer(488, now))
    one.session.offer(HOLD, network.now)
    network.run(2.0)
    assert ("offer answered", (488, None)) in one.events
    assert one.session.active and other.session.active
    network.run(3.0)
    answering(other)
    assert one.session.offer(HOLD, network.now)


def test_glare() -> None:
    network, caller, callee = joined()
    assert caller.session.offer(HOLD, network.now) and callee.session.offer(HOLD, network.now)
    network.run(2.0)
    assert ("offer answered", (491, None)) in caller.events and (
        "offer answered",
        (491, None),
    ) in callee.events
    assert (
        network.names(since=1.0).count("491 INVITE") == 2 and "offer" not in caller.names() + callee.names()
    )
    answering(callee)
    assert caller.session.offer(HOLD, network.now)
    network.run(3.0)
    assert caller.events[-1] == ("offer answered", (200, HELD))


def test_an_offer_waits_for_the_ack_of_our_2xx() -> None:
    network, caller, callee = joined()
    callee.when("offer", lambda session, now: session.answer_offer(OFFER, now))
    caller.session.offer(None, network.now)
    network.run(1.1)
    assert not callee.session.offer(HOLD, network.now), "its 2xx is not acknowledged"
    network.run(1.2)
    caller.session.acknowledge(ANSWER, network.now)
    network.run(1.3)
    assert callee.session.offer(HOLD, network.now)


def test_a_reinvite_while_our_ack_is_owed_is_glare() -> None:
    network, phone, peer = visited()
    phone.session.offer(None, network.now)
    network.run(network.now + 0.1)
    peer.answer(200, OFFER)
    peer.ask("INVITE", 2, body=HOLD)
    assert 491 in peer.codes() and "offer" not in phone.names()
    phone.session.acknowledge(ANSWER, network.now)
    peer.ask("INVITE", 3, body=HOLD)
    assert phone.events[-1] == ("offer", HOLD)


def test_a_reinvite_before_the_ack_of_the_first_is_pending() -> None:
    network, phone, peer = visited()
    peer.ask("INVITE", 2, body=HOLD)
    assert peer.codes()[-1] == 100
    peer.ask("INVITE", 3, body=HOLD)
    assert peer.codes()[-1] == 500 and peer.received[-1].get("retry-after") == "2"
    phone.session.answer_offer(HELD, network.now)
    network.run(network.now + 0.1)
    peer.ask("INVITE", 4, body=HOLD)
    assert 491 in peer.codes()
    assert phone.names().count("offer") == 1


def test_the_2xx_of_a_reinvite_is_repeated_and_without_ack_the_call_ends() -> None:
    network, phone, peer = visited()
    peer.ask("INVITE", 2, body=HOLD)
    network.sent.clear()
    began = network.now
    phone.session.answer_offer(HELD, began)
    network.run(began + 33.0)
    assert [round(at - began, 3) for at in network.moments("200 INVITE")] == REPEATED
    assert phone.events[-1] == ("ended", "no-ack") and len(peer.requests("BYE")) >= 1
    network.settle()
    assert phone.idle()


def test_a_withdrawn_reinvite() -> None:
    network, phone, peer = visited()
    peer.ask("INVITE", 2, body=HOLD)
    peer.send(request("CANCEL", cseq=2, to_tag=peer.tag, branch="z9hG4bK11"), phone.hop)
    network.run(network.now + 0.1)
    assert peer.codes()[-2:] == [200, 487]
    peer.send(request("ACK", cseq=2, to_tag=peer.tag, branch="z9hG4bK11"), phone.hop)
    network.run(network.now + 0.1)
    sent = len(network.sent)
    assert not phone.session.answer_offer(HELD, network.now), "there is nothing to answer any more"
    network.run(network.now + 100.0)
    assert len(network.sent) == sent and phone.session.active
    peer.ask("INVITE", 3, body=HOLD)
    assert phone.session.answer_offer(HELD, network.now)


def test_a_reinvite_that_the_owner_cannot_use() -> None:
    _network, phone, peer = visited()

    def fail(session: Session, now: float) -> None:
        raise BadMessage(488, "No codec")

    phone.when("offer", fail)
    peer.ask("INVITE", 2, body=HOLD)
    assert peer.codes()[-1] == 488
    peer.send(request("ACK", cseq=2, to_tag=peer.tag, branch="z9hG4bK11"), phone.hop)
    answering(phone)
    peer.ask("INVITE", 3, body=HOLD)
    assert peer.codes()[-1] == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"body": b"x", "headers": (("Content-Type", "text/plain"),)}, 415), ({"contact": "<bad"}, 400)],
)
def test_a_reinvite_that_is_malformed(changes: dict[str, object], code: int) -> None:
    network, phone, peer = visited()
    if code == 415:
        data = request(cseq=2, to_tag=peer.tag, branch="z9hG4bKx", body=b"x")
        peer.send(data.replace(b"application/sdp", b"text/plain"), phone.hop)
        network.run(network.now + 0.1)
    else:
        peer.ask("INVITE", 2, **changes)
    assert peer.codes()[-1] == code and "offer" not in phone.names() and phone.session.active


def test_a_reinvite_moves_the_target_and_the_flow() -> None:
    network, phone, peer = visited()
    answering(phone)
    moved = Peer(network, "192.0.2.77")
    data = request(cseq=2, to_tag=peer.tag, branch="z9hG4bKm", contact="<sip:new@192.0.2.77>", body=HOLD)
    moved.send(data.replace(b"UDP 192.0.2.9:5060", b"UDP 192.0.2.77:5060"), phone.hop)
    network.run(network.now + 0.1)
    moved.send(request("ACK", cseq=2, to_tag=peer.tag, branch="z9hG4bKn"), phone.hop)
    network.run(network.now + 0.1)
    phone.session.bye(network.now)
    network.run(network.now + 0.1)
    bye = moved.received[-1]
    assert isinstance(bye, Request) and bye.uri_text == "sip:new@192.0.2.77"
    assert phone.session.dialog is not None and phone.session.dialog.flow.remote == SocketAddress(
        "192.0.2.77", 5060
    )


def test_the_answer_to_our_reinvite_moves_the_target() -> None:
    network, phone, peer = visited()
    phone.session.offer(HOLD, network.now)
    network.run(network.now + 0.1)
    packet = network.sent[-1]
    moved = (("Contact", "<sip:moved@192.0.2.9>"),)
    peer.send(response_to(packet.data, 200, "", moved, HELD), phone.hop)
    network.run(network.now + 0.1)
    assert peer.requests("ACK")[0].uri_text == "sip:moved@192.0.2.9"


def test_an_unusable_contact_in_an_answer_leaves_the_target() -> None:
    network, phone, peer = visited()
    phone.session.offer(HOLD, network.now)
    network.run(network.now + 0.1)
    peer.send(response_to(network.sent[-1].data, 200, "", (("Contact", "<bad"),), HELD), phone.hop)
    network.run(network.now + 0.1)
    assert peer.requests("ACK")[0].uri_text == "sip:202@192.0.2.9:5060"
    assert phone.events[-1] == ("offer answered", (200, HELD))


def test_acks_are_repeated_for_their_own_2xx() -> None:
    """The ACK of the call and that of a re-INVITE may both get lost."""
    network, caller, callee = joined()
    first_ok = next(packet.data for packet in network.sent if packet.name == "200 INVITE")
    first_ack = network.sent[-1].data
    answering(callee)
    caller.session.offer(HOLD, network.now)
    network.run(2.0)
    second_ok, second_ack = network.sent[-2].data, network.sent[-1].data
    for ok, ack in ((first_ok, first_ack), (second_ok, second_ack)):
        network.carry(ok, callee.hop, caller.hop)
        network.run(network.now + 0.1)
        assert network.sent[-1].data == ack
    assert first_ack != second_ack


# Peers that vanish


@both_ways
def test_a_peer_that_vanished_before_a_reinvite(swapped: bool) -> None:
    network, one, other = sides(swapped)
    network.dead.add(other.hop)
    one.session.offer(HOLD, network.now)
    network.run(32.9)
    assert one.session.active
    network.run(33.1)
    assert one.events[-1] == ("ended", "gone") and "offer answered" not in one.names()
    network.settle()
    assert one.idle()


@both_ways
def test_a_peer_that_vanishes_in_the_middle_of_a_reinvite(swapped: bool) -> None:
    network, one, other = sides(swapped)
    other.when("offer", lambda session, now: None)
    one.session.offer(HOLD, network.now)
    network.run(1.05)
    # A provisional that nothing follows: Timer B runs no more.
    assert network.sent[-1].name == "100 INVITE"
    network.dead.add(other.hop)
    network.run(33.0)
    assert network.names(one.hop).count("CANCEL") == 0 and one.session.active
    network.run(33.1)
    assert network.names(one.hop).count("CANCEL") == 1
    assert network.names(one.hop).count("INVITE") <= 2
    network.run(65.2)
    assert one.events[-1] == ("ended", "gone")
    network.settle()
    assert one.idle()


@pytest.mark.parametrize("code", [200, 481])
def test_a_slow_peer_gets_a_cancel_and_the_call_goes_on(code: int) -> None:
    network, phone, peer = visited()
    phone.session.offer(HOLD, network.now)
    network.run(network.now + 0.1)
    peer.answer(100)
    peer.answer(180)
    network.run(network.now + 33.0)
    assert len({cancel.via.branch for cancel in peer.requests("CANCEL")}) == 1
    peer.answer(code, method="CANCEL")
    peer.answer(487)
    assert phone.events[-1] == ("offer answered", (487, None)) and phone.session.active
    network.run(network.now + 100.0)
    assert phone.session.active and len(phone.agent.queue) == len(phone.agent.layer) == 0
    assert phone.session.offer(HOLD, network.now)


def test_hanging_up_in_the_middle_of_a_reinvite() -> None:
    network, phone, peer = visited()
    phone.session.offer(HOLD, network.now)
    network.run(network.now + 0.1)
    peer.answer(100)
    phone.session.bye(network.now)
    network.run(network.now + 0.1)
    peer.answer(200, method="BYE")
    peer.answer(200, HELD)
    assert len(peer.requests("ACK")) == 1, "a late 2xx is acknowledged all the same"
    assert "offer answered" not in phone.names()
    network.settle()
    assert phone.idle()


def test_hanging_up_in_the_middle_of_a_reinvite_with_a_peer_that_vanished() -> None:
    network, phone, peer = visited()
    phone.session.offer(HOLD, network.now)
    network.run(network.now + 0.1)
    peer.answer(100)
    network.dead.add(peer.hop)
    phone.session.bye(network.now)
    network.settle()
    assert phone.idle()


def test_the_peer_hangs_up_in_the_middle_of_its_reinvite() -> None:
    network, phone, peer = visited()
    peer.ask("INVITE", 2, body=HOLD)
    peer.ask("BYE", 3)
    assert peer.codes()[-2:] == [200, 487] and phone.events[-1] == ("ended", "bye")
    peer.send(request("ACK", cseq=2, to_tag=peer.tag, branch="z9hG4bK11"), phone.hop)
    network.settle()
    assert phone.idle()


@both_ways
def test_info_to_a_peer_that_vanished(swapped: bool) -> None:
    network, one, other = sides(swapped)
    network.dead.add(other.hop)
    one.session.send("INFO", (), b"x", network.now)
    network.run(33.1)
    assert one.events[-1] == ("ended", "gone") and network.names(one.hop)[-1] == "BYE"
    network.settle()
    assert one.idle()


# Other requests in the dialog


@both_ways
def test_info(swapped: bool) -> None:
    network, one, other = sides(swapped)
    one.session.send("INFO", (("Content-Type", "application/dtmf-relay"),), b"Signal=5\r\n", network.now)
    network.run(2.0)
    assert other.events[-1] == ("info", [("application/dtmf-relay", b"Signal=5\r\n")])
    assert network.names(since=1.0) == ["INFO", "200 INFO"]
    one.session.bye(network.now)
    one.session.send("INFO", (), b"late", network.now)
    assert network.names(since=2.0) == ["BYE"]


@pytest.mark.parametrize("event", ["refer", "message-summary"])
def test_a_notify_in_the_dialog_is_for_no_subscription(event: str) -> None:
    _network, phone, peer = visited()
    peer.ask("NOTIFY", 2, headers=(("Event", event), ("Subscription-State", "active")))
    assert peer.codes()[-1] == 481 and phone.session.active
    peer.ask("INFO", 3)
    assert peer.codes()[-1] == 200


def test_options_in_the_dialog() -> None:
    _network, _phone, peer = visited()
    peer.ask("OPTIONS", 2)
    response = peer.received[-1]
    assert isinstance(response, Response) and response.code == 200 and response.get("allow")


@pytest.mark.parametrize("cseq", [1, 4, 5])
@pytest.mark.parametrize("method", ["BYE", "INFO", "INVITE", "OPTIONS"])
def test_numbers_that_do_not_go_up_are_500(method: str, cseq: int) -> None:
    _network, phone, peer = visited()
    peer.ask("INFO", 5)
    assert peer.codes()[-1] == 200
    noted = len(phone.events)
    peer.ask(method, cseq)
    assert peer.codes()[-1] == 500
    assert phone.session.active and len(phone.events) == noted
    peer.ask("INFO", 6)
    assert peer.codes()[-1] == 200


def test_numbers_may_skip() -> None:
    _network, _phone, peer = visited()
    peer.ask("INFO", 2_000_000_000)
    assert peer.codes()[-1] == 200


@both_ways
def test_nothing_is_left_of_the_owner_when_it_is_over(swapped: bool) -> None:
    network, one, other = sides(swapped)
    one.session.bye(network.now)
    network.settle()
    assert one.session.user is not one and other.session.user is not other


def test_progress_is_told_until_the_answer() -> None:
    network = Network()
    caller, callee = Phone(network, "192.0.2.1"), Phone(network, "192.0.2.2")
    callee.when("invite", ring)
    caller.call(callee.hop)
    network.run(1.0)
    callee.incoming.accept(ANSWER, network.now)
    network.run(2.0)
    assert caller.names() == ["progress", "answered"] and callee.names() == ["invite", "acknowledged"]
