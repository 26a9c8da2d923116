"""Two services of ours joined by trunks, and a carrier: the sound of each is at another address than its signalling.

One town calls the other, and the other town has the carrier too. Both services, the carrier and one phone at each are
there for all tests of this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.clients.phones import Company
from tests.clients.talking import (
    is_sent_on,
    leaves_a_message,
    talk_press_keys_and_hold,
)
from tests.support import meter
from tests.support.addresses import fresh_address
from tests.support.gateway import Pjsua2Carrier
from tests.support.pjsua2_phone import Pjsua2Phone
from tests.support.ringback import check_ringback
from tests.support.service import Service

PROMPTS = Path(__file__).parents[2] / "media" / "prompts" / "en"
BUFFER = 0.12
"""Seconds by which a phone's jitter buffer moves what it plays."""
ANNOUNCED = """
    [customers.users.not_answered]
    action = "number"
    number = "+441632960{third}"
    after = 3
    announce = true
"""
AT_THE_CARRIER = "01632960998"
TRUNK = """
[[trunks]]
name = "{name}"
host = "{host}:5060"
order = {order}
allow_from = ["{host}"]
"""


@pytest.fixture(scope="module")
def towns() -> Iterator[list[Service]]:
    with ExitStack() as running, ThreadPoolExecutor() as starting:
        settings = [{"RINGPLAN_MEDIA__ADDRESS": fresh_address()} for _ in range(2)]
        yield [running.enter_context(town) for town in starting.map(Service, settings)]


@pytest.fixture(scope="module")
def there(towns: list[Service]) -> Service:
    """The town with the carrier."""
    return towns[1]


@pytest.fixture(scope="module")
def carrier(there: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pjsua2Carrier]:
    folder = tmp_path_factory.mktemp("carrier")
    source = meter.write_wav(folder / "says.wav", meter.tone(1200, seconds=30.0))
    with Pjsua2Carrier(folder, there.sip, AT_THE_CARRIER, "", source) as switch:
        yield switch


@pytest.fixture(scope="module")
def here(towns: list[Service], carrier: Pjsua2Carrier) -> Service:
    """The town that calls, once the trunks are there."""
    one, other = towns
    one.apply(TRUNK.format(name="the other town", host=other.sip[0], order=1))
    first = TRUNK.format(name="carrier", host=carrier.host, order=1)
    other.apply(first + TRUNK.format(name="the other town", host=one.sip[0], order=2))
    assert one.sip[0] != one.media and other.sip[0] != other.media and carrier.host != carrier.gateway.address
    return one


@pytest.fixture(scope="module")
def ours(here: Service, tmp_path_factory: pytest.TempPathFactory) -> Company:
    return Company(here, tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def theirs(there: Service, tmp_path_factory: pytest.TempPathFactory) -> Company:
    return Company(there, tmp_path_factory.mktemp("theirs"))


@pytest.fixture(scope="module")
def alice(ours: Company) -> Iterator[Pjsua2Phone]:
    """In the one town."""
    with ours.phone(Pjsua2Phone, "alice", 700) as phone:
        yield phone


@pytest.fixture(scope="module")
def carol(theirs: Company) -> Iterator[Pjsua2Phone]:
    """In the other."""
    with theirs.phone(Pjsua2Phone, "carol", 620) as phone:
        yield phone


@pytest.mark.quiet
@pytest.mark.behaviour("M5", "M4")
def test_ringback_announcement_talk_and_engaged_tone_pass_from_town_to_town(
    here: Service, there: Service, ours: Company, alice: Pjsua2Phone, tmp_path: Path
) -> None:
    """Alice calls Bob in the other town. He does not answer, Carol does, and is engaged for another caller."""
    theirs = Company(there, tmp_path, ANNOUNCED)
    with (
        theirs.phone(Pjsua2Phone, "bob", 1000),
        theirs.phone(Pjsua2Phone, "carol", 620) as carol,
        ours.phone(Pjsua2Phone, "bob", 850) as visitor,
    ):
        alice.dial(theirs.number("bob"))
        carol.wait("incoming", timeout=20.0)
        carol.answer()
        alice.wait_talking()
        visitor.dial(theirs.number("carol"))
        visitor.wait_ended()
        carol.wait_heard(1.0)
        alice.hang_up()
        carol.wait_ended()
        heard = alice.heard()
        found = meter.find(meter.read_wav(PROMPTS / "redirecting.wav"), heard)
        assert found.likeness > 0.8, found
        check_ringback(heard.between(0, found.at), begins=0.3, jitter=BUFFER)
        talked = meter.tone_spans(heard.between(found.at, heard.seconds), 620)
        assert sum(span.seconds for span in talked) > 0.8, talked
        assert sum(span.seconds for span in meter.tone_spans(carol.heard(), 700)) > 0.8
        assert visitor.told()[-1][0] == 486, visitor.told()
        engaged = meter.tone_spans(visitor.heard(), 400)
        assert sum(span.seconds for span in engaged) == pytest.approx(0.75, abs=0.2), engaged


@pytest.mark.behaviour("M5")
def test_a_whole_call_from_town_to_town(alice: Pjsua2Phone, carol: Pjsua2Phone, theirs: Company) -> None:
    talk_press_keys_and_hold(alice, theirs.number("carol"), carol, 700, 620)


@pytest.mark.behaviour("V2")
def test_a_message_from_town_to_town(alice: Pjsua2Phone, there: Service, theirs: Company) -> None:
    leaves_a_message(alice, theirs.number("bob"), 700, there, theirs)


@pytest.mark.behaviour("D8")
def test_a_phone_in_the_other_town_sends_a_call_on(
    alice: Pjsua2Phone, carol: Pjsua2Phone, theirs: Company
) -> None:
    with theirs.phone(Pjsua2Phone, "alice", 850) as colleague:
        is_sent_on(alice, theirs.number("carol"), carol, "201", colleague, 700, 850)


@pytest.mark.behaviour("M5")
def test_a_carrier_with_a_media_gateway_calls(
    here: Service, carrier: Pjsua2Carrier, carol: Pjsua2Phone, theirs: Company
) -> None:
    talk_press_keys_and_hold(carrier, theirs.number("carol"), carol, 1200, 620)


@pytest.mark.behaviour("M5")
def test_a_carrier_with_a_media_gateway_is_called(
    here: Service, carrier: Pjsua2Carrier, carol: Pjsua2Phone
) -> None:
    talk_press_keys_and_hold(carol, AT_THE_CARRIER, carrier, 620, 1200)


@pytest.mark.behaviour("V2")
def test_a_message_through_a_media_gateway(
    here: Service, carrier: Pjsua2Carrier, there: Service, theirs: Company
) -> None:
    leaves_a_message(carrier, theirs.number("bob"), 1200, there, theirs)


@pytest.mark.behaviour("D8")
def test_a_carriers_call_is_sent_on(
    here: Service, carrier: Pjsua2Carrier, carol: Pjsua2Phone, theirs: Company
) -> None:
    with theirs.phone(Pjsua2Phone, "alice", 850) as colleague:
        is_sent_on(carrier, theirs.number("carol"), carol, "201", colleague, 1200, 850)
