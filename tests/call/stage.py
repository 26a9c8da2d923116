"""A service with calls on an in-memory network: real user agents, and a relay, mailboxes and devices that note
what they are asked and answer when the test lets them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from pydantic import TypeAdapter

from b2bua.call.call import Call
from b2bua.call.itinerary import Itinerary
from b2bua.call.journal import Figures, Journal
from b2bua.call.line_use import LineUse
from b2bua.call.ports import Device, Gateway, Peer, Ports, ShownCaller
from b2bua.call.services import Services
from b2bua.call.snapshot import CallSnapshot, restore, take
from b2bua.callplan.hops import Hop as Stop
from b2bua.callplan.hops import arrive
from b2bua.callplan.journey import Journey
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.plan import Plan
from b2bua.callplan.settings import Trunk, User
from b2bua.callplan.situation import Caller, Limits, Situation
from b2bua.registrar.bindings import Binding
from b2bua.registrar.target import Target
from b2bua.sip.auth.challenge import Credential
from b2bua.sip.dialogs.session import Session
from b2bua.sip.dialogs.uas import ServerSession
from b2bua.sip.sdp.description import Sdp, parse_sdp
from b2bua.sip.sdp.nat import Nat
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.message import Request, Response
from b2bua.sip.text.uri import parse_uri
from b2bua.sip.transactions.server_transaction import ServerTransaction
from b2bua.sip.transactions.timers import NEVER
from tests.callplan.company import ACME, NOON, OTHER, RECEPTION, SALES, WORKSHOP
from tests.sip.wire import Faults, Network, Phone

SERVICE = SocketAddress("192.0.2.100", 5060)
RELAY = "198.51.100.7"
PCMA, PCMU, G722 = "8 PCMA/8000", "0 PCMU/8000", "9 G722/8000"
EVENTS = "101 telephone-event/8000"
CALLED, CALLING = 10, 11
LIMITS = Limits()
ANSWERED = ("answered", "voicemail", "portal")
ANNOUNCED = 3.0
"""Seconds that each announcement lasts."""
SNAPSHOT = TypeAdapter(CallSnapshot)
EPOCH = 1_795_000_000.0
"""The time of day when a stage's clock begins."""


def sdp(
    host: str,
    port: int = 4000,
    codecs: Sequence[str] = (PCMA, PCMU, EVENTS),
    direction: str = "sendrecv",
    version: int = 1,
) -> bytes:
    """A phone's description, with things in it that concern nobody else."""
    numbers = " ".join(codec.split()[0] for codec in codecs)
    maps = "".join(f"a=rtpmap:{codec}\r\n" for codec in codecs)
    return (
        f"v=0\r\no=phone-{host} 77 {version} IN IP4 {host}\r\ns=call of {host}\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {numbers}\r\n{maps}a=candidate:1 1 UDP 1 {host} {port} typ host\r\n"
        f"a=rtcp:{port + 1}\r\na={direction}\r\n"
    ).encode()


@dataclass
class FakeSession:
    """What was asked of one relay session."""

    name: str
    near: Peer
    ports: Ports | None = None
    far: list[Peer] = field(default_factory=list)
    moves: list[Peer] = field(default_factory=list)
    tones: list[tuple[str, int]] = field(default_factory=list)
    held: bool | None = None
    answered: bool = False
    closed: int = 0


class FakeRelay:
    """The `Relay` of a stage. `mode` when it answers: `works`, `full`, or `waits`, which is until `answer_all`."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.mode = "works"
        self.away = False
        self.sessions: dict[str, FakeSession] = {}
        self.waiting: list[Callable[[], None]] = []
        self._ports = count(20000, 2)

    @property
    def only(self) -> FakeSession:
        (session,) = self.sessions.values()
        return session

    @property
    def open_sessions(self) -> list[str]:
        return [
            s.name for s in self.sessions.values() if not s.closed and not (s.answered and s.ports is None)
        ]

    def answer_all(self) -> None:
        waiting, self.waiting = self.waiting, []
        for answer in waiting:
            answer()

    def die(self) -> None:
        """It is killed, and with it all its sessions; what is being asked of it must wait."""
        self.away = True
        self.sessions.clear()

    def open(self, session: str, near: Peer, done: Callable[[Ports | None, float], None]) -> None:
        assert session not in self.sessions
        if self.away:
            self.waiting.append(lambda: self.open(session, near, done))
            return
        made = self.sessions[session] = FakeSession(session, near)

        def answer(now: float) -> None:
            made.answered = True
            if self.mode != "full":
                made.ports = Ports(next(self._ports), next(self._ports))
            done(made.ports, now)

        if self.mode == "waits":
            self.waiting.append(lambda: answer(self.network.now))
        else:
            self.network.at(self.network.now + 0.001, answer)

    def adopt(self, session: str, ports: Ports, done: Callable[[bool, float], None]) -> None:
        there = session in self.sessions and self.sessions[session].ports == ports
        self.network.at(self.network.now + 0.001, lambda now: done(there, now))

    def connect_far(self, session: str, far: Peer) -> None:
        if not self.away:
            self._open(session).far.append(far)

    def update_near(self, session: str, near: Peer) -> None:
        if not self.away:
            self._open(session).moves.append(near)

    def play(self, session: str, sound: str, payload: int, *, once: bool) -> None:
        if not self.away:
            self._open(session).tones.append((sound, payload))

    def seconds(self, sound: str) -> float:
        return ANNOUNCED

    def hold(self, session: str, held: bool) -> None:
        if not self.away:
            self._open(session).held = held

    def close(self, session: str, done: Callable[[Figures], None]) -> None:
        if not self.away:
            self.sessions[session].closed += 1
        self.network.at(self.network.now + 0.001, lambda now: done({"session": session}))

    def address(self, flow: Flow) -> str:
        return RELAY

    def _open(self, name: str) -> FakeSession:
        session = self.sessions[name]
        assert session.ports is not None and not session.closed
        return session


@dataclass
class Place:
    """One asking for a mailbox."""

    token: str
    service: str
    user: int
    occasion: str | None
    caller: ShownCaller
    call_id: str
    granted: int = 0
    released: int = 0
    digits: list[str] = field(default_factory=list)


class FakeMailboxes:
    """The `Mailboxes` of a stage: each place is at a worker of its own. Modes as those of the relay."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.mode = "works"
        self.codecs: Sequence[str] = (PCMA, EVENTS)
        self.worker_mode = "answers"
        self.places: dict[str, Place] = {}
        self.workers: list[Phone] = []
        self.resumed: list[str] = []
        self.waiting: list[Callable[[], None]] = []
        self._numbers = count(1)

    @property
    def only(self) -> Place:
        (place,) = self.places.values()
        return place

    @property
    def worker(self) -> Phone:
        return self.workers[-1]

    def answer_all(self) -> None:
        waiting, self.waiting = self.waiting, []
        for answer in waiting:
            answer()

    def reserve(
        self,
        token: str,
        service: str,
        user: int,
        occasion: str | None,
        caller: ShownCaller,
        call_id: str,
        done: Callable[[Flow | None, float], None],
    ) -> None:
        assert token not in self.places
        self.places[token] = Place(token, service, user, occasion, caller, call_id)
        self._later(token, done)

    def resume(self, token: str, done: Callable[[Flow | None, float], None]) -> None:
        self.resumed.append(token)
        self._later(token, done)

    def release(self, token: str) -> None:
        self.places[token].released += 1

    def digit(self, token: str, digit: str) -> None:
        self.places[token].digits.append(digit)

    def kill(self, worker: Phone | None = None) -> None:
        """The worker is no more, without a word."""
        self.network.dead.add((worker or self.worker).hop)

    def tokens_invited(self) -> list[str]:
        return [
            worker.sessions[0].request.get("x-session") or ""
            for worker in self.workers
            if worker.sessions and isinstance(worker.sessions[0], ServerSession)
        ]

    def _later(self, token: str, done: Callable[[Flow | None, float], None]) -> None:
        full = self.mode == "full"

        def answer(now: float) -> None:
            if full:
                done(None, now)
                return
            self.places[token].granted += 1
            done(self.network.flow(SERVICE, self._worker().hop), now)

        if self.mode == "waits":
            self.waiting.append(lambda: answer(self.network.now))
        else:
            self.network.at(self.network.now + 0.001, answer)

    def _worker(self) -> Phone:
        worker = Phone(self.network, f"127.0.64.{next(self._numbers)}")
        description = sdp(worker.host, 6000, self.codecs)
        if self.worker_mode == "answers":
            worker.when("invite", lambda session, now: _accept(session, description, now))
        elif self.worker_mode == "refuses":
            worker.when("invite", lambda session, now: _reject(session, 403, now))
        # else: it says 100 and no more
        self.workers.append(worker)
        return worker


class Registered:
    """The `Devices` of a stage."""

    def __init__(self) -> None:
        self.by_user: dict[int, list[Device]] = {}

    def of_user(self, user: int, now: float) -> list[Device]:
        return list(self.by_user.get(user, ()))


class Carriers:
    """The `Trunks` of a stage: each added one is a phone that plays the carrier."""

    def __init__(self) -> None:
        self.all: list[Gateway] = []
        self.was_silent: list[str] = []
        self.has_answered: list[str] = []

    def gateways(self) -> list[Gateway]:
        return list(self.all)

    def silent(self, gateway: Gateway) -> None:
        self.was_silent.append(gateway.trunk.name)

    def answered(self, gateway: Gateway) -> None:
        self.has_answered.append(gateway.trunk.name)


@dataclass
class Notes:
    """The `Watcher` of a stage."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    legs: list[tuple[str, str]] = field(default_factory=list)
    joins: list[tuple[str, str | None]] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    changes: int = 0

    def event(self, journal: Journal, name: str, **fields: object) -> None:
        self.events.append((name, fields))

    def leg_added(self, journal: Journal, call_id: str, leg: str) -> None:
        self.legs.append((leg, call_id))

    def joined(self, journal: Journal, relay_session: str, token: str | None) -> None:
        self.joins.append((relay_session, token))

    def changed(self, journal: Journal) -> None:
        self.changes += 1

    def finished(self, journal: Journal) -> None:
        self.ended.append(id(journal))

    def names(self) -> list[str]:
        return [name for name, _ in self.events]


class Stage:
    """The service, its surroundings, and as many phones as a test wants. Also the agent's application."""

    def __init__(self, faults: Faults | None = None, limits: Limits = LIMITS, repeat: float = 60.0) -> None:
        self.network = Network(faults)
        self.relay = FakeRelay(self.network)
        self.mailboxes = FakeMailboxes(self.network)
        self.devices = Registered()
        self.carriers = Carriers()
        self.notes = Notes()
        self.limits = limits
        self.called = RECEPTION
        self.others: tuple[User, ...] = (WORKSHOP, SALES)
        self.who = Caller("202", "Workshop", user=CALLING)
        self.plan: Plan | None = None
        self.nat: Nat = "auto"
        self.early_media = True
        self.answers_first = False
        self.calls: list[Call] = []
        self.phones: list[Phone] = []
        self.refused: list[BadMessage] = []
        self.lives = 0
        self._repeat = repeat
        self._tokens, self._origins = count(1), count(9000)
        self._live()

    def _live(self) -> None:
        self.lives += 1
        self.agent = self.network.agent(
            SERVICE,
            self,
            repeat=self._repeat,
            life=self.lives,  # type: ignore[arg-type]
        )
        self.lines, self.redirected = LineUse(self.agent.queue), LineUse(self.agent.queue)
        self.services = Services(
            agent=self.agent,
            relay=self.relay,
            mailboxes=self.mailboxes,
            devices=self.devices,
            trunks=self.carriers,
            lines=self.lines,
            redirected=self.redirected,
            watcher=self.notes,
            token=lambda: f"t{next(self._tokens)}",
            origin=lambda: next(self._origins),
            chance=lambda: 0.5,
        )

    # The application

    def on_invite(self, invite: ServerTransaction, request: Request, now: float) -> None:
        numbering = Numbering.of(
            (ACME, OTHER), (self.called, *self.others), [gateway.trunk for gateway in self.carriers.all]
        )
        journey = Journey(self.called.numbers[0] if self.called.numbers else "201")
        if self.plan is not None:
            first = Stop(journey, self.who, self.plan)
        else:
            first = arrive(
                self.called, self.who, journey, numbering, lambda user: self.situation(user, now), self.limits
            )
        call = Call.arrived(
            self.services,
            invite,
            Itinerary([first], numbering, self.situation, self.limits),
            "201",
            now,
            nat=self.nat,
            early_media=self.early_media,
            answers_first=self.answers_first,
        )
        self.calls.append(call)
        call.start(now)

    def _answered(self, hops: tuple[Stop, ...]) -> Itinerary:
        numbering = Numbering.of((ACME, OTHER), (self.called, *self.others))
        return Itinerary(hops, numbering, self.situation, self.limits)

    def situation(self, user: User, now: float) -> Situation:
        return Situation(
            NOON,
            busy=self.lines.in_use(user.id) >= user.max_calls,
            registered=bool(self.devices.of_user(user.id, now)),
        )

    def on_register(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        raise AssertionError("nobody registers by SIP here")

    def on_subscribe(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        raise AssertionError("nobody subscribes here")

    def on_received(self, message: Request | Response, data: bytes, flow: Flow, now: float) -> None:
        pass

    def on_refused(self, error: BadMessage, data: bytes, flow: Flow) -> None:
        self.refused.append(error)

    # What tests do

    def die(self) -> list[bytes]:
        """The process is killed; returns what it had kept of its calls."""
        kept = [take(call, self.now, EPOCH + self.now) for call in self.calls if not call.over]
        self.network.remove(self.agent)
        self.calls.clear()
        self.notes.ended.clear()
        return [SNAPSHOT.dump_json(snapshot) for snapshot in kept if snapshot is not None]

    def restart(self, kept: list[bytes]) -> None:
        """Another process begins with what the one before kept."""
        self._live()
        snapshots = [SNAPSHOT.validate_json(line) for line in kept]
        credentials = {
            gateway.trunk.name: gateway.credential
            for gateway in self.carriers.all
            if gateway.credential is not None
        }
        self.calls = [
            restore(self.services, snapshot, self._answered, credentials, self.now, EPOCH + self.now)
            for snapshot in snapshots
        ]
        for call in self.calls:
            call.resume(self.now)
        names = {snapshot.relay_session for snapshot in snapshots}
        for orphan in self.relay.sessions.keys() - names:
            del self.relay.sessions[orphan]

    def relay_returns(self) -> None:
        """The relay was started again."""
        self.relay.away = False
        self.relay.answer_all()
        for call in self.calls:
            if not call.over:
                call.relay_back(self.now)

    @property
    def call(self) -> Call:
        return self.calls[-1]

    @property
    def now(self) -> float:
        return self.network.now

    def phone(self, host: str, plain: bool = False) -> Phone:
        phone = Phone(self.network, host, plain=plain)
        self.phones.append(phone)
        return phone

    def binding(
        self,
        phone: Phone,
        username: str,
        contact: str | None = None,
        instance: str = "",
        nat: Nat = "auto",
    ) -> Device:
        binding = Binding(
            username,
            parse_uri(contact or f"sip:{username}@{phone.hop}"),
            (("+sip.instance", f'"{instance}"'), ("reg-id", "1")) if instance else (),
            "registration",
            1,
            NEVER,
            self.network.flow(SERVICE, phone.hop),
        )
        return Device(username, binding, Target(str(binding.contact), (), binding.flow), nat)

    def device(self, host: str, username: str = "", user: int = CALLED, nat: Nat = "auto") -> Phone:
        """A phone that is registered for a user."""
        phone = self.phone(host)
        device = self.binding(phone, username or f"device{len(self.phones)}", nat=nat)
        self.devices.by_user.setdefault(user, []).append(device)
        return phone

    def carrier(self, host: str, **settings: Any) -> Phone:
        """A trunk, tried after those that were added before."""
        phone = self.phone(host)
        number = len(self.carriers.all) + 1
        trunk = Trunk(number, f"carrier{number}", host, **settings)
        credential = Credential(trunk.username, trunk.password or "") if trunk.username else None
        flow = self.network.flow(SERVICE, phone.hop)
        self.carriers.all.append(Gateway(trunk, flow, f"carrier{number}.example", None, credential))
        return phone

    def caller(self, host: str = "192.0.2.1", plain: bool = False) -> Phone:
        return self.phone(host, plain)

    def dial(
        self, phone: Phone, offer: bytes | None = None, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """Call the service; `b""` for a delayed offer."""
        phone.call(SERVICE, sdp(phone.host) if offer is None else offer, headers)

    def run(self, seconds: float) -> None:
        self.network.run(self.now + seconds)

    def from_service(self, to: Phone, name: str | None = None) -> list[Any]:
        """Messages sent to a phone, those with this name."""
        return [
            packet.message
            for packet in self.network.sent
            if packet.source == SERVICE and packet.target == to.hop and name in (None, packet.name)
        ]

    def names_to(self, phone: Phone) -> list[str]:
        return [p.name for p in self.network.sent if p.source == SERVICE and p.target == phone.hop]

    def finish(self) -> None:
        """Let everything end, then see that nothing at all is left over and nothing leaked."""
        self.network.settle()
        self.check_addresses()
        assert all(call.over for call in self.calls)
        assert sorted(self.notes.ended) == sorted(id(call.journal) for call in self.calls)
        for session in self.relay.sessions.values():
            assert session.closed == (0 if session.answered and session.ports is None else 1), session
        for place in self.mailboxes.places.values():
            arrived = self.mailboxes.tokens_invited().count(place.token)
            # A place was used, by an INVITE that came or was lost on the way, or given back.
            assert place.released <= 1
            assert place.granted <= place.released + max(arrived, self.invites(place.token)), place
        assert not any(self.lines.in_use(user) for user in (CALLED, CALLING))
        assert len(self.agent.layer) == 0
        assert self.agent.sessions == 0
        assert self.agent.queue.next_deadline() == NEVER
        for call in self.calls:
            check_journal(call)

    def invites(self, token: str) -> int:
        """How many INVITEs, repetitions apart, went out with a token."""
        return len(
            {
                p.message.via.branch
                for p in self.network.sent
                if p.source == SERVICE and p.name == "INVITE" and p.message.get("x-session") == token
            }
        )

    def check_addresses(self) -> None:
        """No message to anybody holds the address of anybody else."""
        everybody = [*self.phones, *self.mailboxes.workers]
        for packet in self.network.sent:
            if packet.source == SERVICE:
                for other in everybody:
                    if other.hop != packet.target:
                        assert other.host not in _addresses(packet.data), packet.data


def check_journal(call: Call) -> None:
    """A journal says what can have happened."""
    journal = call.journal
    assert journal.ended is not None and journal.ended >= journal.began
    assert journal.outcome and journal.hung_up_by
    assert len(set(journal.legs)) == len(journal.legs)
    ended = [result.ended.value for result in journal.steps]
    assert all(result.seconds >= 0 for result in journal.steps)
    if journal.answered is not None:
        assert journal.began <= journal.answered <= journal.ended
        assert ended[-1] == "answered" and ended.count("answered") == 1
        assert journal.outcome in ANSWERED
        assert journal.figures
        assert journal.code is None
    else:
        assert "answered" not in ended
        assert journal.outcome not in ANSWERED
        assert journal.code is not None
        assert not journal.figures


def answers(phone: Phone, after: float = 0.0, body: bytes | None = None, rings: bool = True) -> None:
    """Let a phone ring and answer."""
    description = sdp(phone.host) if body is None else body

    def invited(session: Session, now: float) -> None:
        assert isinstance(session, ServerSession)
        if rings:
            session.progress(180, now)
        phone.network.at(now + after, lambda then: session.accept(description, then))

    phone.when("invite", invited)


def rings(phone: Phone) -> None:
    """Let a phone ring, and no more."""
    phone.when("invite", lambda session, now: session.progress(180, now))  # type: ignore[attr-defined]


def refuses(phone: Phone, code: int, after: float = 0.0) -> None:
    """Let a phone ring and then refuse."""

    def invited(session: Session, now: float) -> None:
        assert isinstance(session, ServerSession)
        session.progress(180, now)
        phone.network.at(now + after, lambda then: session.reject(code, then))

    phone.when("invite", invited)


def follows(phone: Phone, codecs: Sequence[str] = (PCMA, PCMU, EVENTS)) -> None:
    """Let a phone take every re-INVITE: it answers what is offered, and offers where it is asked to."""

    def offered(session: Session, now: float) -> None:
        body = phone.events[-1][1]
        direction = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}.get(
            heard(body).audio.direction if isinstance(body, bytes) else "sendrecv", "sendrecv"
        )
        session.answer_offer(sdp(phone.host, codecs=codecs, direction=direction, version=2), now)

    phone.when("offer", offered)


def heard(body: object) -> Sdp:
    assert isinstance(body, bytes)
    return parse_sdp(body)


def description(message: Request | Response) -> Sdp:
    """What a message says about sound."""
    assert message.sdp is not None
    return parse_sdp(message.sdp)


def codecs_of(described: Sdp) -> list[str]:
    return [codec.name for codec in described.audio.codecs]


def _accept(session: Session, body: bytes, now: float) -> None:
    assert isinstance(session, ServerSession)
    session.accept(body, now)


def _reject(session: Session, code: int, now: float) -> None:
    assert isinstance(session, ServerSession)
    session.reject(code, now)


def _addresses(data: bytes) -> list[str]:
    """All that looks like an address in a message."""
    return re.findall(r"[0-9]+(?:\.[0-9]+)+", data.decode("utf-8", "replace"))
