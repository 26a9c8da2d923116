"""One dialog with several uses (RFC 5057): each request finds its own, and each use ends by itself."""

from __future__ import annotations

import pytest

from b2bua.sip.dialogs.dialog import Dialog
from b2bua.sip.dialogs.endpoint import Endpoint
from b2bua.sip.dialogs.session import Session
from b2bua.sip.dialogs.subscription import Subscription
from b2bua.sip.text.address import parse_address
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.event import EventType
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.message import Request, Response, parse_message
from b2bua.sip.text.uri import parse_uri
from b2bua.sip.transactions.server_transaction import ServerTransaction
from tests.sip.messages import request
from tests.sip.wire import ANSWER, OFFER, Network, Phone, joined

EVENT = EventType("message-summary", "7")


class Shared:
    """A call whose callee has also a subscription of the caller in the same dialog, told once.

    It is the subscription's user, and stands before the caller's agent, which knows no NOTIFY: it answers each
    with `code`, or what is `refused` in its place.
    """

    def __init__(self) -> None:
        self.network, self.caller, self.callee = joined()
        self.caller.agent.layer.core = self
        self.code = 200
        self.refused = "NOTIFY"
        self.notified: list[Request] = []
        self.over: list[bool] = []
        assert self.session.dialog is not None
        self.dialog: Dialog = self.session.dialog
        self.subscription = Subscription(self.callee.agent.endpoint, self, self.dialog, EVENT)
        self.subscription.last(600, self.network.now)
        self.run()
        assert self.states() == ["active"] and self.uses() == (1, 1)

    @property
    def session(self) -> Session:
        return self.callee.session

    def uses(self) -> tuple[int, int]:
        """How many sessions and subscriptions the callee has."""
        return self.callee.agent.sessions, self.callee.agent.subscriptions

    def states(self) -> list[str]:
        return [(m.get("subscription-state") or "").partition(";")[0] for m in self.notified]

    def run(self, seconds: float = 0.5) -> None:
        self.network.run(self.network.now + seconds)

    def ask(self, method: str, headers: tuple[tuple[str, str], ...] = (), body: bytes = b"") -> int:
        """Let the caller send a request in the dialog; the code it gets."""
        before = len(self.network.sent)
        self.caller.session.send(method, headers, body, self.network.now)
        self.run()
        answers = [p.message for p in self.network.sent[before:] if p.name.endswith(f" {method}")]
        assert isinstance(answers[-1], Response)
        return answers[-1].code

    def still_called(self) -> None:
        """The call goes on: both sides say something, and hear it."""
        assert self.session.active and self.caller.session.active
        self.callee.when("offer", lambda session, now: session.answer_offer(ANSWER, now))
        self.caller.session.offer(OFFER, self.network.now)
        self.run()
        assert self.callee.names()[-1] == "acknowledged" and self.caller.events[-1][0] == "offer answered"

    def still_told(self) -> None:
        """The subscription goes on: a change is told, and it may be renewed."""
        before = len(self.notified)
        self.subscription.changed(self.network.now)
        self.run()
        assert self.states()[before:] == ["active"] and self.subscription.live
        assert [m.cseq[0] for m in self.notified] == sorted({m.cseq[0] for m in self.notified})

    def finish(self) -> None:
        self.session.bye(self.network.now)
        self.caller.session.bye(self.network.now)
        if self.subscription.live:
            self.subscription.end("noresource", self.network.now)
        self.network.settle()
        assert self.callee.idle() and self.uses() == (0, 0)

    # SubscriptionUser

    def on_subscribed_again(
        self, subscription: Subscription, subscribe: ServerTransaction, request: Request, now: float
    ) -> None:
        subscription.accept(subscribe, request.integer("expires", 600), now)

    def present(self, subscription: Subscription) -> tuple[str, bytes]:
        return "text/plain", b"x"

    def on_over(self, subscription: Subscription, now: float, *, told: bool) -> None:
        self.over.append(told)

    # Core

    def on_request(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        if request.method == "NOTIFY":
            self.notified.append(request)
        if request.method == self.refused:
            transaction.respond(self.code, now)
        elif request.method == "NOTIFY":
            transaction.respond(200, now)
        else:
            self.caller.agent.on_request(transaction, request, now)

    def on_ack(self, ack: Request, now: float) -> None:
        self.caller.agent.on_ack(ack, now)

    def on_cancel(self, invite: ServerTransaction, now: float) -> None:
        self.caller.agent.on_cancel(invite, now)

    def on_received(self, message: Request | Response, data: bytes, flow: Flow, now: float) -> None:
        pass

    def on_refused(self, error: BadMessage, data: bytes, flow: Flow) -> None:
        raise AssertionError(error)


def subscribing(event: str) -> tuple[tuple[str, str], ...]:
    return ("Event", event), ("Expires", "300"), ("Contact", "<sip:caller@192.0.2.1:5060>")


@pytest.mark.parametrize(
    ("method", "headers", "code"),
    [
        ("INFO", (), 200),
        ("OPTIONS", (), 200),
        ("UPDATE", (), 200),
        ("PRACK", (("RAck", "1 1 INVITE"),), 481),
        ("SUBSCRIBE", subscribing("message-summary;id=7"), 200),
        ("SUBSCRIBE", subscribing("message-summary;id=8"), 405),
        ("SUBSCRIBE", subscribing("dialog"), 405),
    ],
)
def test_a_request_is_for_the_use_that_takes_it(
    method: str, headers: tuple[tuple[str, str], ...], code: int
) -> None:
    shared = Shared()
    before = len(shared.notified)
    heard = len(shared.callee.names())
    answered = shared.ask(method, headers)
    assert answered == code
    assert shared.callee.names()[heard:] == (["info"] if method == "INFO" else [])
    assert len(shared.notified) - before == (method == "SUBSCRIBE" and code == 200)
    shared.still_called()
    shared.still_told()
    shared.finish()


def test_a_bye_ends_the_call_alone() -> None:
    shared = Shared()
    shared.caller.session.bye(shared.network.now)
    shared.run()
    assert shared.callee.names()[-1] == "ended" and shared.uses() == (0, 1)
    shared.still_told()
    shared.finish()
    assert shared.states()[-1] == "terminated" and shared.over == [True]


def test_our_bye_ends_the_call_alone() -> None:
    shared = Shared()
    shared.session.bye(shared.network.now)
    shared.run()
    assert shared.caller.names()[-1] == "ended" and shared.uses() == (0, 1)
    shared.still_told()
    shared.finish()


@pytest.mark.parametrize("code", [481, 408, 489, 403, 405, 480, 500, 501, 603])
def test_a_refused_notify_ends_the_subscription_alone(code: int) -> None:
    shared = Shared()
    shared.code = code
    shared.subscription.changed(shared.network.now)
    shared.run()
    assert shared.over == [False] and shared.uses() == (1, 0)
    assert shared.ask("INFO") == 200
    shared.still_called()
    shared.finish()


@pytest.mark.parametrize("method", ["INFO", "INVITE"])
def test_a_481_to_the_call_ends_the_call_alone(method: str) -> None:
    shared = Shared()
    # The far end has lost the call, and answers whatever is about it with 481.
    shared.caller.agent.endpoint.remove(
        (shared.caller.session.call_id, shared.dialog.remote_tag), shared.caller.session
    )
    if method == "INVITE":
        assert shared.session.offer(OFFER, shared.network.now)
    else:
        shared.session.send("INFO", (), b"", shared.network.now)
    shared.run()
    assert shared.callee.events[-1] == ("ended", "gone") and shared.uses() == (0, 1)
    shared.still_told()
    shared.finish()


@pytest.mark.parametrize("code", [404, 410, 416, 482, 483, 484, 485, 502, 604])
@pytest.mark.parametrize("about", ["INFO", "INVITE", "NOTIFY"])
def test_a_peer_that_cannot_be_reached_at_its_contact_ends_every_use(about: str, code: int) -> None:
    """RFC 5057 §5.1."""
    shared = Shared()
    shared.refused = about
    shared.code = code
    if about == "INVITE":
        assert shared.session.offer(OFFER, shared.network.now)
    elif about == "INFO":
        shared.session.send("INFO", (), b"", shared.network.now)
    else:
        shared.subscription.changed(shared.network.now)
    shared.run()
    assert shared.callee.events[-1] == ("ended", "gone") and shared.over == [False]
    assert shared.uses() == (0, 0)
    shared.finish()


def test_the_dialog_of_another_branch_is_another() -> None:
    """A fork has its own dialog under the same tag of ours."""
    table = endpoint()
    one, fork = Use("INVITE"), Use("INVITE", "q")
    table.add(ID, one)
    table.add(ID, fork)
    ended = fork.dialog_with("q")
    assert ended is not None
    table.dialog_gone(ended, 1.0)
    assert (one.gone, fork.gone) == (0, 1)


def test_a_subscription_whose_time_is_up_leaves_the_call() -> None:
    shared = Shared()
    shared.run(601.0)
    assert shared.states() == ["active", "terminated"] and shared.uses() == (1, 0)
    shared.still_called()
    shared.finish()


def test_the_uses_share_target_and_sequence_numbers() -> None:
    shared = Shared()
    first = shared.dialog.local_cseq
    shared.session.send("INFO", (), b"", shared.network.now)
    shared.subscription.changed(shared.network.now)
    shared.run()
    info = shared.network.last("INFO")
    assert info.cseq[0] == first + 1 and shared.notified[-1].cseq[0] == first + 2
    # A target refresh of the one is the other's too (RFC 5057 §5.3).
    assert shared.ask("UPDATE", (("Contact", "<sip:moved@192.0.2.1:5060>"),)) == 200
    shared.subscription.changed(shared.network.now)
    shared.run()
    assert shared.notified[-1].uri_text == "sip:moved@192.0.2.1:5060"
    shared.finish()


def test_a_request_that_is_behind_is_refused_whichever_use_it_is_for() -> None:
    shared = Shared()
    assert shared.ask("SUBSCRIBE", subscribing("message-summary;id=7")) == 200
    dialog = shared.caller.session.dialog
    assert dialog is not None
    dialog.local_cseq -= 1
    assert shared.ask("INFO") == 500
    dialog.local_cseq -= 1
    assert shared.ask("SUBSCRIBE", subscribing("message-summary;id=7")) == 500
    shared.finish()


# The table by itself


class Use:
    """A use of the dialog with the peer `p` that takes one method."""

    def __init__(self, method: str, peer: str = "p") -> None:
        self.method = method
        self.peer = peer
        self.gone = 0

    def dialog_with(self, remote_tag: str) -> Dialog | None:
        local, remote = parse_address("<sip:a@x>;tag=l"), parse_address(f"<sip:b@x>;tag={self.peer}")
        found = Dialog("c", local, remote, parse_uri("sip:b@x"), None)  # type: ignore[arg-type]
        return found if remote_tag == self.peer else None

    def takes(self, request: Request) -> bool:
        return request.method == self.method

    def on_request(self, transaction: ServerTransaction, request: Request, now: float) -> None: ...
    def on_ack(self, ack: Request, now: float) -> None: ...
    def on_cancel(self, invite: ServerTransaction, now: float) -> None: ...

    def on_dialog_gone(self, now: float) -> None:
        self.gone += 1


ID = "c", "l"


def endpoint() -> Endpoint:
    return Phone(Network(), "192.0.2.1").agent.endpoint


def asking(method: str, peer: str = "p") -> Request:
    found = parse_message(request(method, call_id="c", from_tag=peer, to_tag="l"))
    assert isinstance(found, Request)
    return found


def test_the_table_of_uses() -> None:
    table = endpoint()
    call, one, fork = Use("INVITE"), Use("SUBSCRIBE"), Use("INVITE", "q")
    for each in (call, one, fork, call):
        table.add(ID, each)
    assert table.count(Use) == 3, "the same use is there once"
    assert table.usage_of(asking("INVITE"), "l") is call
    assert table.usage_of(asking("SUBSCRIBE"), "l") is one
    assert table.usage_of(asking("BYE"), "l") is call, "what none takes, the oldest refuses"
    assert table.usage_of(asking("INVITE", "q"), "l") is fork
    assert table.usage_of(asking("INVITE", "r"), "l") is None
    assert table.usage_of(asking("INVITE"), "m") is None
    table.remove(ID, call)
    table.remove(ID, call)
    assert table.usage_of(asking("INVITE"), "l") is one, "it is left alone with its peer"
    table.remove(ID, fork)
    table.remove(("other", "l"), one)
    assert table.usage_of(asking("SUBSCRIBE"), "l") is one
    table.remove(ID, one)
    assert table.count(Use) == 0 and table.usage_of(asking("SUBSCRIBE"), "l") is None
