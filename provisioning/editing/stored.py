"""The customers and trunks that a file names as the database holds them, and what is in use besides."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from b2bua.callplan.settings import Action, Interval, Notify
from provisioning.company.entries import (
    CustomerEntry,
    DeskPhone,
    SoftClient,
    TreatmentEntry,
    TrunkEntry,
    UserEntry,
)
from provisioning.company.rules import Elsewhere
from provisioning.store import model

SOFT, DESK = "soft", "desk"


@dataclass(frozen=True, slots=True)
class StoredCustomer:
    """A customer's row with its live users by e-mail."""

    row: model.Customer
    users: Mapping[str, model.User]


@dataclass(frozen=True, slots=True)
class Stored:
    """The rows of the named customers and of all trunks by case-folded name, and what others use.

    `blocked` are the numbers that nobody's calls are redirected to.
    """

    customers: Mapping[str, StoredCustomer]
    trunks: Mapping[str, model.Trunk]
    elsewhere: Elsewhere
    blocked: frozenset[str]


async def read_stored(session: AsyncSession, names: Collection[str]) -> Stored:
    """Read the customers with these case-folded names, in a handful of queries."""
    all_names = await session.execute(select(model.Customer.id, model.Customer.name))
    ids = [customer_id for customer_id, name in all_names if name.casefold() in names]
    users = selectinload(model.Customer.users)
    customers = await session.scalars(
        select(model.Customer)
        .where(model.Customer.id.in_(ids))
        .options(
            selectinload(model.Customer.numbers),
            users.selectinload(model.User.numbers),
            users.selectinload(model.User.devices),
            users.selectinload(model.User.treatments),
            users.selectinload(model.User.intervals),
        )
    )
    trunks = await session.scalars(select(model.Trunk))
    numbers = await session.scalars(select(model.Number.number).where(model.Number.customer_id.not_in(ids)))
    usernames = await session.scalars(
        select(model.Device.username)
        .join(model.User, model.User.id == model.Device.user_id)
        .where(model.User.customer_id.not_in(ids))
    )
    return Stored(
        customers={
            row.name.casefold(): StoredCustomer(row, {user.email: user for user in row.users})
            for row in customers
        },
        trunks={row.name.casefold(): row for row in trunks},
        elsewhere=Elsewhere(frozenset(numbers), frozenset(username.lower() for username in usernames)),
        blocked=frozenset(await session.scalars(select(model.BlockedNumber.number))),
    )


def customer_entry(row: model.Customer) -> CustomerEntry:
    """The customer without its users, in the form of the file."""
    return CustomerEntry(
        name=row.name,
        country=row.country,
        timezone=row.timezone,
        numbers=tuple(number.number for number in row.numbers),
        hardware_only=row.hardware_only,
        suspended=row.suspended,
        allowed_classes=tuple(row.allowed_classes),
        users_override=row.users_override,
        emergency_number=row.emergency_number,
    )


def user_entry(row: model.User, customer: StoredCustomer) -> UserEntry:
    """The user in the form of the file, without secrets."""
    emails = {user.id: user.email for user in customer.users.values()}
    treatments = {treatment.occasion: treatment for treatment in row.treatments}
    return UserEntry(
        name=row.name,
        email=row.email,
        extension=row.extension,
        numbers=tuple(number.number for number in row.numbers),
        default_number=row.default_number,
        presentation_number=row.presentation_number,
        timezone=row.timezone,
        suspended=row.suspended,
        reject_anonymous=row.reject_anonymous,
        withhold_number=row.withhold_number,
        permanent_redirect=row.permanent_redirect,
        max_calls=row.max_calls,
        notify=Notify(row.notify_missed_call, row.notify_voicemail),
        not_answered=_treatment_entry(treatments["not_answered"], emails),
        busy=_treatment_entry(treatments["busy"], emails),
        out_of_hours_enabled=row.out_of_hours_enabled,
        out_of_hours=_treatment_entry(treatments["out_of_hours"], emails),
        unavailable=tuple(Interval(span.weekday, span.start, span.end) for span in row.intervals),
        soft_clients=tuple(
            SoftClient(device.username, nat=device.nat) for device in row.devices if device.kind == SOFT
        ),
        desk_phones=tuple(
            DeskPhone(device.username, device.vendor, device.nat)
            for device in row.devices
            if device.kind == DESK
        ),
    )


def trunk_entry(row: model.Trunk) -> TrunkEntry:
    """The trunk in the form of the file, without its password."""
    return TrunkEntry(
        name=row.name,
        host=row.host,
        transport=row.transport,
        order=row.order,
        register=row.register,
        username=row.username,
        allow_from=tuple(row.allow_from),
        country=row.country,
        number_format=row.number_format,
        identity=row.identity,
        answer_first=row.answer_first,
        early_media=row.early_media,
        trusted=row.trusted,
        anonymous_code=row.anonymous_code,
        caller_from=row.caller_from,
        next_trunk_codes=tuple(row.next_trunk_codes),
        final_codes=tuple(row.final_codes),
        nat=row.nat,
    )


def _treatment_entry(row: model.Treatment, emails: Mapping[int, str]) -> TreatmentEntry:
    """A redirect whose target was deleted shows without a target."""
    return TreatmentEntry(
        action=Action(row.action),
        after=row.after,
        user=None if row.target_user_id is None else emails.get(row.target_user_id),
        number=row.target_number,
        announce=row.announce,
        present_dialled_number=row.present_dialled_number,
        always=row.always,
    )
