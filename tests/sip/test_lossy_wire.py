"""Whole calls between two user agents while the network loses, doubles, delays and reorders: both sides must come
to the same opinion, and nothing may be left of the call."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from b2bua.sip.dialogs.session import Session, SessionState
from b2bua.sip.dialogs.uac import ClientSession
from b2bua.sip.dialogs.uas import ServerSession
from tests.sip.wire import (
    ANSWER,
    Faults,
    Network,
    Phone,
    Reaction,
    accept,
    hang_up,
    in_turn,
    pair,
    ring,
)

SEEDS = range(60)
LOSS = [0.1, 0.3, 0.5]


def wire(loss: float, seed: int, most_losses: int | None = 2) -> tuple[Network, Phone, Phone]:
    """A bad network. `most_losses` keeps it fair: what is sent often enough arrives."""
    slowest = random.Random(seed).choice([0.05, 0.3, 2.0])
    return pair(Faults(seed, loss, duplication=0.1, delay=(0.005, slowest), most_losses=most_losses))


def nothing_left(network: Network, *phones: Phone) -> None:
    network.settle()
    for phone in phones:
        assert all(session.state is SessionState.ENDED for session in phone.sessions)
        assert phone.agent.sessions == 0, "a dialog is left"
        assert len(phone.agent.layer) == 0, "a transaction is left"
        assert len(phone.agent.queue) == 0, "a deadline is left"
        assert phone.refused == []


def cancel(session: Session, now: float) -> None:
    """A reaction: stop calling."""
    assert isinstance(session, ClientSession)
    session.cancel(now)


def refusing(code: int) -> Reaction:
    """A reaction: refuse the call with this code."""

    def refuse(session: Session, now: float) -> None:
        assert isinstance(session, ServerSession)
        session.reject(code, now)

    return refuse


def once(phone: Phone, *names: str) -> None:
    """Each of these events happened once, though messages came twice."""
    for name in names:
        assert phone.names().count(name) == 1, (name, phone.events)


lossy = pytest.mark.parametrize("loss", LOSS)


@lossy
def test_answered_calls(loss: float) -> None:
    for seed in SEEDS:
        network, caller, callee = wire(loss, seed)
        chance = random.Random(seed)
        callee.when("invite", ring)
        caller.call(callee.hop)
        answer_at = chance.uniform(0.1, 20.0)
        network.at(answer_at + 5.0, callee.doing(accept))
        network.run(120.0)
        assert caller.session.active and callee.session.active, seed
        once(caller, "answered")
        once(callee, "invite", "acknowledged")
        assert len(callee.sessions) == 1
        assert len(caller.agent.layer) + len(callee.agent.layer) == 0, "at rest while people talk"
        first, second = (caller, callee) if chance.random() < 0.5 else (callee, caller)
        first.session.bye(network.now)
        if chance.random() < 0.3:
            network.at(network.now + chance.uniform(0, 0.5), second.doing(hang_up))
        nothing_left(network, caller, callee)
        assert "ended" not in first.names()
        assert second.names().count("ended") <= 1


@lossy
def test_the_callee_answers_and_hangs_up_at_once(loss: float) -> None:
    for seed in SEEDS:
        network, caller, callee = wire(loss, seed)
        callee.when("invite", in_turn(accept, hang_up))
        caller.call(callee.hop)
        nothing_left(network, caller, callee)
        assert caller.names() == ["answered", "ended"], (seed, caller.events)


@lossy
def test_the_caller_hangs_up_at_once(loss: float) -> None:
    for seed in SEEDS:
        network, caller, callee = wire(loss, seed)
        callee.when("invite", accept)
        caller.when("answered", hang_up)
        caller.call(callee.hop)
        nothing_left(network, caller, callee)
        once(caller, "answered")
        once(callee, "ended")


@lossy
def test_refused_calls(loss: float) -> None:
    for seed in SEEDS:
        network, caller, callee = wire(loss, seed)
        code = random.Random(seed).choice([404, 486, 603])
        callee.when("invite", ring)
        caller.call(callee.hop)
        network.at(9.0, callee.doing(refusing(code)))
        nothing_left(network, caller, callee)
        assert [event for event in caller.events if event[0] != "progress"] == [("failed", code)], seed
        assert callee.names() == ["invite"]


@lossy
def test_cancelled_calls(loss: float) -> None:
    """At any moment: before the INVITE arrives, while it rings, as it is answered, just after."""
    crossed = 0
    for seed in SEEDS:
        network, caller, callee = wire(loss, seed)
        chance = random.Random(seed)
        answer_at, cancel_at = chance.uniform(2.0, 4.0), chance.choice([0.0, chance.uniform(0.0, 5.0)])
        callee.when("invite", ring)
        caller.call(callee.hop)
        network.at(answer_at, callee.doing(accept))
        network.at(cancel_at, caller.doing(cancel))
        network.run(150.0)
        assert caller.session.active == (bool(callee.sessions) and callee.session.active), seed
        if "answered" in caller.names():
            # The cancel came too late and did nothing.
            caller.session.bye(network.now)
        elif "acknowledged" in callee.names():
            crossed += 1
            assert callee.events[-1] == ("ended", "bye"), seed
        nothing_left(network, caller, callee)
        assert callee.names().count("cancelled") + callee.names().count("ended") <= 1
    assert crossed, "some 2xx must have crossed their CANCEL"


@dataclass
class Talk:
    """What one side holds to be agreed, and how often it asked."""

    phone: Phone
    agreed: bytes = b""
    offered: int = 0

    def __post_init__(self) -> None:
        self.phone.when("offer", self.on_offer)
        self.phone.when("offer answered", self.on_answered)

    def ask(self, session: Session, now: float) -> None:
        if session.offer(f"{self.phone.host} {self.offered}".encode(), now):
            self.offered += 1

    def info(self, session: Session, now: float) -> None:
        session.send("INFO", (("Content-Type", "text/plain"),), b"x", now)

    def on_offer(self, session: Session, now: float) -> None:
        _, offer = self.phone.events[-1]
        assert isinstance(offer, bytes)
        if session.answer_offer(b"to " + offer, now):
            self.agreed = offer

    def on_answered(self, session: Session, now: float) -> None:
        _, outcome = self.phone.events[-1]
        assert isinstance(outcome, tuple)
        code, answer = outcome
        if code == 200:
            self.agreed = answer.removeprefix(b"to ")


@lossy
def test_renegotiation(loss: float) -> None:
    """Offers from both sides at once, in any order, with INFO between: one opinion of what was agreed."""
    agreed = 0
    for seed in SEEDS:
        network, caller, callee = wire(loss, seed)
        chance = random.Random(seed)
        callee.when("invite", accept)
        caller.call(callee.hop)
        network.run(60.0)
        assert caller.session.active and callee.session.active
        talks = Talk(caller), Talk(callee)
        for _ in range(chance.randint(1, 6)):
            talk = chance.choice(talks)
            action = chance.choice([talk.ask, talk.ask, talk.info])
            network.at(60.0 + chance.uniform(0, 30), talk.phone.doing(action))
        network.run(250.0)
        assert caller.session.active and callee.session.active, seed
        for talk in talks:
            assert talk.phone.names().count("offer answered") == talk.offered, seed
        assert talks[0].agreed == talks[1].agreed, seed
        agreed += talks[0].agreed != b""
        caller.session.bye(network.now)
        nothing_left(network, caller, callee)
    assert agreed > len(SEEDS) / 2


@pytest.mark.parametrize("loss", [0.3, 0.5, 0.8])
def test_an_unfair_network_leaves_nothing_either(loss: float) -> None:
    """Here a BYE may get lost for good. Whoever is above notices the silence and hangs up; then all is gone."""
    for seed in SEEDS:
        network, caller, callee = wire(loss, seed, most_losses=None)
        chance = random.Random(seed)
        callee.when("invite", chance.choice([accept, ring]))
        caller.call(callee.hop)
        for talk in (Talk(caller), Talk(callee)):
            for action in (talk.ask, talk.info):
                network.at(chance.uniform(1, 40), talk.phone.doing(action))
        vanishing = chance.choice([None, caller, callee])
        if vanishing is not None:
            network.at(chance.uniform(0, 60), network.losing(vanishing.hop))
        network.at(chance.uniform(0, 60), chance.choice([caller, callee]).doing(hang_up))
        network.run(300.0)
        for phone in (caller, callee):
            for session in phone.sessions:
                session.bye(network.now)
        nothing_left(network, caller, callee)


def test_a_hundred_calls_at_once_keep_apart() -> None:
    network, caller, callee = pair(Faults(7, 0.2, 0.1, (0.005, 0.5), most_losses=2))
    callee.when("invite", accept)
    sessions = []
    for _ in range(100):
        sessions.append(caller.call(callee.hop, b"offer"))
    network.run(100.0)
    assert all(session.active for session in sessions)
    assert len({session.call_id for session in sessions}) == 100
    assert callee.names().count("acknowledged") == 100 and caller.events.count(("answered", ANSWER)) == 100
    for session in sessions:
        session.bye(network.now)
    nothing_left(network, caller, callee)
    assert callee.events.count(("ended", "bye")) == 100
