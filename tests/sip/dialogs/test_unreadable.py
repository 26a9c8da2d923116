"""Sessions and subscriptions whose peer sends what cannot be read, in every state: nothing raises or is left over."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2bua.sip.dialogs.session import Session
from b2bua.sip.dialogs.uac import ClientSession
from b2bua.sip.dialogs.uas import ServerSession
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import Flow
from tests.sip.dialogs.test_subscription import Notifier, Watcher
from tests.sip.unreadable import Spoiled, spoiled, spoiling
from tests.sip.wire import ANSWER, OFFER, Network, Phone, accept, pair

Scene = tuple[Network, Phone, Phone]
"""The network, the side that is tested, and the side that spoils its messages."""


def told(network: Network, phone: Phone, code: int, sdp: bytes = b"") -> None:
    phone.incoming.progress(code, network.now, sdp)


# A session that a peer began


def arriving() -> Scene:
    """The INVITE has come."""
    network, caller, callee = pair()
    caller.call(callee.hop)
    network.run(0.5)
    return network, callee, caller


def ringing() -> Scene:
    network, callee, caller = arriving()
    told(network, callee, 180)
    network.run(1.0)
    return network, callee, caller


def unpracked() -> Scene:
    """A reliable response is on its way, and another waits behind it."""
    network, callee, caller = arriving()
    told(network, callee, 183, ANSWER)
    told(network, callee, 183, OFFER)
    return network, callee, caller


def early() -> Scene:
    """The caller has said by PRACK what it heard."""
    network, callee, caller = arriving()
    told(network, callee, 183, ANSWER)
    network.run(1.0)
    return network, callee, caller


def waiting_to_answer() -> Scene:
    """The call is answered as soon as the PRACK comes."""
    network, callee, caller = unpracked()
    callee.incoming.accept(ANSWER, network.now)
    return network, callee, caller


def unacknowledged() -> Scene:
    network, callee, caller = arriving()
    callee.incoming.accept(ANSWER, network.now)
    return network, callee, caller


def closing() -> Scene:
    """Hung up before the ACK."""
    network, callee, caller = unacknowledged()
    callee.session.bye(network.now)
    return network, callee, caller


def talking() -> Scene:
    network, callee, caller = unacknowledged()
    network.run(1.0)
    return network, callee, caller


def offering() -> Scene:
    """Our re-INVITE is on its way."""
    network, callee, caller = talking()
    callee.session.offer(OFFER, network.now)
    return network, callee, caller


def asked() -> Scene:
    """The peer's re-INVITE waits for our answer."""
    network, callee, caller = talking()
    caller.session.offer(OFFER, network.now)
    network.run(network.now + 0.2)
    return network, callee, caller


def over() -> Scene:
    """Our BYE is on its way."""
    network, callee, caller = talking()
    callee.session.bye(network.now)
    return network, callee, caller


# A session that we begin


def other_side(scene: Callable[[], Scene]) -> Callable[[], Scene]:
    def turned() -> Scene:
        network, near, far = scene()
        return network, far, near

    turned.__name__ = f"calling_{scene.__name__}"
    return turned


def calling() -> Scene:
    """The INVITE is on its way."""
    network, caller, callee = pair()
    caller.call(callee.hop)
    return network, caller, callee


def cancelling() -> Scene:
    network, callee, caller = ringing()
    caller.outgoing.cancel(network.now)
    return network, caller, callee


def owing() -> Scene:
    """The offer came in the 2xx, and we owe its answer in the ACK."""
    network, caller, callee = pair()
    callee.when("invite", accept)
    caller.call(callee.hop, b"")
    network.run(1.0)
    return network, caller, callee


CALLED = [
    arriving,
    ringing,
    unpracked,
    early,
    waiting_to_answer,
    unacknowledged,
    closing,
    talking,
    offering,
    asked,
]
SCENES = [*CALLED, over, calling, cancelling, owing, *(other_side(scene) for scene in CALLED)]


# What the peer does


def sending(
    method: str, headers: tuple[tuple[str, str], ...] = (), body: bytes = b""
) -> Callable[..., object]:
    return lambda session, now: session.send(method, headers, body, now)


def answering(session: Session, now: float) -> None:
    """Whatever waits for an answer of the peer gets one."""
    session.answer_offer(ANSWER, now)
    session.acknowledge(ANSWER, now)
    if isinstance(session, ServerSession):
        session.accept(ANSWER, now)


def refusing(session: Session, now: float) -> None:
    session.refuse_offer(488, now)
    if isinstance(session, ServerSession):
        session.reject(302, now, (("Contact", "<sip:203@192.0.2.2>"),))
    elif isinstance(session, ClientSession):
        session.cancel(now)


def going_on(session: Session, now: float) -> None:
    if isinstance(session, ServerSession):
        session.progress(183, now, ANSWER)
        session.progress(180, now)


ACTS: dict[str, Callable[[Session, float], object]] = {
    "answer": answering,
    "refuse": refusing,
    "go on": going_on,
    "hang up": lambda session, now: session.bye(now),
    "offer": lambda session, now: session.offer(OFFER, now),
    "ask for an offer": lambda session, now: session.offer(None, now),
    "INFO": sending("INFO", (("Content-Type", "application/dtmf"),), b"5"),
    "UPDATE": sending("UPDATE", (("Content-Type", "application/sdp"),), OFFER),
    "PRACK": sending("PRACK", (("RAck", "1 1 INVITE"),)),
    "SUBSCRIBE": sending("SUBSCRIBE", (("Event", "message-summary"),)),
    "nothing": lambda session, now: None,
}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
@given(
    wrong=spoiled,
    count=st.sampled_from([1, 2, 99]),
    acts=st.lists(st.sampled_from(sorted(ACTS)), min_size=1, max_size=3),
)
def test_in_no_state_does_anything_raise_or_stay(
    scene: Callable[[], Scene], wrong: Spoiled, count: int, acts: list[str]
) -> None:
    network, near, far = scene()
    wire = far.agent.wire
    send = wire.send
    wire.send = spoiling(send, wrong, 0, count)  # type: ignore[method-assign]
    for act in acts:
        if far.sessions:
            ACTS[act](far.session, network.now)
        network.run(network.now + 0.7)
    wire.send = send  # type: ignore[method-assign]
    for phone in (near, far):
        for session in phone.sessions:
            session.bye(network.now)
    network.settle()
    assert near.idle()


# Subscriptions


class Spoiler(Watcher):
    """A subscriber whose own messages come back to it as it wrote them, and need not be readable."""

    def on_refused(self, error: BadMessage, data: bytes, flow: Flow) -> None:
        pass


@given(
    wrong=spoiled,
    first=st.integers(0, 4),
    count=st.sampled_from([1, 2, 99]),
    code=st.sampled_from([200, 202, 401, 481, 503]),
    expires=st.sampled_from([0, 1, 600]),
)
def test_a_subscriber_that_cannot_be_read_leaves_nothing(
    wrong: Spoiled, first: int, count: int, code: int, expires: int
) -> None:
    network = Network()
    notifier, watcher = Notifier(network), Spoiler(network)
    watcher.wire.send = spoiling(watcher.wire.send, wrong, first, count)  # type: ignore[method-assign]
    watcher.subscribe(notifier.hop, expires)
    network.at(1.0, notifier.change(1))
    network.at(2.0, lambda now: watcher.subscribe(notifier.hop, 600))
    network.at(3.0, lambda now: setattr(watcher, "code", code))
    network.at(3.5, notifier.change(2))
    network.at(4.0, lambda now: watcher.subscribe(notifier.hop, 0))
    network.run(60.0)
    for subscription in notifier.subscriptions:
        if subscription.live:
            subscription.end("noresource", network.now)
    network.settle(4000.0)
    assert notifier.idle() and len(notifier.over) == len(notifier.subscriptions)
