"""Subscriptions: the table, whole ones on a good wire with its time, and what must hold on a bad one."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count, product

import pytest

from b2bua.sip.dialogs.dialog import Dialog, dialog_of_response
from b2bua.sip.dialogs.subscription import (
    TABLE,
    Action,
    Event,
    State,
    Subscription,
)
from b2bua.sip.text.compose import Header
from b2bua.sip.text.draft import Draft
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.message import Request, Response
from b2bua.sip.transactions.client_transaction import ClientTransaction
from b2bua.sip.transactions.layer import TransactionLayer
from b2bua.sip.transactions.server_transaction import ServerTransaction
from b2bua.sip.transactions.timers import NEVER, TimerQueue, Timers
from tests.sip.messages import request
from tests.sip.wire import Faults, Network, Peer, Phone, Port, joined

PACKAGE = "message-summary"
WATCHER = SocketAddress("192.0.2.9", 5060)


class Notifier(Phone):
    """Accepts every subscription; its state is a number that the test changes. Also the `SubscriptionUser`."""

    def __init__(self, network: Network) -> None:
        super().__init__(network, "192.0.2.2")
        self.value = 0
        self.subscriptions: list[Subscription] = []
        self.over: list[bool] = []
        self.shortest = 1

    def on_subscribe(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        seconds = request.integer("expires", 3600)
        self.subscriptions.append(self.agent.subscribe(transaction, self, seconds, now))

    def on_subscribed_again(
        self, subscription: Subscription, subscribe: ServerTransaction, request: Request, now: float
    ) -> None:
        subscription.accept(subscribe, request.integer("expires", 3600), now)

    def present(self, subscription: Subscription) -> tuple[str, bytes]:
        return "text/plain", str(self.value).encode()

    def on_over(self, subscription: Subscription, now: float, *, told: bool) -> None:
        self.over.append(told)

    def change(self, value: int) -> Callable[[float], None]:
        """For `Network.at`."""

        def act(now: float) -> None:
            self.value = value
            for subscription in self.subscriptions:
                subscription.changed(now)

        return act

    def idle(self) -> bool:
        return super().idle() and not self.agent.subscriptions


@dataclass
class Watcher:
    """A subscriber that is a transaction layer and a dialog: it answers each NOTIFY as the test wants."""

    network: Network
    hop: SocketAddress = WATCHER
    code: int = 200
    heard: list[tuple[str, int]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    dialog: Dialog | None = None

    def __post_init__(self) -> None:
        self.queue = TimerQueue()
        self.wire = Port(self.network, self.hop)
        numbers = count(1)
        self.layer = TransactionLayer(self.wire, self, Timers(), self.queue, lambda: f"w{next(numbers)}")
        self.network.attach(self.hop, self.layer.receive)
        self.network._agents.append(self)  # type: ignore[arg-type]

    @property
    def states(self) -> list[str]:
        return [state.partition(";")[0] for state, _ in self.heard]

    def subscribe(self, target: SocketAddress, expires: int = 600, event: str = PACKAGE) -> None:
        headers: tuple[Header, ...] = (
            ("Event", event),
            ("Expires", str(expires)),
            ("Contact", f"<sip:bob@{self.hop}>"),
        )
        if self.dialog is None:
            draft = Draft(
                "SUBSCRIBE",
                f"sip:bob@{target}",
                (
                    ("Max-Forwards", "70"),
                    ("From", "<sip:bob@ringplan.example>;tag=w"),
                    ("To", "<sip:bob@ringplan.example>"),
                    ("Call-ID", "watch"),
                    ("CSeq", "1 SUBSCRIBE"),
                    *headers,
                ),
                "watch",
            )
        else:
            draft = self.dialog.request("SUBSCRIBE", headers)
        self.layer.send(draft, self.network.flow(self.hop, target), self, self.network.now)

    # Core

    def on_request(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        assert request.method == "NOTIFY"
        transaction.respond(self.code, now)
        self.numbers.append(request.cseq[0])
        self.heard.append((request.get("subscription-state") or "", int(request.body)))

    def on_ack(self, ack: Request, now: float) -> None:
        raise AssertionError("nobody calls")

    def on_cancel(self, invite: ServerTransaction, now: float) -> None:
        raise AssertionError("nobody calls")

    def on_received(self, message: Request | Response, data: bytes, flow: Flow, now: float) -> None:
        pass

    def on_refused(self, error: BadMessage, data: bytes, flow: Flow) -> None:
        raise AssertionError(error)

    # ResponseUser

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        self.answers.append(response.code)
        if response.code == 200 and self.dialog is None:
            draft = transaction.draft
            local = response.from_
            self.dialog = dialog_of_response(draft, local, response, transaction.flow)

    def on_no_response(self, transaction: ClientTransaction, code: int, now: float) -> None:
        self.answers.append(code)

    def idle(self) -> bool:
        return not len(self.layer) and not len(self.queue)


def bench(faults: Faults | None = None) -> tuple[Network, Notifier, Watcher]:
    network = Network(faults)
    return network, Notifier(network), Watcher(network)


def subscribed(expires: int = 600) -> tuple[Network, Notifier, Watcher]:
    """A second into a subscription."""
    network, notifier, watcher = bench()
    watcher.subscribe(notifier.hop, expires)
    network.run(1.0)
    assert watcher.answers == [200] and watcher.states == ["active"]
    return network, notifier, watcher


# The table


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_state_and_event(state: State, event: Event) -> None:
    """What the table must say of each pair, written down once more from what the states mean."""
    after, action = TABLE.get((state, event), (state, Action.NOTHING))
    under_way = state in (State.TELLING, State.BEHIND, State.CLOSING, State.PARTING)
    if state is State.ENDED or (event is Event.TAKEN and not under_way):
        expected = state, Action.NOTHING
    elif event is Event.LOST or (event is Event.TAKEN and state is State.PARTING):
        expected = State.ENDED, Action.FORGET
    elif event is Event.TAKEN:
        expected = {
            State.TELLING: (State.CURRENT, Action.NOTHING),
            State.BEHIND: (State.TELLING, Action.NOTIFY),
            State.CLOSING: (State.PARTING, Action.NOTIFY),
        }[state]
    elif state in (State.CLOSING, State.PARTING, State.ENDED):
        expected = state, Action.NOTHING
    elif event is Event.OVER:
        expected = (State.CLOSING, Action.NOTHING) if under_way else (State.PARTING, Action.NOTIFY)
    else:
        expected = (State.BEHIND, Action.NOTHING) if under_way else (State.TELLING, Action.NOTIFY)
    assert (after, action) == expected


@pytest.mark.parametrize("state", list(State))
def test_a_notify_goes_out_only_when_none_is_under_way(state: State) -> None:
    for event in Event:
        after, action = TABLE.get((state, event), (state, Action.NOTHING))
        answered = event is Event.TAKEN or state is State.CURRENT
        assert action is not Action.NOTIFY or (answered and after in (State.TELLING, State.PARTING))


# On a good wire


def test_a_subscription_is_answered_told_and_told_of_changes() -> None:
    network, notifier, watcher = subscribed()
    ok = network.first("200 SUBSCRIBE")
    assert (ok.get("expires"), ok.get("allow-events")) == ("600", PACKAGE)
    assert str(ok.contact) == f"sip:{notifier.hop}" and ok.to.tag
    notify = network.first("NOTIFY")
    assert isinstance(notify, Request)
    assert notify.uri_text == f"sip:bob@{watcher.hop}"
    assert (notify.call_id, notify.from_.tag, notify.to.tag) == ("watch", ok.to.tag, "w")
    assert (notify.get("event"), notify.get("content-type")) == (PACKAGE, "text/plain")
    network.run(10.0)
    notifier.change(7)(network.now)
    network.run(11.0)
    assert watcher.heard == [("active;expires=600", 0), ("active;expires=591", 7)]
    assert watcher.numbers == [1, 2]


def test_one_notify_at_a_time_and_the_last_says_how_it_is() -> None:
    network, notifier, watcher = subscribed()
    for value in range(1, 6):
        notifier.change(value)(network.now)
    network.run(2.0)
    assert [value for _, value in watcher.heard] == [0, 1, 5]


def test_a_look_is_told_once_and_leaves_nothing() -> None:
    network, notifier, watcher = bench()
    notifier.value = 3
    watcher.subscribe(notifier.hop, expires=0)
    network.run(1.0)
    assert network.first("200 SUBSCRIBE").get("expires") == "0"
    assert watcher.heard == [("terminated;reason=timeout", 3)]
    assert notifier.over == [True]
    network.settle()
    assert notifier.idle() and watcher.idle()


def test_it_ends_in_time_with_a_last_word() -> None:
    network, notifier, watcher = subscribed(expires=30)
    network.run(29.9)
    assert watcher.states == ["active"]
    network.run(30.5)
    assert watcher.heard[-1] == ("terminated;reason=timeout", 0)
    network.settle()
    assert notifier.over == [True] and notifier.idle()


def test_a_refresh_extends_it_and_is_told_again() -> None:
    network, notifier, watcher = subscribed(expires=30)
    network.run(20.0)
    watcher.subscribe(notifier.hop, expires=60)
    network.run(21.0)
    assert watcher.heard == [("active;expires=30", 0), ("active;expires=60", 0)]
    network.run(75.0)
    assert watcher.states == ["active", "active"]
    network.run(85.0)
    assert watcher.states == ["active", "active", "terminated"]


def test_an_unsubscription_is_told_so() -> None:
    network, notifier, watcher = subscribed()
    watcher.subscribe(notifier.hop, expires=0)
    network.run(2.0)
    assert watcher.heard[-1][0] == "terminated;reason=timeout"
    network.settle()
    assert notifier.over == [True] and notifier.idle()


def test_it_is_ended_by_us_with_a_reason() -> None:
    network, notifier, watcher = subscribed()
    notifier.subscriptions[0].end("noresource", network.now)
    network.run(2.0)
    assert watcher.heard[-1][0] == "terminated;reason=noresource"
    watcher.subscribe(notifier.hop)
    network.run(3.0)
    assert watcher.answers[-1] == 481


@pytest.mark.parametrize("code", [404, 405, 408, 481, 489, 500, 503, 603])
def test_a_refused_notify_ends_it(code: int) -> None:
    network, notifier, watcher = subscribed()
    watcher.code = code
    notifier.change(1)(network.now)
    network.run(100.0)
    assert notifier.over == [False]
    assert notifier.agent.queue.next_deadline() == NEVER, "nothing is due any more"
    notifier.change(2)(network.now)
    watcher.subscribe(notifier.hop)
    network.settle()
    assert watcher.answers[-1] == 481
    assert [value for _, value in watcher.heard] == [0, 1] and notifier.idle()


def test_a_peer_that_has_gone_ends_it_after_the_transactions_time() -> None:
    network, notifier, watcher = subscribed()
    network.dead.add(watcher.hop)
    notifier.change(1)(network.now)
    network.run(32.0)
    assert notifier.over == []
    network.run(34.0)
    assert notifier.over == [False]
    network.settle()
    assert notifier.idle()


def test_what_changes_or_ends_while_a_notify_is_lost_follows_when_it_got_through() -> None:
    network, notifier, watcher = subscribed(expires=30)
    network.dead.add(watcher.hop)
    notifier.change(1)(network.now)
    notifier.change(2)(network.now + 0.1)
    network.run(10.0)
    network.dead.clear()
    network.run(16.0)
    assert [value for _, value in watcher.heard] == [0, 1, 2]
    network.dead.add(watcher.hop)
    notifier.change(3)(network.now)
    network.run(31.0)
    # Its time came in the meantime.
    assert not notifier.subscriptions[0].live and notifier.over == []
    network.dead.clear()
    network.run(40.0)
    assert watcher.heard[-1] == ("terminated;reason=timeout", 3) and notifier.over == [True]


def test_a_dropped_one_is_forgotten_without_a_word() -> None:
    network, notifier, watcher = subscribed()
    notifier.subscriptions[0].drop()
    notifier.change(1)(network.now)
    watcher.subscribe(notifier.hop)
    network.settle()
    assert len(watcher.heard) == 1 and watcher.answers == [200, 481]
    assert notifier.over == [] and notifier.idle()


def test_a_refresh_moves_the_target() -> None:
    network, notifier, watcher = subscribed()
    assert watcher.dialog is not None
    moved = watcher.dialog.request(
        "SUBSCRIBE", (("Event", PACKAGE), ("Expires", "60"), ("Contact", f"<sip:away@{watcher.hop}>"))
    )
    watcher.layer.send(moved, network.flow(watcher.hop, notifier.hop), watcher, network.now)
    network.run(2.0)
    notify = network.last("NOTIFY")
    assert isinstance(notify, Request) and notify.uri_text == f"sip:away@{watcher.hop}"


# What does not belong there


def by_hand() -> tuple[Network, Notifier, Peer]:
    network = Network()
    return network, Notifier(network), Peer(network, "192.0.2.9")


def final(peer: Peer) -> Response:
    return [m for m in peer.received if isinstance(m, Response)][-1]


@pytest.mark.parametrize("event", ["presence", "dialog;sla", "", "message-summaries"])
def test_an_event_that_is_not_known(event: str) -> None:
    network, notifier, peer = by_hand()
    headers = (("Event", event),) if event else ()
    peer.send(request("SUBSCRIBE", headers=headers), notifier.hop)
    network.run(0.1)
    assert (final(peer).code, final(peer).get("allow-events")) == (489, PACKAGE)
    assert notifier.idle()


@pytest.mark.parametrize(
    ("contact", "headers", "code"),
    [
        ("", (), 400),
        ("<bad", (), 400),
        ("<sip:bob@192.0.2.9>", (("Expires", "soon"),), 400),
        ("<sip:bob@192.0.2.9>", (("Record-Route", "<bad"),), 400),
        ("<sip:bob@192.0.2.9>", (("Require", "eventlist"),), 420),
    ],
)
def test_what_cannot_be_used_leaves_nothing(contact: str, headers: tuple[Header, ...], code: int) -> None:
    network, notifier, peer = by_hand()
    peer.send(request("SUBSCRIBE", contact=contact, headers=(("Event", PACKAGE), *headers)), notifier.hop)
    network.run(0.1)
    assert final(peer).code == code
    network.settle()
    assert notifier.idle()


def in_dialog(method: str, cseq: int, event: str = PACKAGE, from_tag: str = "f1") -> Response:
    """What a request in the dialog of a subscription gets; its SUBSCRIBE had CSeq 5."""
    network, notifier, peer = by_hand()
    peer.send(request("SUBSCRIBE", cseq=5, headers=(("Event", f"{PACKAGE};id=7"),)), notifier.hop)
    network.run(0.1)
    tag = final(peer).to.tag or ""
    assert final(peer).code == 200
    later = request(
        method, branch="z9hG4bK2", cseq=cseq, to_tag=tag, from_tag=from_tag, headers=(("Event", event),)
    )
    peer.send(later, notifier.hop)
    network.run(0.2)
    return final(peer)


@pytest.mark.parametrize(
    ("method", "cseq", "event", "from_tag", "code"),
    [
        ("SUBSCRIBE", 6, f"{PACKAGE};id=7", "f1", 200),
        ("SUBSCRIBE", 6, PACKAGE, "f1", 489),
        ("SUBSCRIBE", 6, "presence", "f1", 489),
        ("SUBSCRIBE", 5, f"{PACKAGE};id=7", "f1", 500),
        ("SUBSCRIBE", 4, f"{PACKAGE};id=7", "f1", 500),
        ("SUBSCRIBE", 6, f"{PACKAGE};id=7", "other", 481),
        ("BYE", 6, PACKAGE, "f1", 481),
        ("INFO", 6, PACKAGE, "f1", 481),
        ("INVITE", 6, PACKAGE, "f1", 481),
    ],
)
def test_requests_in_the_dialog(method: str, cseq: int, event: str, from_tag: str, code: int) -> None:
    assert in_dialog(method, cseq, event, from_tag).code == code


def test_the_id_comes_back_in_each_notify() -> None:
    network, notifier, peer = by_hand()
    peer.send(request("SUBSCRIBE", headers=(("Event", f"{PACKAGE};id=7"),)), notifier.hop)
    network.run(0.1)
    assert network.first("NOTIFY").get("event") == f"{PACKAGE};id=7"


def test_there_is_none_in_the_dialog_of_a_call() -> None:
    network, caller, callee = joined()
    assert caller.session.dialog is not None
    caller.session.send("SUBSCRIBE", (("Event", PACKAGE),), b"", network.now)
    network.run(2.0)
    assert network.names(callee.hop)[-1] == "405 SUBSCRIBE"
    assert caller.session.active and callee.session.active


# On a bad wire


@pytest.mark.parametrize("loss", [0.1, 0.3, 0.5])
def test_on_a_bad_wire_the_last_word_is_the_truth(loss: float) -> None:
    for seed in range(60):
        chance = random.Random(seed)
        slowest = chance.choice([0.05, 0.3, 2.0])
        faults = Faults(seed, loss, duplication=0.1, delay=(0.005, slowest), most_losses=2)
        network, notifier, watcher = bench(faults)
        watcher.subscribe(notifier.hop, expires=chance.choice([100, 600]))
        changes = chance.randrange(12)
        for value in range(1, changes + 1):
            network.at(chance.uniform(0.0, 60.0), notifier.change(value))
        network.run(95.0)
        assert watcher.answers == [200], seed
        assert watcher.heard[-1][1] == notifier.value, seed
        assert watcher.numbers == sorted(set(watcher.numbers)), (seed, "none overtakes another")
        assert watcher.states == ["active"] * len(watcher.heard), seed
        notifier.subscriptions[0].end("noresource", network.now)
        network.settle()
        assert watcher.states[-1] == "terminated" and notifier.over == [True], seed
        assert notifier.idle() and watcher.idle(), seed


def test_on_a_wire_that_loses_anything_nothing_is_left() -> None:
    for seed in range(60):
        chance = random.Random(seed)
        network, notifier, watcher = bench(Faults(seed, 0.8, duplication=0.2, delay=(0.005, 1.0)))
        watcher.subscribe(notifier.hop, expires=60)
        for value in range(1, 6):
            network.at(chance.uniform(0.0, 60.0), notifier.change(value))
        network.settle()
        assert notifier.idle() and watcher.idle(), seed
        assert len(notifier.over) == len(notifier.subscriptions), seed
