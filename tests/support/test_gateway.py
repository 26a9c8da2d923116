"""The media gateway by itself: a switch of plain sockets behind it, and the world in front."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.addresses import fresh_address
from tests.support.gateway import RTP_PORTS, MediaGateway


def bound(address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, port))
    made.settimeout(2)
    return made


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("port", RTP_PORTS[:2])
def test_it_passes_sound_both_ways_once_it_has_heard_something(opened: ExitStack, port: int) -> None:
    switch, world = (opened.enter_context(bound(fresh_address(), port)) for _ in range(2))
    gateway = MediaGateway(switch.getsockname()[0])
    opened.callback(gateway.close)
    world.sendto(b"first", (gateway.address, port))
    data, inside = switch.recvfrom(100)
    assert data == b"first"
    switch.sendto(b"answer", inside)
    assert world.recvfrom(100) == (b"answer", (gateway.address, port))
