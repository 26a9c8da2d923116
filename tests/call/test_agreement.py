"""What two joined sides agree on about sound: offers from both, refused, crossed, withdrawn, delayed."""

from __future__ import annotations

import pytest

from b2bua.call.ports import Peer
from b2bua.sip.dialogs.session import Session
from b2bua.sip.text.flow import SocketAddress
from tests.call.answered import answered, both_ways, result
from tests.call.stage import (
    EVENTS,
    G722,
    PCMA,
    PCMU,
    RELAY,
    SERVICE,
    Stage,
    answers,
    codecs_of,
    description,
    follows,
    heard,
    sdp,
)


@pytest.mark.behaviour("M1")
@pytest.mark.parametrize("side", ["caller", "callee"])
def test_hold_and_resume_from_either_side(side: str) -> None:
    stage, caller, callee = answered()
    holder, other = both_ways(caller, callee, side)
    relay = stage.relay.sessions[stage.notes.joins[0][0]]
    ports = {caller.host: relay.ports.near, callee.host: relay.ports.far}
    for direction, reply in (("sendonly", "recvonly"), ("sendrecv", "sendrecv")):
        holder.session.offer(sdp(holder.host, direction=direction, version=3), stage.now)
        stage.run(0.5)
        offer = description(stage.from_service(other, "INVITE")[-1])
        assert (offer.audio.direction, offer.audio.address, offer.audio.port) == (
            direction,
            RELAY,
            ports[other.host],
        )
        code, body = result(holder)
        assert code == 200
        answer = heard(body)
        assert (answer.audio.direction, answer.audio.port) == (reply, ports[holder.host])
        assert relay.held == (direction == "sendonly")
    holder.session.bye(stage.now)
    stage.finish()


def test_hold_by_the_address_0_0_0_0_leaves_the_relay_where_it_was() -> None:
    stage, caller, callee = answered()
    relay = stage.relay.sessions[stage.notes.joins[0][0]]
    hold = sdp(caller.host).replace(b"c=IN IP4 192.0.2.1\r\n", b"c=IN IP4 0.0.0.0\r\n")
    caller.session.offer(hold, stage.now)
    stage.run(0.5)
    assert description(stage.from_service(callee, "INVITE")[-1]).audio.address == RELAY
    assert (relay.held, relay.moves) == (True, [])
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_codec_and_address_change_from_either_side(side: str) -> None:
    stage, caller, callee = answered()
    asking, other = both_ways(caller, callee, side)
    answer = sdp(other.host, 4555, (G722,))
    other.when("offer", lambda session, now: session.answer_offer(answer, now))
    relay = stage.relay.sessions[stage.notes.joins[0][0]]
    asking.session.offer(sdp(asking.host, 4444, (PCMA, G722)), stage.now)
    stage.run(0.5)
    assert codecs_of(description(stage.from_service(other, "INVITE")[-1])) == ["PCMA", "G722"]
    code, body = result(asking)
    assert (code, codecs_of(heard(body))) == (200, ["G722"])
    moved = (relay.moves, relay.far) if side == "caller" else (relay.far, relay.moves)
    assert moved[0][-1] == Peer(asking.host, 4444)
    assert moved[1][-1] == Peer(other.host, 4555)
    asking.session.bye(stage.now)
    stage.finish()


def test_a_phone_that_moved_is_sent_its_sound_where_it_is_now() -> None:
    stage, caller, _ = answered()
    relay = stage.relay.sessions[stage.notes.joins[0][0]]
    # It tells its private address as before, from the public address of another network.
    elsewhere = SocketAddress("192.0.2.77", 5060)
    caller.agent.wire.hop = elsewhere
    stage.network.attach(elsewhere, caller.agent.layer.receive)
    caller.session.dialog.flow = stage.network.flow(elsewhere, SERVICE)
    caller.session.offer(sdp("10.0.0.9", 4444), stage.now)
    stage.run(0.5)
    assert relay.moves[-1] == Peer("192.0.2.77", 4444, ("192.0.2.77", "10.0.0.9"))
    caller.session.bye(stage.now)
    stage.network.settle()
    assert stage.agent.sessions == 0


@pytest.mark.parametrize("side", ["caller", "callee"])
@pytest.mark.parametrize(("code", "passed"), [(488, 488), (415, 488), (401, 488), (491, 491), (603, 488)])
def test_a_refused_offer_is_refused_and_all_stays_as_it_was(side: str, code: int, passed: int) -> None:
    stage, caller, callee = answered()
    asking, other = both_ways(caller, callee, side)
    before = stage.call.caller.heard, stage.relay.sessions[stage.notes.joins[0][0]].held
    other.when("offer", lambda session, now: session.refuse_offer(code, now))
    asking.session.offer(sdp(asking.host, 4444, (G722,), "sendonly"), stage.now)
    stage.run(0.5)
    assert result(asking)[0] == passed
    assert (stage.call.caller.heard, stage.relay.sessions[stage.notes.joins[0][0]].held) == before
    follows(other)
    asking.session.offer(sdp(asking.host, direction="sendonly"), stage.now)
    stage.run(0.5)
    assert result(asking)[0] == 200
    asking.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_an_answer_that_does_not_fit_is_refused_to_the_asking_side(side: str) -> None:
    stage, caller, callee = answered()
    asking, other = both_ways(caller, callee, side)
    other.when("offer", lambda session, now: session.answer_offer(sdp(other.host, codecs=(G722,)), now))
    asking.session.offer(sdp(asking.host, codecs=(PCMU,)), stage.now)
    stage.run(0.5)
    assert result(asking)[0] == 488
    assert caller.session.active and callee.session.active
    asking.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize("body", [b"nonsense", sdp("192.0.2.1").replace(b"RTP/AVP", b"RTP/SAVP")])
def test_an_offer_that_cannot_be_used_is_refused(body: bytes) -> None:
    stage, caller, callee = answered()
    caller.session.offer(body, stage.now)
    stage.run(0.5)
    assert result(caller)[0] == (400 if body == b"nonsense" else 488)
    assert stage.names_to(callee).count("INVITE") == 1
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_a_re_invite_without_an_offer_gets_one_and_its_answer_goes_on(side: str) -> None:
    stage, caller, callee = answered()
    asking, other = both_ways(caller, callee, side)
    relay = stage.relay.sessions[stage.notes.joins[0][0]]

    def choose(session: Session, now: float) -> None:
        session.acknowledge(sdp(asking.host, 4444, (PCMU, EVENTS)), now)

    asking.when("offer answered", choose)
    asking.session.offer(None, stage.now)
    stage.run(1.0)
    assert stage.from_service(other, "INVITE")[-1].sdp is None
    code, body = result(asking)
    assert (code, codecs_of(heard(body)), heard(body).audio.address) == (
        200,
        ["PCMA", "PCMU", "telephone-event"],
        RELAY,
    )
    ack = stage.from_service(other, "ACK")[-1]
    assert codecs_of(description(ack)) == ["PCMU", "telephone-event"]
    if side == "caller":
        assert relay.moves[-1].port == 4444
    else:
        assert relay.far[-1].port == 4444
    # Nothing is stuck: the next one goes through.
    asking.reactions.pop("offer answered")
    asking.session.offer(sdp(asking.host), stage.now)
    stage.run(0.5)
    assert result(asking)[0] == 200
    asking.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize("body", [b"", b"nonsense", sdp("192.0.2.1", codecs=(G722,))])
def test_an_ack_without_the_answer_that_it_owes_ends_the_call(body: bytes) -> None:
    stage, caller, callee = answered()
    caller.when("offer answered", lambda session, now: session.acknowledge(body, now))
    caller.session.offer(None, stage.now)
    stage.run(1.0)
    assert caller.names()[-1] == callee.names()[-1] == "ended"
    stage.finish()
    assert stage.call.journal.hung_up_by == "service"


def test_a_peer_that_offers_nonsense_when_asked_is_hung_up() -> None:
    stage, caller, callee = answered()
    callee.when("offer", lambda session, now: session.answer_offer(b"nonsense", now))
    caller.session.offer(None, stage.now)
    stage.run(1.0)
    assert callee.names()[-1] == "ended"
    stage.finish()


@pytest.mark.parametrize("apart", [0.0, 0.009, 0.011, 0.015])
def test_offers_of_both_sides_that_cross_are_both_refused_with_491(apart: float) -> None:
    stage, caller, callee = answered()
    caller.session.offer(sdp(caller.host, direction="sendonly"), stage.now)
    stage.run(apart)
    callee.session.offer(sdp(callee.host, direction="sendonly"), stage.now)
    stage.run(1.0)
    assert result(callee)[0] == 491
    assert result(caller)[0] == 491
    for phone in (caller, callee):
        phone.session.offer(sdp(phone.host), stage.now)
        stage.run(0.5)
        assert result(phone)[0] == 200
    caller.session.bye(stage.now)
    stage.finish()


def test_an_offer_before_the_callers_ack_is_refused_with_491() -> None:
    stage = Stage()
    callee, caller = stage.device("192.0.2.11"), stage.caller()
    answers(callee)
    stage.dial(caller)
    stage.run(0.035)
    caller.network.dead.add(caller.hop)
    stage.run(0.01)
    assert callee.session.active and stage.call.state == "answered"
    callee.session.offer(sdp(callee.host, direction="inactive"), stage.now)
    stage.run(0.1)
    assert result(callee)[0] == 491
    stage.network.dead.clear()
    stage.run(1.0)
    follows(caller)
    callee.session.offer(sdp(callee.host, direction="sendonly"), stage.now)
    stage.run(1.0)
    assert result(callee)[0] == 200
    # RFC 3264 section 8: one more than what was said before, and the refused one was never said.
    assert description(stage.from_service(caller, "INVITE")[-1]).version == 2
    callee.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize("with_offer", [True, False])
@pytest.mark.parametrize("side", ["caller", "callee"])
def test_an_offer_that_is_withdrawn_before_its_answer(side: str, with_offer: bool) -> None:
    """The other side is put back to what it was, and both can go on."""
    stage, caller, callee = answered()
    asking, other = both_ways(caller, callee, side)
    take = other.reactions["offer"]
    reply = sdp(other.host, direction="recvonly" if with_offer else "sendonly", version=2)
    other.when(
        "offer",
        lambda session, now: stage.network.at(now + 1.0, lambda then: session.answer_offer(reply, then)),
    )
    hold = sdp(asking.host, direction="sendonly") if with_offer else None
    asking.session.offer(hold, stage.now)
    stage.run(0.5)
    transaction = asking.session._offer_out
    assert transaction is not None
    asking.agent.layer.cancel(transaction, (), asking.session, stage.now)
    stage.run(0.4)
    assert result(asking)[0] == 487
    other.when("offer", take)
    stage.run(2.0)
    offers = stage.from_service(other, "INVITE")
    if with_offer:
        assert description(offers[-1]).audio.direction == "sendrecv"
        assert description(offers[-2]).audio.direction == "sendonly"
    assert stage.relay.sessions[stage.notes.joins[0][0]].held is not with_offer
    asking.session.offer(sdp(asking.host), stage.now)
    stage.run(1.0)
    code, said = result(asking)
    assert (code, heard(said).version) == (200, 1)
    other.session.offer(sdp(other.host), stage.now)
    stage.run(1.0)
    assert result(other)[0] == 200
    asking.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("M3")
def test_a_delayed_offer_is_made_in_the_200_and_answered_in_the_ack() -> None:
    stage = Stage()
    callee, caller = stage.device("192.0.2.11"), stage.caller()
    answers(callee, body=sdp(callee.host, codecs=(PCMA, EVENTS)))
    caller.when(
        "answered", lambda session, now: session.acknowledge(sdp(caller.host, codecs=(PCMA, EVENTS)), now)
    )
    stage.dial(caller, b"")
    stage.run(1.0)
    asked = description(stage.from_service(callee, "INVITE")[0])
    assert codecs_of(asked) == ["PCMA", "PCMU", "G722", "telephone-event"]
    offer = description(stage.from_service(caller, "200 INVITE")[0])
    assert (codecs_of(offer), offer.audio.address) == (["PCMA", "telephone-event"], RELAY)
    relay = stage.relay.sessions[stage.notes.joins[0][0]]
    assert [peer.address for peer in relay.moves] == [caller.host]
    assert stage.names_to(callee) == ["INVITE", "ACK"]
    caller.session.bye(stage.now)
    stage.finish()


def test_a_delayed_offer_answered_with_fewer_codecs_is_told_to_the_other_side() -> None:
    stage = Stage()
    callee, caller = stage.device("192.0.2.11"), stage.caller()
    answers(callee)
    follows(callee, (PCMU, EVENTS))
    caller.when("answered", lambda session, now: session.acknowledge(sdp(caller.host, codecs=(PCMU,)), now))
    stage.dial(caller, b"")
    stage.run(1.0)
    assert stage.names_to(callee) == ["INVITE", "ACK", "INVITE", "ACK"]
    assert codecs_of(description(stage.from_service(callee, "INVITE")[-1])) == ["PCMU"]
    follows(caller)
    callee.session.offer(sdp(callee.host, direction="sendonly"), stage.now)
    stage.run(0.5)
    assert result(callee)[0] == 200
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("M7")
def test_a_delayed_offer_answered_under_another_number_is_told_to_the_other_side() -> None:
    stage = Stage()
    callee, caller = stage.device("192.0.2.11"), stage.caller()
    answers(callee)
    follows(callee, (PCMA, PCMU, "96 telephone-event/8000"))
    answer = sdp(caller.host, codecs=(PCMA, PCMU, "96 telephone-event/8000"))
    caller.when("answered", lambda session, now: session.acknowledge(answer, now))
    stage.dial(caller, b"")
    stage.run(1.0)
    assert description(stage.from_service(caller, "200 INVITE")[0]).audio.telephone_event == 101
    assert stage.names_to(callee) == ["INVITE", "ACK", "INVITE", "ACK"]
    assert description(stage.from_service(callee, "INVITE")[-1]).audio.telephone_event == 96
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.parametrize("body", [b"", b"nonsense"])
def test_a_delayed_offer_that_is_never_answered_ends_the_call(body: bytes) -> None:
    stage = Stage()
    callee, caller = stage.device("192.0.2.11"), stage.caller()
    answers(callee)
    caller.when("answered", lambda session, now: session.acknowledge(body, now))
    stage.dial(caller, b"")
    stage.run(1.0)
    assert caller.names()[-1] == callee.names()[-1] == "ended"
    stage.finish()


def test_an_offer_to_a_lost_mailbox_is_refused_with_491_and_works_again_after_the_resume() -> None:
    stage = Stage()
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    stage.mailboxes.kill()
    caller.session.offer(sdp(caller.host, direction="sendonly"), stage.now)
    stage.run(0.015)
    stage.call.mailbox_lost(stage.now)
    stage.run(0.5)
    assert result(caller)[0] == 491
    follows(stage.mailboxes.worker, (PCMA, EVENTS))
    caller.session.offer(sdp(caller.host, direction="sendonly"), stage.now)
    stage.run(0.5)
    assert result(caller)[0] == 200
    assert stage.relay.only.held is True
    caller.session.bye(stage.now)
    stage.finish()


def test_what_a_lost_worker_asked_of_the_caller_leaves_nothing_undone() -> None:
    stage = Stage()
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    take = sdp(caller.host, version=2)
    caller.when(
        "offer",
        lambda session, now: stage.network.at(now + 1.0, lambda then: session.answer_offer(take, then)),
    )
    stage.mailboxes.worker.session.offer(None, stage.now)
    stage.run(0.1)
    stage.mailboxes.kill()
    stage.call.mailbox_lost(stage.now)
    stage.run(2.0)
    assert stage.names_to(caller)[-2:] == ["INVITE", "ACK"]
    follows(stage.mailboxes.worker, (PCMA, EVENTS))
    caller.session.offer(sdp(caller.host), stage.now)
    stage.run(1.0)
    assert result(caller)[0] == 200
    caller.session.bye(stage.now)
    stage.finish()


def test_an_offer_of_the_worker_that_the_caller_refused_is_forgotten_by_the_next_worker() -> None:
    stage = Stage()
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    caller.when("offer", lambda session, now: session.refuse_offer(488, now))
    stage.mailboxes.worker.session.offer(sdp(stage.mailboxes.worker.host, codecs=(G722,)), stage.now)
    stage.run(0.5)
    assert result(stage.mailboxes.worker)[0] == 488
    stage.mailboxes.kill()
    stage.call.mailbox_lost(stage.now)
    stage.run(0.5)
    offer = description(stage.from_service(stage.mailboxes.worker, "INVITE")[0])
    assert codecs_of(offer) == ["PCMA", "telephone-event"]
    caller.session.bye(stage.now)
    stage.finish()


def test_a_call_on_hold_that_gets_another_worker_stays_on_hold() -> None:
    stage = Stage()
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    follows(stage.mailboxes.worker, (PCMA, EVENTS))
    caller.session.offer(sdp(caller.host, direction="sendonly"), stage.now)
    stage.run(0.5)
    stage.relay.only.held = None
    stage.mailboxes.kill()
    stage.call.mailbox_lost(stage.now)
    stage.run(0.5)
    offer = description(stage.from_service(stage.mailboxes.worker, "INVITE")[0])
    assert offer.audio.direction == "sendonly"
    assert stage.relay.only.held is True
    caller.session.bye(stage.now)
    stage.finish()
