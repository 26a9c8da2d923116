"""Which sessions are open, in memory that belongs to the relay process: it outlives signalling, and dies with rtp_io.

rtp_io cannot list its sessions. So whoever opens one writes its id into a page that the host makes and hands
to each client beside rtp_io's sockets. The next client finds there what the one before left open. Nothing is
written to a disk, and a killed client cannot leave it in disorder: a slot holds a whole id or is free.
"""

from __future__ import annotations

import mmap
import os

SLOT = 32
"""Bytes a session: the longest id, filled up with zeros."""
IN_PASSING = 256
"""Slots beyond the largest number of sessions: one is kept until rtp_io has answered that its session is gone."""


def make(sessions: int) -> int:
    """Make room for so many sessions; returns a file descriptor."""
    descriptor = os.memfd_create("relay sessions")
    os.ftruncate(descriptor, (sessions + IN_PASSING) * SLOT)
    return descriptor


class Roster:
    """The open sessions of the relay, as this client and those before it wrote them down."""

    def __init__(self, descriptor: int) -> None:
        """Take over the descriptor, which is closed."""
        self._memory = mmap.mmap(descriptor, 0)
        os.close(descriptor)
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        for start in range(0, len(self._memory), SLOT):
            if name := self._memory[start : start + SLOT].rstrip(b"\0").decode("ascii"):
                self._slots[name] = start
            else:
                self._free.append(start)

    @property
    def names(self) -> set[str]:
        """The ids of all sessions that are written down."""
        return set(self._slots)

    def add(self, session: str) -> bool:
        """Write a session down; False where no slot is free."""
        if session not in self._slots:
            if not self._free:
                return False
            start = self._slots[session] = self._free.pop()
            self._memory[start : start + SLOT] = session.encode("ascii").ljust(SLOT, b"\0")
        return True

    def remove(self, session: str) -> None:
        """The session is gone."""
        if (start := self._slots.pop(session, None)) is not None:
            self._memory[start : start + SLOT] = bytes(SLOT)
            self._free.append(start)

    def close(self) -> None:
        """Leave it to the next client; nothing is written down or removed any more."""
        self._slots.clear()
        self._memory.close()
