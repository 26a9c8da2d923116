"""Percentiles, which ringing belongs to which call, and two parties who call each other without a service."""

from __future__ import annotations

import asyncio
from math import isnan

import pytest

from tests.bench.delay import percentile, summarise
from tests.bench.parties import Call, Carrier, Phones, Ring
from tests.bench.sound import Sound
from tests.support.addresses import fresh_address

RTP = ("127.0.0.1", 40000)


def call(number: str, sent: float, ringing: float, final: int = 200) -> Call:
    return Call(number, f"{number}-{sent}", RTP, sent=sent, ringing=ringing, final=final)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, share) for share in (0.0, 0.5, 0.99, 1.0)] == [1, 50, 99, 100]
    assert percentile([7.0], 0.99) == 7
    assert isnan(percentile([], 0.5))


def test_the_phones_own_time_is_taken_off() -> None:
    delays = summarise([call("+441632960007", 1.000, 1.009)], [Ring(7, 1.002, 1.005, RTP, None)])
    assert delays.ringing == pytest.approx([6])
    assert delays.invited == pytest.approx([2])
    assert delays.failed == 0


def test_a_180_of_the_services_own_waits_for_no_phone() -> None:
    delays = summarise([call("+441632960007", 1.000, 1.001)], [Ring(7, 1.002, 1.005, RTP, None)])
    assert delays.ringing == pytest.approx([1])


def test_calls_to_one_user_are_told_apart_by_their_order() -> None:
    calls = [call("+441632960007", 5.0, 5.02), call("+441632960007", 1.0, 1.01)]
    rings = [Ring(7, 5.004, 5.004, RTP, None), Ring(7, 1.003, 1.003, RTP, None)]
    assert summarise(calls, rings).invited == pytest.approx([3, 4])


def test_a_call_that_did_not_ring_or_was_refused_has_failed() -> None:
    rings = [Ring(7, 1.0, 1.0, RTP, None), Ring(8, 1.0, 1.0, RTP, None)]
    delays = summarise([call("+441632960007", 1, 0), call("+441632960008", 1, 1.1, 486)], rings)
    assert (delays.failed, delays.ringing) == (2, [])


async def test_the_parties_ring_answer_talk_and_hang_up() -> None:
    phones_at, carrier_at = (fresh_address(), 5060), (fresh_address(), 5060)
    sound = Sound()
    phones = Phones(phones_at, lambda: sound.open(phones_at[0]), ring=0.05)
    carrier = Carrier(carrier_at, phones_at)
    try:
        dialled = carrier.dial("+441632960007", sound.open(carrier_at[0]))
        async with asyncio.timeout(20):
            while not dialled.answered:
                await asyncio.sleep(0.01)
            (ring,) = phones.rings.values()
            assert ring.index == 7
            assert dialled.sent < ring.invited <= ring.alerted < dialled.ringing < dialled.answered
            assert (dialled.media, ring.media) == (ring.rtp, dialled.rtp)
            sound.sockets[dialled.rtp].remote = dialled.media
            sound.sockets[ring.rtp].remote = ring.media
            while sound.received < 10:
                await asyncio.sleep(0.01)
            carrier.hang_up(dialled)
            while not dialled.over:
                await asyncio.sleep(0.01)
    finally:
        carrier.close()
        phones.close()
        sound.close()
