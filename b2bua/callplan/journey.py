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
    """A call's way so far."""

    dialled: str
    """What the caller dialled first: E.164 or an extension."""
    visited: tuple[int, ...] = ()
    """The users it has come to, in order."""
    diversions: tuple[Diversion, ...] = ()
    """Its redirects, those before it reached us included."""
    presented: str | None = None
    """The dialled number, once a redirect presents it (D2): it stands for the caller, towards whoever is called."""
