"""A registration kept at a carrier, in a time that jumps, and every event in every phase."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2bua.sip.auth.authorization import Authorization
from b2bua.sip.text.address import Address
from b2bua.sip.text.compose import Header
from b2bua.sip.text.draft import Draft
from b2bua.sip.text.message import Request, Response
from b2bua.sip.text.uri import Uri
from b2bua.sip.transactions.client_transaction import ClientTransaction
from b2bua.sip.transactions.timers import NEVER, TimerQueue
from b2bua.trunks.registration import (
    EXPIRES,
    FIRST_PAUSE,
    GOODBYE,
    LONGEST_PAUSE,
    SHORTEST,
    TABLE,
    Event,
    Phase,
    TrunkRegistration,
)
from tests.sip.challenger import CREDENTIAL
from tests.sip.messages import response_to
from tests.sip.unreadable import Spoiled, spoiled
from tests.sip.wire import Network, Peer, Phone

CONTACT = Uri("192.0.2.1", "ringplan", 5060)


class Scene:
    """A registration whose REGISTERs are answered by hand. `chance` of 1 makes pauses whole."""

    def __init__(self, chance: float = 1.0) -> None:
        self.queue = TimerQueue()
        self.registration = TrunkRegistration(self, self.queue, lambda: chance)
        self.sent: list[tuple[float, int, int]] = []
        """When, for how long, and with which number."""
        self.told: list[tuple[str, float, float]] = []
        self.rewritten: list[tuple[str, int]] = []
        self.reachable = True
        self.now = 0.0
        self.registration.start(0.0)
        self.run(0.0)

    def send_register(
        self, registration: TrunkRegistration, expires: int, number: int, now: float
    ) -> Uri | None:
        self.sent.append((now, expires, number))
        return CONTACT if self.reachable else None

    def registered_until(self, until: float, now: float) -> None:
        self.told.append(("registered", now, until))

    def contact_rewritten(self, contact: Uri, seconds: int, now: float) -> None:
        self.rewritten.append((str(contact), seconds))

    def not_registered(self, code: int, pause: float, now: float) -> None:
        self.told.append((f"failed {code}", now, pause))

    def over(self, now: float) -> None:
        self.told.append(("over", now, 0.0))

    def run(self, until: float) -> None:
        while (when := self.queue.next_deadline()) <= until:
            self.queue.run(when)
        self.now = until

    def answer(self, code: int, *headers: Header, number: int = 0) -> None:
        found: dict[str, str | list[str]] = {}
        for name, value in headers:
            found[name.lower()] = value
        self.registration.on_response(
            self._transaction(number), Response(code, "Because", found, b""), self.now
        )

    def silence(self, code: int = 408) -> None:
        self.registration.on_no_response(self._transaction(0), code, self.now)

    def accept(self, seconds: int = EXPIRES) -> None:
        self.answer(200, ("Contact", f"<{CONTACT}>;expires={seconds}"))

    def stop(self) -> None:
        self.registration.stop(self.now)

    @property
    def phase(self) -> Phase:
        return self.registration.phase

    def _transaction(self, number: int) -> ClientTransaction:
        draft = Draft("REGISTER", "sip:c", (("CSeq", f"{number or self.sent[-1][2]} REGISTER"),), "call-1")
        transaction = object.__new__(ClientTransaction)
        transaction._draft = draft
        return transaction


def test_it_registers_at_once_and_refreshes_at_half_the_time() -> None:
    scene = Scene()
    assert scene.sent == [(0.0, EXPIRES, 1)]
    scene.accept(600)
    assert scene.told == [("registered", 0.0, 600.0)] and scene.registration.until == 600.0
    scene.run(299.9)
    assert len(scene.sent) == 1
    scene.run(300.0)
    assert scene.sent[1:] == [(300.0, EXPIRES, 2)]
    scene.accept(600)
    assert scene.told[-1] == ("registered", 300.0, 900.0)


@pytest.mark.parametrize(
    ("headers", "granted"),
    [
        ((("Contact", f"<{CONTACT}>;expires=120"), ("Expires", "60")), 120),
        ((("Contact", f"<sip:x@192.0.2.7>;expires=9, <{CONTACT}>;expires=120"),), 120),
        ((("Contact", "<sip:ringplan@192.0.2.1:5060;x=y>;expires=120"),), 120),
        # By URI, else by user part, else the only one, else the first to end.
        ((("Contact", f"<sip:ringplan@198.51.100.7:61000>;expires=9, <{CONTACT}>;expires=120"),), 120),
        ((("Contact", "<sip:ringplan@198.51.100.7:61000;rinstance=1>;expires=60"),), 60),
        ((("Contact", "<sip:x@192.0.2.7>;expires=9, <sip:ringplan@198.51.100.7>;expires=60"),), 60),
        ((("Contact", "<sip:ringplan@192.0.2.7>;expires=90, <sip:ringplan@192.0.2.8>;expires=60"),), 60),
        ((("Contact", "<sip:x@192.0.2.7>;expires=9"), ("Expires", "60")), 9),
        ((("Contact", "<sip:x@192.0.2.7>;expires=90"), ("Contact", "<sip:y@192.0.2.7>;expires=60")), 60),
        ((("Contact", "<sip:x@192.0.2.7>;expires=0"), ("Contact", "<sip:y@192.0.2.7>;expires=60")), 60),
        ((("Contact", "<sip:x@192.0.2.7>"), ("Expires", "60")), 60),
        (
            (("Contact", "<sip:, <sip:x@192.0.2.7>;expires=60"), ("Contact", "<sip:y@192.0.2.7>;expires=70")),
            70,
        ),
        ((("Contact", "<sip:>, <sip:x@192.0.2.7>;expires=60"),), 60),
        ((("Contact", f"<{CONTACT}>;expires=soon"), ("Expires", "60 ;x")), 60),
        ((("Contact", f"<{CONTACT}>"), ("Expires", "60 (seconds)")), 60),
        ((("Contact", "<sip:"), ("Expires", "60")), 60),
        ((("Contact", f"<{CONTACT}>"),), EXPIRES),
        ((), EXPIRES),
        ((("Contact", f"<{CONTACT}>;expires=99999999999999999999"),), 2**31 - 1),
    ],
)
def test_the_time_granted(headers: tuple[Header, ...], granted: int) -> None:
    scene = Scene()
    scene.answer(200, *headers)
    assert scene.told == [("registered", 0.0, granted)]


def test_a_contact_that_is_not_ours_to_the_letter_is_told_once() -> None:
    scene = Scene()
    rewritten = ("Contact", "<sip:ringplan@198.51.100.7:61000>;expires=60")
    scene.answer(200, rewritten)
    assert scene.rewritten == [("sip:ringplan@198.51.100.7:61000", 60)]
    assert scene.told == [("registered", 0.0, 60.0)]
    scene.run(30.0)
    assert [when for when, _, _ in scene.sent] == [0.0, 30.0], "refreshed at half of what was granted"
    scene.answer(200, rewritten)
    assert len(scene.rewritten) == 1
    scene.run(60.0)
    scene.answer(200, ("Contact", f"<{CONTACT};x=y>;expires=60"))
    assert scene.rewritten[1:] == [(f"{CONTACT};x=y", 60)]
    scene.run(90.0)
    scene.accept(60)
    assert len(scene.rewritten) == 2


def test_a_very_short_registration_is_not_refreshed_without_end() -> None:
    scene = Scene()
    scene.accept(1)
    scene.run(SHORTEST)
    assert scene.sent[1:] == [(SHORTEST, EXPIRES, 2)]


def test_a_2xx_that_grants_nothing_is_a_failure() -> None:
    scene = Scene()
    scene.accept(0)
    assert scene.told == [("failed 200", 0.0, FIRST_PAUSE)]


def test_the_pauses_grow_up_to_a_bound_and_begin_anew_after_success() -> None:
    scene = Scene()
    for _ in range(9):
        scene.answer(500)
        scene.run(scene.queue.next_deadline())
    assert [pause for _, _, pause in scene.told] == [30, 60, 120, 240, 480, 600, 600, 600, 600]
    assert scene.told[-1][2] == LONGEST_PAUSE
    scene.accept()
    scene.run(scene.now + EXPIRES / 2)
    scene.silence()
    assert scene.told[-1][::2] == ("failed 408", FIRST_PAUSE)
    assert scene.registration.until > scene.now, "a refresh that failed does not end the registration"


@pytest.mark.parametrize(("chance", "pause"), [(0.0, 15.0), (0.5, 22.5), (1.0, 30.0)])
def test_chance_spreads_the_pause_over_its_second_half(chance: float, pause: float) -> None:
    scene = Scene(chance)
    scene.silence(503)
    assert scene.told == [("failed 503", 0.0, pause)]
    scene.run(pause)
    assert [at for at, _, _ in scene.sent] == [0.0, pause]


@pytest.mark.parametrize(
    ("value", "pause"),
    [("120", 120.0), ("1", 30.0), ("99999", 600.0), ("soon", 30.0), ("90;duration=9", 90.0)],
)
def test_retry_after_is_honoured_within_the_bound(value: str, pause: float) -> None:
    scene = Scene()
    scene.answer(503, ("Retry-After", value))
    assert scene.told == [("failed 503", 0.0, pause)]


def test_nowhere_to_send_it_is_a_failure() -> None:
    scene = Scene()
    scene.reachable = False
    scene.accept()
    scene.run(EXPIRES / 2)
    assert scene.told[-1] == ("failed 0", EXPIRES / 2, FIRST_PAUSE)


def test_423_asks_for_as_long_as_the_carrier_wants() -> None:
    scene = Scene()
    scene.answer(423, ("Min-Expires", "7200"))
    assert scene.sent == [(0.0, EXPIRES, 1), (0.0, 7200, 2)]
    scene.answer(423, ("Min-Expires", "7201"))
    assert scene.told == [("failed 423", 0.0, FIRST_PAUSE)], "once in an attempt"
    scene.run(FIRST_PAUSE)
    assert scene.sent[2:] == [(FIRST_PAUSE, 7200, 3)], "it stays in force"
    scene.answer(423, ("Min-Expires", "8000"))
    scene.accept(8000)
    assert scene.told[-1] == ("registered", FIRST_PAUSE, FIRST_PAUSE + 8000)


@pytest.mark.parametrize("value", ["", "60", "3600", "many", "99999999999"])
def test_423_without_a_longer_time_is_a_failure(value: str) -> None:
    scene = Scene()
    scene.answer(423, *((("Min-Expires", value),) if value else ()))
    failed = value != "99999999999"
    # What is beyond 31 bits is taken as the most there is.
    assert (scene.told == [("failed 423", 0.0, FIRST_PAUSE)]) == failed
    assert len(scene.sent) == (1 if failed else 2)


def test_a_number_that_the_challenge_took_is_not_used_again() -> None:
    scene = Scene()
    scene.answer(200, number=2)
    scene.run(EXPIRES / 2)
    assert scene.sent[-1][2] == 3


def test_provisional_responses_and_those_to_older_requests_mean_nothing() -> None:
    scene = Scene()
    scene.answer(100)
    assert scene.phase is Phase.ASKING
    scene.accept()
    scene.run(EXPIRES / 2)
    scene.answer(500, number=1)
    assert scene.phase is Phase.ASKING and scene.told[1:] == []


# The way is lost


def test_a_lost_way_is_found_again_at_once() -> None:
    scene = Scene()
    scene.accept()
    scene.run(10.0)
    scene.registration.lost(10.0)
    scene.run(10.0)
    assert scene.sent[1:] == [(10.0, EXPIRES, 2)]
    scene.registration.lost(10.0)
    scene.run(10.0)
    assert len(scene.sent) == 2, "one at a time"
    scene.silence(503)
    scene.registration.lost(10.0)
    scene.run(39.9)
    assert len(scene.sent) == 2, "a connection that cannot be opened must not be tried without end"
    scene.run(40.0)
    assert len(scene.sent) == 3


# The end


def test_stopping_ends_the_registration() -> None:
    scene = Scene()
    scene.accept()
    scene.run(5.0)
    scene.stop()
    assert scene.sent[1:] == [(5.0, 0, 2)]
    scene.accept(0)
    assert scene.told[-1][0] == "over" and scene.phase is Phase.OVER
    assert scene.queue.next_deadline() == NEVER and scene.registration.until < 0


def test_stopping_waits_no_longer_than_the_bound() -> None:
    scene = Scene()
    scene.accept()
    scene.stop()
    scene.run(100.0)
    assert scene.told[-1] == ("over", GOODBYE, 0.0)


def test_stopping_without_a_registration_sends_nothing() -> None:
    scene = Scene()
    scene.answer(403)
    scene.stop()
    assert len(scene.sent) == 1 and scene.told[-1][0] == "over"


@pytest.mark.parametrize("code", [200, 403, 423])
def test_stopping_in_the_middle_waits_for_the_answer_and_then_ends_it(code: int) -> None:
    scene = Scene()
    scene.stop()
    assert len(scene.sent) == 1
    scene.run(1.0)
    scene.answer(code)
    assert scene.sent[1:] == [(1.0, 0, 2)]
    scene.run(100.0)
    assert scene.told[-1] == ("over", 1.0 + GOODBYE, 0.0)
    assert not [told for told in scene.told if told[0] == "registered"]


def test_stopping_in_the_middle_of_silence_waits_no_longer_than_the_bound() -> None:
    scene = Scene()
    scene.stop()
    scene.stop()
    scene.run(100.0)
    assert scene.told == [("over", GOODBYE, 0.0)]


def test_stopping_with_nowhere_to_go() -> None:
    scene = Scene()
    scene.accept()
    scene.reachable = False
    scene.stop()
    assert scene.told[-1][0] == "over" and scene.queue.next_deadline() == NEVER


def test_what_comes_after_the_end_changes_nothing() -> None:
    scene = Scene()
    scene.answer(403)
    scene.stop()
    told = list(scene.told)
    scene.accept()
    scene.silence()
    scene.registration.lost(scene.now)
    scene.stop()
    scene.run(10000.0)
    assert scene.told == told and len(scene.sent) == 1


# Everything


def test_the_table_knows_every_event_that_can_come_in_a_phase() -> None:
    impossible = {(Phase.ASKING, Event.DUE)}  # no deadline runs then
    ignored = {
        *((Phase.WAITING, each) for each in (Event.ACCEPTED, Event.TOO_BRIEF, Event.FAILED)),
        *((phase, Event.LOST) for phase in (Phase.ASKING, Phase.ENDING, Phase.LEAVING)),
        *((phase, Event.STOP) for phase in (Phase.ENDING, Phase.LEAVING)),
        *((Phase.OVER, each) for each in Event),
    }
    assert set(product(Phase, Event)) - TABLE.keys() == impossible | ignored


STEPS = {
    "accept": Scene.accept,
    "refuse": lambda scene: scene.answer(403),
    "brief": lambda scene: scene.answer(423, ("Min-Expires", "9000")),
    "silence": Scene.silence,
    "lost": lambda scene: scene.registration.lost(scene.now),
    "wait": lambda scene: scene.run(
        scene.now + 20_000.0 if scene.phase is Phase.WAITING else scene.now + 1.0
    ),
}


def test_any_row_of_events_keeps_going_and_ends_when_told() -> None:
    for row in product(STEPS, repeat=4):
        scene = Scene(0.0)
        for name in row:
            STEPS[name](scene)
            assert scene.phase in (Phase.WAITING, Phase.ASKING)
            waiting = scene.queue.next_deadline() < NEVER
            assert waiting == (scene.phase is Phase.WAITING), (
                row,
                "it waits for a deadline or for an answer",
            )
        numbers = [number for _, _, number in scene.sent]
        assert numbers == sorted(set(numbers))
        scene.stop()
        scene.run(scene.now + 2 * GOODBYE)
        assert scene.told[-1][0] == "over" and scene.phase is Phase.OVER
        assert scene.queue.next_deadline() == NEVER


# With a real user agent and a carrier that challenges


class Registering:
    """A line on the wire in memory."""

    def __init__(self) -> None:
        self.network = Network()
        self.phone, self.carrier = Phone(self.network, "192.0.2.1"), Peer(self.network, "192.0.2.9")
        self.authorization = Authorization(CREDENTIAL, lambda: "c")
        self.registration = TrunkRegistration(self, self.phone.agent.queue, lambda: 0.0)
        self.until = 0.0
        self.ended = False

    def send_register(
        self, registration: TrunkRegistration, expires: int, number: int, now: float
    ) -> Uri | None:
        self.phone.agent.request(
            "REGISTER",
            "sip:carrier.example",
            self.network.flow(self.phone.hop, self.carrier.hop),
            Address(Uri("carrier.example", "ringplan")),
            Address(Uri("carrier.example", "ringplan")),
            registration,
            now,
            (("Contact", f"<{CONTACT}>"), ("Expires", str(expires))),
            "call-1",
            number,
            self.authorization,
        )
        return CONTACT

    def registered_until(self, until: float, now: float) -> None:
        self.until = until

    def contact_rewritten(self, contact: Uri, seconds: int, now: float) -> None:
        raise AssertionError

    def not_registered(self, code: int, pause: float, now: float) -> None:
        self.until = 0.0

    def over(self, now: float) -> None:
        self.ended = True

    def answer(self, code: int, *headers: Header) -> None:
        packet = next(p for p in reversed(self.network.sent) if p.name == "REGISTER")
        self.carrier.send(response_to(packet.data, code, "t", headers), self.phone.hop)
        self.network.run(self.network.now + 0.1)


def test_registering_at_a_carrier_that_challenges() -> None:
    line = Registering()
    line.registration.start(0.0)
    line.network.run(0.1)
    line.answer(401, ("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"'))
    line.answer(200, ("Contact", f"<{CONTACT}>;expires=600"))
    assert 600 < line.until < 601
    line.network.run(300.5)
    line.answer(200, ("Contact", f"<{CONTACT}>;expires=600"))
    line.registration.stop(line.network.now)
    line.network.run(line.network.now + 0.1)
    line.answer(200)
    assert line.ended
    sent = [m for m in line.carrier.received if isinstance(m, Request)]
    assert [(m.cseq[0], m.get("expires")) for m in sent] == [(1, "3600"), (2, "3600"), (3, "3600"), (4, "0")]
    assert ["nc=0000000" + str(n) in (m.get("authorization") or "") for n, m in enumerate(sent)][1:] == [
        True
    ] * 3
    line.network.settle()
    assert line.phone.idle()


class Misread(Registering):
    """A line whose carrier answers what cannot be read."""

    def contact_rewritten(self, contact: Uri, seconds: int, now: float) -> None:
        pass

    def garble(self, code: int, wrong: Spoiled) -> None:
        packet = next(p for p in reversed(self.network.sent) if p.source == self.phone.hop)
        headers = [("Contact", f"<{CONTACT}>;expires=600")]
        if code in (401, 407):
            name = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
            headers = [(name, 'Digest realm="r", nonce="n", qop="auth"')]
        self.carrier.send(wrong.of(response_to(packet.data, code, "t", headers)), self.phone.hop)
        self.network.run(self.network.now + 0.1)


@given(
    row=st.lists(
        st.tuples(
            st.sampled_from([100, 200, 301, 401, 403, 407, 423, 500, 503, 603]),
            spoiled,
            st.sampled_from([0.0, 1.0, 400.0, 4000.0]),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_carrier_that_cannot_be_read_neither_stops_a_registration_nor_leaves_anything(
    row: list[tuple[int, Spoiled, float]],
) -> None:
    line = Misread()
    line.registration.start(0.0)
    line.network.run(0.1)
    for code, wrong, pause in row:
        line.garble(code, wrong)
        line.network.run(line.network.now + pause)
        sent = len(line.network.sent)
        line.network.run(line.network.now + LONGEST_PAUSE + EXPIRES)
        assert len(line.network.sent) > sent, "it goes on"
    line.registration.stop(line.network.now)
    line.network.run(line.network.now + 2 * GOODBYE)
    assert line.ended
    line.network.settle()
    assert line.phone.idle()
