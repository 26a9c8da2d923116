"""Asking `access` for everything that an edit would do, down to the single setting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provisioning.company.entries import UserEntry
from provisioning.company.problems import Place, Problem
from provisioning.company.setting import By, settings_of
from provisioning.company.switches import Switches
from provisioning.editing.access import IN_WORDS, Action, Actor, Resource, acting, may, standing
from provisioning.editing.desired import Desired, DesiredCustomer
from provisioning.editing.refusals import NotAllowed, Refused, ThereIsNone
from provisioning.editing.stored import Stored, StoredCustomer


def demand_read(actor: Actor, resource: Resource) -> None:
    """The same as `demand`, for reading: no switch of the partner's takes anything out of sight."""
    demand(actor, Action.READ, resource, Switches())


def demand(actor: Actor, action: Action, resource: Resource, switches: Switches) -> None:
    """Raise NotAllowed, or ThereIsNone to a stranger, who is told what there is not (P1)."""
    if may(actor, action, resource, switches):
        return
    if standing(actor, resource) is None:
        which = resource.account if resource.kind == "account" else resource.user or resource.customer
        raise ThereIsNone(f"There is no {resource.kind} {which or ''}".rstrip() + ".")
    raise NotAllowed(f"{actor.name} may not {action} this {resource.kind}.")


def demand_all(actor: Actor, desired: Desired, stored: Stored) -> None:
    """The same for everything that is to be otherwise. Raises Refused for settings that the actor may not change."""
    problems: list[Problem] = []
    for customer in desired.customers:
        problems += _customer(actor, customer, stored.of(customer), stored.switches)
    for trunk in desired.trunks:
        demand(actor, Action.ADD if trunk.id is None else Action.CHANGE, Resource("trunk"), stored.switches)
    if desired.deleted_trunks:
        demand(actor, Action.DELETE, Resource("trunk"), stored.switches)
    if desired.blocked is not None or desired.switches is not None:
        demand(actor, Action.CHANGE, Resource("platform"), stored.switches)
    if problems:
        raise Refused(problems)


def _customer(
    actor: Actor, customer: DesiredCustomer, known: StoredCustomer | None, switches: Switches
) -> Iterator[Problem]:
    hardware_only = known is not None and known.row.hardware_only
    itself = Resource("customer", customer.id, None, hardware_only)
    if customer.gone:
        demand(actor, Action.DELETE, itself, switches)
    elif known is None:
        demand(actor, Action.ADD, itself, switches)
    elif customer.entry is not None:
        demand(actor, Action.CHANGE, itself, switches)
        by = acting(actor, Action.CHANGE, itself, switches)
        yield from forbidden(by, known.entry(), customer.entry, customer.place, switches)
    for user in customer.users:
        of = Resource("user", customer.id, user.id, hardware_only)
        action = Action.ADD if user.id is None else Action.CHANGE
        demand(actor, action, of, switches)
        old = UserEntry(user.entry.name) if known is None or user.id is None else known.user_entry(user.id)
        yield from forbidden(acting(actor, action, of, switches), old, user.entry, user.place, switches)
    for gone in customer.deleted:
        demand(actor, Action.DELETE, Resource("user", customer.id, gone, hardware_only), switches)


def forbidden(by: By | None, old: Any, new: Any, place: Place, switches: Switches) -> Iterator[Problem]:
    """The settings that differ and that whoever is no more than `by` may not change."""
    for name, setting in settings_of(type(new)).items():
        least = switches.least(setting)
        if (by is None or by < least) and getattr(old, name) != getattr(new, name):
            yield Problem((*place, setting.key or name), "access.setting", {"role": IN_WORDS[least]})
