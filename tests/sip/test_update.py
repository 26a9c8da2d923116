"""UPDATE (RFC 3311): a target refresh, or an offer that goes the way of a re-INVITE's."""

from __future__ import annotations

import pytest

from b2bua.sip.dialogs.session import Session, SessionState
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.message import Request, Response
from tests.sip.dialogs.test_reliable import SUPPORTED, Caller, invited, told
from tests.sip.messages import request
from tests.sip.wire import ANSWER, OFFER, Network, Phone, accept

HOLD = b"v=0\r\na=sendonly\r\n"
HELD = b"v=0\r\na=recvonly\r\n"


def talking() -> tuple[Network, Phone, Caller]:
    """A caller driven by hand in an answered call."""
    network = Network()
    phone = Phone(network, "192.0.2.2")
    caller = Caller(network, phone)
    phone.when("invite", accept)
    caller.invite()
    caller.ack()
    return network, phone, caller


def answering(phone: Phone) -> None:
    phone.when("offer", lambda session, now: session.answer_offer(HELD, now))


def test_without_an_offer_it_moves_the_target() -> None:
    network, phone, caller = talking()
    data = request(
        "UPDATE", to_tag=caller.last.to.tag or "", branch="z9hG4bKu", cseq=2, contact="<sip:new@192.0.2.9>"
    )
    caller.send(data, phone.hop)
    network.run(network.now + 0.1)
    ok = caller.last
    assert (
        ok.code == 200 and ok.body == b"" and ok.contact is not None and "UPDATE" in (ok.get("allow") or "")
    )
    assert phone.names() == ["invite", "acknowledged"]
    phone.session.bye(network.now)
    network.run(network.now + 0.1)
    bye = caller.received[-1]
    assert isinstance(bye, Request) and bye.uri_text == "sip:new@192.0.2.9"


def test_an_offer_is_answered_in_the_200() -> None:
    network, phone, caller = talking()
    answering(phone)
    assert caller.ask("UPDATE", body=HOLD) == 200 and caller.last.sdp == HELD
    assert phone.events[-1] == ("offer", HOLD) and phone.session.confirmed
    assert 100 not in [m.code for m in caller.received if isinstance(m, Response) and m.cseq[1] == "UPDATE"]
    network.run(network.now + 100.0)
    assert phone.session.active, "no ACK is awaited"
    assert phone.session.offer(OFFER, network.now)


def test_the_owner_may_take_its_time() -> None:
    network, phone, caller = talking()
    assert caller.ask("UPDATE", cseq=2, body=HOLD) == 0 and phone.session.offer_has_sdp
    assert not phone.session.offer(OFFER, network.now), "one of the peer's is unanswered"
    assert caller.ask("UPDATE", cseq=2, body=HOLD) == 0, "the same again is absorbed"
    network.run(3.0)
    assert phone.session.answer_offer(HELD, network.now)
    network.run(network.now + 0.05)
    assert caller.last.code == 200 and caller.last.sdp == HELD and phone.names().count("offer") == 1


@pytest.mark.parametrize("code", [488, 491])
def test_the_owner_may_refuse(code: int) -> None:
    network, phone, caller = talking()
    phone.when("offer", lambda session, now: session.refuse_offer(code, now))
    assert caller.ask("UPDATE", body=HOLD) == code and phone.session.active
    assert phone.session.offer(OFFER, network.now)


def test_an_offer_that_the_owner_cannot_use() -> None:
    _network, phone, caller = talking()

    def fail(session: Session, now: float) -> None:
        raise BadMessage(488, "No codec")

    phone.when("offer", fail)
    assert caller.ask("UPDATE", body=HOLD) == 488
    answering(phone)
    assert caller.ask("UPDATE", body=HOLD) == 200


def test_another_body_than_sdp() -> None:
    network, phone, caller = talking()
    data = request("UPDATE", to_tag=caller.last.to.tag or "", branch="z9hG4bKu", cseq=2, body=b"x")
    caller.send(data.replace(b"application/sdp", b"text/plain"), phone.hop)
    network.run(network.now + 0.1)
    assert caller.last.code == 415 and "application/sdp" in caller.last.values("accept")


# Glare (RFC 3311 §5.2)


@pytest.mark.parametrize(
    ("first", "then", "body", "code"),
    [
        ("UPDATE", "UPDATE", HOLD, 500),
        ("UPDATE", "UPDATE", b"", 500),
        ("UPDATE", "INVITE", HOLD, 500),
        ("INVITE", "UPDATE", HOLD, 500),
        ("INVITE", "UPDATE", b"", 200),
    ],
)
def test_while_an_offer_of_the_peer_is_unanswered(first: str, then: str, body: bytes, code: int) -> None:
    network, phone, caller = talking()
    caller.ask(first, body=HOLD)
    assert caller.ask(then, body=body) == code
    assert (caller.last.get("retry-after") is not None) == (code == 500)
    assert phone.names().count("offer") == 1
    assert phone.session.answer_offer(HELD, network.now)


@pytest.mark.parametrize(
    ("method", "body", "code"), [("UPDATE", HOLD, 491), ("UPDATE", b"", 200), ("INVITE", HOLD, 491)]
)
def test_while_an_offer_of_ours_is_unanswered(method: str, body: bytes, code: int) -> None:
    network, phone, caller = talking()
    phone.session.offer(OFFER, network.now)
    network.run(network.now + 0.05)
    assert caller.ask(method, body=body) == code and "offer" not in phone.names()


def test_while_our_2xx_has_no_ack() -> None:
    network, phone, caller = invited()
    phone.incoming.accept(ANSWER, network.now)
    network.run(network.now + 0.05)
    assert caller.ask("UPDATE", body=HOLD) == 491
    assert caller.ask("UPDATE") == 200
    caller.ack()
    assert phone.session.confirmed


def test_the_call_ends_while_an_update_waits() -> None:
    network, phone, caller = talking()
    caller.ask("UPDATE", body=HOLD)
    phone.session.bye(network.now)
    network.run(network.now + 0.05)
    assert {m.code for m in caller.received if isinstance(m, Response)} >= {487}
    assert not phone.session.answer_offer(HELD, network.now)
    network.settle()
    assert phone.idle()


# Before the answer


@pytest.mark.parametrize(
    ("headers", "body", "said", "acknowledged", "code"),
    [
        ((), OFFER, b"", False, 500),
        ((), OFFER, ANSWER, False, 500),  # an answer that may have got lost is none
        ((SUPPORTED,), OFFER, b"", False, 500),
        ((SUPPORTED,), OFFER, ANSWER, False, 500),
        ((SUPPORTED,), OFFER, ANSWER, True, 200),
        ((SUPPORTED,), b"", OFFER, False, 491),
        ((SUPPORTED,), b"", OFFER, True, 200),
        ((SUPPORTED,), b"", b"", False, 500),
    ],
)
def test_an_offer_before_the_call_is_answered(
    headers: tuple[tuple[str, str], ...], body: bytes, said: bytes, acknowledged: bool, code: int
) -> None:
    network, phone, caller = invited(*headers or (("Supported", "timer"),), body=body)
    answering(phone)
    told(network, phone, 183, said)
    if acknowledged:
        caller.prack(body=b"" if body else ANSWER)
    assert caller.ask("UPDATE", body=HOLD) == code
    assert ("offer" in phone.names()) == (code == 200)
    assert caller.ask("UPDATE") == 200 and phone.session.state is SessionState.INVITED


def test_an_early_offer_that_nobody_answers_is_refused_at_once() -> None:
    """RFC 3311 §5.2: the request cannot wait for a person."""
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    caller.prack()
    assert caller.ask("UPDATE", body=HOLD) == 488 and phone.names()[-1] == "offer"
    phone.incoming.accept(ANSWER, network.now)
    network.run(network.now + 0.05)
    assert caller.last.code == 200 and caller.last.sdp == ANSWER


def test_after_an_early_offer_the_invites_responses_describe_nothing() -> None:
    network, phone, caller = invited(repeat=60.0)
    answering(phone)
    told(network, phone, 183, ANSWER)
    caller.prack()
    told(network, phone, 182, ANSWER)
    phone.incoming.progress(180, network.now, ANSWER)  # waits for the PRACK of the one before
    assert caller.ask("UPDATE", body=HOLD) == 200 and caller.last.sdp == HELD
    caller.prack()
    caller.prack()
    told(network, phone, 181, ANSWER)
    network.run(network.now + 200.0)
    later = [m for m in caller.received if isinstance(m, Response) and m.code in (180, 181)]
    assert [m.code for m in later] == [180, 181, 181, 181, 181] and not any(m.sdp for m in later)
    phone.incoming.accept(ANSWER, network.now)
    network.run(network.now + 0.05)
    assert (caller.last.code, caller.last.sdp) == (200, None)
    caller.ack()
    assert phone.session.confirmed


def test_a_refused_early_offer_changes_nothing() -> None:
    network, phone, caller = invited()
    phone.when("offer", lambda session, now: session.refuse_offer(488, now))
    told(network, phone, 183, ANSWER)
    caller.prack()
    assert caller.ask("UPDATE", body=HOLD) == 488
    phone.incoming.accept(ANSWER, network.now)
    network.run(network.now + 0.05)
    assert caller.last.sdp == ANSWER


def test_while_an_answer_waits_for_its_prack() -> None:
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    phone.incoming.accept(ANSWER, network.now)
    assert caller.ask("UPDATE", body=HOLD) == 491 and "offer" not in phone.names()
    assert caller.ask("UPDATE") == 200
    caller.prack()
    assert phone.session.active
