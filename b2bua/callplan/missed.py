"""Who missed a call: for whom nobody answered, and why (BEHAVIOUR V5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from b2bua.callplan.causes import Cause
from b2bua.callplan.hops import Hop
from b2bua.callplan.outcome import Ended, StepResult
from b2bua.callplan.question import Rule
from b2bua.callplan.situation import Caller
from b2bua.callplan.steps import Dial, Ring, Step, Voicemail

_TURNED_AWAY = frozenset({Rule.SUSPENDED, Rule.ANONYMOUS})
"""Rules by which a call never was for the user whom it came to."""


class Missed(StrEnum):
    """Why nobody answered: the line was busy, nobody took the call in time, or the caller hung up before that."""

    ENGAGED = "engaged"
    NOT_ANSWERED = "not answered"
    HUNG_UP = "hung up"


@dataclass(frozen=True, slots=True)
class MissedBy:
    """A user who missed a call, the caller as that user was to see them (D2), and why."""

    user: int
    caller: Caller
    how: Missed


def missed(hops: Sequence[Hop], results: Sequence[StepResult], *, hung_up: bool) -> tuple[MissedBy, ...]:
    """Of a call that is over, say for whom it was missed: each user it came to, if nobody answered it anywhere.

    Nobody, if a person took it or a message was left. `hung_up`: the caller ended it.
    """
    if any(map(_served, results)):
        return ()
    came_to = [hop for hop in hops if hop.arrived]
    gave_up = hung_up and bool(results) and results[-1].ended is Ended.ABANDONED
    return tuple(
        MissedBy(hop.journey.visited[-1], hop.caller, _why(hop, results, gave_up and hop is came_to[-1]))
        for hop in came_to
        if hop.plan.rule not in _TURNED_AWAY
    )


def _served(result: StepResult) -> bool:
    if isinstance(result.step, Voicemail):
        return result.message is not None
    return result.ended is Ended.ANSWERED


def _why(hop: Hop, results: Sequence[StepResult], gave_up: bool) -> Missed:
    """A line that is busy is engaged to the caller, whatever they did then."""
    was_busy = any(result.ended is Ended.BUSY and _whose(result.step) == hop.user for result in results)
    if was_busy or hop.plan.cause is Cause.BUSY:
        return Missed.ENGAGED
    return Missed.HUNG_UP if gave_up else Missed.NOT_ANSWERED


def _whose(step: Step) -> int | None:
    match step:
        case Ring(user):
            return user
        case Dial(by=by):
            return by
        case _:
            return None
