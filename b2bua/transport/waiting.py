"""Datagrams that wait to be handled: by rank among their sources, in the order of arrival within each source.

Order within a source matters: a CANCEL that overtakes its INVITE finds nothing to cancel (RFC 3261 §9.2).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass

from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.transport.rank import Rank


@dataclass(frozen=True, slots=True, eq=False)
class Datagram:
    """One datagram, the path it came by, and its own rank."""

    data: bytes
    flow: Flow
    rank: Rank


class WaitingRoom:
    """What arrived and is not handled yet. Every operation takes the same time, however much waits.

    Each source has one turn, among the sources whose first datagram has the same rank. After its turn it goes to the
    end: whoever sends much does not hold up whoever sends little.
    """

    __slots__ = ("_by_rank", "_lines", "_size", "_turns")

    def __init__(self) -> None:
        self._lines: dict[SocketAddress, deque[Datagram]] = {}
        self._turns: tuple[OrderedDict[SocketAddress, None], ...] = tuple(OrderedDict() for _ in Rank)
        # The same datagrams once more, in the order of arrival.
        self._by_rank: tuple[dict[Datagram, None], ...] = tuple({} for _ in Rank)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, datagram: Datagram) -> None:
        """Let a datagram wait behind those of its source."""
        source = datagram.flow.remote
        self._by_rank[datagram.rank][datagram] = None
        self._size += 1
        line = self._lines.get(source)
        if line is None:
            self._lines[source] = deque((datagram,))
            self._turns[datagram.rank][source] = None
        else:
            line.append(datagram)

    def take(self, rank: Rank) -> Datagram | None:
        """Take out the first datagram of the source whose turn it is; `None` where no source's first has this rank."""
        turns = self._turns[rank]
        if not turns:
            return None
        source, _ = turns.popitem(last=False)
        line = self._lines[source]
        datagram = line.popleft()
        del self._by_rank[rank][datagram]
        self._size -= 1
        self._line_up(source, line)
        return datagram

    def shed(self, above: Rank) -> Datagram | None:
        """Take out the datagram that came last, of the last rank behind this one that any has."""
        for rank in reversed(Rank):
            if rank > above and self._by_rank[rank]:
                datagram, _ = self._by_rank[rank].popitem()
                self._size -= 1
                self._leave(datagram)
                return datagram
        return None

    def _leave(self, datagram: Datagram) -> None:
        source = datagram.flow.remote
        line = self._lines[source]
        if line[0] is datagram:
            del self._turns[datagram.rank][source]
            line.popleft()
            self._line_up(source, line)
        elif line[-1] is datagram:
            line.pop()
        else:
            line.remove(datagram)

    def _line_up(self, source: SocketAddress, line: deque[Datagram]) -> None:
        """Give a source its next turn, at the end of those with the rank of its next datagram."""
        if line:
            self._turns[line[0].rank][source] = None
        else:
            del self._lines[source]
