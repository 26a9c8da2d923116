"""How a call came to where it is: what outlives its hops (BEHAVIOUR D2, D5, D7)."""

from __future__ import annotations

from dataclasses import dataclass, field

from b2bua.callplan.causes import Cause

MOST_DIVERSIONS = 5


@dataclass(frozen=True, slots=True)
class Diversion:
    """One redirect that a call has been through: the number that redirected, and why.

    `number` is E.164 with a plus, an extension, or `None` for somebody without either; it stays out of the repr.
    """

    number: str | None = field(repr=False)
    cause: Cause


@dataclass(frozen=True, slots=True)
class Journey:
    """A call's way so far: `dialled` is what the caller dialled first (E.164 or an extension), `visited` the users
    it has come to, in order, and `diversions` its redirects, those that happened before it reached us included.

    `presented` is set once a redirect presents the dialled number (D2): from then on this number stands for the
    caller, towards whoever is called.
    """

    dialled: str
    visited: tuple[int, ...] = ()
    diversions: tuple[Diversion, ...] = ()
    presented: str | None = None
