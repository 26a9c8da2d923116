"""A network in memory with its own clock: agents, hand-driven peers, and datagrams that get lost on the way."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from b2bua.sip.agent import UserAgent
from b2bua.sip.auth.challenge import Credential
from b2bua.sip.dialogs.refusal import Refusal
from b2bua.sip.dialogs.session import Session
from b2bua.sip.dialogs.uac import ClientSession
from b2bua.sip.dialogs.uas import ServerSession
from b2bua.sip.text.address import Address
from b2bua.sip.text.body import Body
from b2bua.sip.text.compose import Header
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.message import Request, Response, parse_message
from b2bua.sip.text.transport import Transport
from b2bua.sip.text.uri import Uri
from b2bua.sip.transactions.server_transaction import ServerTransaction
from b2bua.sip.transactions.timers import NEVER, Timers

OFFER = b"v=0\r\no=offer\r\n"
ANSWER = b"v=0\r\no=answer\r\n"


@dataclass(frozen=True, slots=True)
class Packet:
    """A datagram that somebody sent, at this time, whether or not it arrived."""

    at: float
    source: SocketAddress
    target: SocketAddress
    data: bytes

    @property
    def message(self) -> Request | Response:
        return parse_message(self.data)

    @property
    def name(self) -> str:
        """The method, or the code and the method it answers: `INVITE`, `200 INVITE`."""
        message = self.message
        if isinstance(message, Request):
            return message.method
        return f"{message.code} {(message.get('cseq') or '').rpartition(' ')[2]}"


@dataclass
class Faults:
    """What the network does to datagrams, each of its own accord.

    `most_losses`: how often in a row the same bytes may be lost, so that retransmission is sure to succeed.
    """

    seed: int = 0
    loss: float = 0.0
    duplication: float = 0.0
    delay: tuple[float, float] = (0.01, 0.01)
    most_losses: int | None = None


class Network:
    """Carries datagrams between everything attached to it and moves time from one event to the next."""

    def __init__(self, faults: Faults | None = None, transport: Transport = Transport.UDP) -> None:
        self.now = 0.0
        self.transport = transport
        self.faults = faults or Faults()
        self.sent: list[Packet] = []
        self.dead: set[SocketAddress] = set()
        self.slow: dict[SocketAddress, float] = {}  # seconds more to get there
        self._random = random.Random(self.faults.seed)
        self._lost: Counter[tuple[SocketAddress, SocketAddress, bytes]] = Counter()
        self._sequence = count()
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._receivers: dict[SocketAddress, Callable[[bytes, Flow, float], None]] = {}
        self._agents: list[UserAgent] = []

    def attach(self, hop: SocketAddress, receive: Callable[[bytes, Flow, float], None]) -> None:
        self._receivers[hop] = receive

    def agent(
        self,
        hop: SocketAddress,
        application: Phone,
        timers: Timers | None = None,
        repeat: float = 60.0,
        life: int = 1,
    ) -> UserAgent:
        """An agent at this place; `life` tells its tokens from those of the agent that died there."""
        numbers = count(1)
        agent = UserAgent(
            Port(self, hop),
            application,
            timers or Timers(),
            lambda: f"{hop.host.rpartition('.')[2]}{'x' * life}{next(numbers)}",
            provisional_repeat=repeat,
        )
        self.attach(hop, agent.layer.receive)
        self._agents.append(agent)
        return agent

    def remove(self, agent: UserAgent) -> None:
        """An agent is killed: what comes for it is lost until another is at its place."""
        self._agents.remove(agent)
        self._receivers = {hop: to for hop, to in self._receivers.items() if to != agent.layer.receive}

    def at(self, when: float, action: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (when, next(self._sequence), action))

    def losing(self, hop: SocketAddress) -> Callable[[float], None]:
        """For `at`: nothing more comes from there or gets there."""
        return lambda now: self.dead.add(hop)

    def flow(self, local: SocketAddress, remote: SocketAddress) -> Flow:
        return Flow(self.transport, local, remote)

    def carry(self, data: bytes, source: SocketAddress, target: SocketAddress) -> None:
        self.sent.append(Packet(self.now, source, target, data))
        faults = self.faults
        copies = 2 if self._random.random() < faults.duplication else 1
        for _ in range(copies):
            if self._loses(data, source, target):
                continue
            delay = self._random.uniform(*faults.delay) + self.slow.get(target, 0.0)
            self.at(self.now + delay, self._delivery(data, source, target))

    def next_event(self) -> float:
        return min(
            self._events[0][0] if self._events else NEVER,
            *(agent.queue.next_deadline() for agent in self._agents),
        )

    def run(self, until: float) -> None:
        """Let everything happen that happens up to this time."""
        while (when := self.next_event()) <= until:
            self.now = max(self.now, when)
            while self._events and self._events[0][0] <= self.now:
                heapq.heappop(self._events)[2](self.now)
            for agent in self._agents:
                agent.queue.run(self.now)
        self.now = until

    def settle(self, longest: float = 1000.0) -> None:
        """Run until nobody has anything left to do; fail if that does not come."""
        self.run(self.now + longest)
        assert self.next_event() == NEVER

    def names(self, source: SocketAddress | None = None, since: float = 0.0) -> list[str]:
        return [p.name for p in self.sent if source in (None, p.source) and p.at >= since]

    def moments(self, name: str, source: SocketAddress | None = None) -> list[float]:
        return [round(p.at, 3) for p in self.sent if p.name == name and source in (None, p.source)]

    def last(self, name: str) -> Request | Response:
        return next(p.message for p in reversed(self.sent) if p.name == name)

    def first(self, name: str) -> Request | Response:
        return next(p.message for p in self.sent if p.name == name)

    def _loses(self, data: bytes, source: SocketAddress, target: SocketAddress) -> bool:
        if source in self.dead or target in self.dead:
            return True
        faults = self.faults
        way = source, target, data
        if self._random.random() >= faults.loss or self._lost[way] == faults.most_losses:
            self._lost[way] = 0
            return False
        self._lost[way] += 1
        return True

    def _delivery(self, data: bytes, source: SocketAddress, target: SocketAddress) -> Callable[[float], None]:
        def deliver(now: float) -> None:
            receive = self._receivers.get(target)
            if receive is not None:
                receive(data, self.flow(target, source), now)

        return deliver


class Port:
    """The `Wire` of one agent. A `plain` one does not say that it knows 100rel."""

    def __init__(self, network: Network, hop: SocketAddress) -> None:
        self.network = network
        self.hop = hop
        self.plain = False

    def send(self, data: bytes, flow: Flow, call_id: str) -> None:
        assert flow.local == self.hop
        if self.plain:
            data = data.replace(b"Supported: 100rel\r\n", b"")
        self.network.carry(data, self.hop, flow.remote)

    def stream(self, flow: Flow) -> Flow | None:
        return None

    def advertised(self, flow: Flow) -> SocketAddress:
        return self.hop


class Peer:
    """A place on the network where the test writes the messages by hand and reads what comes."""

    def __init__(self, network: Network, host: str) -> None:
        self.network = network
        self.hop = SocketAddress(host, 5060)
        self.received: list[Request | Response] = []
        network.attach(self.hop, lambda data, flow, now: self.received.append(parse_message(data)))

    def send(self, data: bytes, target: SocketAddress) -> None:
        self.network.carry(data, self.hop, target)

    def codes(self) -> list[int]:
        return [message.code for message in self.received if isinstance(message, Response)]


Reaction = Callable[[Session, float], object]


@dataclass
class Phone:
    """A user agent with an application and session owner that note everything and react as they are told."""

    network: Network
    host: str
    timers: Timers | None = None
    repeat: float = 60.0
    credential: Credential | None = None
    plain: bool = False
    events: list[tuple[str, object]] = field(default_factory=list)
    reactions: dict[str, Reaction] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)
    refused: list[BadMessage] = field(default_factory=list)
    received: int = 0

    def __post_init__(self) -> None:
        self.hop = SocketAddress(self.host, 5060)
        self.agent = self.network.agent(self.hop, self, self.timers, self.repeat)
        assert isinstance(self.agent.wire, Port)
        self.agent.wire.plain = self.plain

    @property
    def session(self) -> Session:
        return self.sessions[-1]

    @property
    def outgoing(self) -> ClientSession:
        session = self.session
        assert isinstance(session, ClientSession)
        return session

    @property
    def incoming(self) -> ServerSession:
        session = self.session
        assert isinstance(session, ServerSession)
        return session

    def names(self) -> list[str]:
        return [name for name, _ in self.events]

    def when(self, name: str, reaction: Reaction) -> None:
        self.reactions[name] = reaction

    def call(
        self,
        target: SocketAddress,
        sdp: bytes = OFFER,
        headers: tuple[Header, ...] = (),
        credential: Credential | None = None,
    ) -> ClientSession:
        uri = Uri(target.host, "callee", target.port)
        session = self.agent.call(
            str(uri),
            self.network.flow(self.hop, target),
            Address(Uri(self.host, "caller"), "Caller"),
            Address(uri),
            self,
            self.network.now,
            sdp,
            headers,
            credential=credential,
        )
        self.sessions.append(session)
        return session

    def doing(self, reaction: Reaction) -> Callable[[float], None]:
        """For `Network.at`: do this to the latest session, if there is one by then."""

        def act(now: float) -> None:
            if self.sessions:
                reaction(self.session, now)

        return act

    def idle(self) -> bool:
        """Whether nothing at all is left of any call."""
        return not (len(self.agent.layer) or self.agent.sessions or len(self.agent.queue))

    def _note(self, name: str, detail: object, session: Session, now: float) -> None:
        self.events.append((name, detail))
        reaction = self.reactions.get(name)
        if reaction is not None:
            reaction(session, now)

    # Application

    def on_invite(self, invite: ServerTransaction, request: Request, now: float) -> None:
        session = self.agent.serve(invite, self, now, self.credential)
        self.sessions.append(session)
        self._note("invite", session.offered, session, now)

    def on_register(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        transaction.respond(200, now)

    def on_subscribe(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        transaction.respond(403, now)

    def on_received(self, message: Request | Response, data: bytes, flow: Flow, now: float) -> None:
        self.received += 1

    def on_refused(self, error: BadMessage, data: bytes, flow: Flow) -> None:
        self.refused.append(error)

    # SessionUser

    def on_progress(self, session: Session, code: int, sdp: bytes | None, now: float) -> None:
        self._note("progress", code, session, now)

    def on_answered(self, session: Session, sdp: bytes | None, now: float) -> None:
        self._note("answered", sdp, session, now)

    def on_failed(self, session: Session, refusal: Refusal, now: float) -> None:
        self._note("failed", refusal.code, session, now)

    def on_cancelled(self, session: Session, now: float) -> None:
        self._note("cancelled", None, session, now)

    def on_early_answer(self, session: Session, sdp: bytes | None, now: float) -> None:
        self._note("early answer", sdp, session, now)

    def on_acknowledged(self, session: Session, sdp: bytes | None, now: float) -> None:
        self._note("acknowledged", sdp, session, now)

    def on_offer(self, session: Session, sdp: bytes | None, now: float) -> None:
        self._note("offer", sdp, session, now)

    def on_offer_answered(self, session: Session, code: int, sdp: bytes | None, now: float) -> None:
        self._note("offer answered", (code, sdp), session, now)

    def on_info(self, session: Session, body: Body, now: float) -> None:
        self._note("info", [(part.media_type, part.data) for part in body.parts], session, now)

    def on_ended(self, session: Session, why: str, now: float) -> None:
        self._note("ended", why, session, now)


def accept(session: Session, now: float) -> None:
    """A reaction: answer the call."""
    assert isinstance(session, ServerSession)
    session.accept(ANSWER, now)


def ring(session: Session, now: float) -> None:
    """A reaction: let it ring."""
    assert isinstance(session, ServerSession)
    session.progress(180, now)


def hang_up(session: Session, now: float) -> None:
    """A reaction: hang up, whatever the state."""
    session.bye(now)


def in_turn(*reactions: Reaction) -> Reaction:
    """A reaction that is several, one after the other."""

    def react(session: Session, now: float) -> None:
        for reaction in reactions:
            reaction(session, now)

    return react


def pair(faults: Faults | None = None, transport: Transport = Transport.UDP) -> tuple[Network, Phone, Phone]:
    """A network with a caller and a callee, who are not told yet what to do."""
    network = Network(faults, transport)
    return network, Phone(network, "192.0.2.1"), Phone(network, "192.0.2.2")


def joined(faults: Faults | None = None) -> tuple[Network, Phone, Phone]:
    """Caller and callee one second into an answered call."""
    network, caller, callee = pair(faults)
    callee.when("invite", accept)
    caller.call(callee.hop)
    network.run(1.0)
    assert caller.session.active and callee.session.active
    return network, caller, callee
