"""Who a called person sees and whom the network knows as calling (BEHAVIOUR I2, I4, E2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from b2bua.callplan.settings import User


@dataclass(frozen=True, slots=True)
class Identity:
    """The numbers of a call that leaves by a trunk, E.164 with a plus; they stay out of the repr (A3).

    `presented` goes into From, `network` into P-Asserted-Identity; a `withheld` caller is shown to nobody.
    """

    presented: str | None = field(default=None, repr=False)
    network: str | None = field(default=None, repr=False)
    withheld: bool = False


def outgoing(user: User, *, withheld: bool) -> Identity:
    """How a user is shown outside: by the presentation number, else the default number (I2)."""
    return Identity(user.presentation_number or user.default_number, user.default_number, withheld)


def in_emergency(user: User) -> Identity:
    """How the emergency services see a user: by the default number, and never withheld (E2)."""
    return Identity(user.default_number, user.default_number)
