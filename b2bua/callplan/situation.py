"""What decides a call besides the settings: who calls, the state of the line, and the platform's limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. `number` is E.164 with a plus or an extension, and stays out of the repr (BEHAVIOUR A3).

    `user` is the calling user's id, `None` for a caller from outside.
    """

    number: str | None = field(default=None, repr=False)
    name: str = ""
    withheld: bool = False
    user: int | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """The called user's line when the hop begins. `now` is the arrival of the INVITE, aware, in any zone."""

    now: datetime
    busy: bool = False
    registered: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """The platform's limits, all in seconds (BEHAVIOUR R11, B3, E3).

    `max_unanswered` bounds the unanswered time of a call over all hops, `keep_ringing` that of a call whose
    user keeps ringing, and `engaged_tone` is how long that tone is heard. A trunk that says nothing for
    `trunk_silence` is followed by the next.
    """

    max_unanswered: float = 170.0
    keep_ringing: float = 180.0
    engaged_tone: float = 5.0
    trunk_silence: float = 4.0
