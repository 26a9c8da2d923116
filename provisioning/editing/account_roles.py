"""The roles of an account that people sign in with: as rows, in words, and what somebody must be to grant them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from provisioning.company import values
from provisioning.company.known import in_words
from provisioning.company.setting import By, Setting
from provisioning.company.words import listed, yes
from provisioning.editing.access import Administrator, Partner, Resource, Role, Themselves
from provisioning.editing.refusals import ThereIsNone
from provisioning.store import model


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """An account in the form in which it is edited; `email` is lower case and unique on the platform."""

    name: Annotated[str, Setting("Name", values.text, by=By.USER)]
    email: Annotated[str, Setting("E-mail", values.checked(values.email))]
    disabled: Annotated[bool, Setting("Disabled", values.flag, yes)] = False
    roles: Annotated[tuple[Role, ...], Setting("Roles", None, lambda _: "", column=False)] = ()


def role_of(row: model.SignInRole) -> Role:
    """The role of a row."""
    if row.user_id is not None:
        return Themselves(row.user_id)
    return Partner() if row.customer_id is None else Administrator(row.customer_id)


def role_row(account: int, role: Role) -> model.SignInRole:
    """The row of a role."""
    match role:
        case Partner():
            return model.SignInRole(account_id=account, kind="partner")
        case Administrator(customer):
            return model.SignInRole(account_id=account, kind="administrator", customer_id=customer)
        case Themselves(user):
            return model.SignInRole(account_id=account, kind="user", user_id=user)


async def resource_of(session: AsyncSession, account: int | None, roles: Iterable[Role]) -> Resource:
    """The account as what is edited: it belongs to a customer if all its roles lie in that one, else to the partner.

    Raises ThereIsNone for a customer or user that there is not.
    """
    customers = [await _customer(session, role) for role in roles]
    of = {None if each is None else each.id for each in customers}
    hardware_only = any(each is not None and each.hardware_only for each in customers)
    return Resource("account", of.pop() if len(of) == 1 else None, None, hardware_only, account)


async def role_words(session: AsyncSession, roles: Iterable[Role]) -> str:
    """`administrator of Acme Ltd, user Anna <anna@acme.example> of Acme Ltd`."""
    return listed([await _in_words(session, role) for role in roles])


async def _in_words(session: AsyncSession, role: Role) -> str:
    customer = await _customer(session, role)
    match role:
        case Administrator():
            return f"administrator of {customer.name}" if customer is not None else ""
        case Themselves(user):
            row = await session.get_one(model.User, user)
            who = in_words(row.name, row.email, row.extension)
            return f"user {who} of {customer.name}" if customer is not None else ""
    return "partner"


async def _customer(session: AsyncSession, role: Role) -> model.Customer | None:
    """The customer that a role is about; None for the partner's."""
    match role:
        case Administrator(customer):
            row = await session.get(model.Customer, customer)
            if row is None or row.deleted_at is not None:
                raise ThereIsNone(f"There is no customer {customer}.")
            return row
        case Themselves(user):
            query = select(model.Customer).join(model.User, model.User.customer_id == model.Customer.id)
            row = await session.scalar(query.where(model.User.id == user, model.User.deleted_at.is_(None)))
            if row is None:
                raise ThereIsNone(f"There is no user {user}.")
            return row
    return None
