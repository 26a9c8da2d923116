"""Why a call is where it is now."""

from __future__ import annotations

from enum import IntEnum


class Cause(IntEnum):
    """Why a call is where it is now, with the values RFC 4458 §2 gives these causes."""

    UNCONDITIONAL = 302
    NO_ANSWER = 408
    BUSY = 486
    UNAVAILABLE = 503


ANY: frozenset[Cause] = frozenset(Cause)
FIRST: frozenset[Cause] = frozenset({Cause.UNCONDITIONAL})
UNANSWERED: frozenset[Cause] = frozenset({Cause.NO_ANSWER, Cause.UNAVAILABLE})
BUSY: frozenset[Cause] = frozenset({Cause.BUSY})
NOT_ANSWERED: frozenset[Cause] = frozenset({Cause.NO_ANSWER})
