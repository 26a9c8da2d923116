"""The four machines, against tables written a second time from the figures of RFC 3261 and RFC 6026."""

from __future__ import annotations

import itertools

import pytest

from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.transport import Transport
from b2bua.sip.transactions.sender import Sender
from b2bua.sip.transactions.timers import NEVER, TimerQueue, Timers
from b2bua.sip.transactions.transaction import (
    ENTRY,
    TABLES,
    Action,
    Event,
    Kind,
    Setting,
    State,
    Transaction,
    response_event,
)
from tests.sip.wire import Network, Port

A, B = SocketAddress("192.0.2.1", 5060), SocketAddress("192.0.2.2", 5060)
UDP, TCP = Flow(Transport.UDP, A, B), Flow(Transport.TCP, A, B)

# Per machine and state: event -> (next state, what is done). All the rest must change nothing.
Expected = dict[str, dict[str, dict[str, tuple[str, str]]]]
EXPECTED: Expected = {
    "INVITE_CLIENT": {  # RFC 3261 figure 5 with RFC 6026 figure 1
        "CALLING": {
            "RESEND": ("CALLING", "RESEND"),  # timer A
            "EXPIRE": ("TERMINATED", "TIMED_OUT"),  # timer B
            "BROKEN": ("TERMINATED", "FAILED"),
            "PROVISIONAL": ("PROCEEDING", "DELIVER"),
            "SUCCESS": ("ACCEPTED", "DELIVER"),
            "FAILURE": ("COMPLETED", "ACKNOWLEDGE DELIVER"),
        },
        "PROCEEDING": {
            "PROVISIONAL": ("PROCEEDING", "DELIVER"),
            "SUCCESS": ("ACCEPTED", "DELIVER"),
            "FAILURE": ("COMPLETED", "ACKNOWLEDGE DELIVER"),
        },
        "ACCEPTED": {"SUCCESS": ("ACCEPTED", "DELIVER"), "EXPIRE": ("TERMINATED", "")},  # timer M
        "COMPLETED": {
            "FAILURE": ("COMPLETED", "ACKNOWLEDGE"),
            "EXPIRE": ("TERMINATED", ""),  # timer D
            "BROKEN": ("TERMINATED", ""),
        },
    },
    "CLIENT": {  # figure 6
        "TRYING": {
            "RESEND": ("TRYING", "RESEND"),  # timer E
            "EXPIRE": ("TERMINATED", "TIMED_OUT"),  # timer F
            "BROKEN": ("TERMINATED", "FAILED"),
            "PROVISIONAL": ("PROCEEDING", "DELIVER"),
            "SUCCESS": ("COMPLETED", "DELIVER"),
            "FAILURE": ("COMPLETED", "DELIVER"),
        },
        "PROCEEDING": {
            "RESEND": ("PROCEEDING", "RESEND"),
            "EXPIRE": ("TERMINATED", "TIMED_OUT"),
            "BROKEN": ("TERMINATED", "FAILED"),
            "PROVISIONAL": ("PROCEEDING", "DELIVER"),
            "SUCCESS": ("COMPLETED", "DELIVER"),
            "FAILURE": ("COMPLETED", "DELIVER"),
        },
        "COMPLETED": {"EXPIRE": ("TERMINATED", "")},  # timer K
    },
    "INVITE_SERVER": {  # figure 7 with RFC 6026 figure 2
        "PROCEEDING": {
            "REQUEST": ("PROCEEDING", "RESEND"),
            "PROVISIONAL": ("PROCEEDING", "SEND"),
            "SUCCESS": ("ACCEPTED", "SEND"),
            "FAILURE": ("COMPLETED", "SEND"),
            "BROKEN": ("TERMINATED", "FAILED"),
        },
        "ACCEPTED": {
            "SUCCESS": ("ACCEPTED", "SEND"),
            "ACK": ("ACCEPTED", "DELIVER"),
            "EXPIRE": ("TERMINATED", ""),  # timer L
        },
        "COMPLETED": {
            "REQUEST": ("COMPLETED", "RESEND"),
            "RESEND": ("COMPLETED", "RESEND"),  # timer G
            "ACK": ("CONFIRMED", ""),
            "EXPIRE": ("TERMINATED", "TIMED_OUT"),  # timer H
            "BROKEN": ("TERMINATED", "FAILED"),
        },
        "CONFIRMED": {"EXPIRE": ("TERMINATED", "")},  # timer I
    },
    "SERVER": {  # figure 8
        "TRYING": {
            "PROVISIONAL": ("PROCEEDING", "SEND"),
            "SUCCESS": ("COMPLETED", "SEND"),
            "FAILURE": ("COMPLETED", "SEND"),
        },
        "PROCEEDING": {
            "REQUEST": ("PROCEEDING", "RESEND"),
            "PROVISIONAL": ("PROCEEDING", "SEND"),
            "SUCCESS": ("COMPLETED", "SEND"),
            "FAILURE": ("COMPLETED", "SEND"),
            "BROKEN": ("TERMINATED", "FAILED"),
        },
        "COMPLETED": {
            "REQUEST": ("COMPLETED", "RESEND"),
            "BROKEN": ("TERMINATED", ""),
            "EXPIRE": ("TERMINATED", ""),  # timer J
        },
    },
}


class Recorder(Transaction):
    """A transaction that notes what it is told to do, and when."""

    def __init__(self, kind: Kind, flow: Flow = UDP, timers: Timers | None = None) -> None:
        self.queue = TimerQueue()
        super().__init__(
            kind, flow, Setting(timers or Timers(), self.queue, Sender(Port(Network(), flow.local), str))
        )
        self.done: list[tuple[float, str]] = []
        self.forgotten = 0

    def perform(self, action: Action, message: object, now: float) -> None:
        self.done.append((round(now, 3), action.name))

    def forget(self) -> None:
        self.forgotten += 1

    def run(self, until: float) -> None:
        """Let the timers act, each at its exact moment."""
        while (when := self.queue.next_deadline()) <= until:
            self.queue.run(when)

    def moments(self, action: str) -> list[float]:
        return [when for when, name in self.done if name == action]


@pytest.mark.parametrize(
    ("kind", "state", "event"),
    [
        pytest.param(*case, id="-".join(each.name for each in case))
        for case in itertools.product(Kind, State, Event)
    ],
)
def test_every_pair_of_state_and_event(kind: Kind, state: State, event: Event) -> None:
    transaction = Recorder(kind)
    transaction.state = state
    after, actions = EXPECTED[kind.name].get(state.name, {}).get(event.name, (state.name, ""))
    deadline = transaction.deadline
    transaction.handle(event, 100.0)
    assert transaction.state.name == after
    assert [name for _, name in transaction.done] == actions.split()
    assert transaction.forgotten == (after == "TERMINATED" and state is not State.TERMINATED)
    if after == state.name:
        assert transaction.deadline == deadline, "an event that leaves the state leaves its timers"


def test_the_tables_hold_nothing_else() -> None:
    for kind, table in TABLES.items():
        pairs = {(state.name, event.name) for state, event in table}
        assert pairs == {(state, event) for state, events in EXPECTED[kind.name].items() for event in events}
    assert {(kind.name, state.name) for kind, state in ENTRY} == {
        (kind, state) for kind, states in EXPECTED.items() for state in states
    }


def test_each_machine_begins_in_its_first_state() -> None:
    first = {kind.name: Recorder(kind).state.name for kind in Kind}
    assert first == {
        "INVITE_CLIENT": "CALLING",
        "CLIENT": "TRYING",
        "INVITE_SERVER": "PROCEEDING",
        "SERVER": "TRYING",
    }


@pytest.mark.parametrize(
    ("code", "event"), [(100, "PROVISIONAL"), (199, "PROVISIONAL"), (200, "SUCCESS"), (299, "SUCCESS")]
)
def test_codes_below_300(code: int, event: str) -> None:
    assert response_event(code).name == event


@pytest.mark.parametrize("code", [300, 401, 487, 500, 603, 699])
def test_codes_from_300(code: int) -> None:
    assert response_event(code) is Event.FAILURE


# Timers, each in its state, from time 10. `None`: the state does not end by itself.
A_MOMENTS = [10.5, 11.5, 13.5, 17.5, 25.5, 41.5]
E_MOMENTS = [10.5, 11.5, 13.5, 17.5, 21.5, 25.5, 29.5, 33.5, 37.5, 41.5]
TIMER_CASES: list[tuple[str, list[str], list[float], float | None, float | None]] = [
    ("INVITE_CLIENT", [], A_MOMENTS, 42.0, 42.0),  # A, B
    ("INVITE_CLIENT", ["PROVISIONAL"], [], None, None),  # B only in Calling
    ("INVITE_CLIENT", ["SUCCESS"], [], 42.0, 42.0),  # M
    ("INVITE_CLIENT", ["PROVISIONAL", "SUCCESS"], [], 42.0, 42.0),
    ("INVITE_CLIENT", ["FAILURE"], [], 42.0, 10.0),  # D
    ("CLIENT", [], E_MOMENTS, 42.0, 42.0),  # E, F
    ("CLIENT", ["SUCCESS"], [], 15.0, 10.0),  # K
    ("CLIENT", ["FAILURE"], [], 15.0, 10.0),
    (
        "CLIENT",
        ["PROVISIONAL"],
        [10.5, 14.5, 18.5, 22.5, 26.5, 30.5, 34.5, 38.5],
        42.0,
        42.0,
    ),  # E slow, F goes on
    ("INVITE_SERVER", [], [], None, None),
    ("INVITE_SERVER", ["PROVISIONAL"], [], None, None),
    ("INVITE_SERVER", ["SUCCESS"], [], 42.0, 42.0),  # L
    ("INVITE_SERVER", ["FAILURE"], E_MOMENTS, 42.0, 42.0),  # G, H
    ("INVITE_SERVER", ["FAILURE", "ACK"], [], 15.0, 10.0),  # I
    ("SERVER", [], [], None, None),
    ("SERVER", ["PROVISIONAL"], [], None, None),
    ("SERVER", ["SUCCESS"], [], 42.0, 10.0),  # J
    ("SERVER", ["PROVISIONAL", "FAILURE"], [], 42.0, 10.0),
]


@pytest.mark.parametrize("reliable", [False, True], ids=["UDP", "TCP"])
@pytest.mark.parametrize(
    ("kind", "events", "resent", "ends_udp", "ends_tcp"),
    [pytest.param(*case, id="-".join([case[0], *case[1]])) for case in TIMER_CASES],
)
def test_timers_of_each_state(
    kind: str,
    events: list[str],
    resent: list[float],
    ends_udp: float | None,
    ends_tcp: float | None,
    reliable: bool,
) -> None:
    transaction = Recorder(Kind[kind], TCP if reliable else UDP)
    transaction.start(10.0)
    for event in events:
        transaction.handle(Event[event], 10.0)
    transaction.done.clear()
    ends = ends_tcp if reliable else ends_udp
    if ends is None:
        transaction.run(1e6)
        assert not transaction.forgotten
    else:
        transaction.run(ends - 0.001)
        assert not transaction.forgotten
        transaction.run(ends)
        assert transaction.forgotten
    assert transaction.moments("RESEND") == ([] if reliable else resent)
    assert transaction.queue.next_deadline() == NEVER
    assert len(transaction.queue) == 0


def test_timers_scale_with_the_base_values() -> None:
    transaction = Recorder(Kind.CLIENT, timers=Timers(t1=0.1, t2=0.4, t4=0.5))
    transaction.start(0.0)
    transaction.run(1.0)
    assert transaction.moments("RESEND") == [0.1, 0.3, 0.7]
    transaction.handle(Event.SUCCESS, 1.0)
    transaction.run(1.499)
    assert not transaction.forgotten
    transaction.run(1.5)
    assert transaction.forgotten


def test_a_provisional_lets_timer_e_run_on_and_slows_it_afterwards() -> None:
    transaction = Recorder(Kind.CLIENT)
    transaction.start(0.0)
    transaction.run(0.5)
    transaction.handle(Event.PROVISIONAL, 0.6)
    transaction.handle(Event.PROVISIONAL, 0.7)
    transaction.run(31.9)
    assert transaction.moments("RESEND") == [0.5, 1.5, 5.5, 9.5, 13.5, 17.5, 21.5, 25.5, 29.5]
    transaction.run(32.0)
    assert transaction.done[-1] == (32.0, "TIMED_OUT")


def test_a_late_driver_does_not_send_what_it_missed() -> None:
    transaction = Recorder(Kind.CLIENT)
    transaction.start(0.0)
    transaction.queue.run(20.0)
    assert transaction.moments("RESEND") == [20.0]
    transaction.queue.run(50.0)
    assert transaction.done[-1] == (50.0, "TIMED_OUT")
    assert transaction.moments("RESEND") == [20.0]


def test_a_user_that_raises_does_not_keep_the_transaction_alive() -> None:
    class Raising(Recorder):
        def perform(self, action: Action, message: object, now: float) -> None:
            raise RuntimeError

    transaction = Raising(Kind.CLIENT)
    transaction.start(0.0)
    with pytest.raises(RuntimeError):
        transaction.handle(Event.EXPIRE, 1.0)
    assert transaction.forgotten and transaction.queue.next_deadline() == NEVER
