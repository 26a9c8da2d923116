"""Rows of the database in the form in which they are edited, without secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from b2bua.callplan.settings import Action, Interval, Notify
from provisioning.company.entries import CustomerEntry, TrunkEntry, UserEntry
from provisioning.company.parts import DeskPhone, SoftClient, TreatmentEntry
from provisioning.company.setting import columns_of
from provisioning.company.switches import Switches
from provisioning.store import model

SOFT, DESK = "soft", "desk"


def customer_entry(row: model.Customer, numbers: Iterable[str]) -> CustomerEntry:
    """The customer without its users."""
    columns = {name: getattr(row, name) for name in columns_of(CustomerEntry)}
    classes = tuple(row.allowed_classes)
    return CustomerEntry(**columns, numbers=tuple(sorted(numbers)), allowed_classes=classes)


def user_entry(row: model.User, numbers: Iterable[str], names: Mapping[int, str]) -> UserEntry:
    """The user. `names` are what the users that are redirected to go by, by id. `pin` is empty where there is none."""
    treatments: dict[str, Any] = {each.occasion: treatment_entry(each, names) for each in row.treatments}
    devices = {kind: [each for each in row.devices if each.kind == kind] for kind in (SOFT, DESK)}
    return UserEntry(
        **{name: getattr(row, name) for name in columns_of(UserEntry)},
        numbers=tuple(sorted(numbers)),
        notify=Notify(row.notify_missed_call, row.notify_voicemail),
        **treatments,
        unavailable=tuple(Interval(span.weekday, span.start, span.end) for span in row.intervals),
        soft_clients=tuple(SoftClient(device.username, nat=device.nat) for device in devices[SOFT]),
        desk_phones=tuple(DeskPhone(device.username, device.vendor, device.nat) for device in devices[DESK]),
        pin=None if row.pin_hash else "",
    )


def trunk_entry(row: model.Trunk) -> TrunkEntry:
    """The trunk."""
    columns = {name: getattr(row, name) for name in columns_of(TrunkEntry)}
    lists: dict[str, Any] = {
        name: tuple(getattr(row, name)) for name in ("allow_from", "next_trunk_codes", "final_codes")
    }
    return TrunkEntry(**columns, **lists)


async def switches_of(session: AsyncSession) -> Switches:
    """The partner's switches; as by default where nobody has set them."""
    row = await session.get(model.PermissionSwitches, 1)
    return (
        Switches() if row is None else Switches(**{name: getattr(row, name) for name in columns_of(Switches)})
    )


def treatment_entry(row: model.Treatment, names: Mapping[int, str]) -> TreatmentEntry:
    """A redirect whose target was deleted shows without a target."""
    return TreatmentEntry(
        action=Action(row.action),
        after=row.after,
        user=None if row.target_user_id is None else names.get(row.target_user_id),
        number=row.target_number,
        announce=row.announce,
        present_dialled_number=row.present_dialled_number,
        always=row.always,
    )
