"""The steps of a call plan: frozen data that says what to try, with whom, for how long and on which causes.

A step is tried when its `on` holds the call's cause. Steps name users, never contacts: whoever carries a step
out looks up the user's registered devices when the step begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from b2bua.callplan.identity import Identity


class Cause(IntEnum):
    """Why a call is where it is now, with the values RFC 4458 §2 gives these causes."""

    UNCONDITIONAL = 302
    NO_ANSWER = 408
    BUSY = 486
    UNAVAILABLE = 503


class Occasion(StrEnum):
    """Why a caller has come to a mailbox; chooses the greeting."""

    NO_ANSWER = "no-answer"
    BUSY = "busy"


ANY: frozenset[Cause] = frozenset(Cause)
FIRST: frozenset[Cause] = frozenset({Cause.UNCONDITIONAL})
UNANSWERED: frozenset[Cause] = frozenset({Cause.NO_ANSWER, Cause.UNAVAILABLE})
BUSY: frozenset[Cause] = frozenset({Cause.BUSY})
NOT_ANSWERED: frozenset[Cause] = frozenset({Cause.NO_ANSWER})


@dataclass(frozen=True, slots=True)
class Ring:
    """Ring all devices of a user for `seconds`, counted from the start of the step.

    A step that `waits` outlasts its devices: with none registered, or once all have ended and none was busy,
    the caller goes on hearing ringback and a device that registers meanwhile rings.
    """

    user: int
    seconds: float
    waits: bool = False
    on: frozenset[Cause] = FIRST


@dataclass(frozen=True, slots=True)
class Dial:
    """Call a number elsewhere by the trunks, one after another, ringing for `seconds` in all at the most.

    `number` is E.164 with a plus, or a code that is sent on unaltered. In an `emergency` every trunk that fails
    before it rings is followed by the next (BEHAVIOUR E3).
    """

    number: str
    identity: Identity
    seconds: float
    emergency: bool = False
    on: frozenset[Cause] = FIRST


@dataclass(frozen=True, slots=True)
class EngagedTone:
    """Play the engaged tone as early media for `seconds`; passed over where early media is impossible."""

    seconds: float
    on: frozenset[Cause] = BUSY


@dataclass(frozen=True, slots=True)
class Voicemail:
    """Answer the caller with a user's greeting, then record. `on` is the causes it is tried on."""

    user: int
    occasion: Occasion
    on: frozenset[Cause]


@dataclass(frozen=True, slots=True)
class Reject:
    """End the call with a SIP status and reason phrase; `q850` is for a Reason header (RFC 3326).

    With `as_elsewhere` the caller gets what the number called by a trunk said instead, if it said anything.
    """

    code: int
    reason: str
    q850: int | None = None
    on: frozenset[Cause] = ANY
    as_elsewhere: bool = False


Step = Ring | Dial | EngagedTone | Voicemail | Reject
