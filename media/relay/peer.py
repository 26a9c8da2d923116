"""Who is at one end of a relayed call, and the relay's own ports for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Literal, NamedTuple

Side = Literal["near", "far"]
"""`near` is the caller; `far` is whoever the caller is connected to at the moment: a phone or a worker."""


class Address(NamedTuple):
    """An IPv4 address in dotted form and a UDP port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a phone or worker receives RTP; it is heard only from that address.

    One behind NAT has `sources`. The address is a guess then, and the first RTP packet from one of them tells the
    true one. Raises ValueError for anything but a dotted IPv4 address and a port in 1..65535: both come from the
    wire.
    """

    address: str
    port: int
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for address in (self.address, *self.sources):
            _check(address)
        if not 1 <= self.port <= 65535:
            raise ValueError(f"{self.port} is not a port")

    @property
    def presumed(self) -> Address:
        """Where to send until more is known."""
        return Address(self.address, self.port)


# The same phones and carriers come again with every call.
_check = lru_cache(maxsize=2048)(IPv4Address)


@dataclass(frozen=True, slots=True)
class Ports:
    """The relay's RTP ports of one session; RTCP is on the port above each. They stay for its whole life."""

    near: int
    far: int
