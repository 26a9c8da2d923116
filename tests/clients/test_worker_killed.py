"""A media worker dies under a caller: the call stays, less than a second is lost, the message is whole."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.phones import Company
from tests.conftest import ServiceFactory
from tests.support import meter
from tests.support.addresses import fresh_address
from tests.support.rtp import RtpEndpoint
from tests.support.service import Service
from tests.support.sipp import Message, Sipp
from tests.support.waiting import wait_for

ROOT = Path(__file__).parents[2]
CALL = ROOT / "sipp_scenarios" / "common" / "call.xml"
PROMPTS = ROOT / "media" / "prompts" / "en"
STAYS = 8.0
"""Seconds from the answer until the caller hangs up."""


@dataclass
class Caller:
    """A caller whom Bob's voicemail has answered, speaking a tone of 440 Hz all the time."""

    company: Company
    service: Service
    sipp: Sipp
    rtp: RtpEndpoint

    def wait_heard(self, seconds: float) -> None:
        """Wait until so much sound has come."""
        wait_for(lambda: self.rtp.heard().seconds >= seconds, seconds + 5, f"{seconds:g} s of sound")

    def kill_worker(self) -> float:
        """Kill the worker that holds the call, as the machine would; return when."""
        (started,) = self.service.events("media.session_started")
        pids = {event["worker"]: event["pid"] for event in self.service.events("media.worker_started")}
        os.kill(pids[started["worker"]], signal.SIGKILL)
        return time.monotonic()


@pytest.fixture
def caller(new_service: ServiceFactory, tmp_path: Path) -> Iterator[Caller]:
    service = new_service()
    company = Company(service, tmp_path)
    with RtpEndpoint(fresh_address(), 40000) as rtp:
        rtp.play(meter.tone(440, seconds=0.5))

        def follow(message: Message) -> None:
            if message.received and message.media:
                rtp.remote = message.media

        sipp = Sipp(
            CALL,
            tmp_path / "caller",
            rtp.address,
            service.sip,
            pause=STAYS,
            service="202",
            user=company.account("alice"),
            password=company.password,
            hear=follow,
        )
        try:
            sipp.wait_received("SIP/2.0 200")
            yield Caller(company, service, sipp, rtp)
        finally:
            sipp.stop()


@pytest.mark.behaviour("V3")
def test_killed_while_recording(caller: Caller) -> None:
    caller.wait_heard(0.5)
    caller.rtp.send_digits("#")
    caller.wait_heard(3.5)
    killed = caller.kill_worker()
    caller.sipp.finish()

    assert caller.rtp.longest_pause(killed - 0.5) < 1.0
    wait_for(lambda: caller.company.mailbox("bob"), 10, "the message")
    (message,) = caller.company.mailbox("bob")
    sound = meter.read_wav(Path(str(message["path"])))
    beep = meter.find(meter.read_wav(PROMPTS / "beep.wav"), caller.rtp.heard())
    assert beep.likeness > 0.8
    said = caller.rtp.heard().seconds - beep.at - 0.43
    assert meter.frequency(sound) == pytest.approx(440, abs=2)
    assert said - 1.0 < sum(span.seconds for span in meter.tone_spans(sound, 440)) <= said + 0.3
    assert sum(gap.seconds for gap in meter.gaps(sound, 440)) < 1.0


@pytest.mark.behaviour("V3")
def test_killed_while_the_greeting_plays(caller: Caller) -> None:
    caller.wait_heard(1.0)
    killed = caller.kill_worker()
    caller.sipp.finish()
    assert caller.rtp.longest_pause(killed - 0.5) < 1.0
    again = meter.find(meter.read_wav(PROMPTS / "person-at-extension.wav"), caller.rtp.heard(killed + 0.02))
    assert again.likeness > 0.8
