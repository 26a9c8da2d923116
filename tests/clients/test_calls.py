"""Two real phones call each other through the service."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.phones import Company, Phone
from tests.support import meter
from tests.support.baresip import Baresip, SubscribingBaresip
from tests.support.pjsua2_phone import (
    Pjsua2InsistingPhone,
    Pjsua2Phone,
    Pjsua2ReliablePhone,
    Pjsua2SubscribingPhone,
    Pjsua2TcpPhone,
)
from tests.support.service import Service
from tests.support.waiting import wait_for

RECEIVING, BOTH_WAYS = 2, 3
"""`pjmedia_dir`, as pjsua2 reports it."""


@pytest.mark.behaviour("R9", "M1")
@pytest.mark.parametrize(
    ("caller_kind", "called_kind"),
    [
        (Baresip, Baresip),
        (Pjsua2Phone, Pjsua2Phone),
        (Baresip, Pjsua2Phone),
        (Pjsua2Phone, Baresip),
        (Pjsua2TcpPhone, Baresip),
        (Baresip, Pjsua2TcpPhone),
        (Pjsua2TcpPhone, Pjsua2TcpPhone),
    ],
    ids=lambda kind: kind.__name__,
)
def test_two_phones_talk(
    caller_kind: type[Phone], called_kind: type[Phone], service: Service, tmp_path: Path
) -> None:
    company = Company(service, tmp_path)
    with company.phone(called_kind, "bob", 620) as bob, company.phone(caller_kind, "alice", 440) as alice:
        alice.dial("202")
        bob.answer()
        alice.wait_talking()
        bob.wait_talking()
        alice.wait_heard(1.0)
        alice.send_digits("14#")
        wait_for(lambda: bob.digits() == "14#", 5, "the digits")
        bob.send_digits("7")
        wait_for(lambda: alice.digits() == "7", 5, "the digit")
        bob.wait_heard(1.5)
        bob.hang_up()
        alice.wait_ended()
        for phone, tone in ((alice, 620), (bob, 440)):
            heard = phone.heard()
            assert meter.frequency(heard) == pytest.approx(tone, abs=3)
            assert sum(span.seconds for span in meter.tone_spans(heard, tone)) > 0.8


@pytest.mark.behaviour("M1")
def test_a_phone_holds_and_resumes(service: Service, tmp_path: Path) -> None:
    company = Company(service, tmp_path)
    with company.phone(Pjsua2Phone, "bob", 620) as bob, company.phone(Pjsua2Phone, "alice", 440) as alice:
        alice.dial("202")
        bob.answer()
        alice.wait_talking()
        bob.wait_heard(0.5)
        alice.hold()
        bob.wait("media", direction=RECEIVING)
        alice.resume()
        bob.wait("media", count=2, direction=BOTH_WAYS)
        heard_before = bob.recorded_seconds()
        bob.wait_heard(heard_before + 0.7)
        alice.hang_up()
        bob.wait_ended()
        assert meter.tone_spans(bob.heard(), 440)[-1].seconds > 0.4


@pytest.mark.behaviour("B3", "M3")
@pytest.mark.parametrize("kind", [Pjsua2ReliablePhone, Pjsua2InsistingPhone], ids=lambda kind: kind.__name__)
def test_a_phone_that_knows_100rel_hears_the_engaged_tone(
    kind: type[Pjsua2Phone], service: Service, tmp_path: Path
) -> None:
    """Alice's line is busy, because she is leaving a message; Bob is the caller."""
    company = Company(service, tmp_path)
    with company.phone(kind, "bob", 620) as bob, company.phone(Pjsua2Phone, "alice", 440) as alice:
        alice.dial("202")
        bob.wait("incoming")
        alice.wait_talking()
        bob.wait("state", state="DISCONNECTED")
        bob.dial("201")
        bob.wait("state", state="DISCONNECTED", code=486, timeout=15.0)
        assert bob.sent("PRACK") == 1
        first, second, *_ = meter.tone_spans(bob.heard(), 400)
        assert first.seconds == pytest.approx(0.375, abs=0.03)
        assert second.start - first.start == pytest.approx(0.75, abs=0.03)


@pytest.mark.behaviour("M3")
def test_a_phone_that_rings_reliably_is_told_that_we_heard_it(service: Service, tmp_path: Path) -> None:
    company = Company(service, tmp_path)
    with (
        company.phone(Pjsua2Phone, "bob", 620) as bob,
        company.phone(Pjsua2ReliablePhone, "alice", 440) as alice,
    ):
        bob.dial("201")
        alice.answer()
        bob.wait_talking()
        bob.wait_heard(0.5)
        bob.hang_up()
        alice.wait_ended()
        assert alice.received("PRACK") == 1 and bob.sent("PRACK") == 0


@pytest.mark.behaviour("V4")
def test_the_lamp_of_a_real_phone(service: Service, tmp_path: Path) -> None:
    company = Company(service, tmp_path)
    with company.phone(Pjsua2Phone, "bob", 620) as bob:
        assert "Messages-Waiting: no" in bob.wait("lamp")["text"]
        with company.phone(Pjsua2Phone, "alice", 440) as alice:
            alice.dial("202")
            bob.wait("incoming")
            alice.wait_talking()
            alice.wait_heard(0.5)
            alice.send_digits("#")
            # The greeting is cut short, the beep follows, and then the recording begins.
            alice.wait_heard(4.0)
            alice.hang_up()
        assert "Voice-Message: 1/0" in bob.wait("lamp", count=2)["text"]
    assert len(company.mailbox("bob")) == 1


@pytest.mark.behaviour("V4")
@pytest.mark.parametrize("kind", [Pjsua2SubscribingPhone, SubscribingBaresip], ids=lambda kind: kind.__name__)
def test_the_lamp_of_a_real_phone_that_subscribes(
    kind: type[Pjsua2SubscribingPhone | SubscribingBaresip], service: Service, tmp_path: Path
) -> None:
    company = Company(service, tmp_path)
    began = len(service.lines)
    with company.phone(kind, "bob", 620) as bob:
        assert isinstance(bob, kind)
        account = company.account("bob")

        def of(name: str) -> list[dict[str, object]]:
            found = service.events(since=began)
            return [one for one in found if one["event"] == name and one.get("username") == account]

        wait_for(lambda: of("subscription.added"), 10, "the subscription")
        with company.phone(Pjsua2Phone, "alice", 440) as alice:
            alice.dial("202")
            alice.wait_talking()
            alice.wait_heard(0.5)
            alice.send_digits("#")
            alice.wait_heard(4.0)
            alice.hang_up()
        wait_for(lambda: bob.lamps()[-1:] == ["1/0"], 10, "the message")
        assert bob.lamps().count("1/0") == 1, "nothing is told twice"
        assert not of("subscription.removed") and not of("subscription.refused")
