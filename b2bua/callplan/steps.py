"""The steps of a call plan: frozen data that says what to try, with whom, for how long and on which causes.

A step is tried when its `on` holds the call's cause. Steps name users, never contacts: whoever carries a step
out looks up the user's registered devices when the step begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from b2bua.callplan.causes import ANY, BUSY, FIRST, Cause
from b2bua.callplan.identity import Identity


class Occasion(StrEnum):
    """Why a caller has come to a mailbox; chooses the greeting."""

    NO_ANSWER = "no-answer"
    BUSY = "busy"
    OUT_OF_HOURS = "out-of-hours"


class Announcement(StrEnum):
    """What a caller is told before the answer; the value names the recording."""

    REDIRECTING = "redirecting"
    ANONYMOUS = "anonymous-rejected"


@dataclass(frozen=True, slots=True)
class Ring:
    """Ring all devices of a user for `seconds`, counted from the start of the step.

    A step that `waits` outlasts its devices. With none registered, or once all have ended and none was busy,
    the caller goes on hearing ringback and a device that registers meanwhile rings.

    A step that `queues` is for a busy line: the caller hears ringback, and the devices ring once the line is free
    and nobody has waited longer (BEHAVIOUR B2). However it ends unanswered, the call's cause stays busy.
    """

    user: int
    seconds: float
    waits: bool = False
    queues: bool = False
    on: frozenset[Cause] = FIRST


@dataclass(frozen=True, slots=True)
class Dial:
    """Call a number elsewhere by the trunks, one after another, ringing for `seconds` in all at the most.

    `number` is E.164 with a plus, or a code that is sent on unaltered. In an `emergency` every trunk that fails
    before it rings is followed by the next (BEHAVIOUR E3). `by` is the user whose redirect this is, `None` for a
    call that was dialled so. A redirect that fails leaves the call's cause as it was: what became of the call
    there is not one more reason to try something here (N4).
    """

    number: str
    identity: Identity
    seconds: float
    emergency: bool = False
    by: int | None = None
    on: frozenset[Cause] = FIRST


@dataclass(frozen=True, slots=True)
class Transfer:
    """Go on with the rules of another user, whose plan takes the place of this one (BEHAVIOUR N3, `hops.follow`).

    `by` redirects to `user`, whom it may name by a `number` of theirs. With `present_dialled_number` they see
    the dialled number instead of the caller's (D2). `reason` is why, where that is not the call's cause (D5).
    """

    by: int
    user: int
    number: str | None = None
    present_dialled_number: bool = False
    reason: Cause | None = None
    on: frozenset[Cause] = FIRST


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell the caller something as early media; passed over where early media is impossible (BEHAVIOUR D1, A2)."""

    announcement: Announcement
    on: frozenset[Cause] = ANY


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
class Portal:
    """Answer a user who calls the own mailbox: the voice portal asks for the PIN (BEHAVIOUR W1)."""

    user: int
    on: frozenset[Cause] = FIRST


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


Step = Ring | Transfer | Dial | Announce | EngagedTone | Voicemail | Portal | Reject
