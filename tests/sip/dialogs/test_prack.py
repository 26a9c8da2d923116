"""Reliable provisional responses of callees (RFC 3262 §4): one PRACK each, in the early dialog of each branch."""

from __future__ import annotations

import pytest

from b2bua.sip.auth.challenge import Credential
from b2bua.sip.dialogs.prack import MAX_BRANCHES
from b2bua.sip.dialogs.session import SessionState
from b2bua.sip.text.message import Request
from tests.sip.dialogs import test_uac
from tests.sip.dialogs.test_uac import CONTACT
from tests.sip.messages import request
from tests.sip.wire import ANSWER, OFFER, Network, Phone

ANEW = b"v=0\r\no=anew\r\n"
RELIABLE = (CONTACT, ("Require", "100rel"))


class Far(test_uac.Far):
    """A callee driven by hand that answers reliably."""

    def progress(
        self, rseq: int, tag: str = "t", code: int = 183, body: bytes = ANSWER, *more: tuple[str, str]
    ) -> None:
        self.answer(code, tag, body, *RELIABLE, ("RSeq", str(rseq)), *more)

    def racks(self) -> list[str]:
        """What was acknowledged, each transaction once."""
        return list({m.via.branch: m.get("rack") or "" for m in self.requests("PRACK")}.values())

    def ask(self, method: str, cseq: int, tag: str = "t", body: bytes = b"") -> int:
        """Send a request in the dialog that a response of ours made; the code it gets."""
        packet = next(p for p in self.network.sent if p.name == "INVITE" and p.target == self.hop)
        invite = packet.message
        branch = f"z9hG4bK{method}{cseq}{tag}"
        data = request(method, to_tag=invite.from_.tag or "", from_tag=tag, call_id=invite.call_id, cseq=cseq,
                       branch=branch, body=body, contact="<sip:moved@192.0.2.9:5071>")  # fmt: skip
        self.send(data, packet.source)
        self.network.run(self.network.now + 0.05)
        return next(
            (
                m.code
                for m in reversed(self.received)
                if not isinstance(m, Request) and m.via.branch == branch
            ),
            0,
        )


def calling(sdp: bytes = OFFER, credential: Credential | None = None) -> tuple[Network, Phone, Far]:
    network = Network()
    phone, far = Phone(network, "192.0.2.1"), Far(network, "192.0.2.9")
    phone.call(far.hop, sdp, credential=credential)
    network.run(0.05)
    return network, phone, far


@pytest.mark.parametrize(("sdp", "supported"), [(OFFER, "100rel"), (b"", None)])
def test_an_invite_with_an_offer_says_that_we_know_it(sdp: bytes, supported: str | None) -> None:
    """Without one, the offer would come in the response and its answer be owed in the PRACK (§5)."""
    _network, _phone, far = calling(sdp)
    assert far.requests("INVITE")[0].get("supported") == supported


def test_a_reinvite_does_not() -> None:
    network, phone, far = calling()
    far.answer(200, "t", ANSWER)
    phone.session.offer(OFFER, network.now)
    network.run(network.now + 0.1)
    assert far.requests("INVITE")[-1].get("supported") is None


def test_a_prack_for_a_reliable_response() -> None:
    network, phone, far = calling()
    routes = ("Record-Route", "<sip:p2;lr>, <sip:p1;lr>")
    far.progress(4711, "t", 183, ANSWER, routes)
    (prack,) = far.requests("PRACK")
    invite = far.requests("INVITE")[0]
    assert prack.get("rack") == "4711 1 INVITE" and prack.cseq == (2, "PRACK")
    assert prack.uri_text == "sip:far@192.0.2.9:5070" and prack.values("route") == [
        "<sip:p1;lr>",
        "<sip:p2;lr>",
    ]
    assert (prack.to.tag, prack.from_.tag, prack.call_id) == ("t", invite.from_.tag, invite.call_id)
    assert prack.via.branch != invite.via.branch and prack.body == b""
    assert phone.events == [("progress", 183)]
    network.run(network.now + 5.0)
    assert len(far.requests("PRACK")) > 3 and len(far.racks()) == 1, "repeated by its transaction"
    far.answer(200, method="PRACK")
    sent = len(far.received)
    network.run(network.now + 40.0)
    assert len(far.received) == sent and phone.session.state is SessionState.INVITED


def test_a_response_again_is_neither_told_nor_acknowledged_again() -> None:
    _network, phone, far = calling()
    far.progress(1)
    far.answer(200, method="PRACK")
    for _ in range(3):
        far.progress(1)
    assert far.racks() == ["1 1 INVITE"] and len(far.requests("PRACK")) == 1
    assert phone.events == [("progress", 183)]
    far.progress(2, code=180)
    assert far.racks() == ["1 1 INVITE", "2 1 INVITE"]
    assert [prack.cseq[0] for prack in far.requests("PRACK")] == [2, 3]
    assert phone.events == [("progress", 183), ("progress", 180)]


@pytest.mark.parametrize("rseq", [12, 9, 1, 2**32 - 1])
def test_a_response_out_of_order_is_left_alone(rseq: int) -> None:
    _network, phone, far = calling()
    far.progress(10)
    far.progress(rseq)
    assert far.racks() == ["10 1 INVITE"] and len(phone.events) == 1
    far.progress(11, code=180)
    assert far.racks() == ["10 1 INVITE", "11 1 INVITE"] and len(phone.events) == 2


def test_each_branch_counts_by_itself() -> None:
    network, phone, far = calling()
    far.progress(5, "a")
    far.progress(900, "b", 180, b"")
    far.progress(6, "a")
    far.progress(901, "b")
    assert far.racks() == ["5 1 INVITE", "900 1 INVITE", "6 1 INVITE", "901 1 INVITE"]
    assert [(p.to.tag, p.cseq[0]) for p in {p.via.branch: p for p in far.requests("PRACK")}.values()] == [
        ("a", 2), ("b", 2), ("a", 3), ("b", 3)
    ]  # fmt: skip
    assert len(phone.events) == 4
    far.answer(200, "b", ANSWER)
    assert phone.events[-1] == ("answered", ANSWER)
    far.answer(200, "a", ANSWER)
    phone.session.bye(network.now)
    network.run(network.now + 0.1)
    # In both dialogs the numbers go on from the PRACKs.
    assert [(bye.to.tag, bye.cseq[0]) for bye in far.requests("BYE")] == [("a", 4), ("b", 4)]


def test_a_flood_of_branches_is_cut_off() -> None:
    _network, phone, far = calling()
    for number in range(MAX_BRANCHES + 5):
        far.progress(1, f"t{number}")
    assert len(far.racks()) == MAX_BRANCHES == len(phone.events)


@pytest.mark.parametrize(
    "headers",
    [
        (CONTACT,),
        (CONTACT, ("RSeq", "1")),
        (CONTACT, ("Require", "100rel")),
        (CONTACT, ("Require", "timer"), ("RSeq", "1")),
        (CONTACT, ("Require", "100rel"), ("RSeq", "0")),
    ],
)
def test_a_response_that_is_not_reliable(headers: tuple[tuple[str, str], ...]) -> None:
    _network, phone, far = calling()
    for _ in range(2):
        far.answer(180, "t", b"", *headers)
    assert far.requests("PRACK") == [] and phone.events == [("progress", 180)] * 2


def test_what_else_a_response_requires_is_its_own_business() -> None:
    _network, phone, far = calling()
    far.answer(183, "t", ANSWER, CONTACT, ("Require", "precondition, 100rel"), ("RSeq", "3"))
    assert far.racks() == ["3 1 INVITE"] and phone.events == [("progress", 183)]


@pytest.mark.parametrize("rseq", ["x", "-1", "99999999999"])
def test_a_number_that_cannot_be_read(rseq: str) -> None:
    _network, phone, far = calling()
    far.answer(183, "t", ANSWER, *RELIABLE, ("RSeq", rseq))
    assert far.requests("PRACK") == [] and phone.events == [] and len(phone.refused) == 1
    far.progress(1)
    assert phone.events == [("progress", 183)]


def test_a_response_without_a_tag_is_no_dialog() -> None:
    _network, phone, far = calling()
    far.progress(1, "")
    assert far.requests("PRACK") == [] and phone.events == [("progress", 183)]


@pytest.mark.parametrize("code", [200, 404, 408, 481, 500, 0])
@pytest.mark.parametrize("answered", [False, True])
def test_what_becomes_of_a_prack_changes_nothing(code: int, answered: bool) -> None:
    network, phone, far = calling()
    far.progress(1)
    if answered:
        far.answer(200, "t", ANSWER)
    if code:
        far.answer(code, method="PRACK")
    network.run(network.now + 40.0)
    assert phone.session.active == answered and "ended" not in phone.names() and "failed" not in phone.names()
    if not answered:
        far.answer(486, "t")
        assert phone.events[-1] == ("failed", 486)
        network.settle()
        assert phone.idle()


def test_a_prack_that_is_challenged() -> None:
    network, phone, far = calling(credential=Credential("user", "secret"))
    far.progress(1)
    challenge = ("Proxy-Authenticate", 'Digest realm="far.example", nonce="n", algorithm=MD5, qop="auth"')
    far.answer(407, "", b"", challenge, method="PRACK")
    first, second = {p.via.branch: p for p in far.requests("PRACK")}.values()
    assert first.get("proxy-authorization") is None and "Digest" in (second.get("proxy-authorization") or "")
    assert [first.cseq[0], second.cseq[0]] == [2, 3] and first.get("rack") == second.get("rack")
    far.answer(200, "t", ANSWER)
    phone.session.bye(network.now)
    network.run(network.now + 0.1)
    assert far.requests("BYE")[0].cseq[0] == 4


def test_a_cancelled_call_acknowledges_no_more() -> None:
    network, phone, far = calling()
    far.progress(1)
    phone.outgoing.cancel(network.now)
    network.run(network.now + 0.1)
    assert len(far.requests("CANCEL")) == 1
    far.progress(2)
    far.progress(7, "other")
    assert far.racks() == ["1 1 INVITE"]
    far.answer(200, method="CANCEL")
    far.answer(487, "t")
    network.settle()
    assert phone.idle()


def test_the_first_response_to_a_withdrawn_call_is_cancelled_not_acknowledged() -> None:
    network, phone, far = calling()
    phone.outgoing.cancel(network.now)
    far.progress(1)
    assert len(far.requests("CANCEL")) == 1 and far.requests("PRACK") == []


# Requests of the callee before it answered


def test_an_update_in_the_early_dialog_moves_the_target() -> None:
    _network, phone, far = calling()
    far.progress(1)
    assert far.ask("UPDATE", 5) == 200
    assert far.received[-1].contact is not None and "PRACK" in (far.received[-1].get("allow") or "")
    far.progress(2)
    assert far.requests("PRACK")[-1].uri_text == "sip:moved@192.0.2.9:5071"
    assert far.ask("UPDATE", 4) == 500, "its number went back"
    far.answer(200, "t", ANSWER)
    assert far.ask("INFO", 5) == 500, "and counts on in the call"
    assert far.ask("INFO", 6) == 200 and phone.names()[-1] == "info"


def taking(phone: Phone) -> None:
    phone.when("offer", lambda session, now: session.answer_offer(OFFER, now))


def test_an_offer_of_the_callee_takes_the_place_of_its_answer() -> None:
    network, phone, far = calling()
    taking(phone)
    far.progress(1)
    assert far.ask("UPDATE", 5, body=ANEW) == 200 and phone.events[-1] == ("offer", ANEW)
    assert far.received[-1].sdp == OFFER and far.received[-1].contact is not None
    far.progress(2)
    assert far.requests("PRACK")[-1].uri_text == "sip:moved@192.0.2.9:5071"
    far.answer(200, "t", ANSWER)
    assert phone.events[-1] == ("answered", ANEW), "what the 200 says of its own accord was true before"
    phone.session.bye(network.now)
    far.answer(200, method="BYE")
    network.settle()
    assert phone.idle()


def test_an_early_offer_that_nobody_answers_is_refused_at_once() -> None:
    _network, phone, far = calling()
    far.progress(1)
    assert far.ask("UPDATE", 5, body=ANEW) == 488 and phone.names() == ["progress", "offer"]
    far.answer(200, "t", ANSWER)
    assert phone.events[-1] == ("answered", ANSWER)


def test_no_offer_of_the_callee_before_it_answered_ours() -> None:
    """RFC 3311 §5.2: the offer in the INVITE has no answer yet."""
    _network, phone, far = calling()
    taking(phone)
    far.progress(1, body=b"")
    assert far.ask("UPDATE", 5, body=ANEW) == 491 and phone.names() == ["progress"]
    assert far.ask("UPDATE", 6) == 200
    far.progress(2)
    assert far.ask("UPDATE", 7, body=ANEW) == 200


def test_each_branch_has_answered_for_itself() -> None:
    _network, phone, far = calling()
    taking(phone)
    far.progress(1, "a")
    far.progress(1, "b", body=b"")
    assert far.ask("UPDATE", 5, "b", ANEW) == 491 and far.ask("UPDATE", 5, "a", ANEW) == 200
    far.answer(200, "b", ANSWER)
    assert phone.events[-1] == ("answered", ANSWER)
    assert far.ask("UPDATE", 6, "a", ANEW) == 481, "the call is another branch's"


def test_a_withdrawn_call_takes_no_offer() -> None:
    network, phone, far = calling()
    taking(phone)
    far.progress(1)
    phone.outgoing.cancel(network.now)
    assert far.ask("UPDATE", 5, body=ANEW) == 488


@pytest.mark.parametrize("body", [b"", ANEW])
def test_the_first_answer_holds(body: bytes) -> None:
    """RFC 3261 §13.2.1: a 2xx after a reliable answer says nothing, or nothing that counts."""
    _network, phone, far = calling()
    far.progress(1)
    far.answer(200, "t", body)
    assert phone.events[-1] == ("answered", ANSWER)


def test_what_an_unreliable_response_said_may_change() -> None:
    _network, phone, far = calling()
    far.answer(183, "t", ANEW)
    far.progress(1, body=b"", code=180)
    far.answer(200, "t", ANSWER)
    assert phone.events[-1] == ("answered", ANSWER)


@pytest.mark.parametrize("method", ["BYE", "INVITE", "INFO", "PRACK", "OPTIONS"])
def test_nothing_else_is_taken_in_an_early_dialog(method: str) -> None:
    _network, phone, far = calling()
    far.progress(1)
    assert far.ask(method, 5) == 481 and phone.names() == ["progress"]
    assert far.ask("UPDATE", 6, tag="other") == 481


def test_nothing_is_left_of_early_dialogs_that_came_to_nothing() -> None:
    network, phone, far = calling()
    far.progress(1, "a")
    far.progress(1, "b")
    assert phone.agent.sessions == 1
    far.answer(486, "b")
    assert phone.agent.sessions == 0 and far.ask("UPDATE", 5, tag="a") == 481
    network.settle()
    assert phone.idle()
