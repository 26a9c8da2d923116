"""Signs of health and what they come to; probes in a time that jumps."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2bua.sip.text.address import Address
from b2bua.sip.text.message import Response
from b2bua.sip.text.uri import Uri
from b2bua.sip.transactions.client_transaction import ClientTransaction
from b2bua.sip.transactions.timers import NEVER, TimerQueue
from b2bua.trunks.health import MOST_MISSED, PROBE_TIMEOUT, Condition, Health, Sign, Watch
from tests.sip.messages import response_to
from tests.sip.unreadable import Spoiled, spoiled
from tests.sip.wire import Network, Peer, Phone

UP, SUSPECT, DOWN = Condition
ANSWERED, REFUSED, BROKEN, MISSED, SILENT = Sign
NO_TRANSACTION: ClientTransaction = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("before", "sign", "after"),
    [
        (Health(UP), ANSWERED, Health(UP)),
        (Health(UP), REFUSED, Health(DOWN)),
        (Health(UP), BROKEN, Health(DOWN)),
        (Health(UP), MISSED, Health(UP, 1)),
        (Health(UP, 1), MISSED, Health(DOWN, 2)),
        (Health(UP, 1), ANSWERED, Health(UP)),
        (Health(UP, 1), SILENT, Health(SUSPECT, 1)),
        (Health(SUSPECT), ANSWERED, Health(UP)),
        (Health(SUSPECT), REFUSED, Health(DOWN)),
        (Health(SUSPECT), BROKEN, Health(DOWN)),
        (Health(SUSPECT), MISSED, Health(SUSPECT, 1)),
        (Health(SUSPECT, 1), MISSED, Health(DOWN, 2)),
        (Health(SUSPECT), SILENT, Health(SUSPECT)),
        (Health(DOWN, 2), ANSWERED, Health(UP)),
        (Health(DOWN), REFUSED, Health(DOWN)),
        (Health(DOWN), BROKEN, Health(DOWN)),
        (Health(DOWN, 2), MISSED, Health(DOWN, 3)),
        (Health(DOWN), MISSED, Health(DOWN, 1)),
        (Health(DOWN), SILENT, Health(DOWN)),
    ],
)
def test_every_sign_in_every_condition(before: Health, sign: Sign, after: Health) -> None:
    assert before.after(sign) == after


def test_every_row_of_signs_ends_as_its_last_ones_say() -> None:
    for signs in product(Sign, repeat=4):
        health = Health()
        for sign in signs:
            health = health.after(sign)
        last_answer = max((place for place, sign in enumerate(signs) if sign is ANSWERED), default=-1)
        since = signs[last_answer + 1 :]
        if {REFUSED, BROKEN} & set(since) or since.count(MISSED) >= MOST_MISSED:
            assert health.condition is DOWN
        else:
            assert health.condition is (SUSPECT if SILENT in since else UP)


class Scene:
    """A watch with its probes counted."""

    def __init__(self, interval: float = 30.0, *, broken: bool = False) -> None:
        self.queue = TimerQueue()
        self.broken = broken
        self.probes: list[float] = []
        self.conditions: list[tuple[float, Condition]] = []
        self.watch = Watch(
            self.queue,
            interval,
            self._probe,
            lambda watch, now: self.conditions.append((now, watch.health.condition)),
        )
        self.now = 0.0
        self.watch.start(0.0)
        self.run(0.0)

    def _probe(self, watch: Watch, now: float) -> None:
        self.probes.append(now)
        if self.broken:
            watch.on_no_response(NO_TRANSACTION, 503, now)

    def run(self, until: float) -> None:
        while (when := self.queue.next_deadline()) <= until:
            self.queue.run(when)
        self.now = until

    def answer(self, code: int = 200) -> None:
        self.watch.on_response(NO_TRANSACTION, Response(code, "", {}, b""), self.now)


@pytest.mark.parametrize("code", [200, 401, 404, 405, 481, 500, 600])
def test_any_answer_but_503_is_health_and_the_next_probe_comes_after_the_interval(code: int) -> None:
    scene = Scene()
    for turn in range(1, 4):
        scene.answer(code)
        scene.run(30.0 * turn)
    assert scene.probes == [0.0, 30.0, 60.0, 90.0] and scene.conditions == []


def test_503_means_down_until_something_else_comes() -> None:
    scene = Scene()
    scene.answer(503)
    scene.run(30.0)
    scene.answer()
    assert scene.conditions == [(0.0, DOWN), (30.0, UP)] and scene.probes == [0.0, 30.0]


def test_missed_probes_are_repeated_at_once_and_then_the_trunk_is_down() -> None:
    scene = Scene()
    scene.run(100.0)
    assert scene.conditions == [(MOST_MISSED * PROBE_TIMEOUT, DOWN)]
    assert scene.probes == [0.0, 4.0, 38.0, 72.0], "down, it is asked every interval"
    scene.run(101.0)
    scene.answer()
    assert scene.conditions[-1] == (101.0, UP)


def test_a_late_answer_counts() -> None:
    scene = Scene()
    scene.run(9.0)
    scene.answer()
    assert scene.conditions == [(8.0, DOWN), (9.0, UP)]
    scene.run(38.0)
    assert scene.probes == [0.0, 4.0, 38.0]


def test_the_silence_of_a_transaction_was_noticed_before() -> None:
    scene = Scene()
    scene.answer()
    scene.watch.on_no_response(NO_TRANSACTION, 408, 1.0)
    assert scene.watch.health == Health()


def test_what_cannot_be_sent_means_down() -> None:
    scene = Scene(broken=True)
    assert scene.conditions == [(0.0, DOWN)]
    scene.run(60.0)
    assert scene.probes == [0.0, 30.0, 60.0]


def test_a_silent_call_makes_it_suspect_and_asks_at_once() -> None:
    scene = Scene()
    scene.answer()
    scene.run(10.0)
    scene.watch.tell(SILENT, 10.0)
    scene.watch.tell(SILENT, 10.0)
    scene.run(10.0)
    assert scene.conditions == [(10.0, SUSPECT)] and scene.probes == [0.0, 10.0]
    scene.run(12.0)
    scene.watch.tell(SILENT, 12.0)
    scene.run(12.0)
    assert len(scene.probes) == 2, "one probe is out already"
    scene.answer()
    assert scene.conditions[-1] == (12.0, UP)
    scene.run(42.0)
    assert scene.probes == [0.0, 10.0, 42.0]


def test_a_call_that_is_answered_clears_it() -> None:
    scene = Scene()
    scene.run(9.0)
    scene.watch.tell(ANSWERED, 9.0)
    assert scene.conditions[-1] == (9.0, UP)


def test_without_probes_only_calls_tell() -> None:
    scene = Scene(0.0)
    scene.watch.tell(SILENT, 1.0)
    scene.run(1000.0)
    assert scene.probes == [] and scene.conditions == [(1.0, SUSPECT)]
    scene.watch.tell(ANSWERED, 1001.0)
    assert scene.conditions[-1] == (1001.0, UP)


def test_a_short_interval_is_patience_too() -> None:
    scene = Scene(1.0)
    scene.run(2.0)
    assert scene.conditions == [(2.0, DOWN)]


def test_a_watch_that_was_stopped_is_quiet() -> None:
    scene = Scene()
    scene.watch.stop()
    scene.answer(503)
    scene.watch.tell(SILENT, 1.0)
    assert scene.queue.next_deadline() == NEVER
    assert scene.conditions == [] and scene.probes == [0.0]


class Probing:
    """A watch whose probes go out from a real user agent to a trunk that answers by hand."""

    def __init__(self) -> None:
        self.network = Network()
        self.phone, self.trunk = Phone(self.network, "192.0.2.1"), Peer(self.network, "192.0.2.9")
        self.conditions: list[Condition] = []
        self.watch = Watch(
            self.phone.agent.queue,
            30.0,
            self._probe,
            lambda watch, now: self.conditions.append(watch.health.condition),
        )
        self.watch.start(0.0)
        self.network.run(0.1)

    def _probe(self, watch: Watch, now: float) -> None:
        flow = self.network.flow(self.phone.hop, self.trunk.hop)
        us, them = Address(Uri("192.0.2.1")), Address(Uri("carrier.example"))
        self.phone.agent.request("OPTIONS", "sip:carrier.example", flow, us, them, watch, now)

    def answer(self, code: int, wrong: Spoiled) -> None:
        self.send(wrong.of(response_to(self.probes[-1], code, "t")))

    def send(self, data: bytes) -> None:
        self.trunk.send(data, self.phone.hop)
        self.network.run(self.network.now + 0.1)

    def wait_for_probe(self) -> None:
        """A new one, not an old one again: at the latest after one was missed and the interval is over."""
        asked, until = set(self.probes), self.network.now + PROBE_TIMEOUT + 30.5
        while not set(self.probes) > asked:
            assert self.network.now < until
            self.network.run(self.network.now + 0.5)

    @property
    def probes(self) -> list[bytes]:
        """Every OPTIONS that went out, repetitions too."""
        return [packet.data for packet in self.network.sent if packet.source == self.phone.hop]


@given(row=st.lists(st.tuples(st.sampled_from([100, 200, 302, 401, 404, 503]), spoiled), max_size=4))
def test_a_trunk_that_cannot_be_read_is_probed_on_and_leaves_nothing(row: list[tuple[int, Spoiled]]) -> None:
    scene = Probing()
    for code, wrong in row:
        scene.answer(code, wrong)
        scene.wait_for_probe()
    scene.send(response_to(scene.probes[-1], 200, "t"))
    assert scene.watch.health.condition is UP
    scene.watch.stop()
    scene.network.settle()
    assert scene.phone.idle()
