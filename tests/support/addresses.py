"""Loopback addresses of our own: each test process claims a 127.N.0.0/16, or more, and gives every phone an address.

A whole address a phone means that every phone can use the usual ports, and that two test runs on one machine
never meet.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

CLAIM_PORT = 65000
FIRST_NETWORK, LAST_NETWORK = 10, 250


def _claims() -> Iterator[int]:
    """The second octets of networks that are this process's from now on; the bound socket keeps others out."""
    span = LAST_NETWORK - FIRST_NETWORK + 1
    claims = []
    for step in range(span):
        octet = FIRST_NETWORK + (os.getpid() + step) % span
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind((f"127.{octet}.255.254", CLAIM_PORT))
        except OSError:
            claim.close()
            continue
        claims.append(claim)
        yield octet
    raise RuntimeError("every loopback network from 127.10.0.0/16 to 127.250.0.0/16 is claimed")


def _addresses() -> Iterator[str]:
    for octet in _claimed:
        for number in range(255 * 250):
            yield f"127.{octet}.{number // 250}.{number % 250 + 1}"


def _networks() -> Iterator[str]:
    for octet in _claimed:
        for third in range(255):
            yield f"127.{octet}.{third}.0/24"


_claimed = _claims()
_fresh_addresses = _addresses()
_fresh_networks = _networks()


def fresh_address() -> str:
    """A loopback address that nothing else uses: all its ports are free."""
    return next(_fresh_addresses)


def fresh_network() -> str:
    """A loopback /24, such as `127.17.128.0/24`, that nothing else uses."""
    return next(_fresh_networks)


def free_port(address: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port that is free now, for UDP and TCP alike, on an address that others use too."""
    other = socket.SOCK_STREAM if kind is socket.SOCK_DGRAM else socket.SOCK_DGRAM
    while True:
        with socket.socket(socket.AF_INET, kind) as probe, socket.socket(socket.AF_INET, other) as beside:
            probe.bind((address, 0))
            port: int = probe.getsockname()[1]
            try:
                beside.bind((address, port))
            except OSError:
                continue
            return port
