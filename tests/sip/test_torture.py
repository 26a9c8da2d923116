"""RFC 4475's 49 torture messages and RFC 5118's 12, by datagrams and by a stream, on a user agent in memory."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from b2bua.registrar.registrar import Limits, register
from b2bua.sip.dialogs.session import Session
from b2bua.sip.dialogs.uas import ServerSession
from b2bua.sip.text.framing import Framer, Unframed
from b2bua.sip.text.message import Request, Response, parse_message
from b2bua.sip.text.transport import Transport
from b2bua.sip.text.via import Via
from tests.sip.messages import FLOW, request
from tests.sip.torture import CASES
from tests.sip.torture.expectation import ACCEPTED, DROPPED, UNREADABLE, Answer, Torture
from tests.sip.wire import Network, Peer, Phone

# What their answers copy is itself at fault, or not there.
FAULTY_COPIES = ("insuf", "quotbal", "scalar02")
WRONG_LENGTHS = ("clerr", "ncl", "dblreq", "mcl01", "inv2543")
BY_NAME = {case.name: case for case in CASES}
# How the user agent below says that it would have a call or a registration.
WELCOME = {(486, "INVITE"), (200, "REGISTER")}


def decline(session: Session, now: float) -> None:
    assert isinstance(session, ServerSession)
    session.reject(486, now)


class Bench:
    """A user agent that is asked by everybody, and a peer that tortures it."""

    def __init__(self, transport: Transport) -> None:
        self.network = Network(transport=transport)
        self.phone = Phone(self.network, "192.0.2.2")
        self.phone.when("invite", decline)
        self.peer = Peer(self.network, "192.0.2.9")
        self._flow = self.network.flow(self.phone.hop, self.peer.hop)
        self._framer = Framer()
        self.closed = False

    def take(self, data: bytes) -> None:
        """Bytes arrive: a datagram, or some more of a stream."""
        layer, now = self.phone.agent.layer, self.network.now
        if self.network.transport is Transport.UDP:
            layer.receive(data, self._flow, now)
        else:
            self._framer.feed(data)
            try:
                while (message := self._framer.take()) is not None:
                    layer.receive(message, self._flow, now)
            except Unframed as error:
                layer.refuse(error, error.head, self._flow)
                self.closed = True
        self.network.run(now + 0.1)

    @property
    def answers(self) -> list[Response]:
        return [each for each in self.peer.received if isinstance(each, Response) and each.code >= 200]

    def outcomes(self) -> list[Answer]:
        if self.answers:
            return [
                ACCEPTED if (each.code, (each.get("cseq") or "").split()[1]) in WELCOME else each.code
                for each in self.answers
            ]
        if self.phone.refused:
            return [UNREADABLE]
        return [DROPPED] if self.phone.received else []


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.section}-{case.name}")
def test_each_message_gets_its_answer_and_leaves_nothing(case: Torture, transport: Transport) -> None:
    bench = Bench(transport)
    bench.take(case.data)
    if case.missing and transport is Transport.TCP:
        assert bench.outcomes() == [] and not bench.closed
        bench.take(b" " * case.missing)
    behind = [] if transport is Transport.UDP or case.behind is None else [case.behind]
    assert bench.outcomes() == [case.by(transport.value), *behind]
    assert bench.closed is (case.closes and transport is Transport.TCP)
    for answer in bench.answers:
        top, *others = [Via(value) for value in answer.values("via")]
        assert top.text.endswith(";received=192.0.2.9") or ";received=192.0.2.9;" in top.text
        assert not any(via.fault for via in (top, *others)) or case.name == "badvers"
        if case.name not in FAULTY_COPIES:
            answer.check()
            assert answer.to.tag
    bench.network.settle()
    assert bench.phone.idle()
    assert bench.phone.agent.layer._merged == {}


def test_there_are_49_and_12_of_them() -> None:
    assert Counter(case.section.count(".") > 1 for case in CASES) == {True: 49, False: 12}
    assert len(BY_NAME) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_they_are_typed_as_they_should_be(case: Torture) -> None:
    """The lengths that they give are those of their bodies, but for the messages that are about that."""
    head, end, body = case.data.partition(b"\r\n\r\n")
    assert end and b"\n" not in head.replace(b"\r\n", b"")
    lengths = re.findall(rb"\r\n(?:content-length|l)\s*:\s*(\S+)", head, re.IGNORECASE)
    assert (lengths == [b"%d" % len(body)]) is (case.name not in WRONG_LENGTHS)


# What some of the answers hold


def answer_to(name: str) -> Response:
    bench = Bench(Transport.UDP)
    bench.take(BY_NAME[name].data)
    return bench.answers[-1]


def test_refusals_say_what_would_have_been_taken() -> None:
    for name in ("intmeth", "esc02", "mpart01"):
        assert "INVITE" in (answer_to(name).get("allow") or "")
    assert "application/sdp" in answer_to("invut").values("accept")
    assert answer_to("bext01").tokens("unsupported") == {"nothingsupportsthis", "nothingsupportsthiseither"}


def test_every_via_comes_back() -> None:
    transports = [Via(value).transport for value in answer_to("transports").values("via")]
    assert transports == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]
    assert len(answer_to("longreq").values("via")) == 34
    assert [Via(value).host for value in answer_to("wsinv").values("via")] == [
        "192.0.2.2",
        "spindle.example.com",
        "192.168.255.111",
    ]


def test_what_is_not_there_is_not_made_up() -> None:
    assert set(answer_to("insuf").headers) == {"via", "cseq", "content-length"}


@pytest.mark.parametrize("branch", ["z9hG4bK", "old", ""])
def test_a_branch_that_names_nothing_tells_no_requests_apart(branch: str) -> None:
    bench = Bench(Transport.UDP)
    for call_id in ("one", "one", "another"):
        bench.take(request(branch=branch, call_id=call_id))
    assert len(bench.phone.sessions) == 2
    assert [each.call_id for each in bench.answers] == ["one", "one", "another"], "the second is a repetition"


# What is read from some of them


def read(name: str) -> Request:
    message = parse_message(BY_NAME[name].data)
    assert isinstance(message, Request)
    message.check()
    return message


def test_escapes_in_uris() -> None:
    message = read("esc01")
    assert message.uri.user == "sips:user@example.com" and message.uri.host == "example.net"
    assert message.to.uri.user == "user" and message.from_.uri.user == "I have spaces"
    assert message.contact is not None and message.contact.user == "caller"
    assert read("semiuri").uri.user == "user;par=u@example.net"
    assert read("semiuri").uri.params == ()


def test_odd_characters() -> None:
    message = read("intmeth")
    assert message.uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert message.from_.tag == "_token~1'+`*%!-."
    assert message.from_.param("fromparam''~+*_!.-%") == '"работающий"'
    assert message.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert message.get("extensionheader-!.%*+_`'~") == "\ufeff大停電"
    assert message.to.display == "BEL: NUL: DEL:", "what cannot be printed is left out"


def test_reason_phrases() -> None:
    phrases = {}
    for name in ("unreason", "noreason"):
        message = parse_message(BY_NAME[name].data)
        assert isinstance(message, Response)
        phrases[name] = message.reason
    assert phrases == {"unreason": "= 2**3 * 5**2 но сто девяносто девять - простое", "noreason": ""}


@pytest.mark.parametrize(
    ("name", "contacts"),
    [
        ("escnull", ["<sip:%00@host5.example.com>", "<sip:%00%00@host5.example.com>"]),
        ("dblreq", ["<sip:j.user@host.example.com>"]),
        ("cparam01", ["<sip:+19725552222@gw1.example.net>;unknownparam"]),
        ("cparam02", ["<sip:+19725552222@gw1.example.net;unknownparam>"]),
        ("regescrt", ["<sip:user@example.com?Route=%3Csip:sip.example.com%3E>"]),
        ("regaut01", []),
        ("ipv6-good", ["<sip:caller@[2001:db8::1]>"]),
    ],
)
def test_what_is_registered(name: str, contacts: list[str]) -> None:
    message = read(name)
    outcome = register(message, message.to.uri.user or "", FLOW, (), Limits(), 0.0)
    assert outcome.code == 200
    told = [value.rpartition(";expires=")[0] for header, value in outcome.headers if header == "Contact"]
    assert told == contacts
    assert [change.binding.contact.as_target.headers for change in outcome.changes] == [None] * len(contacts)
