"""Reliable provisional responses and UPDATE between two user agents on a network that loses, doubles and reorders."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from b2bua.sip.dialogs.session import Session, SessionState
from b2bua.sip.dialogs.uac import ClientSession
from b2bua.sip.dialogs.uas import ServerSession
from b2bua.sip.text.message import Request
from tests.sip.test_lossy_wire import LOSS, SEEDS, Talk, cancel, lossy, nothing_left, once, refusing, wire
from tests.sip.wire import ANSWER, Network, Phone, Reaction, accept, hang_up

CODES = (183, 182, 180)


def progress(code: int, sdp: bytes = ANSWER) -> Reaction:
    """A reaction: tell the caller this, with a description."""

    def tell(session: Session, now: float) -> None:
        assert isinstance(session, ServerSession)
        session.progress(code, now, sdp)

    return tell


def no_answer_before_its_prack(network: Network, callee: Phone) -> None:
    """Every 2xx came after the 200 of a PRACK, wherever a description was sent before."""
    names = network.names(callee.hop)
    if "200 INVITE" in names and any(str(code) in name for name in names for code in CODES):
        assert "200 PRACK" in names[: names.index("200 INVITE")]


def one_prack_each(network: Network) -> None:
    """No response was acknowledged by two transactions."""
    branches = defaultdict(set)
    for packet in network.sent:
        message = packet.message
        if isinstance(message, Request) and message.method == "PRACK":
            branches[message.call_id, message.get("rack")].add(message.via.branch)
    assert all(len(of_one) == 1 for of_one in branches.values())


@lossy
def test_answered_calls(loss: float) -> None:
    for seed in SEEDS:
        network, caller, callee = wire(loss, seed)
        chance = random.Random(seed)
        callee.when("invite", progress(183))
        caller.call(callee.hop)
        moment = 0.0
        for code in CODES[1:]:
            moment += chance.choice([0.0, 0.1, 3.0, 30.0])
            network.at(5.0 + moment, callee.doing(progress(code)))
        network.at(5.0 + moment + chance.choice([0.0, 0.1, 3.0]), callee.doing(accept))
        network.run(140.0)
        assert caller.session.active and callee.session.active, seed
        once(caller, "answered")
        once(callee, "invite", "acknowledged")
        heard = [code for name, code in caller.events if name == "progress"]
        assert heard[0] == 183 and len(heard) == len(set(heard)), (seed, heard)
        assert [code for code in CODES if code in heard] == heard, "in the order in which they were said"
        no_answer_before_its_prack(network, callee)
        one_prack_each(network)
        assert len(caller.agent.layer) + len(callee.agent.layer) == 0, "at rest while people talk"
        chance.choice([caller, callee]).session.bye(network.now)
        nothing_left(network, caller, callee)


@lossy
def test_refused_calls(loss: float) -> None:
    for seed in SEEDS:
        network, caller, callee = wire(loss, seed)
        callee.when("invite", progress(183))
        caller.call(callee.hop)
        network.at(random.Random(seed).uniform(5.0, 12.0), callee.doing(refusing(486)))
        nothing_left(network, caller, callee)
        assert caller.events[-1] == ("failed", 486) and callee.names() == ["invite"], seed
        one_prack_each(network)


@lossy
def test_cancelled_calls(loss: float) -> None:
    """At any moment: before the early response, as its PRACK is on the way, as the answer waits for that, after."""
    waited = 0
    for seed in SEEDS:
        network, caller, callee = wire(loss, seed)
        chance = random.Random(seed)
        answer_at = chance.uniform(2.0, 3.0)
        callee.when("invite", progress(183))
        caller.call(callee.hop)
        network.at(answer_at, callee.doing(accept))
        network.at(chance.choice([answer_at, chance.uniform(0.0, 5.0)]), caller.doing(cancel))
        network.run(150.0)
        assert caller.session.active == (bool(callee.sessions) and callee.session.active), seed
        if "answered" in caller.names():
            caller.session.bye(network.now)
        waited += ("ended", "bye") in callee.events and "acknowledged" not in callee.names()
        nothing_left(network, caller, callee)
        assert callee.names().count("cancelled") + callee.names().count("ended") <= 1
        no_answer_before_its_prack(network, callee)
    assert waited or loss < 0.3, "some CANCELs must have come while an answer waited"


@lossy
def test_hanging_up_while_the_answer_waits(loss: float) -> None:
    for seed in SEEDS:
        network, caller, callee = wire(loss, seed)
        callee.when("invite", progress(183))
        caller.call(callee.hop)
        answer_at = random.Random(seed).uniform(0.5, 3.0)
        network.at(answer_at, callee.doing(accept))
        network.at(answer_at + 0.01, callee.doing(hang_up))
        network.run(100.0)
        for phone in (caller, callee):
            if phone.sessions:
                phone.session.bye(network.now)
        nothing_left(network, caller, callee)
        no_answer_before_its_prack(network, callee)


def update(session: Session, now: float) -> None:
    """A reaction: an offer by UPDATE, as a peer sends it that is not like us."""
    session.send("UPDATE", (("Content-Type", "application/sdp"),), b"by update", now)


@lossy
def test_renegotiation(loss: float) -> None:
    """Re-INVITEs and UPDATEs from both sides at once: each offer is answered or refused, and the call goes on."""
    answered = 0
    for seed in SEEDS:
        network, caller, callee = wire(loss, seed)
        chance = random.Random(seed)
        callee.when("invite", accept)
        caller.call(callee.hop)
        network.run(60.0)
        talks = Talk(caller), Talk(callee)
        for _ in range(6):
            talk = chance.choice(talks)
            action = chance.choice([talk.ask, update, update])
            network.at(60.0 + chance.uniform(0, 30), talk.phone.doing(action))
        network.run(250.0)
        assert caller.session.active and callee.session.active, seed
        for talk in talks:
            assert talk.phone.names().count("offer answered") == talk.offered, seed
            answered += talk.phone.events.count(("offer", b"by update"))
        assert {p.name for p in network.sent if p.name.endswith(" UPDATE")} <= {
            "200 UPDATE",
            "491 UPDATE",
            "500 UPDATE",
        }
        caller.session.bye(network.now)
        nothing_left(network, caller, callee)
    assert answered > len(SEEDS)


def early_update(session: Session, now: float) -> None:
    """A reaction: an offer by UPDATE before the answer, as a peer sends it that is not like us."""
    dialog = None
    if isinstance(session, ClientSession) and session._early is not None:
        dialog = next(early.dialog for early in session._early._by_tag.values())
    elif isinstance(session, ServerSession) and session._reliable is not None and session._reliable.agreed:
        dialog = session.dialog
    if dialog is not None and session.state is SessionState.INVITED:
        session._request(dialog, "UPDATE", now, (("Content-Type", "application/sdp"),), b"by update")


@lossy
def test_offers_before_the_answer(loss: float) -> None:
    """From both sides: each is answered or refused at once, and once; then the 200 says nothing about sound."""
    taken = 0
    for seed in SEEDS:
        network, caller, callee = wire(loss, seed)
        chance = random.Random(seed)
        callee.when("invite", progress(183))
        before: set[Session] = set()

        def take(session: Session, now: float, before: set[Session] = before) -> None:
            if session.state is SessionState.INVITED:
                before.add(session)
            session.answer_offer(ANSWER, now)

        for phone in (caller, callee):
            phone.when("offer", take)
        caller.call(callee.hop)
        for _ in range(3):
            network.at(chance.uniform(0, 20), chance.choice([caller, callee]).doing(early_update))
        network.at(chance.choice([5.0, 20.0]), callee.doing(accept))
        network.run(140.0)
        assert caller.session.active and callee.session.active, seed
        once(caller, "answered")
        by_callee, by_caller = caller.session in before, callee.session in before
        assert caller.events[caller.names().index("answered")][1] == (
            b"by update" if by_callee else ANSWER
        ), seed
        said = {p.message.sdp for p in network.sent if p.source == callee.hop and p.name == "200 INVITE"}
        assert said == {None if by_caller else ANSWER}, seed
        taken += by_callee + 2 * by_caller
        assert {p.name for p in network.sent if p.name.endswith(" UPDATE")} <= {
            "200 UPDATE",
            "491 UPDATE",
            "500 UPDATE",
        }
        caller.session.bye(network.now)
        nothing_left(network, caller, callee)
    assert taken > len(SEEDS)


@pytest.mark.parametrize("loss", [*LOSS, 0.8])
def test_an_unfair_network_leaves_nothing_either(loss: float) -> None:
    """A PRACK may get lost for good: 504, and all is gone."""
    silent = 0
    for seed in SEEDS:
        network, caller, callee = wire(loss, seed, most_losses=None)
        chance = random.Random(seed)
        callee.when("invite", progress(183))
        caller.call(callee.hop)
        for action in (progress(180), accept, update):
            network.at(chance.uniform(1, 20), callee.doing(action))
        vanishing = chance.choice([None, caller, callee])
        if vanishing is not None:
            network.at(chance.uniform(0, 20), network.losing(vanishing.hop))
        network.run(300.0)
        silent += ("ended", "no-prack") in callee.events
        for phone in (caller, callee):
            for session in phone.sessions:
                session.bye(network.now)
        nothing_left(network, caller, callee)
        one_prack_each(network)
        no_answer_before_its_prack(network, callee)
    assert silent, "some callers must have been silent"
