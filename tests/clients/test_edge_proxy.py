"""A phone behind Kamailio, which puts itself in its way by Path and Record-Route (RFC 3327)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.phones import Company
from tests.support import meter
from tests.support.baresip import Baresip
from tests.support.edge import Edge
from tests.support.pjsua2_phone import Pjsua2Phone
from tests.support.service import Service
from tests.support.waiting import wait_for

BOTH_WAYS = 3
"""`pjmedia_dir`, as pjsua2 reports it."""


def seconds_of(tone: float, heard: meter.Sound) -> float:
    return sum(span.seconds for span in meter.tone_spans(heard, tone))


@pytest.mark.behaviour("R9", "M5")
def test_a_phone_behind_kamailio_is_called_through_it(service: Service, tmp_path: Path) -> None:
    company = Company(service, tmp_path)
    with Edge(tmp_path / "edge", service.sip) as edge:

        class BaresipBehind(Baresip):
            outbound = f"sip:{edge.sip[0]}:{edge.sip[1]}"

        with (
            company.phone(Pjsua2Phone, "bob", 620) as bob,
            company.phone(BaresipBehind, "alice", 440) as alice,
        ):
            source = {each["username"]: each["source"] for each in service.registrations()}
            assert source[company.account("alice")] == f"{edge.sip[0]}:{edge.sip[1]}"
            bob.dial("201")
            alice.answer()
            bob.wait_talking()
            bob.wait_heard(0.7)
            alice.wait_heard(0.7)
            bob.hold()
            wait_for(lambda: "a=inactive" in alice.output() or "a=sendonly" in alice.output(), 5, "the hold")
            bob.resume()
            bob.wait("media", count=3, direction=BOTH_WAYS)
            bob.send_digits("14#")
            wait_for(lambda: alice.digits() == "14#", 5, "the digits")
            alice.send_digits("7")
            wait_for(lambda: bob.digits() == "7", 5, "the digit")
            bob.hang_up()
            alice.wait_ended()
            assert seconds_of(440, bob.heard()) > 0.8 and seconds_of(620, alice.heard()) > 0.4
            # The other way, and the called side hangs up.
            alice.dial("202")
            bob.wait("incoming")
            bob.answer()
            bob.wait("state", state="CONFIRMED")
            bob.wait_heard(1.0)
            bob.hang_up()
            bob.wait_ended()
            assert seconds_of(440, bob.heard()) > 0.6
