"""A real phone leaves a message: it is listened to, recorded again and sent; a full mailbox says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.listening import GLIDE_FROM, Listener, glide, in_order, tones
from tests.clients.phones import Company
from tests.conftest import ServiceFactory
from tests.support import meter
from tests.support.pjsua2_phone import Pjsua2Phone
from tests.support.recognise import voice
from tests.support.service import Service
from tests.support.waiting import wait_for

pytestmark = pytest.mark.quiet


@pytest.mark.behaviour("V2")
def test_a_message_is_listened_to_recorded_again_and_sent(service: Service, tmp_path: Path) -> None:
    company = Company(service, tmp_path)
    with company.phone(Pjsua2Phone, "alice", glide()) as alice:
        alice.dial("202")
        alice.wait_talking()
        listener = Listener(alice)
        listener.hears("is-unavailable")
        alice.send_digits("#")
        listener.hears("beep")
        alice.wait_heard(alice.recorded_seconds() + 3)
        alice.send_digits("#")
        listener.hears("review-menu")
        alice.send_digits("2")
        listener.hears_tone(1.0, GLIDE_FROM, 2000)
        alice.send_digits("3")
        listener.hears("beep")
        alice.wait_heard(alice.recorded_seconds() + 3)
        alice.send_digits("#")
        listener.hears("review-menu")
        alice.send_digits("1")
        listener.hears("message-sent")
        alice.wait_ended()
        heard = alice.heard()
    in_order(["is-unavailable", "beep", "review-menu", "beep", "review-menu", "message-sent"], heard)
    (message,) = company.mailbox("bob")
    kept, first = tones(meter.read_wav(Path(str(message["path"])))), tones(heard)
    assert kept[0][1] > first[-1][1], "the second recording alone"


@pytest.mark.behaviour("V2")
def test_a_full_disk_is_told_to_the_caller_and_calls_go_on(
    new_service: ServiceFactory, tmp_path: Path
) -> None:
    """No disk has so much room as is to be kept free here."""
    service = new_service({"RINGPLAN_VOICEMAIL__KEEP_FREE": str(1 << 40)})
    company = Company(service, tmp_path)
    with (
        company.phone(Pjsua2Phone, "alice", 440) as alice,
        company.phone(Pjsua2Phone, "carol", 620) as carol,
    ):
        alice.dial("202")
        alice.wait("state", state="DISCONNECTED", timeout=15.0)
        assert voice().phrases(alice.heard())[0] == "unavailable"
        alice.dial("203")
        carol.answer()
        alice.wait_talking()
        Listener(alice).hears_tone(0.6, 615, 625)
        alice.hang_up()
        carol.wait_ended()
    assert [event["level"] for event in service.events("mailbox.disk_full")] == ["error"]
    assert company.mailbox("bob") == []


@pytest.mark.behaviour("V2")
def test_a_full_mailbox_is_announced(service: Service, tmp_path: Path) -> None:
    company = Company(service, tmp_path)
    with company.phone(Pjsua2Phone, "alice", 440) as alice:
        for _ in range(3):
            alice.dial("202")
            alice.wait_talking()
            alice.wait_heard(0.5)
            alice.send_digits("#")
            Listener(alice).hears("beep")
            alice.wait_heard(alice.recorded_seconds() + 2)
            alice.hang_up()
            alice.wait_ended()
        wait_for(lambda: len(company.mailbox("bob")) == 3, 10, "the messages")
        alice.dial("202")
        alice.wait("state", state="DISCONNECTED", timeout=15.0)
        assert voice().phrases(alice.heard())[0] == "mailbox-full"
