"""Who has proven to be somebody: addresses and ports that valid credentials came from, and until when (pure)."""

from __future__ import annotations

from typing import TypeVar

from b2bua.sip.text.flow import SocketAddress

_Source = TypeVar("_Source", SocketAddress, str)
MAX_SOURCES = 100_000


class Known:
    """The sources that are known. Every time is in monotonic seconds; of too many, those met longest ago go.

    Those whose time is over go as others are met, once all have that were met before them.
    """

    def __init__(self, most: int = MAX_SOURCES) -> None:
        self._most = most
        self._until: dict[SocketAddress, float] = {}
        self._hosts: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def met(self, source: SocketAddress, until: float, now: float) -> None:
        """Somebody known is there, and counts as known until then or longer."""
        _prolong(self._until, source, until, now, self._most)
        _prolong(self._hosts, source.host, until, now, self._most)

    def forget(self, source: SocketAddress) -> None:
        """Who is there is nobody any more."""
        self._until.pop(source, None)

    def knows(self, source: SocketAddress, now: float) -> bool:
        """Whether this address and port is somebody's."""
        return self._until.get(source, 0.0) > now

    def knows_host(self, host: str, now: float) -> bool:
        """Whether somebody known was at this address, whatever the port: perhaps others behind the same router."""
        return self._hosts.get(host, 0.0) > now


def _prolong(book: dict[_Source, float], source: _Source, until: float, now: float, most: int) -> None:
    # Taken out and put in again, so that the first in the book is the one met longest ago.
    book[source] = max(book.pop(source, 0.0), until)
    if len(book) > most:
        del book[next(iter(book))]
    while book and book[first := next(iter(book))] <= now:
        del book[first]
