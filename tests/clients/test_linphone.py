"""Linphone, Debian's linphonec: calls, hold, keys by RFC 4733 and by INFO, voicemail, and a call that it sends on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.phones import Company
from tests.support import meter
from tests.support.linphone import Linphone, LinphoneInfo
from tests.support.pjsua2_phone import Pjsua2Phone
from tests.support.service import Service
from tests.support.waiting import wait_for

RECEIVING, BOTH_WAYS = 2, 3
"""`pjmedia_dir`, as pjsua2 reports it."""


def seconds_of(tone: float, heard: meter.Sound) -> float:
    return sum(span.seconds for span in meter.tone_spans(heard, tone))


@pytest.mark.behaviour("R9", "M5")
def test_linphone_calls_holds_resumes_and_sends_a_call_on(service: Service, tmp_path: Path) -> None:
    company = Company(service, tmp_path)
    with (
        company.phone(Pjsua2Phone, "bob", 620) as bob,
        company.phone(Pjsua2Phone, "carol", 850) as carol,
        company.phone(Linphone, "alice", 440) as alice,
    ):
        alice.dial("202")
        bob.answer()
        alice.wait_talking()
        alice.wait_heard(1.2)
        bob.wait_heard(1.2)
        alice.hold()
        bob.wait("media", direction=RECEIVING)
        alice.resume()
        bob.wait("media", count=2, direction=BOTH_WAYS)
        bob.wait_heard(bob.recorded_seconds() + 0.7)
        alice.hang_up()
        alice.wait_ended()
        bob.wait_ended()
        assert seconds_of(620, alice.heard()) > 0.8
        heard = bob.heard()
        assert seconds_of(440, heard) > 1.2
        assert meter.tone_spans(heard, 440)[-1].end > heard.seconds - 0.4, "heard again after the hold"
        # She says that Carol is to be called instead.
        bob.dial("201")
        alice.redirect("203")
        carol.answer()
        bob.wait_talking()
        bob.wait_heard(1.0)
        carol.hang_up()
        bob.wait_ended()
        assert seconds_of(850, bob.heard()) > 0.6
        # And takes the next one herself.
        bob.dial("201")
        alice.answer()
        bob.wait_talking()
        bob.wait_heard(1.0)
        alice.wait_heard(1.0)
        bob.hang_up()
        alice.wait_ended()
        assert seconds_of(440, bob.heard()) > 0.6 and seconds_of(620, alice.heard()) > 0.6


@pytest.mark.behaviour("V2")
@pytest.mark.parametrize("kind", [Linphone, LinphoneInfo], ids=lambda kind: kind.__name__)
def test_linphones_keys_arrive_and_it_leaves_a_message(
    kind: type[Linphone], service: Service, tmp_path: Path
) -> None:
    company = Company(service, tmp_path)
    with company.phone(kind, "alice", 440) as alice:
        with company.phone(Pjsua2Phone, "carol", 620) as carol:
            alice.dial("203")
            carol.answer()
            alice.wait_talking()
            alice.send_digits("12#")
            wait_for(lambda: carol.digits() == "12#", 20, "the digits")
            alice.hang_up()
            alice.wait_ended()
            carol.wait_ended()
        alice.dial("202")
        alice.wait_talking()
        # The hash key cuts the greeting short.
        alice.wait_heard(0.5)
        alice.send_digits("#")
        alice.wait_heard(5.0)
        alice.hang_up()
        (message,) = wait_for(lambda: company.mailbox("bob"), 10, "the message")
        assert meter.frequency(meter.read_wav(Path(str(message["path"])))) == pytest.approx(440, abs=3)
