"""Two services of ours, each a carrier to the other, with their sound at other addresses than their signalling."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.phones import Company
from tests.conftest import ServiceFactory
from tests.support import meter
from tests.support.addresses import fresh_address
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


@pytest.fixture
def towns(new_service: ServiceFactory) -> tuple[Service, Service]:
    """Two services joined by trunks."""
    here, there = (new_service({"RINGPLAN_MEDIA__ADDRESS": fresh_address()}) for _ in range(2))
    for town, other in ((here, there), (there, here)):
        host, port = other.sip
        town.apply(f'[[trunks]]\nname = "the other town"\nhost = "{host}:{port}"\nallow_from = ["{host}"]\n')
    assert here.sip[0] != here.media and there.sip[0] != there.media
    return here, there


@pytest.mark.behaviour("M5", "M4")
def test_ringback_announcement_talk_and_engaged_tone_pass_from_town_to_town(
    towns: tuple[Service, Service], tmp_path: Path
) -> None:
    """Alice calls Bob in the other town. He does not answer, Carol does, and is engaged for another caller."""
    here, there = towns
    for town in ("here", "there"):
        (tmp_path / town).mkdir()
    ours, theirs = Company(here, tmp_path / "here"), Company(there, tmp_path / "there", ANNOUNCED)
    with (
        theirs.phone(Pjsua2Phone, "bob", 1000),
        theirs.phone(Pjsua2Phone, "carol", 620) as carol,
        ours.phone(Pjsua2Phone, "alice", 700) as alice,
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
