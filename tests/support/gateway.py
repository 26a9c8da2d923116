"""A carrier whose sound has another address than its signalling, and says nothing before it has heard something.

So most carriers are built: a SIP server in front of media gateways, which hold back until they know where to send.
"""

from __future__ import annotations

import select
import socket
import threading

from tests.support.addresses import fresh_address
from tests.support.pjsua2_phone import Pjsua2Phone

RTP_PORT = 40000


class MediaGateway:
    """Passes RTP between the world, at `address`, and the switch behind it: to whomever it heard last."""

    def __init__(self, switch: tuple[str, int]) -> None:
        self.address = fresh_address()
        self._switch = switch
        self._outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._outside.bind((self.address, RTP_PORT))
        self._inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._inside.bind((self.address, 0))
        self._inside.connect(switch)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"gateway {self.address}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Pass nothing any more."""
        self._stopping.set()
        self._thread.join()
        self._outside.close()
        self._inside.close()

    def _run(self) -> None:
        heard: tuple[str, int] | None = None
        while not self._stopping.is_set():
            for ready in select.select([self._outside, self._inside], [], [], 0.1)[0]:
                try:
                    data, source = ready.recvfrom(2048)
                    if ready is self._outside:
                        heard = source
                        self._inside.send(data)
                    elif heard is not None:
                        self._outside.sendto(data, heard)
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
        self.gateway = MediaGateway((self._address, RTP_PORT))
        return self.gateway.address
