"""The location service (RFC 3261 §10.2): all bindings by account, and when each ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush

from b2bua.registrar.bindings import Added, Binding, Change, Refreshed, Removal, Removed
from b2bua.sip.text.flow import Flow

SWEPT_FROM = 256
"""Entries of the queue of ends below which it is not worth a sweep."""


class Location:
    """The bindings of every account, in memory.

    Changes are decided elsewhere and applied here all at once. Whoever drives it calls `handle_timer` at
    `next_deadline`, in monotonic seconds.
    """

    def __init__(self) -> None:
        self._accounts: dict[str, dict[str, Binding]] = {}
        # A heap of (when, account, key), with an entry for each binding that is due no later than its end. A
        # refreshed binding keeps its early entry and gets the next one when that comes due. Entries of bindings that
        # have gone are swept out once they are the larger part.
        self._deadlines: list[tuple[float, str, str]] = []
        self._queued: dict[tuple[str, str], float] = {}
        self._flows: Counter[Flow] = Counter()
        self._size = 0

    def lookup(self, username: str, now: float) -> tuple[Binding, ...]:
        """Return an account's live bindings: highest q first, then the one that lasts longest."""
        live = [each for each in self._accounts.get(username, {}).values() if each.expires_at > now]
        return tuple(sorted(live, key=lambda each: (-each.priority, -each.expires_at)))

    def is_flow_of_device(self, flow: Flow) -> bool:
        """Whether a device has registered by this flow, and its registration still counts."""
        return flow in self._flows

    def apply(self, changes: Iterable[Change]) -> None:
        """Make changes to bindings."""
        for change in changes:
            match change:
                case Added(binding):
                    self._put(binding)
                case Refreshed(binding, previous):
                    self._drop(previous)
                    self._put(binding)
                case Removed(binding):
                    self._drop(binding)

    def restore(self, bindings: Iterable[Binding]) -> None:
        """Take over bindings from before a restart; those that have ended meanwhile end at the next timer."""
        for binding in bindings:
            self._put(binding)

    def withdraw(self, username: str) -> tuple[Removed, ...]:
        """Remove every binding of an account, because it is gone or its password has changed."""
        bindings = tuple(self._accounts.get(username, {}).values())
        for binding in bindings:
            self._drop(binding)
        return tuple(Removed(binding, Removal.WITHDRAWN) for binding in bindings)

    def next_deadline(self) -> float | None:
        """Return when `handle_timer` must be called next, or `None`. It may find that nothing has ended."""
        return self._deadlines[0][0] if self._deadlines else None

    def handle_timer(self, now: float) -> tuple[Removed, ...]:
        """Remove the bindings that have ended, and return them."""
        removed: list[Removed] = []
        while self._deadlines and self._deadlines[0][0] <= now:
            when, username, key = heappop(self._deadlines)
            if self._queued.get((username, key)) == when:
                del self._queued[username, key]
            binding = self._accounts.get(username, {}).get(key)
            if binding is None:
                continue
            if binding.expires_at > now:
                self._queue(binding)
            else:
                self._drop(binding)
                removed.append(Removed(binding, Removal.EXPIRED))
        return tuple(removed)

    def __iter__(self) -> Iterator[Binding]:
        for bindings in self._accounts.values():
            yield from bindings.values()

    def __len__(self) -> int:
        return self._size

    def _put(self, binding: Binding) -> None:
        bindings = self._accounts.setdefault(binding.username, {})
        if (before := bindings.get(binding.key)) is not None:
            self._leave(before.flow)
        else:
            self._size += 1
        bindings[binding.key] = binding
        self._flows[binding.flow] += 1
        self._queue(binding)

    def _queue(self, binding: Binding) -> None:
        name = binding.username, binding.key
        queued = self._queued.get(name)
        if queued is None or queued > binding.expires_at:
            self._queued[name] = binding.expires_at
            heappush(self._deadlines, (binding.expires_at, *name))

    def _drop(self, binding: Binding) -> None:
        bindings = self._accounts.get(binding.username, {})
        if (held := bindings.pop(binding.key, None)) is None:
            return
        self._leave(held.flow)
        if not bindings:
            del self._accounts[binding.username]
        self._size -= 1
        if len(self._deadlines) > max(SWEPT_FROM, 2 * self._size):
            self._sweep()

    def _sweep(self) -> None:
        self._queued = {
            name: when for name, when in self._queued.items() if name[1] in self._accounts.get(name[0], ())
        }
        self._deadlines = [(when, *name) for name, when in self._queued.items()]
        heapify(self._deadlines)

    def _leave(self, flow: Flow) -> None:
        self._flows[flow] -= 1
        if not self._flows[flow]:
            del self._flows[flow]
