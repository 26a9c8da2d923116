"""What an edit wants of what is unique: the values to look for in the database, whatever its size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provisioning.company.entries import UserEntry
from provisioning.editing.desired import Desired


@dataclass(frozen=True, slots=True)
class Wanted:
    """The values that whatever is edited has or refers to. Usernames are lower case."""

    emails: frozenset[str]
    """Like extensions, those of redirects to users among them."""
    extensions: frozenset[str]
    numbers: frozenset[str]
    usernames: frozenset[str]

    @classmethod
    def of(cls, desired: Desired) -> Wanted:
        """Those of what is to be."""
        users = [user.entry for customer in desired.customers for user in customer.users]
        treatments = [treatment for user in users for treatment in user.treatments().values()]
        targets = {entry.user for entry in treatments if entry.user}
        emails = targets.union(user.email for user in users if user.email)
        extensions = targets.union(user.extension for user in users if user.extension)
        numbers = {number for user in users for number in _numbers(user)}
        for customer in desired.customers:
            if customer.entry is not None:
                numbers.update(customer.entry.numbers)
        trunks = {trunk.entry.username.lower() for trunk in desired.trunks if trunk.entry.username}
        return cls(
            frozenset(emails),
            frozenset(extensions),
            frozenset(numbers),
            frozenset(trunks.union(name for user in users for name in usernames(user))),
        )


def usernames(user: UserEntry) -> Iterator[str]:
    """Those of all devices, in lower case."""
    yield from (client.username.lower() for client in user.soft_clients)
    yield from (phone.mac for phone in user.desk_phones)


def _numbers(user: UserEntry) -> Iterator[str]:
    """Those that the user has, shows or redirects to."""
    own = (user.default_number, user.presentation_number, user.permanent_redirect)
    targets = (entry.number for entry in user.treatments().values())
    yield from user.numbers
    yield from (number for number in (*own, *targets) if number)
