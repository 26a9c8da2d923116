"""Calls that we make."""

from __future__ import annotations

import pytest

from b2bua.sip.dialogs.session import SessionState
from b2bua.sip.text.message import Request
from tests.sip.messages import response_to
from tests.sip.wire import ANSWER, OFFER, Network, Peer, Phone, accept, in_turn, pair, ring

CONTACT = ("Contact", "<sip:far@192.0.2.9:5070>")


class Far(Peer):
    """A callee driven by hand."""

    def answer(
        self, code: int, tag: str = "", body: bytes = b"", *headers: tuple[str, str], method: str = "INVITE"
    ) -> None:
        packet = next(p for p in self.network.sent if p.name == method and p.target == self.hop)
        given = headers or (CONTACT,)
        self.send(response_to(packet.data, code, tag, given, body), packet.source)
        self.network.run(self.network.now + 0.05)

    def requests(self, method: str) -> list[Request]:
        return [m for m in self.received if isinstance(m, Request) and m.method == method]


def calling(sdp: bytes = OFFER) -> tuple[Network, Phone, Far]:
    network = Network()
    phone, far = Phone(network, "192.0.2.1"), Far(network, "192.0.2.9")
    phone.call(far.hop, sdp, (("X-Session", "abc"),))
    network.run(0.05)
    return network, phone, far


def test_set_up() -> None:
    network, caller, callee = pair()
    callee.when("invite", in_turn(ring, accept))
    session = caller.call(callee.hop, headers=(("X-Session", "abc"),))
    assert session.state is SessionState.INVITED
    network.run(1.0)
    assert caller.events == [("progress", 180), ("answered", ANSWER)]
    invite = network.first("INVITE")
    assert invite.sdp == OFFER and invite.get("x-session") == "abc"
    assert invite.from_.tag and invite.to.tag is None and invite.call_id == session.call_id
    assert session.active and caller.agent.sessions == 1


@pytest.mark.parametrize("code", [302, 404, 486, 503, 603])
def test_refusal(code: int) -> None:
    network, phone, far = calling()
    far.answer(180, "t")
    far.answer(code, "t")
    assert phone.events == [("progress", 180), ("failed", code)]
    ack = far.requests("ACK")[0]
    assert ack.via.branch == far.requests("INVITE")[0].via.branch and ack.to.tag == "t"
    network.settle()
    assert phone.idle() and phone.session.state is SessionState.ENDED


def test_silence_ends_in_408_after_64_t1() -> None:
    network, phone, far = calling()
    network.dead.add(far.hop)
    network.run(31.99)
    assert phone.events == []
    network.run(32.0)
    assert phone.events == [("failed", 408)]
    assert network.moments("INVITE") == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    network.settle()
    assert phone.idle()


def test_a_provisional_stops_retransmission_and_timer_b() -> None:
    network, phone, far = calling()
    far.answer(100)
    network.run(200.0)
    assert network.moments("INVITE") == [0.0] and phone.events == []
    far.answer(486, "t")
    assert phone.events == [("failed", 486)]


def test_the_ack_of_a_2xx_is_end_to_end() -> None:
    network, phone, far = calling()
    far.answer(200, "t", ANSWER, CONTACT, ("Record-Route", "<sip:p2;lr>"), ("Record-Route", "<sip:p1;lr>"))
    invite, ack = far.requests("INVITE")[0], far.requests("ACK")[0]
    assert ack.via.branch != invite.via.branch
    assert ack.uri_text == "sip:far@192.0.2.9:5070"
    assert ack.values("route") == ["<sip:p1;lr>", "<sip:p2;lr>"]
    assert ack.cseq == (1, "ACK") and ack.to.tag == "t" and ack.body == b""
    phone.session.bye(network.now)
    network.run(1.0)
    bye = far.requests("BYE")[0]
    assert bye.cseq == (2, "BYE") and bye.values("route") == ["<sip:p1;lr>", "<sip:p2;lr>"]


def test_each_repeated_2xx_gets_the_same_ack() -> None:
    network, phone, far = calling()
    for _ in range(3):
        far.answer(200, "t", ANSWER)
    acks = [packet.data for packet in network.sent if packet.name == "ACK"]
    assert len(acks) == 3 and len(set(acks)) == 1
    assert phone.events == [("answered", ANSWER)]
    phone.session.bye(network.now)
    far.answer(200, "t", method="BYE")
    far.answer(200, "t", ANSWER)
    assert [packet.data for packet in network.sent if packet.name == "ACK"] == acks[:1] * 4


def test_an_invite_without_offer_is_acknowledged_with_the_answer() -> None:
    network, phone, far = calling(sdp=b"")
    far.answer(200, "t", OFFER)
    far.answer(200, "t", OFFER)
    assert phone.events == [("answered", OFFER)] and far.requests("ACK") == []
    phone.session.acknowledge(ANSWER, network.now)
    far.answer(200, "t", OFFER)
    acks = far.requests("ACK")
    assert [ack.sdp for ack in acks] == [ANSWER, ANSWER] and phone.names() == ["answered"]
    assert not far.requests("INVITE")[0].body


def test_hanging_up_an_offer_that_was_not_answered_acknowledges_it_first() -> None:
    network, phone, far = calling(sdp=b"")
    far.answer(200, "t", OFFER)
    phone.session.bye(network.now)
    network.run(1.0)
    assert network.names(phone.hop)[:3] == ["INVITE", "ACK", "BYE"]


def test_early_dialogs_of_several_branches() -> None:
    _network, phone, far = calling()
    far.answer(180, "a")
    far.answer(183, "b", b"v=0\r\n")
    far.answer(200, "c", ANSWER)
    assert phone.events == [("progress", 180), ("progress", 183), ("answered", ANSWER)]
    assert phone.session.dialog is not None and phone.session.dialog.remote_tag == "c"


def test_of_several_2xx_the_first_is_the_call_and_the_others_get_ack_and_bye() -> None:
    network, phone, far = calling()
    far.answer(200, "a", ANSWER)
    for tag in ("b", "c", "b"):
        far.answer(200, tag, ANSWER, ("Contact", f"<sip:{tag}@192.0.2.9>"))
    assert phone.events == [("answered", ANSWER)] and phone.session.active
    assert [ack.to.tag for ack in far.requests("ACK")] == ["a", "b", "c", "b"]
    assert [(bye.to.tag, bye.uri_text) for bye in far.requests("BYE")] == [
        ("b", "sip:b@192.0.2.9"),
        ("c", "sip:c@192.0.2.9"),
    ]
    network.dead.add(far.hop)
    network.run(100.0)
    assert phone.session.active, "the silence of a loser is not the winner's"
    phone.session.bye(network.now)
    network.settle()
    assert phone.idle()


# CANCEL: §9.1


def test_cancel_waits_for_a_provisional_response() -> None:
    network, phone, far = calling()
    phone.outgoing.cancel(network.now, (("Reason", "SIP;cause=200"),))
    phone.outgoing.cancel(network.now)
    network.run(0.3)
    assert far.requests("CANCEL") == []
    far.answer(100)
    cancel = far.requests("CANCEL")[0]
    assert cancel.get("via") == far.requests("INVITE")[0].get("via")
    assert cancel.get("reason") == "SIP;cause=200" and cancel.cseq == (1, "CANCEL")
    assert cancel.uri_text == far.requests("INVITE")[0].uri_text
    far.answer(180, "t")
    assert len(far.requests("CANCEL")) == 1, "one CANCEL, whatever else comes"
    far.answer(200, "t", method="CANCEL")
    far.answer(487, "t")
    assert len(far.requests("ACK")) == 1
    network.settle()
    assert phone.events == [] and phone.idle()


def test_cancel_while_it_rings() -> None:
    network, caller, callee = pair()
    callee.when("invite", ring)
    caller.call(callee.hop)
    network.run(1.0)
    caller.outgoing.cancel(network.now)
    assert caller.session.state is SessionState.CANCELLED
    network.run(2.0)
    assert callee.names() == ["invite", "cancelled"] and caller.names() == ["progress"]
    assert network.names(since=1.0) == ["CANCEL", "200 CANCEL", "487 INVITE", "ACK"]
    network.settle()
    assert caller.idle() and callee.idle()


@pytest.mark.behaviour("N6")
def test_a_2xx_that_crosses_the_cancel_gets_ack_and_bye() -> None:
    network, phone, far = calling()
    far.answer(180, "t")
    phone.outgoing.cancel(network.now)
    far.answer(200, "t", ANSWER)
    assert network.names(phone.hop) == ["INVITE", "CANCEL", "ACK", "BYE"]
    far.answer(200, "t", ANSWER)
    assert len(far.requests("ACK")) == 2 and len(far.requests("BYE")) == 1
    assert far.requests("BYE")[0].cseq == (2, "BYE") and far.requests("BYE")[0].to.tag == "t"
    assert phone.names() == ["progress"]
    network.dead.add(far.hop)
    network.settle()
    assert phone.idle()


def test_a_2xx_to_an_invite_whose_cancel_was_still_waiting() -> None:
    network, phone, far = calling()
    phone.outgoing.cancel(network.now)
    far.answer(200, "t", ANSWER)
    assert network.names(phone.hop) == ["INVITE", "ACK", "BYE"] and phone.events == []


def test_an_invite_whose_cancel_gets_no_final_response_is_given_up_after_64_t1() -> None:
    network, phone, far = calling()
    far.answer(180, "t")
    phone.outgoing.cancel(network.now)
    cancelled = network.now
    far.answer(200, "t", method="CANCEL")
    network.run(cancelled + 31.9)
    assert len(phone.agent.layer) == 1
    network.run(cancelled + 32.1)
    assert len(phone.agent.layer) == 0 and phone.session.state is SessionState.ENDED
    network.settle()
    assert phone.idle()


@pytest.mark.parametrize("code", [481, 500])
def test_a_refused_cancel_still_waits_for_the_invite(code: int) -> None:
    network, phone, far = calling()
    far.answer(180, "t")
    phone.outgoing.cancel(network.now)
    far.answer(code, "t", method="CANCEL")
    assert phone.session.state is SessionState.CANCELLED
    far.answer(486, "t")
    network.settle()
    assert phone.idle() and phone.names() == ["progress"]


def test_a_cancelled_invite_that_nobody_heard() -> None:
    network, phone, far = calling()
    network.dead.add(far.hop)
    phone.outgoing.cancel(network.now)
    network.settle()
    assert phone.events == [] and phone.idle() and network.names(phone.hop).count("CANCEL") == 0


# Giving up on silence


def given_up() -> tuple[Network, Phone, Far]:
    """An INVITE that got nothing for four seconds, and was given up."""
    network, phone, far = calling()
    network.run(4.0)
    phone.outgoing.give_up(network.now, (("Reason", "SIP;cause=408"),))
    return network, phone, far


def test_an_invite_that_was_given_up_is_not_sent_again() -> None:
    network, phone, far = given_up()
    assert phone.session.state is SessionState.CANCELLED
    network.run(31.9)
    assert network.moments("INVITE") == [0.0, 0.5, 1.5, 3.5] and len(phone.agent.layer) == 1
    network.run(32.1)
    assert len(phone.agent.layer) == 0, "timer B ends it"
    network.settle()
    assert phone.events == [] and phone.idle() and far.requests("CANCEL") == []


@pytest.mark.parametrize("code", [100, 180, 183])
def test_a_late_provisional_of_an_invite_that_was_given_up_gets_a_cancel(code: int) -> None:
    network, phone, far = given_up()
    network.run(20.0)
    far.answer(code, "t")
    (cancel,) = far.requests("CANCEL")
    assert (
        cancel.get("reason") == "SIP;cause=408" and cancel.via.branch == far.requests("INVITE")[0].via.branch
    )
    far.answer(200, "t", method="CANCEL")
    far.answer(487, "t")
    network.settle()
    assert phone.events == [] and phone.idle() and len(far.requests("INVITE")) == 4


def test_a_late_2xx_of_an_invite_that_was_given_up_gets_ack_and_bye() -> None:
    network, phone, far = given_up()
    network.run(20.0)
    far.answer(200, "t", ANSWER)
    far.answer(200, "t", ANSWER)
    assert len(far.requests("ACK")) == 2 and len(far.requests("BYE")) == 1
    far.answer(200, "t", method="BYE")
    network.settle()
    assert phone.events == [] and phone.idle()


def test_a_late_refusal_of_an_invite_that_was_given_up_is_acknowledged() -> None:
    network, phone, far = given_up()
    far.answer(503, "t")
    assert len(far.requests("ACK")) == 1
    network.settle()
    assert phone.events == [] and phone.idle()


def test_giving_up_after_an_answer_of_any_kind_is_cancelling() -> None:
    network, phone, far = calling()
    far.answer(180, "t")
    phone.outgoing.give_up(network.now)
    network.run(0.3)
    assert len(far.requests("CANCEL")) == 1
    far.answer(487, "t")
    network.settle()
    assert phone.idle()


def test_giving_up_what_was_cancelled_stops_it_too() -> None:
    network, phone, _far = calling()
    phone.outgoing.cancel(network.now)
    phone.outgoing.give_up(network.now)
    network.settle()
    assert network.moments("INVITE") == [0.0] and phone.idle()


@pytest.mark.parametrize("over", ["answered", "refused"])
def test_giving_up_a_call_that_is_not_being_set_up_does_nothing(over: str) -> None:
    network, phone, far = calling()
    far.answer(200 if over == "answered" else 486, "t", ANSWER if over == "answered" else b"")
    phone.outgoing.give_up(network.now)
    assert phone.session.active == (over == "answered")
    assert far.requests("CANCEL") == []


@pytest.mark.parametrize("verb", ["bye", "end"])
def test_hanging_up_before_the_answer_cancels(verb: str) -> None:
    network, phone, far = calling()
    far.answer(180, "t")
    getattr(phone.session, verb)(network.now)
    getattr(phone.session, verb)(network.now)
    network.run(1.0)
    far.answer(487, "t")
    assert len({cancel.via.branch for cancel in far.requests("CANCEL")}) == 1
    network.dead.add(far.hop)
    network.settle()
    assert phone.idle()


def test_cancel_after_the_answer_does_nothing() -> None:
    network, phone, far = calling()
    far.answer(200, "t", ANSWER)
    phone.outgoing.cancel(network.now)
    network.run(1.0)
    assert far.requests("CANCEL") == [] and phone.session.active


# Answers that make no sense


@pytest.mark.parametrize("header", [("Contact", "<sip:x y>"), ("Record-Route", "<sip:p")])
def test_a_2xx_that_no_dialog_can_be_made_of_fails_the_call(header: tuple[str, str]) -> None:
    network, phone, far = calling()
    far.answer(200, "t", ANSWER, header)
    far.answer(200, "t", ANSWER, header)
    assert phone.events == [("failed", 500)] and len(phone.refused) == 1
    # The callee is not left with a call that is none: it gets its ACK, for each 2xx, and a BYE the same way.
    assert len(far.requests("ACK")) == 2 and len(far.requests("BYE")) == 1
    assert far.requests("BYE")[0].uri_text == far.requests("INVITE")[0].uri_text
    far.answer(200, "t", method="BYE")
    network.settle()
    assert phone.idle()


def test_a_2xx_without_a_contact_is_acknowledged_at_the_callee() -> None:
    _network, _phone, far = calling()
    far.answer(200, "t", ANSWER, ("X", "y"))
    assert far.requests("ACK")[0].uri_text == "sip:callee@192.0.2.9:5060"


def test_a_2xx_without_a_tag_is_from_an_old_peer() -> None:
    _network, phone, far = calling()
    far.answer(200, "", ANSWER)
    far.answer(200, "", ANSWER)
    assert phone.events == [("answered", ANSWER)] and len(far.requests("ACK")) == 2
    assert far.requests("ACK")[0].to.tag is None


@pytest.mark.behaviour("M10")
@pytest.mark.parametrize("tag", ["one", "another"])
def test_a_2xx_without_the_description_that_was_heard_before_has_it(tag: str) -> None:
    network, phone, far = calling()
    far.answer(183, "one", ANSWER)
    far.answer(180, "one")
    far.answer(200, tag)
    assert phone.events == [("progress", 183), ("progress", 180), ("answered", ANSWER)]
    assert far.requests("ACK")[0].to.tag == tag
    phone.session.bye(network.now)
    network.run(network.now + 0.05)
    assert far.requests("BYE")[0].to.tag == tag


def test_what_a_2xx_describes_itself_counts_whatever_was_heard_before() -> None:
    _network, phone, far = calling()
    far.answer(183, "one", b"v=0\r\no=early\r\n")
    far.answer(200, "another", ANSWER)
    assert phone.events[-1] == ("answered", ANSWER)


def test_where_the_offer_is_awaited_it_is_not_what_was_heard_before() -> None:
    _network, phone, far = calling(b"")
    far.answer(183, "one", ANSWER)
    far.answer(200, "one")
    assert phone.events[-1] == ("answered", None)


def test_a_broken_transport_fails_the_call() -> None:
    network, phone, far = calling()
    phone.agent.layer.broken(network.flow(phone.hop, far.hop), network.now)
    assert phone.events == [("failed", 503)]
    network.settle()
    assert phone.idle()


def test_a_response_whose_second_via_cannot_be_read_is_none() -> None:
    network, phone, far = calling()
    packet = next(p for p in network.sent if p.name == "INVITE")
    data = response_to(packet.data, 486, "t", (("Via", '"open, x'),))
    far.send(data, packet.source)
    network.run(network.now + 0.05)
    assert phone.events == [] and len(phone.refused) == 1
    phone.outgoing.cancel(network.now)
    network.dead.add(far.hop)
    network.settle()
    assert phone.idle()
