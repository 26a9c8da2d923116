"""Who has which number and extension, and what leads elsewhere: the tables that dialling and planning read.

Built whole from the store's customers and users after each change, and never altered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from b2bua.callplan.settings import Customer, Trunk, User


@dataclass(frozen=True, slots=True)
class Numbering:
    """Customers and users by id; user ids by (customer id, extension) and by E.164 number; trunks in their order.

    `blocked` are the numbers that nobody's calls are redirected to (BEHAVIOUR D8).
    """

    customers: Mapping[int, Customer]
    users: Mapping[int, User]
    extensions: Mapping[tuple[int, str], int]
    numbers: Mapping[str, int]
    trunks: tuple[Trunk, ...] = ()
    blocked: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        customers: Iterable[Customer],
        users: Iterable[User],
        trunks: Iterable[Trunk] = (),
        blocked: Iterable[str] = (),
    ) -> Numbering:
        """Build the tables."""
        everyone = tuple(users)
        return cls(
            customers={customer.id: customer for customer in customers},
            users={user.id: user for user in everyone},
            extensions={(user.customer, user.extension): user.id for user in everyone if user.extension},
            numbers={number: user.id for user in everyone for number in user.numbers},
            trunks=tuple(sorted(trunks, key=lambda trunk: (trunk.order, trunk.name))),
            blocked=frozenset(blocked),
        )

    def customer_of(self, user: User) -> Customer:
        """Return the customer that a user belongs to."""
        return self.customers[user.customer]
