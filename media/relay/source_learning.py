"""Finds out where a phone behind NAT really sends from, before rtp_io sees any packet of it.

rtp_io would take the first packet from anywhere as the phone's, and afterwards ignore every address that it
is told. So for a moment the relay listens on the very port itself. Of two UDP sockets bound to one port with
SO_REUSEADDR (socket(7)), Linux gives what arrives to the later one. The first RTP packet from an allowed
source ends that, and rtp_io is told an exact address.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from media.relay.peer import Address

RTP_HEADER = 12
RTP_VERSION = 2
RTCP_TYPES = range(192, 224)
"""Second bytes that mean RTCP on a shared port (RFC 5761 §4)."""


class SourceLearning:
    """The ports being listened on for somebody's first packet. `found` is called with a request's id."""

    def __init__(self, bound_to: str, found: Callable[[int, Address], None]) -> None:
        self._bound_to = bound_to
        self._found = found
        self._sockets: dict[int, socket.socket] = {}

    def start(self, request: int, port: int, sources: Iterable[str]) -> None:
        """Listen on rtp_io's `port` until an RTP packet from one of `sources` arrives.

        Raises OSError when the port is not rtp_io's any more, or cannot be shared.
        """
        _allow_sharing(port)
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._bound_to, port))
        except OSError:
            listener.close()
            raise
        self._sockets[request] = listener
        asyncio.get_running_loop().add_reader(listener, self._read, request, frozenset(sources))

    def stop(self, request: int) -> None:
        """Stop listening; a request that has ended already is ignored."""
        if (listener := self._sockets.pop(request, None)) is not None:
            asyncio.get_running_loop().remove_reader(listener)
            listener.close()

    def stop_all(self) -> None:
        """Stop listening everywhere."""
        for request in tuple(self._sockets):
            self.stop(request)

    def _read(self, request: int, sources: frozenset[str]) -> None:
        packet, (host, port) = self._sockets[request].recvfrom(2048)
        if host in sources and is_rtp(packet):
            self.stop(request)
            self._found(request, Address(host, port))


def is_rtp(packet: bytes) -> bool:
    """Whether a datagram looks like RTP (RFC 3550 §5.1), neither RTCP nor STUN nor a NAT keep-alive."""
    return len(packet) >= RTP_HEADER and packet[0] >> 6 == RTP_VERSION and packet[1] not in RTCP_TYPES


def _allow_sharing(port: int) -> None:
    """Set SO_REUSEADDR on rtp_io's own socket of this port, found among the descriptors of this process."""
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            number = int(descriptor.name)
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            duplicate = socket.socket(fileno=os.dup(number))
        except OSError:
            continue  # rtp_io's threads close descriptors while we look
        with duplicate:
            if (
                duplicate.family == socket.AF_INET
                and duplicate.type == socket.SOCK_DGRAM
                and duplicate.getsockname()[1] == port
            ):
                duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                return
    raise OSError(f"port {port} is not one of the relay's")
