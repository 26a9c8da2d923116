"""Who a called person sees and whom the network knows as calling (BEHAVIOUR I2, I4, D2, D4, E2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from b2bua.callplan.journey import Diversion
from b2bua.callplan.settings import User


@dataclass(frozen=True, slots=True)
class Identity:
    """The numbers of a call that leaves by a trunk, E.164 with a plus; they stay out of the repr (A3).

    `presented` goes into From, `network` into P-Asserted-Identity; a `withheld` caller is shown to nobody. On a
    redirected call `redirecting` is the network number of the user who redirects, which a trunk's profile may
    want asserted instead (D4), and `diversions` are what is told of its way; `dialled_shown` says that the
    dialled number stands for the caller (D2), who then is in none of the other fields.
    """

    presented: str | None = field(default=None, repr=False)
    network: str | None = field(default=None, repr=False)
    withheld: bool = False
    redirecting: str | None = field(default=None, repr=False)
    diversions: tuple[Diversion, ...] = ()
    dialled_shown: bool = False


def outgoing(user: User, *, withheld: bool) -> Identity:
    """How a user is shown outside: by the presentation number, else the default number (I2)."""
    return Identity(user.presentation_number or user.default_number, user.default_number, withheld)


def in_emergency(user: User) -> Identity:
    """How the emergency services see a user: by the default number, and never withheld (E2)."""
    return Identity(user.default_number, user.default_number)
