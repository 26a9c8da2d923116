"""rtp_io in this process: started as the settings say, with its command and notification sockets."""

from __future__ import annotations

import math
import resource
import socket
from ipaddress import IPv4Address

from rtp.io import rtpproxy

from config.settings import Settings
from media.relay.commands import NOBODY
from media.relay.errors import RelayError

GUARD = "GUARD"
"""A session that never ends. rtp_io frees the ports of a deleted session when the next packet comes in: one
sent to the guard's ports makes that at once. No call can have this id: those are in lower case."""

FOREVER = 100_000_000
VERSION = b"20040107"
"""What `V` answers. Only `settle` ever asks."""

DESCRIPTORS_PER_SESSION = 6
"""RTP and RTCP on both sides, and one for a file being played or a port being listened on a side."""
SPARE_DESCRIPTORS = 256
ANSWER_WITHIN = 5.0


def listen_address(media_address: str) -> str:
    """The address that RTP is bound to, given the configured one.

    A loopback address serves every peer on this machine, whatever its 127.x.y.z. With any other, phones
    outside and workers on loopback use the same ports, which only the wildcard address serves.
    """
    return media_address if IPv4Address(media_address).is_loopback else "0.0.0.0"


class Engine:
    """The running rtp_io. Raises RelayError when it does not start."""

    def __init__(self, settings: Settings) -> None:
        self.address = listen_address(settings.media_address)
        _allow_descriptors(settings.media.sessions * DESCRIPTORS_PER_SESSION + SPARE_DESCRIPTORS)
        self._proxy = rtpproxy(
            port_min=settings.media.ports.first,
            port_max=settings.media.ports.last,
            ttl=math.ceil(settings.media.silence_timeout),
            setup_ttl=math.ceil(settings.media.silence_timeout),
            debug_level="crit",
            modules=(),
            extra_args=("-F", "-f", "-l", self.address),
        )
        self.commands: socket.socket = self._proxy.rtpp_sock
        self.notifications: socket.socket = self._proxy.rtpp_nsock
        self.notify: str = self._proxy.rtpp_nsock_spec
        self.commands.settimeout(ANSWER_WITHIN)
        self.guard_port = self._open_guard()

    def settle(self) -> None:
        """Read what an earlier reader of the command socket left behind, whole replies and halves.

        Raises RelayError when rtp_io does not answer.
        """
        self.commands.sendall(b"\nV\n")
        buffer = b""
        while not (b"\n" + buffer).endswith(b"\n" + VERSION + b"\n"):
            buffer += self._receive()

    def _open_guard(self) -> int:
        self.commands.sendall(f"Ua {GUARD} {NOBODY.host} {NOBODY.port} n f && S ttl={FOREVER}\n".encode())
        reply = self._receive().decode("ascii")
        if reply.startswith("E"):
            raise RelayError(f"no port for the guard session: {reply.strip()}")
        return int(reply.split()[0])

    def _receive(self) -> bytes:
        try:
            data = self.commands.recv(65536)
        except TimeoutError:
            data = b""
        if not data:
            raise RelayError("rtp_io does not answer")
        return data


def _allow_descriptors(wanted: int) -> None:
    """Raise the soft limit of open files as far as the hard one lets us; rtp_io says when it has too few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))
