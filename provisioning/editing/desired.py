"""What there is to be, and where each part of it stands in what somebody edited.

Customers, users and trunks are named by id, or are new where that is None. Whoever edits by name (the company file)
finds the ids first, so a name is a setting like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from provisioning.company.entries import CustomerEntry, TrunkEntry, UserEntry
from provisioning.company.problems import Place
from provisioning.company.switches import Switches

Kind = Literal["platform", "trunk", "customer", "user", "account"]


@dataclass(frozen=True, slots=True)
class Seen:
    """The version of a user, customer, trunk or of the platform that whoever edits it had before them."""

    kind: Kind
    id: int | None
    version: int


@dataclass(frozen=True, slots=True)
class DesiredUser:
    """A user as they are to be."""

    id: int | None
    entry: UserEntry
    place: Place = ()
    pin_anew: bool = False
    """Whether the PIN counts as changed even if it is the same: whoever sets one unlocks the voice portal."""


@dataclass(frozen=True, slots=True)
class DesiredCustomer:
    """A customer as it is to be. Users who are neither in `users` nor `deleted` stay as they are.

    `entry` is None where its own settings stay as they are. The `users` of the entry say nothing.
    """

    id: int | None
    entry: CustomerEntry | None = None
    users: tuple[DesiredUser, ...] = ()
    deleted: frozenset[int] = frozenset()
    gone: bool = False
    """Whether the customer is to be deleted; its users are in `deleted` then."""
    place: Place = ()


@dataclass(frozen=True, slots=True)
class DesiredTrunk:
    """A trunk as it is to be."""

    id: int | None
    entry: TrunkEntry
    place: Place = ()


@dataclass(frozen=True, slots=True)
class FromFile:
    """That a company file says so, which may have been written before others changed settings (P9)."""

    as_of: int = 0
    """The settings_version that it was exported at; 0 if it was not."""
    overwrite: bool = False
    """Whether it takes back what was changed elsewhere since."""


@dataclass(frozen=True, slots=True)
class Desired:
    """Everything that is to be otherwise; what is not named stays as it is."""

    customers: tuple[DesiredCustomer, ...] = ()
    trunks: tuple[DesiredTrunk, ...] = ()
    deleted_trunks: frozenset[int] = frozenset()
    blocked: tuple[str, ...] | None = None
    """The numbers that nobody's calls are redirected to; None where they stay."""
    switches: Switches | None = None
    """The partner's switches; None where they stay."""
    seen: Seen | None = None
    judged_whole: bool = False
    """Whether it is refused for what was wrong before as well. Else only what it breaks itself counts."""
    file: FromFile | None = None
    notes: tuple[str, ...] = ()
    """What whoever made it has to say about it."""

    def touched(self) -> set[int]:
        """The ids of all users that it names."""
        named = {user.id for customer in self.customers for user in customer.users if user.id is not None}
        return named.union(*(customer.deleted for customer in self.customers))
