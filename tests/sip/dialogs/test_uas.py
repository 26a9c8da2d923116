"""Calls that we receive."""

from __future__ import annotations

import pytest

from b2bua.sip.dialogs.session import SessionState
from b2bua.sip.text.message import Request, Response
from b2bua.sip.text.transport import Transport
from tests.sip.messages import request
from tests.sip.wire import ANSWER, OFFER, Network, Peer, Phone, accept, pair, ring

# RFC 3261 §13.3.1.4: T1, doubling to T2, for 64 T1.
REPEATED = [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


def bench() -> tuple[Network, Phone, Peer]:
    network = Network()
    return network, Phone(network, "192.0.2.2"), Peer(network, "192.0.2.9")


def invited(**changes: object) -> tuple[Network, Phone, Peer]:
    network, phone, peer = bench()
    peer.send(request(body=OFFER, **changes), phone.hop)  # type: ignore[arg-type]
    network.run(0.01)
    return network, phone, peer


def tag_of(peer: Peer) -> str:
    return peer.received[-1].to.tag or ""


def moments(network: Network, name: str) -> list[float]:
    return [round(at - 0.01, 3) for at in network.moments(name)]


def test_set_up() -> None:
    network, phone, peer = invited(headers=(("Record-Route", "<sip:p1;lr>, <sip:p2;lr>"),))
    session = phone.incoming
    assert phone.events == [("invite", OFFER)] and session.offered == OFFER
    assert session.call_id == "call-1" and session.state is SessionState.INVITED
    session.progress(180, network.now, headers=(("Alert-Info", "x"),))
    network.run(1.0)
    session.progress(183, network.now, b"v=0\r\n")
    network.run(2.0)
    session.accept(ANSWER, network.now)
    network.run(2.1)
    trying, ringing, early, ok = peer.received[:4]
    assert peer.codes()[:4] == [100, 180, 183, 200]
    tag = ringing.to.tag
    assert trying.to.tag is None and tag and early.to.tag == ok.to.tag == tag
    assert ringing.get("alert-info") == "x" and ringing.body == b""
    assert early.sdp == b"v=0\r\n" and ok.sdp == ANSWER
    for message in (ringing, early, ok):
        assert message.values("record-route") == ["<sip:p1;lr>", "<sip:p2;lr>"]
        assert str(message.contact) == "sip:192.0.2.2:5060"
    peer.send(request("ACK", to_tag=tag, branch="z9hG4bK2"), phone.hop)
    network.run(2.2)
    assert phone.names() == ["invite", "acknowledged"] and session.active


def test_a_delayed_offer_is_answered_in_the_ack() -> None:
    network, phone, peer = bench()
    peer.send(request(), phone.hop)
    network.run(0.01)
    assert phone.incoming.offered is None
    phone.incoming.accept(OFFER, network.now)
    network.run(0.1)
    peer.send(request("ACK", to_tag=tag_of(peer), branch="z9hG4bK2", body=ANSWER), phone.hop)
    network.run(0.2)
    assert phone.events[-1] == ("acknowledged", ANSWER)


def test_the_provisional_is_repeated_every_minute() -> None:
    network, phone, peer = invited()
    phone.incoming.progress(180, network.now)
    network.run(90.0)
    phone.incoming.progress(183, network.now, b"v=0\r\n")
    network.run(220.0)
    assert network.moments("180 INVITE") == [0.01, 60.01]
    assert network.moments("183 INVITE") == [90.0, 150.0, 210.0]
    assert peer.received[-1].sdp == b"v=0\r\n"
    phone.incoming.reject(480, network.now)
    network.run(400.0)
    assert len(network.moments("183 INVITE")) == 3


def test_the_2xx_is_repeated_until_its_ack() -> None:
    network, phone, peer = invited()
    phone.incoming.accept(ANSWER, network.now)
    network.run(8.0)
    peer.send(request("ACK", to_tag=tag_of(peer), branch="z9hG4bK2"), phone.hop)
    network.run(100.0)
    assert moments(network, "200 INVITE") == REPEATED[:5]
    assert len({packet.data for packet in network.sent if packet.name == "200 INVITE"}) == 1
    assert phone.session.active and len(phone.agent.queue) == 0


def test_the_2xx_is_repeated_over_reliable_transports_too() -> None:
    network = Network(transport=Transport.TCP)
    phone, peer = Phone(network, "192.0.2.2"), Peer(network, "192.0.2.9")
    phone.when("invite", accept)
    peer.send(request(), phone.hop)
    network.run(8.0)
    assert moments(network, "200 INVITE") == REPEATED[:5]


def strayed(offer: bytes = OFFER, **changes: object) -> tuple[Phone, list[float]]:
    """What becomes of an answered call whose ACK has another To tag than our 200; and when the 200 was sent."""
    network, phone, peer = bench()
    peer.send(request(body=offer), phone.hop)
    network.run(0.01)
    phone.incoming.accept(ANSWER, network.now)
    network.run(1.0)
    said: dict[str, object] = {"to_tag": "own", "branch": "z9hG4bK2", **changes}
    peer.send(request("ACK", **said), phone.hop)  # type: ignore[arg-type]
    network.run(40.0)
    return phone, moments(network, "200 INVITE")


@pytest.mark.behaviour("M11")
@pytest.mark.parametrize("branch", ["z9hG4bK1", "z9hG4bK2"])
@pytest.mark.parametrize("to_tag", ["own", ""])
def test_an_ack_with_a_to_tag_of_its_own_is_an_ack(to_tag: str, branch: str) -> None:
    """As pyVoIP sends it: the branch of its INVITE, and a fresh tag."""
    phone, sent = strayed(to_tag=to_tag, branch=branch)
    assert phone.session.active and phone.names() == ["invite", "acknowledged"]
    assert sent == REPEATED[:2]


@pytest.mark.behaviour("M11")
@pytest.mark.parametrize("changes", [{"cseq": 2}, {"from_tag": "other"}, {"call_id": "other"}])
def test_an_ack_of_another_invite_is_none(changes: dict[str, object]) -> None:
    phone, sent = strayed(**changes)
    assert phone.events[-1] == ("ended", "no-ack") and sent == REPEATED


@pytest.mark.behaviour("M11")
def test_an_ack_that_would_bring_the_description_has_to_be_right() -> None:
    phone, sent = strayed(b"", body=ANSWER)
    assert phone.events[-1] == ("ended", "no-ack") and sent == REPEATED


def test_a_stray_ack_after_the_call_reaches_nobody() -> None:
    network, phone, peer = bench()
    peer.send(request(body=OFFER), phone.hop)
    network.run(0.01)
    phone.incoming.reject(486, network.now)
    peer.send(request("ACK", to_tag="own", branch="z9hG4bK2"), phone.hop)
    network.run(1.0)
    assert phone.names() == ["invite"]
    network.settle()
    assert phone.idle()


def test_without_an_ack_the_call_ends_with_a_bye() -> None:
    network, phone, _peer = invited()
    phone.incoming.accept(ANSWER, network.now)
    network.run(32.0)
    assert moments(network, "200 INVITE") == REPEATED and phone.session.active
    network.run(32.1)
    assert moments(network, "BYE") == [32.0]
    assert phone.events[-1] == ("ended", "no-ack")
    network.settle()
    assert phone.idle()


def test_hanging_up_before_the_ack_waits_for_it() -> None:
    """RFC 3261 §15: the caller may not know yet that it was answered, and would never hear of it."""
    network, phone, peer = invited()
    phone.incoming.accept(ANSWER, network.now)
    network.run(1.0)
    phone.session.bye(network.now, (("Reason", "Q.850;cause=16"),))
    phone.session.bye(network.now)
    network.run(3.0)
    assert network.moments("BYE") == [] and phone.session.state is SessionState.CLOSING
    assert phone.names() == ["invite"] and not phone.session.active
    peer.send(request("ACK", to_tag=tag_of(peer), branch="z9hG4bK2"), phone.hop)
    network.run(3.1)
    bye = peer.received[-1]
    assert isinstance(bye, Request) and bye.method == "BYE" and bye.get("reason") == "Q.850;cause=16"
    assert phone.names() == ["invite"] and phone.agent.sessions == 0


def test_hanging_up_without_ever_an_ack() -> None:
    network, phone, _peer = invited()
    phone.incoming.accept(ANSWER, network.now)
    phone.session.bye(network.now, (("Reason", "x"),))
    network.run(33.0)
    assert moments(network, "BYE")[0] == 32.0 and network.last("BYE").get("reason") == "x"
    assert phone.names() == ["invite"]
    network.settle()
    assert phone.idle()


def test_the_caller_hangs_up_while_our_bye_waits() -> None:
    network, phone, peer = invited()
    phone.incoming.accept(ANSWER, network.now)
    network.run(0.1)
    phone.session.bye(network.now)
    peer.send(request("BYE", to_tag=tag_of(peer), branch="z9hG4bK2", cseq=2), phone.hop)
    network.settle()
    assert peer.codes().count(200) == 2 and network.names(phone.hop).count("BYE") == 0
    assert phone.idle()


def test_refusal() -> None:
    network, phone, peer = invited()
    phone.incoming.reject(433, network.now, (("Reason", "Q.850;cause=24"),), "No thanks")
    network.run(0.1)
    response = peer.received[-1]
    assert isinstance(response, Response)
    assert (response.code, response.reason) == (433, "No thanks") and response.get(
        "reason"
    ) == "Q.850;cause=24"
    assert phone.agent.sessions == 0
    peer.send(request("ACK"), phone.hop)
    network.settle()
    assert phone.idle() and phone.names() == ["invite"]


def test_cancel() -> None:
    network, phone, peer = invited()
    phone.incoming.progress(180, network.now)
    peer.send(request("CANCEL"), phone.hop)
    network.run(0.1)
    assert peer.codes() == [100, 180, 200, 487]
    assert peer.received[2].cseq == (1, "CANCEL") and peer.received[3].cseq == (1, "INVITE")
    assert peer.received[2].to.tag == peer.received[3].to.tag == peer.received[1].to.tag
    assert phone.names() == ["invite", "cancelled"]
    peer.send(request("ACK"), phone.hop)
    network.settle()
    assert phone.idle()


def test_cancel_after_the_answer_changes_nothing() -> None:
    network, phone, peer = invited()
    phone.incoming.accept(ANSWER, network.now)
    peer.send(request("CANCEL"), phone.hop)
    network.run(0.1)
    assert peer.codes() == [100, 200, 200] and phone.session.active
    assert "cancelled" not in phone.names()


def test_a_bye_in_the_early_dialog_ends_the_invite_too() -> None:
    network, phone, peer = invited()
    phone.incoming.progress(180, network.now)
    network.run(0.1)
    peer.send(request("BYE", to_tag=tag_of(peer), branch="z9hG4bK2", cseq=2), phone.hop)
    network.run(0.2)
    assert peer.codes() == [100, 180, 200, 487]
    assert phone.events[-1] == ("ended", "bye")
    peer.send(request("ACK"), phone.hop)
    network.settle()
    assert phone.idle()


def test_hanging_up_instead_of_answering_refuses() -> None:
    network, phone, peer = invited()
    phone.session.bye(network.now)
    network.run(0.1)
    assert peer.codes() == [100, 487]
    peer.send(request("ACK"), phone.hop)
    network.settle()
    assert phone.idle()


def test_a_bye_may_come_before_the_ack() -> None:
    network, phone, peer = invited()
    phone.incoming.accept(ANSWER, network.now)
    network.run(0.1)
    tag = tag_of(peer)
    peer.send(request("BYE", to_tag=tag, branch="z9hG4bK3", cseq=2), phone.hop)
    network.run(0.2)
    peer.send(request("ACK", to_tag=tag, branch="z9hG4bK2"), phone.hop)
    network.settle()
    assert phone.names() == ["invite", "ended"] and phone.idle()
    assert network.names(phone.hop) == ["100 INVITE", "200 INVITE", "200 BYE"]


def test_a_second_invite_before_the_final_response_is_500() -> None:
    network, phone, peer = invited()
    phone.incoming.progress(180, network.now)
    network.run(0.1)
    peer.send(request(to_tag=tag_of(peer), branch="z9hG4bK2", cseq=2), phone.hop)
    network.run(0.2)
    assert peer.codes() == [100, 180, 500] and peer.received[-1].get("retry-after") is not None
    assert phone.names() == ["invite"]


def test_verbs_that_come_too_late_do_nothing() -> None:
    network, phone, peer = invited()
    session = phone.incoming
    session.accept(ANSWER, network.now)
    network.run(0.1)
    peer.send(request("ACK", to_tag=tag_of(peer), branch="z9hG4bK2"), phone.hop)
    network.run(0.2)
    sent = len(network.sent)
    session.accept(ANSWER, network.now)
    session.progress(180, network.now)
    session.reject(486, network.now)
    session.refuse_offer(488, network.now)
    session.acknowledge(ANSWER, network.now)
    assert not session.answer_offer(ANSWER, network.now)
    assert len(network.sent) == sent and session.active


def test_a_caller_whose_connection_breaks_has_withdrawn() -> None:
    network, caller, callee = pair(transport=Transport.TCP)
    callee.when("invite", ring)
    caller.call(callee.hop)
    network.run(1.0)
    callee.agent.layer.broken(network.flow(callee.hop, caller.hop), network.now)
    assert callee.names() == ["invite", "cancelled"]
    assert callee.agent.sessions == 0 and len(callee.agent.layer) == 0


@pytest.mark.parametrize("code", [300, 404, 486, 503, 603])
def test_a_failure_is_repeated_until_the_ack(code: int) -> None:
    network, phone, peer = invited()
    phone.incoming.reject(code, network.now)
    network.run(8.0)
    assert moments(network, f"{code} INVITE") == REPEATED[:5]
    peer.send(request("ACK"), phone.hop)
    network.settle()
    assert moments(network, f"{code} INVITE") == REPEATED[:5] and phone.idle()


def test_a_failure_without_ack_is_forgotten() -> None:
    network, phone, _peer = invited()
    phone.incoming.reject(486, network.now)
    network.settle()
    assert moments(network, "486 INVITE") == REPEATED and phone.idle()
