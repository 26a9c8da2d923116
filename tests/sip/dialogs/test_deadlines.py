"""The deadlines of a session: none of them moves, cancels or sets off another."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from b2bua.sip.dialogs.session import Session
from b2bua.sip.transactions.timers import NEVER
from tests.sip.wire import ANSWER, OFFER, Network, Phone, joined, pair, ring


def deadlines(session: Session) -> dict[str, float]:
    """When each is due."""
    waiting, limit = session._unacknowledged, session._offer_limit
    return {
        "set-up": session.deadline,
        "2xx": NEVER if waiting is None else waiting.deadline,
        "re-INVITE": NEVER if limit is None else limit.deadline,
    }


def armed() -> tuple[Network, Session]:
    """A session for which all of them run at once, which no exchange of ours does today."""
    network, caller, callee = joined()
    callee.when("offer", lambda session, now: session.answer_offer(ANSWER, now))
    network.slow[callee.hop] = 300.0
    network.dead.add(caller.hop)
    session = callee.session
    assert session.offer(OFFER, network.now)
    session._limit_offer(network.now)
    session.await_ack(callee.incoming.invite, network.now)
    callee.agent.queue.schedule(session, network.now + 9.0)
    assert all(when < NEVER for when in deadlines(session).values())
    return network, session


CHANGES: dict[str, tuple[str, Callable[[Session, float], object]]] = {
    "the ACK is there": ("2xx", lambda s, now: s._await_ack_no_more(s._unacknowledged)),  # type: ignore[arg-type]
    "another 2xx": ("2xx", lambda s, now: s.await_ack(s._unacknowledged.transaction, now + 1)),  # type: ignore[union-attr]
    "the 2xx again": ("2xx", lambda s, now: s._unacknowledged.on_deadline(now)),  # type: ignore[union-attr]
    "the re-INVITE is answered": ("re-INVITE", lambda s, now: s._offer_settled()),
    "the re-INVITE again": ("re-INVITE", lambda s, now: s._limit_offer(now + 1)),
    "the re-INVITE is withdrawn": ("re-INVITE", lambda s, now: s._withdraw_offer(now + 1)),
    "the set-up goes on": ("set-up", lambda s, now: s.endpoint.queue.schedule(s, now + 11.0)),
    "the set-up is over": ("set-up", lambda s, now: s.endpoint.queue.schedule(s, NEVER)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_deadline_that_changes_leaves_the_others(change: str) -> None:
    network, session = armed()
    name, act = CHANGES[change]
    before = deadlines(session)
    act(session, network.now)
    after = deadlines(session)
    assert after.pop(name) != before.pop(name)
    assert after == before


def exchanges() -> dict[str, Callable[[Network, Phone, Phone], None]]:
    """What callee and caller do in a call, from its answer on."""

    def reinvited(network: Network, caller: Phone, callee: Phone) -> None:
        callee.when("offer", lambda session, now: session.answer_offer(ANSWER, now))
        caller.session.offer(OFFER, network.now)

    def lossy(network: Network, caller: Phone, callee: Phone) -> None:
        reinvited(network, caller, callee)
        network.dead.add(caller.hop)
        network.at(network.now + 5.0, lambda now: network.dead.clear())

    def reinvites(network: Network, caller: Phone, callee: Phone) -> None:
        caller.when("offer", lambda session, now: session.answer_offer(ANSWER, now))
        callee.session.offer(OFFER, network.now)

    def waits(network: Network, caller: Phone, callee: Phone) -> None:
        # The 100 sets the limit, the answer ends it.
        callee.session.offer(OFFER, network.now)
        network.at(network.now + 5.0, lambda now: caller.session.answer_offer(ANSWER, now))

    def glare(network: Network, caller: Phone, callee: Phone) -> None:
        caller.session.offer(OFFER, network.now)
        callee.session.offer(OFFER, network.now)

    return {each.__name__: each for each in (reinvited, lossy, reinvites, waits, glare)}


@pytest.mark.parametrize("exchange", exchanges())
def test_whatever_is_exchanged_another_deadline_stays(exchange: str) -> None:
    """As a session timer will run beside all of it (RFC 4028)."""
    network, caller, callee = joined()
    due = network.now + 20.0
    for phone in (caller, callee):
        phone.agent.queue.schedule(phone.session, due)
    exchanges()[exchange](network, caller, callee)
    network.run(due - 1.0)
    for phone in (caller, callee):
        assert phone.session.active
        assert deadlines(phone.session) == {"set-up": due, "2xx": NEVER, "re-INVITE": NEVER}


def test_none_exists_that_is_not_needed() -> None:
    network, caller, callee = pair()
    callee.when("invite", ring)
    caller.call(callee.hop)
    network.run(1.0)
    assert deadlines(callee.session)["set-up"] < NEVER
    callee.incoming.accept(ANSWER, network.now)
    assert deadlines(callee.session)["set-up"] == NEVER and deadlines(callee.session)["2xx"] < NEVER
    network.run(2.0)
    for phone in (caller, callee):
        assert phone.session._unacknowledged is None and phone.session._offer_limit is None
        assert set(deadlines(phone.session).values()) == {NEVER}
