"""What real phones hear before the answer, measured: ringback as sound, announcements, and one description."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.phones import Company, Phone
from tests.support import meter
from tests.support.baresip import Baresip
from tests.support.pjsua2_phone import Pjsua2Phone, Pjsua2ReliablePhone
from tests.support.ringback import check_ringback
from tests.support.service import Service

pytestmark = pytest.mark.quiet

PROMPTS = Path(__file__).parents[2] / "media" / "prompts" / "en"
TARGET = 620
"""The tone of whoever the call is redirected to, in Hz."""
LIKE = 0.8
"""From this likeness on it is the recording that was looked for."""
BUFFER = 0.12
"""Seconds by which a phone's jitter buffer moves what it plays."""

ANNOUNCED = """
    [customers.users.not_answered]
    action = "number"
    number = "+441632960{third}"
    after = 4
    announce = true
"""
KINDS = pytest.mark.parametrize(
    "kind", [Baresip, Pjsua2Phone, Pjsua2ReliablePhone], ids=lambda kind: kind.__name__
)


@pytest.mark.behaviour("D1", "M1", "M2", "M3")
@KINDS
def test_a_redirect_is_announced_between_ringback_and_ringback(
    kind: type[Phone], service: Service, tmp_path: Path
) -> None:
    company = Company(service, tmp_path, ANNOUNCED)
    with (
        company.phone(Pjsua2Phone, "bob", 1000),
        company.phone(Pjsua2Phone, "carol", TARGET) as carol,
        company.phone(kind, "alice", 440) as alice,
    ):
        alice.dial("202")
        carol.wait("incoming", timeout=20.0)
        alice.wait_heard(alice.recorded_seconds() + 3.3)
        carol.answer()
        alice.wait_talking()
        alice.wait_heard(alice.recorded_seconds() + 1.0)
        alice.hang_up()
        carol.wait_ended()
        heard = alice.heard()
        prompt = meter.read_wav(PROMPTS / "redirecting.wav")
        found = meter.find(prompt, heard)
        assert found.likeness > LIKE, found
        assert found.at == pytest.approx(4.0, abs=0.5)
        check_ringback(heard.between(0, found.at), begins=0.3, jitter=BUFFER)
        answered = meter.tone_spans(heard, TARGET)
        assert sum(span.seconds for span in answered) > 0.8, answered
        again = heard.between(found.at + prompt.seconds, answered[0].start - 0.1)
        check_ringback(again, begins=0.3, jitter=BUFFER)
        told = alice.told()
        assert {code for code, _ in told} == {180, 183, 200}, told
        assert len({sdp for _, sdp in told}) == 1 and told[0][1].startswith("v=0"), told


@pytest.mark.behaviour("A2", "M1")
@KINDS
def test_an_anonymous_caller_is_told_why_it_is_not_taken(
    kind: type[Phone], service: Service, tmp_path: Path
) -> None:
    """Alice, of another company, withholds her number by 141."""
    (tmp_path / "others").mkdir()
    company = Company(service, tmp_path / "others", "  reject_anonymous = true")
    with (
        company.phone(Pjsua2Phone, "bob", 1000) as bob,
        Company(service, tmp_path).phone(kind, "alice", 440) as alice,
    ):
        alice.dial(f"141{company.number('bob')}")
        alice.wait_ended()
        found = meter.find(meter.read_wav(PROMPTS / "anonymous-rejected.wav"), alice.heard())
        assert found.likeness > LIKE and found.at < 0.5, found
        told = alice.told()
        assert [told[0][0], told[-1][0]] == [183, 433], told
        assert {code for code, _ in told} == {183, 433}, told
        assert len({sdp for code, sdp in told if code == 183}) == 1 and told[0][1].startswith("v=0"), told
        assert "incoming" not in [event["event"] for event in bob.events]
