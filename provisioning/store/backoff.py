"""Guesses counted, and the locks they lead to: a pure function of the counts and the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Backoff:
    """From the `free`th failure in a row on each one locks: for `first`, then twice as long, up to `longest`."""

    free: int
    first: timedelta
    longest: timedelta

    def lock(self, failures: int) -> timedelta | None:
        """How long so many failures lock; None if they do not."""
        if failures < self.free:
            return None
        doublings: int = min(failures - self.free, 10)
        return min(self.first * (1 << doublings), self.longest)


@dataclass(frozen=True, slots=True)
class Attempts:
    """Failures in a row, and until when they lock, if they do."""

    failures: int = 0
    locked_until: datetime | None = None

    def locked(self, now: datetime) -> bool:
        """Whether nothing is looked at now."""
        return self.locked_until is not None and now < self.locked_until

    def failed(self, now: datetime, backoff: Backoff) -> Attempts:
        """As they are after one more failure."""
        failures = self.failures + 1
        lock = backoff.lock(failures)
        return Attempts(failures, None if lock is None else now + lock)
