"""What counts as heard, and digits among the packets of a tone."""

from __future__ import annotations

import asyncio
import time

import numpy as np

from tests.bench.sound import LOUD_SAMPLES, Sound, audible
from tests.support import g711, meter
from tests.support.addresses import fresh_address
from tests.support.rtp import RtpEndpoint


def encoded(samples: g711.Samples) -> bytes:
    return g711.encode(samples, g711.PCMA)


def test_silence_and_faint_noise_are_not_audible() -> None:
    noise = np.random.default_rng(1).integers(-200, 200, 160).astype(np.int16)
    assert not audible(encoded(np.zeros(160, np.int16)))
    assert not audible(encoded(noise))


def test_speech_is_audible_and_a_click_is_not() -> None:
    tone = (meter.tone(400, seconds=0.02, level=-30).samples * 32767).astype(np.int16)
    assert audible(encoded(tone))
    click = np.zeros(160, np.int16)
    click[: LOUD_SAMPLES - 1] = 8000
    assert not audible(encoded(click))
    click[LOUD_SAMPLES - 1] = -8000
    assert audible(encoded(click))


async def test_digits_arrive_once_each_and_the_tone_goes_on() -> None:
    sound = Sound()
    with RtpEndpoint(fresh_address()) as other:
        try:
            end = sound.sockets[sound.open(fresh_address())]
            end.remote = other.address, other.port
            before = time.monotonic()
            left = await asyncio.wait_for(end.key("1155#"), 5)
            assert before < left < time.monotonic()
            async with asyncio.timeout(20):
                while other.digits() != "1155#" or other.packets[-1].payload_type != g711.PCMA:
                    await asyncio.sleep(0.01)
        finally:
            sound.close()
    heard = [packet for packet in other.packets if packet.payload_type == g711.PCMA]
    assert [packet.sequence for packet in other.packets] == list(range(1, len(other.packets) + 1))
    assert heard[-1].timestamp > heard[0].timestamp + 5 * 5 * 160


async def test_the_next_audible_packet_is_waited_for() -> None:
    sound = Sound()
    with RtpEndpoint(fresh_address()) as other:
        try:
            end = sound.sockets[sound.open(fresh_address())]
            other.remote = end.address
            hearing = asyncio.ensure_future(end.hear())
            async with asyncio.timeout(20):
                while end.received < 5:
                    await asyncio.sleep(0.01)
            assert not hearing.done()
            played = time.monotonic()
            other.play(meter.tone(400, seconds=1))
            assert await asyncio.wait_for(hearing, 5) >= played
        finally:
            sound.close()
