"""Who may do what with which settings: one table, asked by Editing before anything is judged or shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from provisioning.company.setting import By
from provisioning.company.switches import Switches
from provisioning.editing.desired import Kind


class Way(StrEnum):
    """By which way somebody changes a setting."""

    PORTAL = "portal"
    API = "API"
    FILE = "file"
    COMMAND = "command line"
    TELEPHONE = "telephone"


class Action(StrEnum):
    """What is done with a resource."""

    READ = "read"
    ADD = "add"
    CHANGE = "change"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Partner:
    """Looks after all customers."""


@dataclass(frozen=True, slots=True)
class Administrator:
    """Looks after the users of one customer, by its id."""

    customer: int


@dataclass(frozen=True, slots=True)
class Themselves:
    """A user, by id, who looks after their own settings."""

    user: int


Role = Partner | Administrator | Themselves


@dataclass(frozen=True, slots=True)
class Actor:
    """Who edits: by `name` in the audit, with any number of roles.

    `scopes` are those of an API token, `user:read`, `customer:write` and so on; None for a person.
    """

    name: str
    way: Way
    roles: tuple[Role, ...]
    scopes: frozenset[str] | None = None
    account: int | None = None
    """The account that the person signed in with, by id."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What is edited: the ids of the customer and the user that it is, or that it belongs to."""

    kind: Kind
    customer: int | None = None
    user: int | None = None
    hardware_only: bool = False
    """Whether the customer is."""
    account: int | None = None


LEAST: Mapping[tuple[Kind, Action], By] = {
    ("user", Action.READ): By.USER,
    ("user", Action.CHANGE): By.USER,
    ("user", Action.ADD): By.ADMINISTRATOR,
    ("user", Action.DELETE): By.ADMINISTRATOR,
    ("customer", Action.READ): By.ADMINISTRATOR,
    ("customer", Action.CHANGE): By.ADMINISTRATOR,
    ("customer", Action.ADD): By.PARTNER,
    ("customer", Action.DELETE): By.PARTNER,
    ("account", Action.READ): By.USER,
    ("account", Action.CHANGE): By.USER,
    ("account", Action.ADD): By.ADMINISTRATOR,
    ("account", Action.DELETE): By.ADMINISTRATOR,
    **{(kind, action): By.PARTNER for kind in ("trunk", "platform") for action in Action},
}
"""The least that somebody must be to do it. Which settings they may change then is each setting's own matter."""

IN_WORDS: Mapping[By, str] = {
    By.USER: "the user",
    By.ADMINISTRATOR: "an administrator of the customer",
    By.PARTNER: "the partner",
}


def standing(actor: Actor, resource: Resource) -> By | None:
    """What the actor is to the resource; None for a stranger, who is not to know that it exists (P1)."""
    found = [by for role in actor.roles if (by := _standing(role, actor.way, resource)) is not None]
    if resource.account is not None and resource.account == actor.account:
        found.append(By.USER)
    return max(found, default=None)


def acting(actor: Actor, action: Action, resource: Resource, switches: Switches) -> By | None:
    """What the actor acts as, for what the partner's switches let administrators and users do (P8)."""
    counts = tuple(role for role in actor.roles if _counts(role, action, resource, switches))
    return standing(replace(actor, roles=counts), resource)


def may(actor: Actor, action: Action, resource: Resource, switches: Switches) -> bool:
    """Whether the actor may do that."""
    by = acting(actor, action, resource, switches)
    needed = f"{resource.kind}:{'read' if action is Action.READ else 'write'}"
    in_scope = actor.scopes is None or needed in actor.scopes
    return by is not None and in_scope and by >= LEAST[resource.kind, action]


def _counts(role: Role, action: Action, resource: Resource, switches: Switches) -> bool:
    """An administrator who does not manage all users sees them all the same."""
    of_people = resource.kind in ("user", "account") and action is not Action.READ
    return switches.administrators_users or not (of_people and isinstance(role, Administrator))


def _standing(role: Role, way: Way, resource: Resource) -> By | None:
    # Nobody of a hardware-only customer signs in (P4); their telephones know them all the same.
    outside = resource.hardware_only and way is not Way.TELEPHONE
    match role:
        case Partner():
            return By.PARTNER
        case Administrator(customer) if customer == resource.customer and not outside:
            return By.ADMINISTRATOR
        case Themselves(user) if user == resource.user and not outside:
            return By.USER
    return None
