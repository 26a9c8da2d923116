from __future__ import annotations

import socket

from tests.support.addresses import fresh_address
from tests.support.lossy import LossyPath
from tests.support.waiting import wait_for


def received(loss: float, seed: int, packets: int = 200) -> tuple[list[bytes], LossyPath]:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as service,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone,
    ):
        service.bind((fresh_address(), 5060))
        phone.bind((fresh_address(), 5060))
        with LossyPath(fresh_address(), service.getsockname(), loss, seed) as path:
            for number in range(packets):
                phone.sendto(str(number).encode(), (path.address, path.port))
            wait_for(lambda: path.passed + path.dropped == packets, 5, "all packets to pass or be dropped")
            service.setblocking(False)
            got = [service.recv(100) for _ in range(path.passed)]
            return got, path


def test_nothing_is_lost_without_loss() -> None:
    got, _ = received(0.0, 1, packets=20)
    assert got == [str(number).encode() for number in range(20)]


def test_the_share_is_lost_and_the_seed_decides_which() -> None:
    first, path = received(0.25, 7)
    assert 30 <= path.dropped <= 70
    assert received(0.25, 7)[0] == first
    assert received(0.25, 8)[0] != first
