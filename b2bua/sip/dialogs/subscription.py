"""Subscriptions of peers to a state of ours (RFC 6665): the notifier's side of one, as a table and what runs it.

One NOTIFY is under way at a time. What changes meanwhile is told by the next one, which is written when it is sent:
so none is out of date, none overtakes another, and a state that changes often costs a slow peer no more than a few.
"""

from __future__ import annotations

from enum import IntEnum, auto
from math import ceil
from typing import Protocol

from b2bua.sip.dialogs.dialog import Dialog
from b2bua.sip.dialogs.effects import Ends, ends
from b2bua.sip.dialogs.endpoint import Endpoint
from b2bua.sip.text.capabilities import ALLOW_EVENTS
from b2bua.sip.text.event import EventType, event_type
from b2bua.sip.text.message import Request, Response
from b2bua.sip.transactions.client_transaction import ClientTransaction
from b2bua.sip.transactions.server_transaction import ServerTransaction
from b2bua.sip.transactions.timers import NEVER, Timed


class State(IntEnum):
    """How much the peer knows."""

    CURRENT = auto()  # everything
    TELLING = auto()  # everything, once it has the NOTIFY that is under way
    BEHIND = auto()  # not everything even then: another NOTIFY must follow
    CLOSING = auto()  # nor that the subscription is over: the last NOTIFY must follow
    PARTING = auto()  # everything, once it has that last NOTIFY
    ENDED = auto()


class Event(IntEnum):
    """What can happen to a subscription."""

    CHANGED = auto()  # there is something to tell
    OVER = auto()  # its time is up, the peer wants it no longer, or we do
    TAKEN = auto()  # the peer has the NOTIFY
    LOST = auto()  # the peer refuses it, or says nothing, or the dialog is gone


class Action(IntEnum):
    """What is then done."""

    NOTIFY = auto()
    FORGET = auto()
    NOTHING = auto()


TABLE: dict[tuple[State, Event], tuple[State, Action]] = {
    (State.CURRENT, Event.CHANGED): (State.TELLING, Action.NOTIFY),
    (State.CURRENT, Event.OVER): (State.PARTING, Action.NOTIFY),
    (State.CURRENT, Event.LOST): (State.ENDED, Action.FORGET),
    (State.TELLING, Event.CHANGED): (State.BEHIND, Action.NOTHING),
    (State.TELLING, Event.OVER): (State.CLOSING, Action.NOTHING),
    (State.TELLING, Event.TAKEN): (State.CURRENT, Action.NOTHING),
    (State.TELLING, Event.LOST): (State.ENDED, Action.FORGET),
    (State.BEHIND, Event.OVER): (State.CLOSING, Action.NOTHING),
    (State.BEHIND, Event.TAKEN): (State.TELLING, Action.NOTIFY),
    (State.BEHIND, Event.LOST): (State.ENDED, Action.FORGET),
    (State.CLOSING, Event.TAKEN): (State.PARTING, Action.NOTIFY),
    (State.CLOSING, Event.LOST): (State.ENDED, Action.FORGET),
    (State.PARTING, Event.TAKEN): (State.ENDED, Action.FORGET),
    (State.PARTING, Event.LOST): (State.ENDED, Action.FORGET),
}
"""(state, event) to (next state, action); a pair that is not there changes nothing."""


class SubscriptionUser(Protocol):
    """Whose state it is."""

    def on_subscribed_again(
        self, subscription: Subscription, subscribe: ServerTransaction, request: Request, now: float
    ) -> None:
        """The peer would have it go on, or end (Expires: 0). Owes an answer, by `accept` or directly."""

    def present(self, subscription: Subscription) -> tuple[str, bytes]:
        """The state as it is now: content type and body of a NOTIFY."""

    def on_over(self, subscription: Subscription, now: float, *, told: bool) -> None:
        """The subscription is no more; `told` if the peer has got its last NOTIFY."""


class Subscription(Timed):
    """One subscription in a dialog: of its own (RFC 6665 §4.5.2), or of other uses too (RFC 5057)."""

    __slots__ = ("_endpoint", "_reason", "_state", "_until", "_user", "dialog", "event")

    def __init__(self, endpoint: Endpoint, user: SubscriptionUser, dialog: Dialog, event: EventType) -> None:
        """Requests in the dialog may be for it from now on. It tells nothing before `accept` or `last`."""
        super().__init__()
        self.dialog = dialog
        self.event = event
        self._endpoint = endpoint
        self._user = user
        self._state = State.CURRENT
        self._until = NEVER
        self._reason = ""
        endpoint.add(dialog.id, self)

    @property
    def live(self) -> bool:
        """Whether the peer will be told of changes."""
        return self._state in (State.CURRENT, State.TELLING, State.BEHIND)

    def accept(self, subscribe: ServerTransaction, seconds: int, now: float) -> None:
        """Answer a SUBSCRIBE with 200; it then lasts `seconds`.

        Raises BadMessage (400) for a bad Contact; then nothing has happened.
        """
        dialog = self.dialog
        dialog.retarget(subscribe.request, subscribe.flow)
        dialog.remote_cseq = subscribe.request.cseq[0]
        contact = self._endpoint.contact(dialog.flow)
        subscribe.respond(200, now, (contact, ("Expires", str(seconds)), *ALLOW_EVENTS))
        self.last(seconds, now)

    def last(self, seconds: int, now: float) -> None:
        """Tell how things are, and go on for `seconds`; 0 ends it after that one NOTIFY (RFC 6665 §4.2.1.2)."""
        if seconds:
            self._until = now + seconds
            self._endpoint.queue.schedule(self, self._until)
            self.changed(now)
        else:
            self.end("timeout", now)

    def changed(self, now: float) -> None:
        """There is something to tell."""
        self._handle(Event.CHANGED, now)

    def end(self, reason: str, now: float) -> None:
        """It is over, which the peer is told with a reason (RFC 6665 §4.1.3)."""
        self._reason = reason
        self._endpoint.queue.schedule(self, NEVER)
        self._handle(Event.OVER, now)

    def drop(self) -> None:
        """The peer has another in its place and knows nothing of this one any more: forget it without a word."""
        self._state = State.ENDED
        self._forget()

    # What the peer and time do

    def dialog_with(self, remote_tag: str) -> Dialog | None:
        """Its dialog, if this is the peer's tag."""
        return self.dialog if self.dialog.remote_tag == remote_tag else None

    def takes(self, request: Request) -> bool:
        """A SUBSCRIBE to the same event (RFC 6665 §4.5.1)."""
        return request.method == "SUBSCRIBE" and event_type(request) == self.event

    def on_request(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A request in the dialog."""
        if request.cseq[0] <= self.dialog.remote_cseq:
            transaction.dismiss(500, reason="CSeq out of order")
        elif request.method != "SUBSCRIBE" or not self.live:
            # There is no call in this dialog, or nothing at all any more (RFC 6665 §4.1.2.2).
            transaction.dismiss(481)
        elif event_type(request) != self.event:
            transaction.dismiss(489, ALLOW_EVENTS)
        else:
            self._user.on_subscribed_again(self, transaction, request, now)

    def on_ack(self, ack: Request, now: float) -> None:
        """Nothing: no INVITE is part of a subscription."""

    def on_cancel(self, invite: ServerTransaction, now: float) -> None:
        """Nothing: no INVITE is part of a subscription."""

    def on_deadline(self, now: float) -> None:
        """The time is up."""
        self.end("timeout", now)

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """The peer's answer to a NOTIFY. Any refusal ends the subscription, and some the dialog."""
        if response.code < 200:
            return
        if response.code < 300:
            self._handle(Event.TAKEN, now)
            return
        what = ends("NOTIFY", response.code)
        if what is not Ends.REQUEST:
            self._handle(Event.LOST, now)
        if what is Ends.DIALOG:
            self._endpoint.dialog_gone(self.dialog, now)

    def on_no_response(self, transaction: ClientTransaction, code: int, now: float) -> None:
        """The peer has gone."""
        self._handle(Event.LOST, now)

    def on_dialog_gone(self, now: float) -> None:
        """A request about another use of the dialog was refused in a way that ends them all (RFC 5057 §5.1)."""
        self._handle(Event.LOST, now)

    # The machine

    def _handle(self, event: Event, now: float) -> None:
        before = self._state
        self._state, action = TABLE.get((before, event), (before, Action.NOTHING))
        if action is Action.NOTIFY:
            self._notify(now)
        elif action is Action.FORGET:
            self._forget()
            self._user.on_over(self, now, told=event is Event.TAKEN)

    def _notify(self, now: float) -> None:
        content_type, body = self._user.present(self)
        if self.live:
            state = f"active;expires={max(ceil(round(self._until - now, 3)), 0)}"
        else:
            state = f"terminated;reason={self._reason}"
        headers = (
            self._endpoint.contact(self.dialog.flow),
            ("Event", str(self.event)),
            ("Subscription-State", state),
            ("Content-Type", content_type),
        )
        self._endpoint.layer.send(self.dialog.request("NOTIFY", headers, body), self.dialog.flow, self, now)

    def _forget(self) -> None:
        self._endpoint.queue.schedule(self, NEVER)
        self._endpoint.remove(self.dialog.id, self)
