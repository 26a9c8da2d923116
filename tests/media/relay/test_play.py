"""Tones that the relay plays to a caller who has not sent anything yet, as the caller hears them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from config.tables import MediaSettings
from media.relay.client import RelayClient
from media.relay.errors import NoSession, RelayError
from media.sounds import ANNOUNCEMENTS, seconds
from tests.media.relay.phone import Phone, speak_until_heard
from tests.media.relay.process import RelayProcess, ask, running_relay
from tests.support import g711, meter
from tests.support.addresses import fresh_address

RATE = 8000
BLOCK = 200
"""Samples of 25 ms: the cadences of both tones are multiples of it, 400 and 450 Hz fit well enough."""


def sound(phone: Phone, codec: int) -> np.ndarray:
    """What the phone heard, each packet in its place by its timestamp."""
    first = phone.heard[0].timestamp
    pieces = {packet.timestamp - first: g711.decode(packet.payload, codec) for packet in phone.heard}
    whole = np.zeros(max(at + len(piece) for at, piece in pieces.items()))
    for at, piece in pieces.items():
        whole[at : at + len(piece)] = piece
    return whole


def power(block: np.ndarray, hertz: float) -> float:
    """How much of this frequency is in a block, by Goertzel's sum; amplitude of a sine in samples."""
    moments = np.arange(len(block))
    return float(2 * abs(np.sum(block * np.exp(-2j * np.pi * hertz * moments / RATE))) / len(block))


def stretches(samples: np.ndarray) -> list[tuple[bool, float]]:
    """On and off in turn, each with its length in seconds."""
    on = [bool(np.std(samples[i : i + BLOCK]) > 500) for i in range(0, len(samples) - BLOCK + 1, BLOCK)]
    edges = [0, *(i for i in range(1, len(on)) if on[i] != on[i - 1]), len(on)]
    return [(on[a], (b - a) * BLOCK / RATE) for a, b in pairwise(edges)]


@pytest.mark.behaviour("B3")
@pytest.mark.parametrize("codec", [0, 8])
async def test_engaged_tone_in_a_loop(relay: RelayProcess, client: RelayClient, codec: int) -> None:
    caller = await Phone.start()
    await ask(client.open, "r1", caller.peer)
    assert await ask(client.play, "r1", relay.data / "tones" / "engaged", "near", codec, None) is None
    await caller.hears_packets(200)  # 2 s: the file is 0.75 s, so it has been started over twice
    assert {packet.payload_type for packet in caller.heard} == {codec}
    heard = sound(caller, codec)
    assert stretches(heard)[:5] == [(True, 0.375), (False, 0.375)] * 2 + [(True, 0.375)]
    for start in (0, 6000, 12000):
        spell = heard[start : start + 2400]
        assert power(spell, 400) == pytest.approx(32768 * 10 ** (-16.14 / 20), rel=0.05)
        assert np.std(spell) == pytest.approx(power(spell, 400) / np.sqrt(2), rel=0.02)  # and nothing else
    arrivals = [packet.arrival for packet in caller.heard]
    assert arrivals[-1] - arrivals[0] == pytest.approx(2.0, abs=0.5)  # in real time


async def test_ringback_until_the_far_side_is_connected(relay: RelayProcess, client: RelayClient) -> None:
    caller, callee = await Phone.start(), await Phone.start()
    ports = await ask(client.open, "r1", caller.peer)
    assert await ask(client.play, "r1", relay.data / "tones" / "ringback", "near", 8, None) is None
    await caller.hears_packets(120)
    heard = sound(caller, 8)
    assert stretches(heard)[:3] == [(True, 0.4), (False, 0.2), (True, 0.4)]
    spell = heard[:3200]
    each = 32768 * 10 ** ((-13 - 3.14) / 20) / np.sqrt(2)
    assert power(spell, 400) == pytest.approx(each, rel=0.05)
    assert power(spell, 450) == pytest.approx(each, rel=0.05)

    assert await ask(client.connect_far, "r1", callee.peer) is None
    await caller.hears(callee.say((relay.address, ports.far)))
    # What was played before the switch may still arrive; then it is the callee's words alone.
    before = len(caller.heard)
    for _ in range(30):
        await caller.hears(callee.say((relay.address, ports.far)))
    assert len(caller.heard) == before + 30


async def test_a_tone_stops_and_ends_by_itself(relay: RelayProcess, client: RelayClient) -> None:
    caller, callee = await Phone.start(), await Phone.start()
    ports = await ask(client.open, "r1", caller.peer)
    assert await ask(client.connect_far, "r1", callee.peer) is None
    tone = relay.data / "tones" / "engaged"
    assert await ask(client.play, "r1", tone, "near", 8, 1) is None
    await caller.hears_packets(75)
    assert len(sound(caller, 8)) == 6000
    await speak_until_heard(callee, (relay.address, ports.far), caller)  # the tone is over

    assert await ask(client.play, "r1", tone, "near", 8, None) is None
    await caller.hears_packets(100)
    assert await ask(client.stop_play, "r1", "near") is None
    await caller.hears(callee.say((relay.address, ports.far)))
    before = len(caller.heard)
    await caller.hears(callee.say((relay.address, ports.far)))
    assert len(caller.heard) == before + 1
    assert await ask(client.stop_play, "r1", "near") is None


async def test_a_tone_reaches_the_callee_alone_when_told_so(relay: RelayProcess, client: RelayClient) -> None:
    caller, callee = await Phone.start(), await Phone.start()
    await ask(client.open, "r1", caller.peer)
    await ask(client.connect_far, "r1", callee.peer)
    assert await ask(client.play, "r1", relay.data / "tones" / "engaged", "far", 8, None) is None
    await callee.hears_packets(10)
    assert not caller.heard


@pytest.mark.parametrize("codec", [0, 8])
async def test_an_announcement_is_heard_once_and_whole(
    relay: RelayProcess, client: RelayClient, codec: int
) -> None:
    listeners = {name: await Phone.start() for name in ANNOUNCEMENTS}
    clock = await Phone.start()  # hears a loop: each of its packets is another 10 ms gone by
    await ask(client.open, "clock", clock.peer)
    await ask(client.play, "clock", relay.data / "tones" / "ringback", "near", codec, None)
    for number, (name, phone) in enumerate(listeners.items()):
        await ask(client.open, f"r{number}", phone.peer)
        assert await ask(client.play, f"r{number}", relay.data / "tones" / name, "near", codec, 1) is None
    longest = max(seconds(name, relay.data / "tones") for name in ANNOUNCEMENTS)
    for passed in range(100, round(longest * 100) + 200, 100):
        await clock.hears_packets(passed)  # a second or more beyond the end

    for name, phone in listeners.items():
        assert {packet.payload_type for packet in phone.heard} == {codec}
        octets = b"".join(packet.payload for packet in phone.heard)
        assert octets == (relay.data / "tones" / f"{name}.{codec}").read_bytes()
        known = meter.read_wav(MediaSettings().prompts / "en" / f"{name}.wav")
        heard = meter.Sound(sound(phone, codec) / 32768)
        match = meter.find(known, heard)
        assert match.likeness > 0.95
        assert match.at == pytest.approx(0, abs=0.01)
        took = phone.heard[-1].arrival - phone.heard[0].arrival
        assert took == pytest.approx(seconds(name, relay.data / "tones"), abs=0.5)


async def test_what_cannot_be_played(relay: RelayProcess, client: RelayClient) -> None:
    caller = await Phone.start()
    tones = relay.data / "tones"
    assert isinstance(await ask(client.play, "r1", tones / "engaged", "near", 8, None), NoSession)
    await ask(client.open, "r1", caller.peer)
    assert type(await ask(client.play, "r1", tones / "nothing", "near", 8, None)) is RelayError
    with pytest.raises(ValueError, match="cannot be played"):
        client.play("r1", Path("a b n f\nX"), "near", 8, None, lambda _: None)


async def test_a_data_folder_with_blanks_in_its_name(tmp_path: Path) -> None:
    caller = await Phone.start()
    async with running_relay(tmp_path / "our data", fresh_address()) as relay:
        client = await relay.connect()
        await ask(client.open, "r1", caller.peer)
        assert await ask(client.play, "r1", relay.data / "tones" / "engaged", "near", 8, None) is None
        await caller.hears_packets(3)
