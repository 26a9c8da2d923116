"""What decides a call besides the settings: who calls, the state of the line, and the platform's limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from b2bua.callplan.codes import USUAL, Codes
from b2bua.callplan.settings import User


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. `number` is E.164 with a plus or an extension, and stays out of the repr (BEHAVIOUR A3).

    `network` is the number that the network knows the caller by: what a trunk asserted, a user's default number.
    `user` and `customer` are ids, `None` for a caller from outside; `chosen` is the own number that a user picked
    for calls from this device (I1). A withheld caller who is turned away for it gets `anonymous_code` (A2).
    """

    number: str | None = field(default=None, repr=False)
    name: str = ""
    withheld: bool = False
    user: int | None = None
    customer: int | None = None
    network: str | None = field(default=None, repr=False)
    chosen: str | None = field(default=None, repr=False)
    anonymous_code: int = 433

    @classmethod
    def of(cls, user: User, *, withheld: bool = False, chosen: str | None = None) -> Caller:
        """A user of ours. `withheld`: for this call, whatever is set."""
        return cls(
            user.extension or user.default_number,
            user.name,
            withheld or user.withhold_number,
            user.id,
            user.customer,
            user.default_number,
            chosen,
        )


@dataclass(frozen=True, slots=True)
class Situation:
    """The called user's line when the hop begins. `now` is the arrival of the INVITE, aware, in any zone.

    `called_back`: within an hour of an emergency call, a trunk calls the number which that call showed (E4).
    """

    now: datetime
    busy: bool = False
    registered: bool = True
    called_back: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """The platform's limits in seconds (BEHAVIOUR R11, N4, B3, E3), and its codes."""

    max_unanswered: float = 170.0
    """The most unanswered time of a call over all hops."""
    keep_ringing: float = 180.0
    """The same for a call whose user keeps ringing."""
    engaged_tone: float = 5.0
    """How long that tone is heard."""
    trunk_silence: float = 4.0
    """A trunk that says nothing for so long is followed by the next."""
    redirect: float = 45.0
    """How long a number rings that somebody redirects to."""
    redirected_calls: int = 5
    """At most so many calls at a time are where one user's redirects sent them (D7)."""
    emergency_number: str | None = None
    """Stands for a caller without any number who calls for help (E2)."""
    codes: Codes = USUAL
