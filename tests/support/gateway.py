"""A carrier whose sound has another address than its signalling, and says nothing before it has heard something.

So most carriers are built: a SIP server in front of media gateways, which hold back until they know where to send.
"""

from __future__ import annotations

import select
import socket
import threading

from tests.support.addresses import fresh_address
from tests.support.pjsua2_phone import Pjsua2Phone

RTP_PORTS = range(40000, 40020, 2)
"""Those of its calls, one after another: pjsua2 takes the next one for each."""


class MediaGateway:
    """Passes RTP between the world, at `address`, and the switch behind it: to whomever it heard last."""

    def __init__(self, switch: str) -> None:
        self.address = fresh_address()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._outside: set[socket.socket] = set()
        for port in RTP_PORTS:
            outside, inside = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
            outside.bind((self.address, port))
            inside.bind((self.address, 0))
            inside.connect((switch, port))
            self._pairs |= {outside: inside, inside: outside}
            self._outside.add(outside)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"gateway {self.address}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Pass nothing any more."""
        self._stopping.set()
        self._thread.join()
        for each in self._pairs:
            each.close()

    def _run(self) -> None:
        heard: dict[socket.socket, tuple[str, int]] = {}
        while not self._stopping.is_set():
            for ready in select.select(self._pairs, [], [], 0.1)[0]:
                try:
                    data, source = ready.recvfrom(2048)
                    other = self._pairs[ready]
                    if ready in self._outside:
                        heard[ready] = source
                        other.send(data)
                    elif other in heard:
                        other.sendto(data, heard[other])
                except OSError:
                    continue  # ICMP: nobody listens at the other end any more


class Pjsua2Carrier(Pjsua2Phone):
    """A carrier, as a trunk leads to it: it does not register, and its number is its user."""

    gateway: MediaGateway

    @property
    def host(self) -> str:
        """Where a trunk leads, and from where it calls."""
        return self._address

    def close(self) -> None:
        """End the switch, then the gateway."""
        super().close()
        self.gateway.close()

    def _published(self) -> str:
        self.gateway = MediaGateway(self._address)
        return self.gateway.address
