"""The transaction layer: which message belongs to which transaction, and what hostile input may not do."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b2bua.sip.text.draft import Draft
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.message import Request, Response, parse_message
from b2bua.sip.text.transport import Transport
from b2bua.sip.transactions.client_transaction import ClientTransaction
from b2bua.sip.transactions.layer import TransactionLayer
from b2bua.sip.transactions.server_transaction import ServerTransaction
from b2bua.sip.transactions.timers import NEVER, TimerQueue, Timers
from b2bua.sip.transactions.transaction import State
from tests.sip.messages import FLOW, PHONE, US, request, response_to
from tests.sip.wire import Network, Phone, accept, in_turn, ring
from tests.support.examples import examples
from tests.support.mutations import mutated

BYE = Draft(
    "BYE",
    "sip:202@192.0.2.9",
    (("From", "<sip:a@b>;tag=1"), ("To", "<sip:c@d>;tag=2"), ("Call-ID", "own"), ("CSeq", "1 BYE")),
    "own",
)
INVITE = Draft(
    "INVITE",
    "sip:202@192.0.2.9",
    (("From", "<sip:a@b>;tag=1"), ("To", "<sip:c@d>"), ("Call-ID", "own"), ("CSeq", "1 INVITE")),
    "own",
)


class Bench:
    """A layer with a core and a wire that note everything; also the user of its client transactions."""

    def __init__(self) -> None:
        numbers = count(1)
        self.sent: list[tuple[bytes, Flow]] = []
        self.requests: list[ServerTransaction] = []
        self.acks: list[Request] = []
        self.cancels: list[ServerTransaction] = []
        self.refused: list[int] = []
        self.responses: list[int] = []
        self.silent: list[int] = []
        self.received = 0
        self.streams: Flow | None = None
        self.asked_for_stream: list[Flow] = []
        self.react: Callable[[ServerTransaction], None] = lambda transaction: None
        self.queue = TimerQueue()
        self.layer = TransactionLayer(self, self, Timers(), self.queue, lambda: f"t{next(numbers)}")

    def receive(self, data: bytes, flow: Flow = FLOW, now: float = 0.0) -> None:
        self.layer.receive(data, flow, now)

    def codes(self) -> list[int]:
        messages = [parse_message(data) for data, _ in self.sent]
        return [message.code for message in messages if isinstance(message, Response)]

    @property
    def last(self) -> Request | Response:
        return parse_message(self.sent[-1][0])

    # Wire

    def send(self, data: bytes, flow: Flow, call_id: str) -> None:
        self.sent.append((data, flow))

    def stream(self, flow: Flow) -> Flow | None:
        self.asked_for_stream.append(flow)
        return self.streams

    def advertised(self, flow: Flow) -> SocketAddress:
        return US

    # Core

    def on_request(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        self.requests.append(transaction)
        self.react(transaction)

    def on_ack(self, ack: Request, now: float) -> None:
        self.acks.append(ack)

    def on_cancel(self, invite: ServerTransaction, now: float) -> None:
        self.cancels.append(invite)

    def on_received(self, message: Request | Response, data: bytes, flow: Flow, now: float) -> None:
        self.received += 1

    def on_refused(self, error: BadMessage, data: bytes, flow: Flow) -> None:
        self.refused.append(error.code)

    # ResponseUser

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        self.responses.append(response.code)

    def on_no_response(self, transaction: ClientTransaction, code: int, now: float) -> None:
        self.silent.append(code)


# Server transactions: RFC 3261 §17.2.3


def test_a_repeated_request_is_one_transaction_and_gets_the_last_response_again() -> None:
    bench = Bench()
    bench.receive(request())
    bench.receive(request())
    assert len(bench.requests) == 1 and bench.sent == []
    bench.requests[0].respond(180, 0.0)
    bench.receive(request())
    assert len(bench.sent) == 2 and bench.sent[0] == bench.sent[1]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"via": "SIP/2.0/UDP 192.0.2.9"}, True),  # 5060 is the default
        ({"uri": "sip:other@192.0.2.2"}, True),  # the branch says it all
        ({"branch": "z9hG4bK2"}, False),
        ({"via": "SIP/2.0/UDP 192.0.2.9:5070"}, False),
        ({"via": "SIP/2.0/UDP 192.0.2.8:5060"}, False),
        ({"method": "MESSAGE"}, False),
    ],
)
def test_server_transactions_match_by_branch_sent_by_and_method(change: dict[str, str], same: bool) -> None:
    bench = Bench()
    bench.receive(request("OPTIONS", to_tag="x"))
    bench.receive(request(**{"method": "OPTIONS", "to_tag": "x", **change}))  # type: ignore[arg-type]
    assert len(bench.requests) == (1 if same else 2)


def test_the_ack_of_a_failure_belongs_to_its_invite() -> None:
    bench = Bench()
    bench.receive(request())
    bench.requests[0].respond(486, 0.0)
    bench.receive(request("ACK"))
    assert bench.requests[0].state is State.CONFIRMED and bench.acks == []
    bench.queue.run(4.999)
    assert len(bench.layer) == 1 and bench.codes() == [486]
    bench.queue.run(5.0)
    assert len(bench.layer) == 0


def test_a_failure_is_repeated_until_its_ack_comes() -> None:
    bench = Bench()
    bench.receive(request())
    bench.requests[0].respond(486, 0.0)
    bench.queue.run(0.5)
    bench.queue.run(1.5)
    bench.receive(request("ACK"), now=1.6)
    bench.queue.run(6.0)
    assert bench.codes() == [486] * 3


@pytest.mark.parametrize("branch", ["z9hG4bK1", "z9hG4bKnew"])
def test_the_ack_of_a_2xx_goes_to_the_core_whatever_its_branch(branch: str) -> None:
    bench = Bench()
    bench.receive(request())
    bench.requests[0].respond(200, 0.0)
    bench.receive(request("ACK", branch=branch))
    assert len(bench.acks) == 1


def test_after_a_2xx_a_repeated_invite_is_absorbed() -> None:
    bench = Bench()
    bench.receive(request())
    bench.requests[0].respond(200, 0.0)
    bench.receive(request(), now=31.9)
    bench.queue.run(31.9)
    assert bench.codes() == [200] and len(bench.requests) == 1
    bench.queue.run(32.0)
    assert len(bench.layer) == 0


def test_peers_without_the_magic_cookie() -> None:
    bench = Bench()
    old = request(branch="1")
    bench.receive(old)
    bench.receive(old)
    assert len(bench.requests) == 1
    bench.receive(request(branch="1", cseq=2))
    bench.receive(request(branch="1", from_tag="other"))
    bench.receive(request(branch="1", call_id="other"))
    bench.receive(request(branch="1", uri="sip:other@192.0.2.2", cseq=9))
    assert len(bench.requests) == 5
    bench.requests[0].respond(404, 0.0)
    bench.receive(request("ACK", branch="1", to_tag="t1"))
    assert bench.requests[0].state is State.CONFIRMED and bench.acks == []
    bench.receive(request("CANCEL", branch="1", cseq=2))
    assert bench.cancels == [bench.requests[1]]


def test_the_topmost_of_joined_vias_counts() -> None:
    bench = Bench()
    bench.receive(request(via="SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKa, SIP/2.0/UDP h", branch="z9hG4bKb"))
    bench.receive(request(via="SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKa, SIP/2.0/UDP h", branch="z9hG4bKc"))
    assert len(bench.requests) == 1
    bench.requests[0].respond(404, 0.0)
    assert len(bench.last.lines("via")) == 2


def test_every_answer_but_100_has_our_tag_and_always_the_same() -> None:
    bench = Bench()
    bench.receive(request())
    for code in (100, 180, 183, 200):
        bench.requests[0].respond(code, 0.0)
    assert [parse_message(data).to.tag for data, _ in bench.sent] == [None, "t1", "t1", "t1"]
    bench.receive(request(branch="z9hG4bK5", to_tag="theirs", cseq=2))
    bench.requests[1].respond(200, 0.0)
    assert bench.last.get("to") == "<sip:201@ringplan.example>;tag=theirs"


def test_a_second_final_response_is_not_sent() -> None:
    bench = Bench()
    bench.receive(request())
    bench.requests[0].respond(486, 0.0)
    bench.requests[0].respond(200, 0.0)
    bench.requests[0].respond(180, 0.0)
    assert bench.codes() == [486] and bench.requests[0].answered


def test_responses_go_where_the_via_says() -> None:
    bench = Bench()
    bench.receive(request("OPTIONS", via="SIP/2.0/UDP 192.0.2.9:5099"))
    bench.requests[0].respond(200, 0.0)
    assert bench.sent[-1][1].remote == SocketAddress("192.0.2.9", 5099)


# CANCEL: §9.2


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ({}, 200, True),
        ({"branch": "z9hG4bKother"}, 481, False),
        ({"via": "SIP/2.0/UDP 192.0.2.8:5060"}, 481, False),
    ],
)
def test_cancel_matches_the_invite(change: dict[str, str], code: int, told: bool) -> None:
    bench = Bench()
    bench.receive(request())
    bench.receive(request("CANCEL", **change))  # type: ignore[arg-type]
    bench.receive(request("CANCEL", **change))  # type: ignore[arg-type]
    assert bench.codes() == [code, code]
    assert bench.cancels == (bench.requests if told else [])
    if told:
        assert bench.last.to.tag == bench.requests[0].tag


def test_cancel_after_the_final_response_changes_nothing() -> None:
    bench = Bench()
    bench.receive(request())
    bench.requests[0].respond(200, 0.0)
    bench.receive(request("CANCEL"))
    assert bench.codes() == [200, 200] and bench.cancels == []


def test_cancel_of_another_method_is_481() -> None:
    bench = Bench()
    bench.receive(request("OPTIONS"))
    bench.receive(request("CANCEL"))
    assert bench.codes() == [481]


# Merged requests: §8.2.2.2


def test_the_same_request_by_another_way_is_482() -> None:
    bench = Bench()
    bench.receive(request(branch="z9hG4bK1"))
    bench.receive(request(branch="z9hG4bK2"))
    bench.receive(request(branch="z9hG4bK3"))
    assert len(bench.requests) == 1 and bench.codes() == [482, 482]


def test_a_merged_request_stays_merged_when_the_copy_is_forgotten() -> None:
    bench = Bench()
    bench.receive(request(branch="z9hG4bK1"))
    bench.receive(request(branch="z9hG4bK2"))
    bench.receive(request("ACK", branch="z9hG4bK2"))
    bench.queue.run(5.0)
    assert len(bench.layer) == 1
    bench.receive(request(branch="z9hG4bK3"), now=6.0)
    assert bench.codes() == [482, 482]


@pytest.mark.parametrize("change", [{"cseq": 2}, {"from_tag": "f2"}, {"call_id": "c2"}])
def test_other_requests_are_not_merged(change: dict[str, int | str]) -> None:
    bench = Bench()
    bench.receive(request(branch="z9hG4bK1"))
    bench.receive(request(branch="z9hG4bK2", **change))  # type: ignore[arg-type]
    assert len(bench.requests) == 2


def test_requests_in_a_dialog_are_not_merged() -> None:
    bench = Bench()
    bench.receive(request(branch="z9hG4bK1", to_tag="t"))
    bench.receive(request(branch="z9hG4bK2", to_tag="t"))
    assert len(bench.requests) == 2


def test_after_the_transaction_the_same_request_is_new() -> None:
    bench = Bench()
    bench.react = lambda transaction: transaction.respond(200, 0.0)
    bench.receive(request("OPTIONS", branch="z9hG4bK1"))
    bench.queue.run(32.0)
    bench.receive(request("OPTIONS", branch="z9hG4bK2"), now=33.0)
    assert bench.codes() == [200, 200]


# Client transactions: §17.1.3


def answer(bench: Bench, code: int, tag: str = "2", sent: int = -1, **headers: str) -> None:
    bench.receive(response_to(bench.sent[sent][0], code, tag, tuple(headers.items())))


def test_requests_carry_our_via_with_rport() -> None:
    bench = Bench()
    bench.layer.send(BYE, FLOW, bench, 0.0)
    assert bench.last.get("via") == "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKt1;rport"
    assert bench.sent[-1][1] == FLOW
    bench.layer.send(BYE, FLOW._replace(transport=Transport.TCP), bench, 0.0)
    assert bench.last.get("via") == "SIP/2.0/TCP 192.0.2.2:5060;branch=z9hG4bKt2;rport"


def test_a_response_is_found_by_branch_and_method() -> None:
    bench = Bench()
    bench.layer.send(BYE, FLOW, bench, 0.0)
    good = response_to(bench.sent[0][0], 200)
    bench.receive(good.replace(b"z9hG4bKt1", b"z9hG4bKt9"))
    bench.receive(good.replace(b"1 BYE", b"1 INFO"))
    bench.receive(good.replace(b"\r\nFrom", b"\r\nVia: SIP/2.0/UDP other\r\nFrom"))
    assert bench.responses == []
    bench.receive(good)
    bench.receive(good)
    assert bench.responses == [200]


def test_silence_and_a_broken_transport() -> None:
    bench = Bench()
    bench.layer.send(BYE, FLOW, bench, 0.0)
    bench.queue.run(31.9)
    assert bench.silent == [] and bench.layer.waiting
    bench.queue.run(32.0)
    assert bench.silent == [408] and not bench.layer.waiting
    bench.layer.send(INVITE, FLOW, bench, 40.0)
    bench.layer.broken(FLOW._replace(connection=1), 41.0)
    assert bench.silent == [408]
    bench.layer.broken(FLOW, 41.0)
    assert bench.silent == [408, 503] and len(bench.layer) == 0


def test_a_broken_transport_withdraws_a_waiting_invite() -> None:
    bench = Bench()
    bench.receive(request())
    bench.requests[0].respond(180, 0.0)
    bench.layer.broken(FLOW, 1.0)
    assert bench.cancels == bench.requests and len(bench.layer) == 0


def test_the_ack_of_a_failure_is_hop_by_hop() -> None:
    bench = Bench()
    bench.layer.send(INVITE, FLOW, bench, 0.0)
    answer(bench, 486, "far", 0)
    ack = bench.last
    assert isinstance(ack, Request) and ack.method == "ACK"
    assert ack.via.branch == "z9hG4bKt1" and ack.to.tag == "far" and ack.cseq == (1, "ACK")
    assert ack.uri_text == INVITE.uri
    answer(bench, 486, "far", 0)
    assert bench.sent[-1] == bench.sent[-2] and bench.responses == [486]


def test_each_2xx_is_acknowledged_again_by_itself() -> None:
    bench = Bench()
    invite = bench.layer.send(INVITE, FLOW, bench, 0.0)
    answer(bench, 200, "one", 0)
    ack = Draft("ACK", "sip:far", (("CSeq", "1 ACK"),), "own")
    invite.acknowledge(ack, "one")
    first = bench.sent[-1]
    answer(bench, 200, "two", 0)
    assert bench.responses == [200, 200] and bench.sent[-1] == first
    invite.acknowledge(ack, "two")
    answer(bench, 200, "one", 0)
    assert bench.sent[-1] == first
    answer(bench, 200, "two", 0)
    assert bench.sent[-1] == bench.sent[-3] != first
    assert bench.responses == [200, 200]
    assert parse_message(first[0]).via.branch not in ("z9hG4bKt1", bench.last.via.branch)


def test_cancel_has_the_branch_of_its_invite_and_an_own_transaction() -> None:
    bench = Bench()
    invite = bench.layer.send(INVITE, FLOW, bench, 0.0)
    bench.layer.cancel(invite, (("Reason", "x"),), bench, 0.0)
    cancel = bench.last
    assert isinstance(cancel, Request) and cancel.method == "CANCEL"
    assert cancel.get("via") == parse_message(bench.sent[0][0]).get("via")
    assert cancel.cseq == (1, "CANCEL") and cancel.get("reason") == "x"
    answer(bench, 200)
    assert bench.responses == [200] and invite.state is State.CALLING


# What gets no transaction


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"SIP/2.0\r\nVia", b"SIP/4.0\r\nVia", 505),
        (b"CSeq: 1 INVITE", b"CSeq: 1 BYE", 400),
        (b"INVITE sip", b"NEWMETHOD sip", 501),
        (b"Max-Forwards", b"Max Forwards", 400),
        (b"INVITE sip", b"INVITE  sip", 400),
        (b"CSeq: 1 INVITE", b"CSeq: x", 400),
        (b"CSeq: 1 INVITE\r\n", b"", 400),
        (b"Content-Length: 0", b"Content-Length: 9", 400),
        (b"To: <sip:201@ringplan.example>", b'To: "', 400),
    ],
)
def test_stateless_refusals(old: bytes, new: bytes, code: int) -> None:
    bench = Bench()
    data = request(via="SIP/2.0/UDP 192.0.2.9:5099").replace(old, new, 1)
    bench.receive(data)
    bench.receive(data)
    assert bench.codes() == [code, code] and len(bench.layer) == 0 and bench.requests == []
    assert bench.sent[0] == bench.sent[1], "the same tag for the same request"
    assert b";tag=" in bench.sent[0][0].partition(b"\r\nTo:")[2].partition(b"\r\n")[0]
    assert bench.sent[0][1].remote.port == 5099


@pytest.mark.parametrize(
    "data",
    [
        request("ACK"),
        request("ACK", cseq_method="INVITE"),
        request("ACK", version="SIP/4.0"),
        request("ACK").replace(b"CSeq: 1 ACK", b"CSeq: x"),
        request("ACK").replace(b"Content-Length: 0", b"Content-Length: 5"),
        request("ACK", branch="old"),
        request().replace(b"Via: ", b"X: "),
        request().replace(b"Via: SIP/2.0", b"Via: nonsense"),
        response_to(request(), 200),
        response_to(request(), 200).replace(b"CSeq: 1 INVITE", b"CSeq: x"),
        b"",
        b"\0\0\0\0",
        b"\r\n\r\n",
        b"garbage\r\n\r\n",
    ],
)
def test_what_is_never_answered(data: bytes) -> None:
    bench = Bench()
    bench.receive(data)
    assert bench.sent == [] and len(bench.layer) == 0


def test_keepalives_are_not_even_refused() -> None:
    bench = Bench()
    for data in (b"", b"\r\n", b"\r\n\r\n", b"\0\0\0\0"):
        bench.receive(data)
    assert bench.refused == []
    bench.receive(b"garbage\r\n\r\n")
    assert bench.refused == [0]


def test_a_core_that_cannot_use_a_request_answers_with_its_code() -> None:
    bench = Bench()

    def refuse(transaction: ServerTransaction) -> None:
        raise BadMessage(416, "Unsupported URI Scheme")

    bench.react = refuse
    bench.receive(request())
    assert bench.codes() == [416] and bench.refused == [416]


# Hostile input


def checked_output(network: Network, phone: Phone) -> None:
    """Whatever was sent must be well-formed, and no answer to an ACK."""
    for packet in network.sent:
        if packet.source == phone.hop:
            head, end, body = packet.data.partition(b"\r\n\r\n")
            assert end and b"\0" not in head
            message = parse_message(packet.data)
            assert len(message.body) == len(body)
            for line in head.split(b"\r\n")[1:]:
                assert b"\r" not in line and b"\n" not in line
                assert line.partition(b":")[0].replace(b"-", b"").isalpha(), line
            if isinstance(message, Response):
                assert "ACK" not in (message.get("cseq") or "").split()[1:]


def a_conversation() -> list[bytes]:
    """Every message of a call with a re-INVITE, as both sides sent them."""
    network = Network()
    caller, callee = Phone(network, "192.0.2.1"), Phone(network, "192.0.2.2")
    callee.when("invite", in_turn(ring, accept))
    caller.call(callee.hop)
    network.run(1.0)
    caller.session.offer(b"v=0\r\n", network.now)
    network.run(2.0)
    callee.session.refuse_offer(488, network.now)
    caller.session.send("INFO", (("Content-Type", "application/dtmf-relay"),), b"Signal=1", network.now)
    network.run(3.0)
    caller.session.bye(network.now)
    network.run(4.0)
    extra = [request("REGISTER", contact="*"), request("OPTIONS"), request("CANCEL"), request("SUBSCRIBE")]
    return [packet.data for packet in network.sent] + extra


@pytest.mark.parametrize("seed", range(4))
def test_mutations_of_real_messages_never_raise(seed: int) -> None:
    chance = random.Random(seed)
    network = Network()
    phone = Phone(network, "192.0.2.2")
    phone.when("invite", accept)
    messages = a_conversation()
    source = network.flow(phone.hop, PHONE)
    for number in range(2000):
        data = mutated(chance.choice(messages), chance)
        phone.agent.layer.receive(data, source, network.now)
        if number % 50 == 0:
            # Answers to what the phone itself sends, mutated too.
            for packet in network.sent[-3:]:
                if isinstance(packet.message, Request) and packet.source == phone.hop:
                    answered = mutated(
                        response_to(packet.data, chance.choice([100, 180, 200, 302, 481, 699]), "x"), chance
                    )
                    phone.agent.layer.receive(answered, source, network.now)
            network.run(network.now + 1.0)
    network.dead.add(PHONE)
    for session in phone.sessions:
        session.bye(network.now)
    network.settle()
    checked_output(network, phone)
    assert phone.idle()
    assert phone.received > 400 and len(phone.refused) > 200, "neither all good nor all bad"


@pytest.mark.parametrize("seed", range(4))
def test_mutated_answers_to_a_call_never_raise_and_leave_nothing(seed: int) -> None:
    chance = random.Random(100 + seed)
    for _ in range(60):
        network = Network()
        phone = Phone(network, "192.0.2.1")
        session = phone.call(PHONE)
        invite = network.sent[0].data
        flow = network.flow(phone.hop, PHONE)
        for code in (100, 180, 200, chance.choice([200, 486, 302])):
            route = (("Record-Route", "<sip:p.example;lr>"), ("Contact", "<sip:far@192.0.2.9>"))
            data = response_to(invite, code, f"t{chance.randrange(2)}", route, b"v=0\r\n")
            phone.agent.layer.receive(
                mutated(data, chance) if chance.random() < 0.8 else data, flow, network.now
            )
        session.bye(network.now)
        session.cancel(network.now)
        network.settle()
        checked_output(network, phone)
        assert phone.idle()


@settings(max_examples=examples(60), deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    bench = Bench()
    bench.receive(data)
    assert bench.requests == [] or bench.sent == []


NAMES = (
    "Via From To Call-ID CSeq Contact Max-Forwards Require Route Record-Route Content-Type Content-Length",
    "Expires Timestamp v f t m l",
)
name = st.sampled_from(" ".join(NAMES).split())
value = st.text(st.sampled_from('abc<>";,:=@ \t%\\*0123456789é\r\n.-')) | st.sampled_from(
    ["SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx", "<sip:a@b>;tag=1", "1 INVITE", "application/sdp", "*", ","]
)


@settings(max_examples=examples(100), deadline=None)
@given(
    st.sampled_from(["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "invite", "FOO"]),
    st.lists(st.tuples(name, value), max_size=4),
    st.text(max_size=20),
)
def test_any_headers_after_good_ones(method: str, extra: list[tuple[str, str]], reason: str) -> None:
    network = Network()
    phone = Phone(network, "192.0.2.2")
    head, _, _ = request(method).rpartition(b"Content-Length")
    text = "".join(f"{header}: {text}\r\n" for header, text in extra)
    phone.agent.layer.receive(head + text.encode() + b"\r\n", network.flow(phone.hop, PHONE), 0.0)
    network.run(0.1)
    checked_output(network, phone)


def test_deadlines_end_with_the_transactions() -> None:
    bench = Bench()
    bench.react = lambda transaction: transaction.respond(404, 0.0)
    for number in range(20):
        bench.receive(request(branch=f"z9hG4bK{number}", call_id=f"{number}"))
        bench.layer.send(BYE, FLOW, bench, 0.0)
    while (when := bench.queue.next_deadline()) < NEVER:
        bench.queue.run(when)
    assert len(bench.layer) == 0 and len(bench.queue) == 0
    assert bench.layer._merged == {}


# Streams: what their framing could not cut out


def test_a_request_that_cannot_be_framed_gets_an_answer_but_no_transaction() -> None:
    bench = Bench()
    for error, head in (
        (BadMessage(400, "Missing Content-Length"), request().replace(b"Content-Length: 0\r\n", b"")),
        (BadMessage(513, "Too long"), request().replace(b"Length: 0", b"Length: 99999")),
        (BadMessage(400, "Bad Content-Length"), request().replace(b"Length: 0", b"Length: x")),
    ):
        assert head != request()
        bench.layer.refuse(error, head, FLOW)
        assert isinstance(bench.last, Response) and bench.last.code == error.code
    assert bench.refused == bench.codes() == [400, 513, 400]
    assert bench.requests == [] and len(bench.layer) == 0


@pytest.mark.parametrize(
    "head", [request("ACK"), b"SIP/2.0 200 OK\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 99, b"\r\n\r\n"]
)
def test_what_has_no_answer_gets_none(head: bytes) -> None:
    bench = Bench()
    bench.layer.refuse(BadMessage(400, "Missing Content-Length"), head, FLOW)
    assert bench.sent == [] and bench.refused == [400]


# Requests that are too long for a datagram: RFC 3261 §18.1.1

STREAM = Flow(Transport.TCP, US, PHONE)
LONG = INVITE._replace(body=b"x" * 1300)


def long_one(bench: Bench, draft: Draft = LONG) -> ClientTransaction:
    bench.streams = STREAM
    return bench.layer.send(draft, FLOW, bench, 0.0)


def test_a_long_request_goes_by_a_connection_and_says_so() -> None:
    bench = Bench()
    transaction = long_one(bench)
    assert [flow for _, flow in bench.sent] == [STREAM]
    assert bench.last.via.transport == "TCP"
    assert bench.asked_for_stream == [FLOW]
    bench.queue.run(20.0)
    assert len(bench.sent) == 1, "a connection repeats by itself"
    bench.receive(response_to(bench.sent[0][0], 180, "t"), STREAM)
    bench.layer.cancel(transaction, (), bench, 21.0)
    assert bench.sent[-1][1] == STREAM, "what belongs to it goes where it went"


def test_one_that_fits_is_not_even_thought_about() -> None:
    bench = Bench()
    bench.streams = STREAM
    short = INVITE._replace(body=b"x" * 900)
    bench.layer.send(short, FLOW, bench, 0.0)
    assert len(bench.sent[0][0]) <= 1300
    assert bench.sent[0][1] == FLOW
    assert bench.asked_for_stream == []


def test_where_there_is_no_connection_it_goes_by_udp_however_long() -> None:
    bench = Bench()
    bench.layer.send(LONG, FLOW, bench, 0.0)
    assert bench.asked_for_stream == [FLOW]
    assert bench.sent[0][1] == FLOW
    assert bench.last.via.transport == "UDP"


def test_a_connection_that_fails_leaves_the_same_transaction_to_udp() -> None:
    bench = Bench()
    transaction = long_one(bench)
    branch = bench.last.via.branch
    bench.layer.broken(STREAM, 0.3)
    assert bench.sent[-1][1] == FLOW
    assert (bench.last.via.transport, bench.last.via.branch) == ("UDP", branch)
    assert bench.silent == []
    bench.queue.run(0.9)
    assert len(bench.sent) == 3, "it is repeated now"
    bench.receive(response_to(bench.sent[-1][0], 486, "t"), FLOW)
    assert bench.responses == [486]
    assert bench.sent[-1][1] == FLOW
    assert transaction.answered


def test_a_connection_that_breaks_when_the_peer_has_answered_is_no_reason_to_ask_again() -> None:
    bench = Bench()
    long_one(bench)
    bench.receive(response_to(bench.sent[0][0], 180, "t"), STREAM)
    bench.layer.broken(STREAM, 1.0)
    assert len(bench.sent) == 1


def test_udp_after_a_failed_connection_may_fail_too() -> None:
    bench = Bench()
    long_one(bench)
    bench.layer.broken(STREAM, 0.3)
    bench.queue.run(0.3 + 32.1)
    assert bench.silent == [408]


@pytest.mark.parametrize(
    ("uri", "headers"),
    [
        ("sip:202@192.0.2.9;transport=udp", ()),
        ("sip:202@192.0.2.9;transport=UDP", ()),
        ("sip:202@192.168.1.7", ()),
        ("sip:202@192.0.2.9:5070", ()),
        ("sips:202@192.0.2.9", ()),
        ("tel:202", ()),
        ("sip:202@192.0.2.9", (("Route", "<sip:192.0.2.9;lr;transport=udp>"),)),
        ("sip:202@192.0.2.9", (("Route", "<sip:192.0.2.1;lr>"),)),
    ],
)
def test_where_only_udp_can_lead_nothing_else_is_tried(
    uri: str, headers: tuple[tuple[str, str], ...]
) -> None:
    bench = Bench()
    long_one(bench, LONG._replace(uri=uri, headers=(*headers, *LONG.headers)))
    assert bench.sent[0][1] == FLOW
    assert bench.asked_for_stream == []


@pytest.mark.parametrize(
    ("uri", "headers"),
    [
        ("sip:202@192.0.2.9:5060;transport=tcp", ()),
        ("sip:202@carrier.example", ()),
        ("sip:202@elsewhere.example;transport=udp", (("Route", "<sip:192.0.2.9;lr>"),)),
    ],
)
def test_the_next_hop_decides(uri: str, headers: tuple[tuple[str, str], ...]) -> None:
    bench = Bench()
    long_one(bench, LONG._replace(uri=uri, headers=(*headers, *LONG.headers)))
    assert bench.sent[0][1] == STREAM


# What a transaction keeps while it waits for repetitions


def _alive(kind: type) -> int:
    return sum(type(each) is kind for each in gc.get_objects())


@pytest.mark.parametrize(("method", "code"), [("REGISTER", 200), ("INVITE", 486), ("INVITE", 200)])
def test_an_answered_request_leaves_only_the_bytes_of_its_answer(method: str, code: int) -> None:
    bench, before = Bench(), _alive(Request)
    bench.receive(request(method))
    assert _alive(Request) == before + 1
    bench.requests[0].respond(code, 0.0)
    assert _alive(Request) == before
    answer = bench.sent[-1]
    bench.requests[0].resend()
    assert bench.sent[-2:] == [answer, answer]
    bench.requests[0].respond(500, 0.0)
    assert len(bench.sent) == 2


def test_a_connection_that_breaks_behind_a_refusal_cancels_nothing() -> None:
    bench = Bench()
    stream = Flow(Transport.TCP, US, PHONE, 1)
    bench.receive(request("INVITE"), stream)
    bench.requests[0].respond(486, 0.0)
    bench.layer.broken(stream, 0.0)
    assert (bench.cancels, len(bench.layer)) == ([], 0)


@pytest.mark.parametrize("draft", [BYE, INVITE])
def test_a_refused_request_of_ours_keeps_neither_itself_nor_its_user(draft: Draft) -> None:
    bench = Bench()
    transaction = bench.layer.send(draft, FLOW, bench, 0.0)
    refusal = response_to(bench.sent[0][0], 486)
    bench.receive(refusal)
    assert bench.responses == [486]
    kept = gc.get_referents(transaction)
    assert draft not in kept and bench not in kept
    if draft is INVITE:
        # The ACK goes out again, as it was.
        assert bench.sent[-1][0].startswith(b"ACK ")
        bench.receive(refusal)
        assert bench.sent[-2] == bench.sent[-1] and transaction.data == bench.sent[-1][0]
    else:
        assert transaction.data == b""
    assert bench.responses == [486]
