"""Challenges are answered below the sessions: nobody above sees them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from b2bua.sip.auth.authorization import Authorization
from b2bua.sip.auth.challenge import Credential
from b2bua.sip.dialogs.session import SessionState
from b2bua.sip.text.address import Address
from b2bua.sip.text.message import Request, Response
from b2bua.sip.text.uri import Uri
from b2bua.sip.transactions.client_transaction import ClientTransaction
from tests.sip.challenger import CREDENTIAL, Challenger
from tests.sip.messages import response_to
from tests.sip.test_lossy_wire import Talk, nothing_left
from tests.sip.wire import ANSWER, OFFER, Faults, Network, Packet, Peer, Phone, accept, hang_up, pair, ring

CONTACT = ("Contact", "<sip:far@192.0.2.9:5070>")
CHALLENGES = {
    401: ("WWW-Authenticate", 'Digest realm="one", nonce="{}", qop="auth"'),
    407: ("Proxy-Authenticate", 'Digest realm="two", nonce="{}", qop="auth"'),
}
ANSWERS = {401: "authorization", 407: "proxy-authorization"}


class Carrier(Peer):
    """A far end driven by hand: it answers the latest request of a method."""

    def answer(self, code: int, tag: str = "t", *headers: tuple[str, str], method: str = "INVITE") -> None:
        packet = self.latest(method)
        body = ANSWER if (code, method) == (200, "INVITE") else b""
        self.send(response_to(packet.data, code, tag, headers or (CONTACT,), body), packet.source)
        self.network.run(self.network.now + 0.05)

    def challenge(self, code: int, nonce: str = "n", extra: str = "", method: str = "INVITE") -> None:
        name, value = CHALLENGES[code]
        self.answer(code, "", (name, value.format(nonce) + extra), method=method)

    def latest(self, method: str) -> Packet:
        return next(p for p in reversed(self.network.sent) if p.name == method and p.target == self.hop)

    def requests(self, method: str) -> list[Request]:
        return [m for m in self.received if isinstance(m, Request) and m.method == method]


def calling(credential: Credential | None = CREDENTIAL, sdp: bytes = OFFER) -> tuple[Network, Phone, Carrier]:
    network = Network()
    phone, far = Phone(network, "192.0.2.1"), Carrier(network, "192.0.2.9")
    phone.call(far.hop, sdp, (("X-Session", "abc"),), credential)
    network.run(0.05)
    return network, phone, far


@pytest.mark.parametrize("code", [401, 407])
def test_the_same_invite_goes_out_again_with_the_answer(code: int) -> None:
    network, phone, far = calling()
    far.challenge(code)
    first, second = far.requests("INVITE")
    assert (first.cseq, second.cseq) == ((1, "INVITE"), (2, "INVITE"))
    assert first.via.branch != second.via.branch
    for name in ("call-id", "from", "to", "contact", "x-session", "max-forwards"):
        assert first.get(name) == second.get(name)
    assert second.body == OFFER and first.get(ANSWERS[code]) is None
    answer = second.get(ANSWERS[code]) or ""
    assert 'uri="sip:callee@192.0.2.9:5060"' in answer and "nc=00000001" in answer
    (ack,) = far.requests("ACK")
    assert ack.via.branch == first.via.branch and ack.cseq == (1, "ACK")
    assert phone.events == []
    far.answer(180)
    far.answer(200)
    assert phone.events == [("progress", 180), ("answered", ANSWER)]
    ack = far.requests("ACK")[-1]
    assert ack.cseq == (2, "ACK") and ack.get(ANSWERS[code]) == answer, "RFC 3261 §22.1"
    phone.session.bye(network.now)
    network.run(network.now + 0.05)
    (bye,) = far.requests("BYE")
    assert bye.cseq == (3, "BYE") and "nc=00000002" in (bye.get(ANSWERS[code]) or "")
    far.answer(200, method="BYE")
    network.settle()
    assert phone.idle()


def test_without_a_credential_the_challenge_is_a_refusal() -> None:
    network, phone, far = calling(None)
    far.challenge(401)
    assert phone.events == [("failed", 401)]
    network.settle()
    assert phone.idle() and len(far.requests("INVITE")) == 1


@pytest.mark.parametrize(
    "line", ['Digest realm="one", nonce="n", algorithm=MD5-sess', 'Basic realm="x"', "?"]
)
def test_a_challenge_that_cannot_be_answered_is_a_refusal(line: str) -> None:
    _network, phone, far = calling()
    far.answer(401, "", ("WWW-Authenticate", line))
    assert phone.events == [("failed", 401)]


def test_a_second_refusal_is_final() -> None:
    network, phone, far = calling()
    far.challenge(401, "n1")
    far.challenge(401, "n2")
    assert phone.events == [("failed", 401)] and len(far.requests("INVITE")) == 2
    network.settle()
    assert phone.idle()


def test_a_stale_nonce_is_renewed_once() -> None:
    _network, phone, far = calling()
    far.challenge(401, "n1")
    far.challenge(401, "n2", ", stale=true")
    assert [invite.cseq[0] for invite in far.requests("INVITE")] == [1, 2, 3]
    answer = far.requests("INVITE")[-1].get("authorization") or ""
    assert 'nonce="n2"' in answer and "nc=00000001" in answer and phone.events == []
    far.challenge(401, "n3", ", stale=true")
    assert phone.events == [("failed", 401)] and len(far.requests("INVITE")) == 3


def test_a_proxy_and_the_server_behind_it() -> None:
    _network, phone, far = calling()
    far.challenge(407)
    far.challenge(401)
    last = far.requests("INVITE")[-1]
    assert 'realm="two"' in (last.get("proxy-authorization") or "")
    assert 'realm="one"' in (last.get("authorization") or "")
    far.answer(200)
    assert phone.events == [("answered", ANSWER)]


def test_other_refusals_are_told_as_ever() -> None:
    _network, phone, far = calling()
    far.challenge(401)
    far.answer(486)
    assert phone.events == [("failed", 486)]


def test_silence_after_the_challenge_is_silence() -> None:
    network, phone, far = calling()
    far.challenge(401)
    network.dead.add(far.hop)
    began = network.now
    network.run(began + 33)
    assert phone.events == [("failed", 408)]
    network.settle()
    assert phone.idle()


def test_an_answer_to_an_invite_without_offer() -> None:
    network, phone, far = calling(sdp=b"")
    far.challenge(401)
    far.answer(200)
    phone.session.acknowledge(ANSWER, network.now)
    network.run(network.now + 0.05)
    ack = far.requests("ACK")[-1]
    assert ack.sdp == ANSWER and ack.get("authorization") is not None and ack.cseq == (2, "ACK")


# Cancelling


@pytest.mark.parametrize("verb", ["cancel", "give_up", "bye", "end"])
def test_a_cancelled_invite_that_is_challenged_is_over(verb: str) -> None:
    network, phone, far = calling()
    getattr(phone.outgoing, verb)(network.now)
    far.challenge(401)
    assert len(far.requests("INVITE")) == 1 and phone.events == []
    network.settle()
    assert phone.idle()


def test_cancel_after_the_challenge_waits_for_a_provisional_of_the_second_invite() -> None:
    network, phone, far = calling()
    far.answer(100)
    far.challenge(401)
    phone.outgoing.cancel(network.now)
    network.run(network.now + 0.1)
    assert far.requests("CANCEL") == [], "only the first INVITE had a provisional response"
    far.answer(180)
    (cancel,) = far.requests("CANCEL")
    assert cancel.cseq == (2, "CANCEL") and cancel.via.branch == far.requests("INVITE")[1].via.branch
    assert cancel.get("authorization") is None
    far.answer(200, method="CANCEL")
    far.answer(487)
    network.settle()
    assert phone.idle()


def test_a_2xx_that_crosses_the_cancel_of_a_challenged_invite() -> None:
    network, phone, far = calling()
    far.challenge(401)
    far.answer(180)
    phone.outgoing.cancel(network.now)
    far.answer(200)
    assert far.requests("ACK")[-1].cseq == (2, "ACK") and far.requests("BYE")[0].cseq == (3, "BYE")
    assert "nc=00000002" in (far.requests("BYE")[0].get("authorization") or "")
    far.challenge(401, "other", method="BYE")
    assert [bye.cseq[0] for bye in far.requests("BYE")] == [3, 4]
    far.answer(200, method="BYE")
    network.settle()
    assert phone.idle()


# In the dialog


def in_call(credential: Credential | None = CREDENTIAL) -> tuple[Network, Phone, Carrier]:
    network, phone, far = calling(credential)
    far.answer(200)
    phone.events.clear()
    return network, phone, far


def test_a_challenged_re_invite() -> None:
    network, phone, far = in_call()
    assert phone.session.offer(b"v=0\r\nnew\r\n", network.now)
    network.run(network.now + 0.05)
    far.answer(100)
    far.challenge(407)
    assert not phone.session.offer(b"another", network.now), "one exchange at a time"
    assert [invite.cseq[0] for invite in far.requests("INVITE")] == [1, 2, 3]
    assert far.requests("INVITE")[-1].body == b"v=0\r\nnew\r\n"
    far.answer(200)
    assert phone.events == [("offer answered", (200, ANSWER))]
    assert far.requests("ACK")[-1].cseq == (3, "ACK")
    assert far.requests("ACK")[-1].get("proxy-authorization") is not None
    phone.session.bye(network.now)
    network.run(network.now + 0.05)
    assert far.requests("BYE")[0].cseq == (4, "BYE")


def test_a_re_invite_challenged_twice_is_refused() -> None:
    network, phone, far = in_call()
    phone.session.offer(OFFER, network.now)
    network.run(network.now + 0.05)
    far.challenge(401, "a")
    far.challenge(401, "b")
    assert phone.events == [("offer answered", (401, None))] and phone.session.active


def test_a_re_invite_that_was_withdrawn_is_not_sent_again() -> None:
    network, phone, far = in_call()
    phone.session.offer(OFFER, network.now)
    network.run(network.now + 0.05)
    far.answer(180)
    network.run(network.now + 32.1)
    assert far.requests("CANCEL")
    far.challenge(401)
    assert len(far.requests("INVITE")) == 2


def test_a_challenged_re_invite_that_gets_no_answer_ends_the_call() -> None:
    network, phone, far = in_call()
    phone.session.offer(OFFER, network.now)
    network.run(network.now + 0.05)
    far.answer(100)
    far.challenge(401)
    network.dead.add(far.hop)
    network.run(network.now + 33)
    assert phone.events == [("ended", "gone")]
    network.settle()
    assert phone.idle()


def test_a_challenged_bye_is_sent_again_though_the_session_is_over() -> None:
    network, phone, far = in_call()
    phone.session.bye(network.now)
    assert phone.session.state is SessionState.ENDED
    network.run(network.now + 0.05)
    far.challenge(401, method="BYE")
    first, second = far.requests("BYE")
    assert second.cseq[0] == first.cseq[0] + 1 and second.get("authorization") is not None
    far.answer(200, method="BYE")
    network.settle()
    assert phone.idle() and phone.events == []


def test_a_challenged_info_and_one_of_a_call_that_is_over() -> None:
    network, phone, far = in_call()
    phone.session.send("INFO", (("Content-Type", "text/plain"),), b"x", network.now)
    network.run(network.now + 0.05)
    far.challenge(401, method="INFO")
    assert [info.body for info in far.requests("INFO")] == [b"x", b"x"]
    phone.session.send("INFO", (), b"", network.now)
    phone.session.bye(network.now)
    network.run(network.now + 0.05)
    far.challenge(401, "other", method="INFO")
    assert len(far.requests("INFO")) == 3
    far.answer(200, method="BYE")
    network.settle()
    assert phone.idle()


def test_a_broken_dialog_without_credential_is_not_repeated() -> None:
    network, phone, far = in_call(None)
    phone.session.bye(network.now)
    network.run(network.now + 0.05)
    far.challenge(401, method="BYE")
    assert len(far.requests("BYE")) == 1


def test_a_call_from_the_carrier_answers_its_challenges_too() -> None:
    network, caller, callee = pair()
    callee.credential = CREDENTIAL
    guard = Challenger(caller)
    callee.when("invite", accept)
    caller.call(callee.hop)
    network.run(1.0)
    callee.session.bye(network.now)
    network.run(2.0)
    assert (guard.challenged, guard.let_in) == (["BYE"], ["BYE"])
    assert caller.names() == ["answered", "ended"]
    network.settle()
    assert caller.idle() and callee.idle()


# Outside dialogs


@dataclass
class Asker:
    """Whoever sends a request outside dialogs."""

    told: list[tuple[int, int]] = field(default_factory=list)
    """Each answer's code and sequence number; 0 for no answer."""

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        self.told.append((response.code, response.cseq[0]))

    def on_no_response(self, transaction: ClientTransaction, code: int, now: float) -> None:
        self.told.append((code, 0))


def asking(
    method: str = "REGISTER", authorization: Authorization | None = None, number: int = 1
) -> tuple[Network, Phone, Carrier, Asker]:
    network = Network()
    phone, far, asker = Phone(network, "192.0.2.1"), Carrier(network, "192.0.2.9"), Asker()
    ask(network, phone, far, asker, authorization, method, number)
    return network, phone, far, asker


def ask(
    network: Network,
    phone: Phone,
    far: Carrier,
    asker: Asker,
    authorization: Authorization | None,
    method: str = "REGISTER",
    number: int = 1,
) -> None:
    phone.agent.request(
        method,
        "sip:carrier.example",
        network.flow(phone.hop, far.hop),
        Address(Uri("carrier.example", "ringplan")),
        Address(Uri("carrier.example", "ringplan")),
        asker,
        network.now,
        (("Contact", "<sip:ringplan@192.0.2.1>"),),
        "call-1",
        number,
        authorization,
    )
    network.run(network.now + 0.05)


def test_a_request_outside_dialogs_is_sent_again() -> None:
    authorization = Authorization(CREDENTIAL, lambda: "c")
    network, phone, far, asker = asking("REGISTER", authorization, 7)
    far.challenge(401, method="REGISTER")
    far.answer(200, method="REGISTER")
    assert asker.told == [(200, 8)]
    first, second = far.requests("REGISTER")
    assert first.call_id == second.call_id == "call-1" and first.from_.tag == second.from_.tag
    assert second.get("contact") == "<sip:ringplan@192.0.2.1>"
    ask(network, phone, far, asker, authorization, number=9)
    assert "nc=00000002" in (far.requests("REGISTER")[-1].get("authorization") or "")
    far.challenge(401, "new", method="REGISTER")
    assert 'nonce="new"' in (far.requests("REGISTER")[-1].get("authorization") or "")
    far.challenge(401, "newer", method="REGISTER")
    assert asker.told == [(200, 8), (401, 10)]
    network.settle()
    assert phone.idle()


def test_a_request_without_authorization_is_told_of_the_challenge() -> None:
    _network, _phone, far, asker = asking("OPTIONS")
    far.challenge(407, method="OPTIONS")
    assert asker.told == [(407, 1)]


def test_silence_outside_dialogs() -> None:
    network, phone, _far, asker = asking("OPTIONS", Authorization(CREDENTIAL, lambda: "c"))
    network.settle()
    assert asker.told == [(408, 0)] and phone.idle()


# A bad network


@pytest.mark.parametrize("loss", [0.1, 0.3, 0.5])
def test_whole_calls_with_a_carrier_that_challenges_everything(loss: float) -> None:
    for seed in range(40):
        faults = Faults(seed, loss, duplication=0.1, delay=(0.005, 0.3), most_losses=2)
        network, caller, callee = pair(faults)
        chance = random.Random(seed)
        guard = Challenger(callee, lifetime=chance.choice([5.0, 300.0]))
        callee.when("invite", chance.choice([ring, accept]))
        caller.call(callee.hop, credential=CREDENTIAL)
        network.at(chance.uniform(5.0, 20.0), callee.doing(accept))
        network.run(120.0)
        assert caller.session.active and callee.session.active, seed
        assert [name for name in caller.names() if name != "progress"] == ["answered"]
        for talk in (Talk(caller), Talk(callee)):
            network.at(network.now + chance.uniform(0, 5), talk.phone.doing(talk.ask))
        network.run(200.0)
        caller.session.bye(network.now)
        nothing_left(network, caller, callee)
        assert callee.names().count("ended") == 1, seed
        assert "INVITE" in guard.challenged and guard.let_in.count("BYE") == 1


@pytest.mark.parametrize("loss", [0.1, 0.3, 0.5])
def test_cancelling_at_any_moment_of_a_challenge(loss: float) -> None:
    for seed in range(60):
        network, caller, callee = pair(Faults(seed, loss, 0.1, (0.005, 0.3), most_losses=2))
        chance = random.Random(seed)
        Challenger(callee)
        callee.when("invite", ring)
        session = caller.call(callee.hop, credential=CREDENTIAL)
        verb = chance.choice([session.cancel, session.give_up])
        network.at(chance.uniform(0.0, 3.0), verb)
        network.at(chance.uniform(2.0, 4.0), callee.doing(chance.choice([accept, hang_up])))
        network.run(150.0)
        assert caller.session.active == any(each.active for each in callee.sessions), seed
        if caller.session.active:
            assert "answered" in caller.names(), "the cancel came too late"
            caller.session.bye(network.now)
        nothing_left(network, caller, callee)
