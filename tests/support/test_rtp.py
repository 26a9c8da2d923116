from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.support import g711, meter
from tests.support.addresses import fresh_address
from tests.support.rtp import RtpEndpoint
from tests.support.waiting import wait_for


@pytest.fixture
def pair() -> Iterator[tuple[RtpEndpoint, RtpEndpoint]]:
    with RtpEndpoint(fresh_address()) as left, RtpEndpoint(fresh_address()) as right:
        left.remote, right.remote = (right.address, right.port), (left.address, left.port)
        yield left, right


@pytest.mark.parametrize("payload", [g711.PCMU, g711.PCMA])
def test_a_tone_arrives_unbroken(pair: tuple[RtpEndpoint, RtpEndpoint], payload: int) -> None:
    left, right = pair
    left.payload = payload
    left.play(meter.tone(440, seconds=0.3))
    since = time.monotonic() + 0.05
    wait_for(lambda: right.heard(since).seconds >= 1.0, 3, "a second of sound")
    heard = right.heard(since)
    assert meter.frequency(heard) == pytest.approx(440, abs=1)
    assert meter.gaps(heard, 440) == []
    assert {packet.payload_type for packet in right.packets if packet.arrival >= since} == {payload}


def test_digits_arrive_once_each(pair: tuple[RtpEndpoint, RtpEndpoint]) -> None:
    left, right = pair
    left.send_digits("112#")
    wait_for(lambda: len(right.digits()) >= 4, 3, "four digits")
    assert right.digits() == "112#"


def test_muting_is_heard_as_a_pause(pair: tuple[RtpEndpoint, RtpEndpoint]) -> None:
    left, right = pair
    wait_for(lambda: len(right.packets) >= 5, 2, "the first packets")
    left.muted = True
    quiet = time.monotonic()
    wait_for(lambda: time.monotonic() - quiet > 0.3, 1, "0.3 s to pass")
    left.muted = False
    wait_for(lambda: right.packets[-1].arrival - quiet > 0.3, 2, "sound again")
    pause = right.longest_pause()
    assert 0.25 < pause < 0.6
    before, after = next(
        (one, other) for one, other in pairwise(right.packets) if other.arrival - one.arrival == pause
    )
    assert after.sequence == before.sequence + 1
    assert (after.timestamp - before.timestamp) / 8000 == pytest.approx(pause, abs=0.05)


def test_packets_are_numbered(pair: tuple[RtpEndpoint, RtpEndpoint]) -> None:
    left, right = pair
    wait_for(lambda: len(right.packets) >= 10, 2, "ten packets")
    packets = right.packets[:10]
    first = packets[0]
    assert [p.sequence - first.sequence for p in packets] == list(range(10))
    assert [p.timestamp - first.timestamp for p in packets] == [160 * n for n in range(10)]
    assert {p.ssrc for p in packets} == {first.ssrc}
    assert left.sent >= 10
