"""In which order messages are handled while more wait than can be handled at once."""

from __future__ import annotations

from enum import IntEnum


class Rank(IntEnum):
    """The classes of messages, the first to be handled first. What begins nothing belongs to something begun."""

    KNOWN_BEGUN = 0
    KNOWN_NEW = 1
    BEGUN = 2
    NEW = 3

    @property
    def known(self) -> bool:
        """Whether somebody known sent it."""
        return self <= Rank.KNOWN_NEW
