"""A path that loses packets: a UDP proxy that drops a share of what passes, chosen by a seed."""

from __future__ import annotations

import random
import select
import socket
import threading
from typing import Self


class LossyPath:
    """Stands between a phone and the service: the phone sends to `address:port`, the service sees that.

    Of the packets in each direction the share `loss` is dropped, the same ones for the same seed. The
    phone is whoever sends first.
    """

    def __init__(self, address: str, service: tuple[str, int], loss: float, seed: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 5060))
        self.address, self.port = address, 5060
        self._service = service
        self._loss = loss
        self._choice = {way: random.Random(f"{seed} {way}") for way in ("in", "out")}
        self._phone: tuple[str, int] | None = None
        self.passed = self.dropped = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"lossy path {address}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            ready, _, _ = select.select([self._socket], [], [], 0.1)
            if not ready:
                continue
            try:
                data, source = self._socket.recvfrom(65535)
            except OSError:
                continue  # ICMP: nobody listens at the other end any more
            if source == self._service:
                self._pass_on(data, self._phone, "in")
            else:
                self._phone = source
                self._pass_on(data, self._service, "out")

    def _pass_on(self, data: bytes, target: tuple[str, int] | None, way: str) -> None:
        if target is None or self._choice[way].random() < self._loss:
            self.dropped += 1
            return
        self.passed += 1
        self._socket.sendto(data, target)
