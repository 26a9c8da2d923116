"""Processes of the service are killed under calls of real phones: what docs/operations.md promises comes true."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clients.phones import Company
from tests.support import meter
from tests.support.pjsua2_phone import Pjsua2Phone
from tests.support.service import Service
from tests.support.waiting import wait_for

ALICE, BOB = 440, 620
"""The tones that they speak, in Hz."""
RECEIVING, BOTH_WAYS = 2, 3
"""`pjmedia_dir`, as pjsua2 reports it."""
UNNOTICED = 1.0
"""Seconds of a gap that is the test machine's: without its process a call would have none for longer."""


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A service whose processes these tests kill, one after the other."""
    # A busy machine may take longer to start a process than the silence that ends a message in tests.
    with Service({"RINGPLAN_VOICEMAIL__SILENCE_SECONDS": "10"}) as running:
        yield running


@contextmanager
def phones(service: Service, folder: Path) -> Iterator[tuple[Company, Pjsua2Phone, Pjsua2Phone]]:
    company = Company(service, folder)
    with (
        company.phone(Pjsua2Phone, "bob", BOB) as bob,
        company.phone(Pjsua2Phone, "alice", ALICE) as alice,
    ):
        yield company, alice, bob


def talk(alice: Pjsua2Phone, bob: Pjsua2Phone) -> None:
    alice.dial("202")
    bob.answer()
    alice.wait_talking()
    alice.wait_heard(1.0)
    bob.wait_heard(1.0)


def on_disk(service: Service) -> int:
    """How many calls a restart of signalling would find."""
    kept: set[str] = set()
    path = service.data / "dialogs.jsonl"
    for line in path.read_text().splitlines() if path.exists() else ():
        values = json.loads(line)
        if "over" in values:
            kept.discard(values["over"])
        else:
            kept.add(values["call"]["relay_session"])
    return len(kept)


def figure(service: Service, name: str) -> float:
    """One of the figures for Prometheus."""
    with urllib.request.urlopen(f"http://{service.sip[0]}:9160/metrics", timeout=5) as page:
        lines = page.read().decode().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))


def longest_gap(phone: Pjsua2Phone, tone: float, until: float | None = None) -> float:
    """How long a phone did not hear a tone that is there before and after; `until` in what was recorded."""
    sound = phone.heard()
    gaps = meter.gaps(sound.between(0, sound.seconds if until is None else until), tone)
    return max((gap.seconds for gap in gaps), default=0.0)


def last_heard(phone: Pjsua2Phone, tone: float) -> float:
    """How much of a tone a phone heard in the last second before its call ended."""
    sound = phone.heard()
    last = sound.between(sound.seconds - 1.2, sound.seconds)
    return sum(span.seconds for span in meter.tone_spans(last, tone))


def nothing_left(service: Service) -> None:
    wait_for(lambda: figure(service, "ringplan_relay_sessions") == 0, 10, "the relay to be empty")
    wait_for(lambda: figure(service, "ringplan_legs") == 0, 40, "the dialogs to be gone")
    wait_for(lambda: on_disk(service) == 0, 5, "the calls to leave the disk")


# Signalling


@pytest.mark.parametrize("ends", ["caller", "callee"])
def test_signalling_dies_under_a_call(ends: str, service: Service, tmp_path: Path) -> None:
    with phones(service, tmp_path) as (company, alice, bob):
        talk(alice, bob)
        wait_for(lambda: on_disk(service) == 1, 3, "the call to be on disk")
        since = len(service.lines)
        service.kill("signalling")
        assert len(service.events("call.restored", since)) == 1
        before = alice.recorded_seconds(), bob.recorded_seconds()
        alice.wait_heard(before[0] + 0.5)
        bob.wait_heard(before[1] + 0.5)
        until = alice.recorded_seconds(), bob.recorded_seconds()
        if ends == "caller":
            # Hold after it, from the side that will hang up.
            alice.hold()
            bob.wait("media", direction=RECEIVING)
            alice.resume()
            alice.wait_heard(alice.recorded_seconds() + 0.5)
        (alice if ends == "caller" else bob).hang_up()
        (bob if ends == "caller" else alice).wait_ended()
        # Nothing was lost while nobody was there to signal; a busy machine makes short gaps.
        assert longest_gap(alice, BOB, until[0]) < UNNOTICED
        assert longest_gap(bob, ALICE, until[1]) < UNNOTICED
        assert last_heard(bob, ALICE) > 0.5
        call_id = service.events("call.restored", since)[0]["call_id"]
        record = service.call(call_id)["call"]
        assert (record["outcome"], record["hung_up_by"]) == ("answered", ends)
        nothing_left(service)
        assert [call["call_id"] for call in service.calls()].count(call_id) == 1
        assert company.mailbox("bob") == []


def test_signalling_dies_while_a_phone_rings(service: Service, tmp_path: Path) -> None:
    with phones(service, tmp_path) as (_, alice, bob):
        bob.dial("201")
        alice.wait("incoming")
        since = len(service.lines)
        service.kill("signalling")
        # The call is lost, and nothing of it stays at the relay; the next one goes through.
        assert [event["sessions"] for event in service.events("relay.orphans_deleted", since)] == [1]
        assert figure(service, "ringplan_relay_sessions") == 0
        assert service.events("call.restored", since) == []


@pytest.mark.behaviour("V3")
def test_signalling_dies_under_a_message(service: Service, tmp_path: Path) -> None:
    company = Company(service, tmp_path)
    with company.phone(Pjsua2Phone, "alice", ALICE) as alice:
        alice.dial("202")
        alice.wait_talking()
        alice.wait_heard(0.5)
        alice.send_digits("#")
        alice.wait_heard(3.0)
        wait_for(lambda: on_disk(service) == 1, 3, "the call to be on disk")
        recorded = alice.recorded_seconds()
        service.kill("signalling")
        alice.wait_heard(recorded + 2.0)
        alice.hang_up()
        (message,) = wait_for(lambda: company.mailbox("bob"), 10, "the message")
        sound = meter.read_wav(Path(str(message["path"])))
        assert sum(span.seconds for span in meter.tone_spans(sound, ALICE)) > 3.0, "before and after"
        assert max((gap.seconds for gap in meter.gaps(sound, ALICE)), default=0.0) < UNNOTICED
        nothing_left(service)


# The relay


def test_the_relay_dies_under_a_call(service: Service, tmp_path: Path) -> None:
    with phones(service, tmp_path) as (_, alice, bob):
        talk(alice, bob)
        away = service.kill("relay")
        before = alice.recorded_seconds(), bob.recorded_seconds()
        alice.wait_heard(before[0] + 2.7)
        bob.wait_heard(before[1] + 2.7)
        bob.hang_up()
        alice.wait_ended()
        for phone, tone in ((alice, BOB), (bob, ALICE)):
            assert longest_gap(phone, tone) < away + 2.0
            assert last_heard(phone, tone) > 0.5
        nothing_left(service)


def test_the_relay_dies_under_a_call_on_hold(service: Service, tmp_path: Path) -> None:
    with phones(service, tmp_path) as (_, alice, bob):
        talk(alice, bob)
        alice.hold()
        bob.wait("media", direction=RECEIVING)
        service.kill("relay")
        bob.wait("media", count=2, direction=RECEIVING)
        alice.resume()
        wait_for(lambda: bob.events[-1].get("direction") == BOTH_WAYS, 5, "the end of the hold")
        so_far = bob.recorded_seconds()
        bob.wait_heard(so_far + 1.0)
        alice.hang_up()
        bob.wait_ended()
        assert last_heard(bob, ALICE) > 0.5
        assert last_heard(alice, BOB) > 0.5
        nothing_left(service)


def test_the_relay_dies_while_a_phone_rings(service: Service, tmp_path: Path) -> None:
    with phones(service, tmp_path) as (_, alice, bob):
        bob.dial("201")
        alice.wait("incoming")
        service.kill("relay")
        alice.answer()
        bob.wait_talking()
        bob.wait_heard(2.0)
        alice.wait_heard(2.0)
        bob.hang_up()
        alice.wait_ended()
        for phone, tone in ((alice, BOB), (bob, ALICE)):
            assert last_heard(phone, tone) > 0.5
        nothing_left(service)


@pytest.mark.behaviour("V3")
def test_the_relay_dies_under_a_message(service: Service, tmp_path: Path) -> None:
    company = Company(service, tmp_path)
    with company.phone(Pjsua2Phone, "alice", ALICE) as alice:
        alice.dial("202")
        alice.wait_talking()
        alice.wait_heard(0.5)
        alice.send_digits("#")
        alice.wait_heard(3.5)
        away = service.kill("relay")
        alice.wait_heard(alice.recorded_seconds() + 3.0)
        alice.hang_up()
        (message,) = wait_for(lambda: company.mailbox("bob"), 10, "the message")
        sound = meter.read_wav(Path(str(message["path"])))
        gaps = [gap for gap in meter.gaps(sound, ALICE) if gap.seconds > 0.1]
        assert gaps, "before and after"
        assert max(gap.seconds for gap in gaps) < away + 2.0
        after = sound.between(gaps[-1].end, sound.seconds)
        assert sum(span.seconds for span in meter.tone_spans(after, ALICE)) > 0.7
        nothing_left(service)


# The media host


@pytest.mark.behaviour("V3")
@pytest.mark.parametrize("when", ["greeting", "recording"])
def test_the_media_host_dies_under_a_message(when: str, service: Service, tmp_path: Path) -> None:
    with phones(service, tmp_path) as (company, alice, bob):
        other = Company(service, tmp_path / "other")
        (tmp_path / "other").mkdir()
        talk(alice, bob)
        with other.phone(Pjsua2Phone, "alice", ALICE) as caller:
            caller.dial("202")
            caller.wait_talking()
            caller.wait_heard(0.5)
            if when == "recording":
                caller.send_digits("#")
                caller.wait_heard(4.5)
            service.kill("media")
            # Who was with a mailbox is hung up; whose call is an ordinary one notices nothing.
            caller.wait_ended()
        kept = wait_for(
            lambda: other.mailbox("bob") or when == "greeting", 10, "the message as far as it came"
        )
        if when == "recording":
            (message,) = kept  # type: ignore[misc]
            sound = meter.read_wav(Path(str(message["path"])))
            assert sum(span.seconds for span in meter.tone_spans(sound, ALICE)) > 1.0
        else:
            assert other.mailbox("bob") == []
        alice.wait_heard(alice.recorded_seconds() + 0.3)
        bob.hang_up()
        alice.wait_ended()
        for phone, tone in ((alice, BOB), (bob, ALICE)):
            assert longest_gap(phone, tone) < UNNOTICED
        assert company.mailbox("bob") == []
        nothing_left(service)


# Provisioning


def test_provisioning_dies_under_a_call(service: Service, tmp_path: Path) -> None:
    with phones(service, tmp_path) as (_, alice, bob):
        talk(alice, bob)
        service.kill("provisioning")
        alice.wait_heard(alice.recorded_seconds() + 0.3)
        bob.hang_up()
        alice.wait_ended()
        for phone, tone in ((alice, BOB), (bob, ALICE)):
            assert longest_gap(phone, tone) < UNNOTICED
        nothing_left(service)
