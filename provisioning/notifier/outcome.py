"""What can come of one attempt to tell somebody something. Reasons are sentences for an operator, without secrets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Taken:
    """The other side has taken it over."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Nobody wants it any more: it ends without noise."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It was refused for good: another attempt would end in the same way."""

    reason: str


@dataclass(frozen=True, slots=True)
class Postponed:
    """It may work later. `for_all`: so it is with everything else by this channel."""

    reason: str
    for_all: bool = False


Outcome = Taken | Dropped | Refused | Postponed
