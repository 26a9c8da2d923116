"""The company file that says what the database says, in an order of its own, without secrets.

What is as by default is left out, as in a file written by hand. A secret that is left out is kept when the file is
applied to the same database, and generated when it is applied to another; that there is no PIN is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import MISSING, asdict, fields
from typing import Any

from b2bua.callplan.settings import Interval
from provisioning.company.entries import CustomerEntry, TrunkEntry, UserEntry
from provisioning.company.hours import WEEKDAYS, is_whole_day
from provisioning.company.parts import BUSY, NOT_ANSWERED, OUT_OF_HOURS, TreatmentEntry
from provisioning.company.setting import settings_of
from provisioning.editing.whole import Whole
from provisioning.file.toml_text import Value, toml_text

INLINE = frozenset({"notify", "soft_clients", "desk_phones"})


def company_text(whole: Whole) -> str:
    """The whole platform as a company file; two that say the same are the same to the letter."""
    document: dict[str, Value] = {"as_of": whole.version, "blocked_numbers": sorted(whole.blocked)}
    permissions: dict[str, Value] = {"permissions": dict(asdict(whole.switches))}
    return toml_text(document | permissions | _lists(whole.customers, whole.trunks), INLINE)


def customer_text(whole: Whole, customer: CustomerEntry) -> str:
    """One customer as a company file, which leaves the others, trunks and blocked numbers alone."""
    document: dict[str, Value] = {"as_of": whole.version}
    return toml_text(document | _lists([customer], []), INLINE)


def user_table(user: UserEntry) -> dict[str, Value]:
    """A user as the table of a company file."""
    table = _plain(user, UserEntry, skip={"out_of_hours_enabled"})
    if user.numbers and user.default_number == min(user.numbers):
        del table["default_number"]
    elif user.numbers and user.default_number is None:
        table["default_number"] = ""
    notify: dict[str, Value] = {
        name: True for name in ("missed_call", "voicemail") if getattr(user.notify, name)
    }
    out_of_hours = _treatment(user.out_of_hours, OUT_OF_HOURS) | dict(_days(user.unavailable))
    if user.out_of_hours_enabled:
        out_of_hours = {"enabled": True} | out_of_hours
    more: dict[str, Value] = {
        "notify": notify,
        "soft_clients": _parts(user.soft_clients, "username"),
        "desk_phones": _parts(user.desk_phones, "mac"),
        "not_answered": _treatment(user.not_answered, NOT_ANSWERED),
        "busy": _treatment(user.busy, BUSY),
        "out_of_hours": out_of_hours,
    }
    return table | {key: value for key, value in more.items() if value}


def customer_table(customer: CustomerEntry) -> dict[str, Value]:
    """A customer with its users as the table of a company file."""
    users = sorted(customer.users, key=lambda user: (user.email or "", user.extension or ""))
    table = _plain(customer, CustomerEntry)
    return table | ({"users": [user_table(user) for user in users]} if users else {})


def trunk_table(trunk: TrunkEntry) -> dict[str, Value]:
    """A trunk as the table of a company file."""
    return _plain(trunk, TrunkEntry)


def _lists(customers: Iterable[CustomerEntry], trunks: Iterable[TrunkEntry]) -> dict[str, Value]:
    lists: dict[str, list[Value]] = {
        "customers": [customer_table(one) for one in sorted(customers, key=lambda one: one.name.casefold())],
        "trunks": [
            trunk_table(one) for one in sorted(trunks, key=lambda one: (one.order, one.name.casefold()))
        ],
    }
    return {key: each for key, each in lists.items() if each}


def _plain(
    entry: Any, kind: type[Any], *, skip: Iterable[str] = (), default: object = None
) -> dict[str, Value]:
    """The settings that are plain values and not as by default, by key."""
    defaults: dict[str, Any] = {
        each.name: each.default if default is None else getattr(default, each.name) for each in fields(kind)
    }
    table: dict[str, Value] = {}
    for name, setting in settings_of(kind).items():
        value = getattr(entry, name)
        plain = setting.parse is not None or setting.coded is not None
        if not plain or name in skip or value is None:
            continue
        if setting.each:
            value = sorted(value)
            if defaults[name] is not MISSING and value == sorted(defaults[name]):
                continue
        elif value == defaults[name]:
            continue
        table[setting.key or name] = value
    return table


def _parts(parts: Iterable[Any], key: str) -> list[Value]:
    return [_plain(part, type(part)) for part in sorted(parts, key=lambda part: str(getattr(part, key)))]


def _treatment(entry: TreatmentEntry, default: TreatmentEntry) -> dict[str, Value]:
    action: dict[str, Value] = {} if entry.action is default.action else {"action": str(entry.action)}
    return action | _plain(entry, TreatmentEntry, default=default)


def _days(spans: Iterable[Interval]) -> Iterator[tuple[str, Value]]:
    """The weekdays on which the user is unavailable, all day or in spans."""
    by_day: dict[int, list[Interval]] = {}
    for span in sorted(spans, key=lambda span: (span.weekday, span.start, span.end)):
        by_day.setdefault(span.weekday, []).append(span)
    for day, of_day in by_day.items():
        if any(map(is_whole_day, of_day)):
            yield WEEKDAYS[day], "unavailable"
        else:
            yield WEEKDAYS[day], [f"{span.start:%H:%M}-{span.end:%H:%M}" for span in of_day]
