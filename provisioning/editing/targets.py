"""Redirects to users, each by the one name that its target goes by.

Whoever edits may name a user by e-mail or extension; what is stored is compared with what is wanted by one name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisioning.company.entries import UserEntry
from provisioning.editing.desired import Desired, DesiredCustomer
from provisioning.editing.stored import Stored, StoredCustomer


def by_one_name(desired: Desired, stored: Stored) -> Desired:
    """The same, with every redirect to a user by the e-mail of that user, or by the extension if there is none."""
    return replace(
        desired, customers=tuple(_customer(customer, stored.of(customer)) for customer in desired.customers)
    )


def _customer(customer: DesiredCustomer, known: StoredCustomer | None) -> DesiredCustomer:
    names = dict(known.names) if known is not None else {}
    for user in customer.users:
        names |= {each: user.entry.known_as for each in (user.entry.extension, user.entry.email) if each}
    users = tuple(replace(user, entry=_renamed(user.entry, names)) for user in customer.users)
    return replace(customer, users=users)


def _renamed(user: UserEntry, names: Mapping[str, str]) -> UserEntry:
    changed: dict[str, Any] = {
        occasion: replace(treatment, user=names.get(treatment.user, treatment.user))
        for occasion, treatment in user.treatments().items()
        if treatment.user is not None
    }
    return replace(user, **changed) if changed else user
