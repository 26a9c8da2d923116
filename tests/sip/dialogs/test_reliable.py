"""Reliable provisional responses to callers (RFC 3262 §3, §5): repeated until the PRACK, and no 2xx before it."""

from __future__ import annotations

import pytest

from b2bua.sip.dialogs.reliable import Provisional, Reliable
from b2bua.sip.dialogs.session import Session, SessionState
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.message import Response
from b2bua.sip.transactions.timers import NEVER, Timers
from tests.sip.messages import request
from tests.sip.wire import ANSWER, OFFER, Network, Peer, Phone

SUPPORTED, REQUIRED = ("Supported", "timer, 100rel"), ("Require", "100rel")
RINGING, EARLY, OTHER = Provisional(180), Provisional(183, ANSWER), Provisional(183, b"v=0\r\no=other\r\n")
# T1 doubling without a limit, for 64 T1.
REPEATED = [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]


class Caller(Peer):
    """A caller driven by hand that acknowledges when it is told to."""

    def __init__(self, network: Network, phone: Phone) -> None:
        super().__init__(network, "192.0.2.9")
        self.phone = phone
        self._cseq = 1

    def invite(self, *headers: tuple[str, str], body: bytes = OFFER) -> None:
        self.send(request(headers=headers, body=body), self.phone.hop)
        self._run()

    @property
    def last(self) -> Response:
        message = self.received[-1]
        assert isinstance(message, Response)
        return message

    @property
    def rseq(self) -> int:
        numbers = [m.integer("rseq", 0) for m in self.received if m.get("rseq")]
        return numbers[-1]

    def ask(self, method: str, *headers: tuple[str, str], cseq: int = 0, body: bytes = b"") -> int:
        """Send a request in the early dialog; the code it gets, 0 for none."""
        self._cseq = cseq or self._cseq + 1
        tag = next(m.to.tag for m in self.received if isinstance(m, Response) and m.to.tag)
        branch = f"z9hG4bK{method}{self._cseq}"
        data = request(method, to_tag=tag, branch=branch, cseq=self._cseq, headers=headers, body=body)
        self.send(data, self.phone.hop)
        self._run()
        answers = [m.code for m in self.received if isinstance(m, Response) and m.via.branch == branch]
        return answers[-1] if answers else 0

    def prack(self, rack: str = "", body: bytes = b"", cseq: int = 0) -> int:
        return self.ask("PRACK", ("RAck", rack or f"{self.rseq} 1 INVITE"), cseq=cseq, body=body)

    def cancel(self) -> None:
        self.send(request("CANCEL"), self.phone.hop)
        self._run()

    def ack(self, body: bytes = b"", branch: str = "z9hG4bKack") -> None:
        self.send(
            request("ACK", to_tag=self.received[-1].to.tag or "", branch=branch, body=body), self.phone.hop
        )
        self._run()

    def _run(self) -> None:
        self.network.run(self.network.now + 0.05)


def invited(
    *headers: tuple[str, str], body: bytes = OFFER, repeat: float = 60.0
) -> tuple[Network, Phone, Caller]:
    network = Network()
    phone = Phone(network, "192.0.2.2", repeat=repeat)
    caller = Caller(network, phone)
    caller.invite(*(headers or (SUPPORTED,)), body=body)
    return network, phone, caller


def told(network: Network, phone: Phone, code: int, sdp: bytes = b"") -> None:
    phone.incoming.progress(code, network.now, sdp)
    network.run(network.now + 0.05)


def finished(network: Network, phone: Phone) -> None:
    network.settle()
    assert phone.idle() and all(session.state is SessionState.ENDED for session in phone.sessions)


# The bookkeeping


@pytest.mark.parametrize(
    ("put", "sent", "after"),
    [
        ((EARLY,), EARLY, None),
        ((EARLY, EARLY), EARLY, None),
        ((EARLY, RINGING), EARLY, RINGING),
        ((EARLY, OTHER, RINGING), EARLY, Provisional(180, OTHER.sdp)),
        ((EARLY, RINGING, OTHER), EARLY, OTHER),
        ((RINGING, EARLY, RINGING), RINGING, Provisional(180, ANSWER)),
        ((EARLY, RINGING, EARLY), EARLY, EARLY),
    ],
)
def test_which_is_sent_and_which_is_next(
    put: tuple[Provisional, ...], sent: Provisional, after: Provisional | None
) -> None:
    reliable = Reliable(7, 1, Timers())
    for response in put:
        reliable.put(response)
        reliable.begin(0.0)
    assert (reliable.waiting, reliable.next, reliable.number) == (sent, after, 7)
    assert reliable.acknowledge("7 1 INVITE")
    assert reliable.agreed == bool(sent.sdp)
    assert (reliable.begin(1.0) == NEVER) == (after is None)
    assert reliable.waiting == after and reliable.number == 7 + (after is not None)


@pytest.mark.parametrize("rack", ["8 1 INVITE", "7 2 INVITE", "7 1 invite", "7 1 UPDATE"])
def test_a_rack_for_another_response(rack: str) -> None:
    reliable = Reliable(7, 1, Timers())
    reliable.put(EARLY)
    reliable.begin(0.0)
    assert not reliable.acknowledge(rack) and reliable.waiting == EARLY and not reliable.agreed


@pytest.mark.parametrize(
    "rack", ["", "7", "7 1", "x 1 INVITE", "7 1 INVITE x", "7,1,INVITE", "99999999999 1 INVITE"]
)
def test_a_rack_that_cannot_be_read(rack: str) -> None:
    with pytest.raises(BadMessage):
        Reliable(7, 1, Timers()).acknowledge(rack)


# What is reliable


@pytest.mark.parametrize(
    ("headers", "code", "sdp", "reliably"),
    [
        ((SUPPORTED,), 183, ANSWER, True),
        ((SUPPORTED,), 180, ANSWER, True),
        ((SUPPORTED,), 180, b"", False),
        ((REQUIRED,), 183, ANSWER, True),
        ((REQUIRED,), 180, b"", True),
        ((("Supported", "timer"),), 183, ANSWER, False),
        ((("k", "100REL"),), 183, ANSWER, True),
    ],
)
def test_what_is_sent_reliably(
    headers: tuple[tuple[str, str], ...], code: int, sdp: bytes, reliably: bool
) -> None:
    network, phone, caller = invited(*headers)
    assert phone.incoming.reliable == (headers[0][1] != "timer")
    told(network, phone, code, sdp)
    assert (caller.last.get("require") == "100rel") == (caller.last.get("rseq") is not None) == reliably
    assert caller.last.body == sdp and caller.codes() == [100, code]
    assert caller.received[0].get("rseq") is None
    if reliably:
        assert 1 <= caller.rseq < 2**31
    phone.incoming.reject(486, network.now)
    finished(network, phone)


def test_the_first_number_is_by_chance() -> None:
    numbers = set()
    for count in range(1, 6):
        network, phone, caller = invited()
        for _ in range(count):
            phone.agent.token()
        told(network, phone, 183, ANSWER)
        numbers.add(caller.rseq)
    assert len(numbers) == 5


def test_it_is_repeated_until_its_prack() -> None:
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    network.run(2.0)
    assert caller.prack() == 200
    network.run(50.0)
    responses = [packet for packet in network.sent if packet.name == "183 INVITE"]
    assert [round(p.at - responses[0].at, 3) for p in responses] == REPEATED[:3]
    assert len({packet.data for packet in responses}) == 1
    assert phone.names() == ["invite"] and phone.session.state is SessionState.INVITED


@pytest.mark.parametrize("accepted", [False, True])
def test_silence_is_refused_with_504(accepted: bool) -> None:
    network, phone, caller = invited()
    start = network.now
    told(network, phone, 183, ANSWER)
    if accepted:
        phone.incoming.accept(ANSWER, network.now)
    network.run(start + 31.99)
    assert caller.codes() == [100] + [183] * 7 and phone.names() == ["invite"]
    network.run(start + 32.05)
    assert caller.codes()[-1] == 504 and phone.events[-1] == ("ended", "no-prack")
    moments = [at - start for at in network.moments("183 INVITE")]
    assert [round(at, 3) for at in moments] == REPEATED
    caller.ack(branch="z9hG4bK1")
    finished(network, phone)


def test_an_invite_again_gets_what_was_said_last() -> None:
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    caller.invite(SUPPORTED)
    assert caller.codes() == [100, 183, 183] and caller.received[-1].get("rseq") == str(caller.rseq)


def test_a_later_response_waits_for_the_prack() -> None:
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    first = caller.rseq
    told(network, phone, 182, ANSWER)
    told(network, phone, 180, ANSWER)
    assert caller.codes() == [100, 183]
    caller.prack()
    assert caller.codes() == [100, 183, 200, 180] and caller.rseq == first + 1, "the newest of them"
    assert caller.prack() == 200


def test_an_unreliable_response_does_not_wait_and_stops_nothing() -> None:
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    told(network, phone, 180)
    network.run(1.0)
    assert caller.codes() == [100, 183, 180, 183] and caller.last.get("rseq") == str(caller.rseq)
    assert caller.prack() == 200


def test_it_is_sent_anew_now_and_then() -> None:
    """An INVITE is kept alive (RFC 3261 §13.3.1.1), more rarely than by responses that may get lost."""
    network, phone, caller = invited(repeat=2.0)
    told(network, phone, 183, ANSWER)
    first = caller.rseq
    caller.prack()
    network.run(4.9)
    assert caller.rseq == first
    network.run(5.2)
    assert caller.rseq == first + 1 and caller.last.sdp == ANSWER
    assert caller.prack() == 200


# PRACKs


@pytest.mark.parametrize("rack", ["1 1 INVITE", "{0} 2 INVITE", "{0} 1 BYE"])
def test_a_prack_for_nothing_is_481(rack: str) -> None:
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    number = caller.rseq
    assert caller.prack(rack.format(number)) == 481
    assert caller.prack(f"{number} 1 INVITE") == 200
    assert caller.prack(f"{number} 1 INVITE") == 481, "it waits no more"


def test_a_prack_that_cannot_be_read_is_400() -> None:
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    assert caller.ask("PRACK") == caller.prack("x") == 400
    assert caller.prack() == 200


def test_a_prack_with_a_body_of_another_kind_is_refused_but_counts() -> None:
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    data = request("PRACK", to_tag=caller.last.to.tag or "", branch="z9hG4bKp", cseq=2, body=b"x",
                   headers=(("RAck", f"{caller.rseq} 1 INVITE"),))  # fmt: skip
    caller.send(data.replace(b"application/sdp", b"text/plain"), phone.hop)
    network.run(network.now + 0.1)
    assert caller.codes()[-1] == 415
    phone.incoming.accept(ANSWER, network.now)
    network.run(network.now + 0.1)
    assert caller.codes()[-1] == 200


def test_a_prack_again_gets_its_answer_again() -> None:
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    caller.prack(cseq=2)
    caller.prack(cseq=2, rack=f"{caller.rseq} 1 INVITE")
    assert caller.codes() == [100, 183, 200, 200]


def test_a_prack_overtaken_by_another_request_counts_all_the_same() -> None:
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    assert caller.ask("INFO", cseq=3) == 200
    assert caller.prack(cseq=2) == 200
    assert caller.ask("INFO", cseq=3) == 200, "the same INFO again"
    assert caller.ask("OPTIONS", cseq=2) == 500


@pytest.mark.parametrize("headers", [(SUPPORTED,), (("Supported", "timer"),)])
def test_a_prack_without_a_reliable_response_is_481(headers: tuple[tuple[str, str], ...]) -> None:
    network, phone, caller = invited(*headers)
    told(network, phone, 180)
    assert caller.prack("1 1 INVITE") == 481
    phone.incoming.accept(ANSWER, network.now)
    network.run(network.now + 0.1)
    caller.ack()
    assert caller.prack("1 1 INVITE") == 481 and phone.session.active


def test_a_prack_of_another_dialog_is_481() -> None:
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    rack = ("RAck", f"{caller.rseq} 1 INVITE")
    tag = caller.last.to.tag or ""
    for change in ({"from_tag": "other"}, {"to_tag": "other"}, {"to_tag": ""}, {"call_id": "other"}):
        named = {"to_tag": tag, **change}
        caller.send(request("PRACK", branch=f"z9hG4bK{change}", cseq=2, headers=(rack,), **named), phone.hop)  # type: ignore[arg-type]
        network.run(network.now + 0.05)
        assert caller.codes()[-1] == 481
    assert caller.prack() == 200


# The final response


def test_no_answer_before_the_prack() -> None:
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    session = phone.incoming
    session.accept(ANSWER, network.now)
    session.accept(b"again", network.now)
    session.progress(180, network.now)
    network.run(1.0)
    assert 200 not in caller.codes() and 180 not in caller.codes()
    assert not session.active and not session.confirmed and not session.offer(OFFER, network.now)
    caller.prack()
    assert (
        caller.codes()[-2:] == [200, 200] and caller.last.cseq == (1, "INVITE") and caller.last.sdp == ANSWER
    )
    assert session.active
    caller.ack()
    assert phone.names() == ["invite", "acknowledged"] and session.confirmed
    session.bye(network.now)
    network.run(network.now + 0.05)
    assert caller.received[-1].cseq == (1, "BYE")


def test_an_answer_stands_for_the_responses_that_would_have_been_next() -> None:
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    told(network, phone, 180, ANSWER)
    phone.incoming.accept(ANSWER, network.now)
    caller.prack()
    assert caller.codes() == [100, 183, 200, 200]


def test_without_a_description_the_answer_does_not_wait() -> None:
    network, phone, caller = invited(REQUIRED)
    told(network, phone, 180)
    phone.incoming.accept(ANSWER, network.now)
    network.run(network.now + 0.05)
    assert caller.codes() == [100, 180, 200]
    assert caller.prack() == 200, "a late one is welcome (§3)"
    network.run(0.4)
    caller.ack()
    network.run(10.0)
    assert caller.codes() == [100, 180, 200, 200] and phone.session.active


def test_a_refusal_does_not_wait() -> None:
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    phone.incoming.reject(486, network.now)
    network.run(network.now + 0.05)
    assert caller.codes() == [100, 183, 486]
    assert caller.prack() == 481
    caller.ack(branch="z9hG4bK1")
    finished(network, phone)


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize("by", ["cancel", "bye", "connection"])
def test_the_caller_gives_up_before_its_prack(accepted: bool, by: str) -> None:
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    if accepted:
        phone.incoming.accept(ANSWER, network.now)
    if by == "cancel":
        caller.cancel()
        assert caller.codes() == [100, 183, 200, 487]
    elif by == "bye":
        assert caller.ask("BYE") == 200
    else:
        phone.agent.layer.broken(network.flow(phone.hop, caller.hop), network.now)
    # Whoever has answered hears that the call ended, not that it was never answered.
    expected = ("cancelled", None) if by != "bye" and not accepted else ("ended", "bye")
    assert phone.events[1:] == [expected]
    assert caller.prack() == 481
    caller.ack(branch="z9hG4bK1")
    finished(network, phone)


def test_hanging_up_an_answer_that_waits_refuses_the_call() -> None:
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    phone.incoming.accept(ANSWER, network.now)
    phone.session.bye(network.now)
    network.run(network.now + 0.05)
    assert caller.codes() == [100, 183, 487]
    caller.ack(branch="z9hG4bK1")
    finished(network, phone)


# The offer is ours


def test_the_offer_goes_in_the_early_response_and_its_answer_comes_in_the_prack() -> None:
    network, phone, caller = invited(body=b"")
    told(network, phone, 183, OFFER)
    assert caller.last.sdp == OFFER and caller.last.get("require") == "100rel"
    assert caller.prack(body=ANSWER) == 200 and caller.last.body == b""
    assert phone.events[-1] == ("early answer", ANSWER)
    told(network, phone, 180, OFFER)
    assert caller.last.body == b"" and caller.last.get("rseq") is None, "an offer again would want its answer"
    phone.incoming.accept(OFFER, network.now)
    network.run(network.now + 0.05)
    assert caller.codes()[-1] == 200 and caller.last.body == b"" and "content-type" not in caller.last.headers
    caller.ack()
    assert phone.events[-1] == ("acknowledged", None)


def test_a_prack_that_owes_an_answer_and_has_none() -> None:
    network, phone, caller = invited(body=b"")
    told(network, phone, 183, OFFER)
    assert caller.prack() == 200 and phone.events[-1] == ("early answer", None)


def test_the_owner_refuses_what_the_prack_answered() -> None:
    network, phone, caller = invited(body=b"")

    def refuse(session: Session, now: float) -> None:
        phone.incoming.reject(488, now)

    phone.when("early answer", refuse)
    told(network, phone, 183, OFFER)
    caller.prack(body=b"v=0\r\n")
    assert caller.codes()[-1] == 488
    caller.ack(branch="z9hG4bK1")
    finished(network, phone)


def test_the_owner_answers_as_soon_as_the_prack_comes() -> None:
    network, phone, caller = invited(body=b"")
    phone.when("early answer", lambda session, now: phone.incoming.accept(b"", now))
    told(network, phone, 183, OFFER)
    told(network, phone, 180, OFFER)
    caller.prack(body=ANSWER)
    assert caller.codes() == [100, 183, 180, 200, 200]


def test_an_answer_waits_for_the_answer_in_the_prack() -> None:
    network, phone, caller = invited(body=b"")
    told(network, phone, 183, OFFER)
    phone.incoming.accept(OFFER, network.now)
    caller.prack(body=ANSWER)
    assert phone.events[-1] == ("early answer", ANSWER)
    assert caller.codes() == [100, 183, 200, 200] and caller.last.body == b""


def test_without_100rel_an_offer_of_ours_is_in_the_200() -> None:
    network, phone, caller = invited(("Supported", "timer"), body=b"")
    told(network, phone, 183, OFFER)
    assert caller.last.body == b"", "an offer may not get lost (RFC 3261 §13.2.1)"
    phone.incoming.accept(OFFER, network.now)
    network.run(network.now + 0.05)
    assert caller.last.sdp == OFFER
    caller.ack(body=ANSWER)
    assert phone.events[-1] == ("acknowledged", ANSWER)


# An offer in the PRACK


def test_an_offer_in_the_prack_is_answered_in_its_200() -> None:
    network, phone, caller = invited()
    phone.when("offer", lambda session, now: session.answer_offer(b"v=0\r\nsecond", now))
    told(network, phone, 183, ANSWER)
    assert caller.prack(body=b"v=0\r\nagain") == 200
    assert caller.last.sdp == b"v=0\r\nsecond" and phone.events[-1] == ("offer", b"v=0\r\nagain")
    assert caller.last.contact is not None
    network.run(40.0)
    assert phone.session.state is SessionState.INVITED, "no ACK is awaited"


@pytest.mark.parametrize("accepted", [False, True])
def test_an_offer_in_the_prack_that_nobody_answers_is_refused_but_the_prack_counts(accepted: bool) -> None:
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    if accepted:
        phone.incoming.accept(ANSWER, network.now)
    assert caller.prack(body=b"v=0\r\nagain") == (491 if accepted else 488)
    assert ("offer" in phone.names()) == (not accepted)
    phone.incoming.accept(ANSWER, network.now)
    network.run(network.now + 0.05)
    assert caller.codes()[-1] == 200 and caller.last.cseq == (1, "INVITE")


def test_an_offer_in_the_prack_before_the_first_is_answered() -> None:
    network, phone, caller = invited(REQUIRED)
    told(network, phone, 180)
    assert caller.prack(body=b"v=0\r\nagain") == 500 and "offer" not in phone.names()


@pytest.mark.parametrize(("body", "code"), [(b"v=0\r\nagain", 400), (b"", 200)])
def test_a_prack_whose_contact_cannot_be_read_counts_all_the_same(body: bytes, code: int) -> None:
    network, phone, caller = invited()
    told(network, phone, 183, ANSWER)
    phone.incoming.progress(180, network.now)
    tag = caller.last.to.tag or ""
    data = request(
        "PRACK",
        to_tag=tag,
        branch="z9hG4bKp",
        cseq=2,
        contact="<sip:x y>",
        headers=(("RAck", f"{caller.rseq} 1 INVITE"),),
        body=body,
    )
    caller.send(data, phone.hop)
    network.run(network.now + 0.05)
    assert code in caller.codes() and "offer" not in phone.names()
    # What waited for the PRACK goes out.
    assert 180 in caller.codes()
    phone.incoming.accept(ANSWER, network.now)
    network.run(network.now + 0.05)
    assert caller.codes()[-1] == 200 and caller.last.cseq == (1, "INVITE")
    caller.ack()
    caller.ask("BYE", cseq=3)
    network.settle()
    assert phone.idle()


@pytest.mark.parametrize("wrong", ["the Contact", "the offer"])
def test_what_waits_for_a_prack_goes_out_whatever_is_wrong_with_that_prack(wrong: str) -> None:
    network, phone, caller = invited(REQUIRED)
    told(network, phone, 183, ANSWER)
    phone.incoming.progress(180, network.now)
    network.run(network.now + 0.05)
    assert caller.codes() == [100, 183], "the 180 waits for the PRACK of the 183"

    def refuse(session: Session, now: float) -> None:
        raise BadMessage(400, "Bad SDP")

    phone.when("offer", refuse)
    data = request(
        "PRACK",
        to_tag=caller.last.to.tag or "",
        branch="z9hG4bKp",
        cseq=2,
        contact="<sip:x y>" if wrong == "the Contact" else "<sip:202@192.0.2.9:5060>",
        headers=(("RAck", f"{caller.rseq} 1 INVITE"),),
        body=b"v=0\r\nagain",
    )
    caller.send(data, phone.hop)
    network.run(network.now + 0.05)
    assert sorted(caller.codes()) == [100, 180, 183, 400]
    rseqs = [m.integer("rseq", 0) for m in caller.received if m.get("rseq")]
    assert rseqs == [rseqs[0], rseqs[0] + 1]
    assert caller.prack() == 200
    phone.incoming.accept(ANSWER, network.now)
    network.run(network.now + 0.05)
    assert caller.codes()[-1] == 200 and caller.last.cseq == (1, "INVITE")
    caller.ack()
    caller.ask("BYE", cseq=9)
    network.settle()
    assert phone.idle()
