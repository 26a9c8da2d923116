"""Twinkle, Debian's twinkle-console: calls both ways, hold, keys by RFC 4733 and by INFO, voicemail, and its 302."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.phones import Company
from tests.support import meter
from tests.support.pjsua2_phone import Pjsua2Phone
from tests.support.service import Service
from tests.support.twinkle import Twinkle, TwinkleInfo
from tests.support.waiting import wait_for

pytestmark = pytest.mark.quiet
RECEIVING, BOTH_WAYS = 2, 3
"""`pjmedia_dir`, as pjsua2 reports it."""


def seconds_of(tone: float, heard: meter.Sound) -> float:
    return sum(span.seconds for span in meter.tone_spans(heard, tone))


@pytest.mark.behaviour("R9", "M5")
def test_twinkle_calls_holds_resumes_and_sends_a_call_on(service: Service, tmp_path: Path) -> None:
    company = Company(service, tmp_path)
    with (
        company.phone(Pjsua2Phone, "bob", 620) as bob,
        company.phone(Pjsua2Phone, "carol", 850) as carol,
        company.phone(Twinkle, "alice", 440) as alice,
    ):
        assert "\nAuthorization: Digest " in alice.logged()
        alice.dial("202")
        bob.answer()
        alice.wait_talking()
        alice.wait_heard(1.2)
        bob.wait_heard(1.2)
        alice.hold()
        bob.wait("media", direction=RECEIVING)
        before = alice.recorded_seconds()
        alice.resume()
        bob.wait("media", count=2, direction=BOTH_WAYS)
        bob.wait_heard(bob.recorded_seconds() + 1.0)
        alice.wait_heard(before + 1.0)
        alice.hang_up()
        alice.wait_ended()
        bob.wait_ended()
        heard = alice.heard()
        assert seconds_of(620, heard.between(0, before)) > 0.8
        assert seconds_of(620, heard.between(before, heard.seconds)) > 0.5, "heard again after the hold"
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
        bob.wait_heard(1.2)
        alice.wait_heard(1.2)
        bob.hang_up()
        alice.wait_ended()
        assert seconds_of(440, bob.heard()) > 0.6 and seconds_of(620, alice.heard()) > 0.6


@pytest.mark.behaviour("V2")
@pytest.mark.parametrize("kind", [Twinkle, TwinkleInfo], ids=lambda kind: kind.__name__)
def test_twinkles_keys_arrive_and_it_leaves_a_message(
    kind: type[Twinkle], service: Service, tmp_path: Path
) -> None:
    company = Company(service, tmp_path)
    with company.phone(kind, "alice", 440) as alice:
        with company.phone(Pjsua2Phone, "carol", 620) as carol:
            alice.dial("203")
            carol.answer()
            alice.wait_talking()
            alice.send_digits("12#")
            wait_for(lambda: carol.digits() == "12#", 20, "the digits")
            assert ("\nINFO sip:" in alice.logged()) is (kind is TwinkleInfo)
            alice.hang_up()
            alice.wait_ended()
            carol.wait_ended()
        alice.dial("202")
        alice.wait_talking()
        # The hash key cuts the greeting short.
        alice.wait_heard(0.5)
        alice.send_digits("#")
        alice.wait_heard(3.5)
        alice.hang_up()
        (message,) = wait_for(lambda: company.mailbox("bob"), 20, "the message")
        assert meter.frequency(meter.read_wav(Path(str(message["path"])))) == pytest.approx(440, abs=3)
