"""The four transaction state machines (RFC 3261 §17, RFC 6026) as tables, and the one object that runs them.

A table maps (state, event) to (next state, actions); a pair that is not there changes nothing. A second table says
which timers a state runs on entry. `Transaction` only executes; there is no other place where a state changes.

What a table is searched by is an IntEnum: a plain Enum's hash is a Python function, and was a third of a transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, auto

from b2bua.sip.text.flow import Flow
from b2bua.sip.transactions.sender import Sender
from b2bua.sip.transactions.timers import NEVER, Timed, TimerQueue, Timers


class State(IntEnum):
    """The states of RFC 3261 figures 5 to 8, with RFC 6026's Accepted."""

    CALLING = auto()
    TRYING = auto()
    PROCEEDING = auto()
    ACCEPTED = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    TERMINATED = auto()


class Event(IntEnum):
    """What can happen to a transaction: a message in, a response out, or a timer."""

    REQUEST = auto()  # a retransmission of the request (server)
    ACK = auto()  # an ACK that matches an INVITE (server)
    PROVISIONAL = auto()  # 1xx, received (client) or to be sent (server)
    SUCCESS = auto()  # 2xx
    FAILURE = auto()  # 3xx to 6xx
    RESEND = auto()  # timers A, E, G
    EXPIRE = auto()  # timers B, D, F, H, I, J, K, L, M
    BROKEN = auto()  # the transport failed


def response_event(code: int) -> Event:
    """The event that a response with this status code is."""
    if code < 200:
        return Event.PROVISIONAL
    return Event.SUCCESS if code < 300 else Event.FAILURE


class Action(Enum):
    """What the machine then does."""

    SEND = auto()  # send the message given with the event, and keep it for retransmission
    RESEND = auto()  # send the last message again
    DELIVER = auto()  # give the message to the transaction's user
    ACKNOWLEDGE = auto()  # send the ACK that belongs to the transaction (§17.1.1.3)
    TIMED_OUT = auto()  # tell the user: no answer, or no ACK
    FAILED = auto()  # tell the user: the transport failed


Table = dict[tuple[State, Event], tuple[State, tuple[Action, ...]]]

INVITE_CLIENT: Table = {
    (State.CALLING, Event.RESEND): (State.CALLING, (Action.RESEND,)),
    (State.CALLING, Event.EXPIRE): (State.TERMINATED, (Action.TIMED_OUT,)),
    (State.CALLING, Event.BROKEN): (State.TERMINATED, (Action.FAILED,)),
    (State.CALLING, Event.PROVISIONAL): (State.PROCEEDING, (Action.DELIVER,)),
    (State.CALLING, Event.SUCCESS): (State.ACCEPTED, (Action.DELIVER,)),
    (State.CALLING, Event.FAILURE): (State.COMPLETED, (Action.ACKNOWLEDGE, Action.DELIVER)),
    (State.PROCEEDING, Event.PROVISIONAL): (State.PROCEEDING, (Action.DELIVER,)),
    (State.PROCEEDING, Event.SUCCESS): (State.ACCEPTED, (Action.DELIVER,)),
    (State.PROCEEDING, Event.FAILURE): (State.COMPLETED, (Action.ACKNOWLEDGE, Action.DELIVER)),
    (State.ACCEPTED, Event.SUCCESS): (State.ACCEPTED, (Action.DELIVER,)),
    (State.ACCEPTED, Event.EXPIRE): (State.TERMINATED, ()),
    (State.COMPLETED, Event.FAILURE): (State.COMPLETED, (Action.ACKNOWLEDGE,)),
    (State.COMPLETED, Event.EXPIRE): (State.TERMINATED, ()),
    (State.COMPLETED, Event.BROKEN): (State.TERMINATED, ()),
}

CLIENT: Table = {
    (State.TRYING, Event.RESEND): (State.TRYING, (Action.RESEND,)),
    (State.TRYING, Event.EXPIRE): (State.TERMINATED, (Action.TIMED_OUT,)),
    (State.TRYING, Event.BROKEN): (State.TERMINATED, (Action.FAILED,)),
    (State.TRYING, Event.PROVISIONAL): (State.PROCEEDING, (Action.DELIVER,)),
    (State.TRYING, Event.SUCCESS): (State.COMPLETED, (Action.DELIVER,)),
    (State.TRYING, Event.FAILURE): (State.COMPLETED, (Action.DELIVER,)),
    (State.PROCEEDING, Event.RESEND): (State.PROCEEDING, (Action.RESEND,)),
    (State.PROCEEDING, Event.EXPIRE): (State.TERMINATED, (Action.TIMED_OUT,)),
    (State.PROCEEDING, Event.BROKEN): (State.TERMINATED, (Action.FAILED,)),
    (State.PROCEEDING, Event.PROVISIONAL): (State.PROCEEDING, (Action.DELIVER,)),
    (State.PROCEEDING, Event.SUCCESS): (State.COMPLETED, (Action.DELIVER,)),
    (State.PROCEEDING, Event.FAILURE): (State.COMPLETED, (Action.DELIVER,)),
    (State.COMPLETED, Event.EXPIRE): (State.TERMINATED, ()),
}

INVITE_SERVER: Table = {
    (State.PROCEEDING, Event.REQUEST): (State.PROCEEDING, (Action.RESEND,)),
    (State.PROCEEDING, Event.PROVISIONAL): (State.PROCEEDING, (Action.SEND,)),
    (State.PROCEEDING, Event.SUCCESS): (State.ACCEPTED, (Action.SEND,)),
    (State.PROCEEDING, Event.FAILURE): (State.COMPLETED, (Action.SEND,)),
    (State.PROCEEDING, Event.BROKEN): (State.TERMINATED, (Action.FAILED,)),
    # RFC 6026 §7.1: a repeated INVITE is absorbed; the session repeats the 2xx by its own timer.
    (State.ACCEPTED, Event.SUCCESS): (State.ACCEPTED, (Action.SEND,)),
    (State.ACCEPTED, Event.ACK): (State.ACCEPTED, (Action.DELIVER,)),
    (State.ACCEPTED, Event.EXPIRE): (State.TERMINATED, ()),
    (State.COMPLETED, Event.REQUEST): (State.COMPLETED, (Action.RESEND,)),
    (State.COMPLETED, Event.RESEND): (State.COMPLETED, (Action.RESEND,)),
    (State.COMPLETED, Event.ACK): (State.CONFIRMED, ()),
    (State.COMPLETED, Event.EXPIRE): (State.TERMINATED, (Action.TIMED_OUT,)),
    (State.COMPLETED, Event.BROKEN): (State.TERMINATED, (Action.FAILED,)),
    (State.CONFIRMED, Event.EXPIRE): (State.TERMINATED, ()),
}

SERVER: Table = {
    (State.TRYING, Event.PROVISIONAL): (State.PROCEEDING, (Action.SEND,)),
    (State.TRYING, Event.SUCCESS): (State.COMPLETED, (Action.SEND,)),
    (State.TRYING, Event.FAILURE): (State.COMPLETED, (Action.SEND,)),
    (State.PROCEEDING, Event.REQUEST): (State.PROCEEDING, (Action.RESEND,)),
    (State.PROCEEDING, Event.PROVISIONAL): (State.PROCEEDING, (Action.SEND,)),
    (State.PROCEEDING, Event.SUCCESS): (State.COMPLETED, (Action.SEND,)),
    (State.PROCEEDING, Event.FAILURE): (State.COMPLETED, (Action.SEND,)),
    (State.PROCEEDING, Event.BROKEN): (State.TERMINATED, (Action.FAILED,)),
    (State.COMPLETED, Event.REQUEST): (State.COMPLETED, (Action.RESEND,)),
    (State.COMPLETED, Event.BROKEN): (State.TERMINATED, ()),
    (State.COMPLETED, Event.EXPIRE): (State.TERMINATED, ()),
}


class Kind(IntEnum):
    """The four machines."""

    INVITE_CLIENT = auto()
    CLIENT = auto()
    INVITE_SERVER = auto()
    SERVER = auto()


FIRST: dict[Kind, State] = {
    Kind.INVITE_CLIENT: State.CALLING,
    Kind.CLIENT: State.TRYING,
    Kind.INVITE_SERVER: State.PROCEEDING,
    Kind.SERVER: State.TRYING,
}
"""The state in which each begins."""

TABLES: dict[Kind, Table] = {
    Kind.INVITE_CLIENT: INVITE_CLIENT,
    Kind.CLIENT: CLIENT,
    Kind.INVITE_SERVER: INVITE_SERVER,
    Kind.SERVER: SERVER,
}


class Repeat(Enum):
    """How a state repeats its message on an unreliable transport."""

    NO = auto()
    DOUBLING = auto()  # T1, 2 T1, 4 T1, … (timer A)
    CAPPED = auto()  # the same, but never more than T2 (timers E and G)
    SLOW = auto()  # as it was due, then every T2 (timer E in Proceeding)


class End(Enum):
    """When a state ends by itself."""

    NEVER = auto()
    KEEP = auto()  # the deadline of the state before goes on
    TIMEOUT = auto()  # 64 T1 on any transport (timers B, F, H, L, M)
    ABSORB = auto()  # 64 T1 on an unreliable transport, at once on a reliable one (timers D, J)
    LINGER = auto()  # T4 on an unreliable transport, at once on a reliable one (timers I, K)


# Timer D is "at least 32 s" (§17.1.1.2); 64 T1 is that at the default T1 and scales with it in tests.
ENTRY: dict[tuple[Kind, State], tuple[Repeat, End]] = {
    (Kind.INVITE_CLIENT, State.CALLING): (Repeat.DOUBLING, End.TIMEOUT),
    (Kind.INVITE_CLIENT, State.PROCEEDING): (Repeat.NO, End.NEVER),
    (Kind.INVITE_CLIENT, State.ACCEPTED): (Repeat.NO, End.TIMEOUT),
    (Kind.INVITE_CLIENT, State.COMPLETED): (Repeat.NO, End.ABSORB),
    (Kind.CLIENT, State.TRYING): (Repeat.CAPPED, End.TIMEOUT),
    (Kind.CLIENT, State.PROCEEDING): (Repeat.SLOW, End.KEEP),
    (Kind.CLIENT, State.COMPLETED): (Repeat.NO, End.LINGER),
    (Kind.INVITE_SERVER, State.PROCEEDING): (Repeat.NO, End.NEVER),
    (Kind.INVITE_SERVER, State.ACCEPTED): (Repeat.NO, End.TIMEOUT),
    (Kind.INVITE_SERVER, State.COMPLETED): (Repeat.CAPPED, End.TIMEOUT),
    (Kind.INVITE_SERVER, State.CONFIRMED): (Repeat.NO, End.LINGER),
    (Kind.SERVER, State.TRYING): (Repeat.NO, End.NEVER),
    (Kind.SERVER, State.PROCEEDING): (Repeat.NO, End.NEVER),
    (Kind.SERVER, State.COMPLETED): (Repeat.NO, End.ABSORB),
}


@dataclass(slots=True)
class Setting:
    """What all transactions of an endpoint share: base timers, the queue of deadlines, and the way out."""

    timers: Timers
    queue: TimerQueue
    sender: Sender


class Transaction(Timed):
    """Runs one of the four machines. Subclasses carry out the actions that need to know what they are."""

    __slots__ = ("data", "ends_at", "flow", "interval", "kind", "resend_at", "setting", "state")

    def __init__(self, kind: Kind, flow: Flow, setting: Setting) -> None:
        super().__init__()
        self.kind = kind
        self.flow = flow
        self.setting = setting
        self.state = FIRST[kind]
        self.data = b""
        self.resend_at = NEVER
        self.ends_at = NEVER
        self.interval = 0.0

    def start(self, now: float) -> None:
        """Run the timers of the first state."""
        self._enter(self.state, now)

    def handle(self, event: Event, now: float, message: object = None) -> None:
        """Let one event happen: change state, run timers, carry out the actions."""
        entry = TABLES[self.kind].get((self.state, event))
        if entry is None:
            return
        state, actions = entry
        if state is not self.state:
            self.state = state
            self._enter(state, now)
        try:
            for action in actions:
                self.perform(action, message, now)
        finally:
            if state is State.TERMINATED:
                self.forget()

    def stop_resending(self) -> None:
        """Send the message no more of our own accord; the state ends when it would have."""
        self.resend_at = NEVER
        if self.state is not State.TERMINATED:
            self._arm()

    def on_deadline(self, now: float) -> None:
        """A retransmission is due, or the state has lasted long enough."""
        if self.ends_at <= now:
            self.ends_at = self.resend_at = NEVER
            self.handle(Event.EXPIRE, now)
            return
        longest = NEVER if self.kind is Kind.INVITE_CLIENT else self.setting.timers.t2
        self.interval = min(2 * self.interval, longest)
        self.resend_at = now + self.interval
        self._arm()
        self.handle(Event.RESEND, now)

    def perform(self, action: Action, message: object, now: float) -> None:
        """Carry out one action of the table."""
        raise NotImplementedError

    def forget(self) -> None:
        """The transaction is over: let whoever keeps it drop it."""
        raise NotImplementedError

    def _enter(self, state: State, now: float) -> None:
        if state is State.TERMINATED:
            self.setting.queue.schedule(self, NEVER)
            return
        repeat, end = ENTRY[self.kind, state]
        timers = self.setting.timers
        unreliable = not self.flow.reliable
        if repeat is Repeat.NO or not unreliable:
            self.resend_at = NEVER
        elif repeat is Repeat.SLOW:
            self.interval = timers.t2
        else:
            self.interval = timers.t1
            self.resend_at = now + self.interval
        if end is End.TIMEOUT:
            self.ends_at = now + timers.timeout
        elif end is End.ABSORB:
            self.ends_at = now + timers.timeout if unreliable else now
        elif end is End.LINGER:
            self.ends_at = now + timers.t4 if unreliable else now
        elif end is End.NEVER:
            self.ends_at = NEVER
        self._arm()

    def _arm(self) -> None:
        self.setting.queue.schedule(self, min(self.resend_at, self.ends_at))
