"""Learning where a phone sends from: which packets count, and what becomes of the port."""

from __future__ import annotations

import asyncio
import socket

import pytest

from media.relay.peer import Address
from media.relay.source_learning import SourceLearning, is_rtp
from tests.media.relay.phone import Phone
from tests.support.addresses import fresh_address


@pytest.mark.parametrize(
    ("packet", "verdict"),
    [
        (bytes((0x80, 8)) + bytes(170), True),
        (bytes((0x80, 0x80 | 101)) + bytes(14), True),
        (bytes((0x80, 200)) + bytes(26), False),  # RTCP sender report
        (bytes((0x00, 1)) + bytes(18), False),  # STUN
        (b"\r\n\r\n", False),
        (b"", False),
        (bytes((0x80, 8)) + bytes(9), False),
    ],
)
def test_what_looks_like_rtp(packet: bytes, verdict: bool) -> None:
    assert is_rtp(packet) is verdict


async def test_the_first_packet_of_an_allowed_source_ends_it() -> None:
    relay = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    relay.bind((fresh_address(), 0))
    at = relay.getsockname()
    phone, stranger = await Phone.start(), await Phone.start()
    found: asyncio.Queue[tuple[int, Address]] = asyncio.Queue()
    learning = SourceLearning(at[0], lambda number, address: found.put_nowait((number, address)))
    learning.start(7, at[1], [phone.address])
    stranger.say(at)
    phone.say(at)
    assert await asyncio.wait_for(found.get(), 5) == (7, Address(phone.address, phone.port))
    learning.stop(7)
    word = phone.say(at)
    readable = asyncio.Event()
    asyncio.get_running_loop().add_reader(relay, readable.set)
    await asyncio.wait_for(readable.wait(), 5)
    assert word in relay.recv(2048)  # the port's own socket has it again, and missed the stranger
    assert found.empty()
    asyncio.get_running_loop().remove_reader(relay)
    relay.close()


async def test_a_port_of_nobody_is_refused() -> None:
    address = fresh_address()
    with pytest.raises(OSError, match="not one of the relay's"):
        SourceLearning(address, lambda _number, _address: None).start(1, 20000, ["192.0.2.1"])
