"""What signalling holds in memory: every customer, user, account and trunk, read in one go.

A handful of queries whatever the number of users; the calls themselves never ask the database.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from b2bua.callplan.settings import Action, Customer, Interval, Notify, OutOfHours, Treatment, Trunk, User
from provisioning.company.known import KnownUser
from provisioning.store import model
from provisioning.store.secrets import SecretKey, digest_ha1


@dataclass(frozen=True, slots=True)
class Account:
    """A device's credentials: `ha1_*` are H(A1) for the realm the directory was read for, lower-case hex.

    `nat` says whether its addresses can be believed (BEHAVIOUR M5); two accounts that differ in that are the same.
    """

    username: str
    user_id: int
    kind: Literal["soft", "desk"]
    ha1_md5: str = field(repr=False)
    ha1_sha256: str = field(repr=False)
    nat: Literal["auto", "always", "never"] = field(default="auto", compare=False)


@dataclass(frozen=True, slots=True)
class Directory:
    """One consistent reading of all settings; `version` is the settings_version it was read at."""

    version: int
    customers: tuple[Customer, ...]
    users: tuple[User, ...]
    accounts: tuple[Account, ...]
    trunks: tuple[Trunk, ...]
    blocked: tuple[str, ...] = ()
    """Numbers that nobody's calls are redirected to."""


class _Rows(NamedTuple):
    version: int
    customers: Sequence[Row[Any]]
    numbers: Sequence[Row[Any]]
    users: Sequence[Row[Any]]
    treatments: Sequence[Row[Any]]
    intervals: Sequence[Row[Any]]
    devices: Sequence[Row[Any]]
    trunks: Sequence[Row[Any]]
    blocked: Sequence[Row[Any]]


async def read_directory(session: AsyncSession, key: SecretKey, realm: str) -> Directory:
    """The directory, with digests for `realm`. Raises StoreError if the key is not the database's.

    The objects are built in a thread, so that calls in progress do not wait for it.
    """

    async def rows(query: Select[*tuple[Any, ...]]) -> Sequence[Row[*tuple[Any, ...]]]:
        return (await session.execute(query)).all()

    read = _Rows(
        (await session.execute(select(model.SettingsVersion.version))).scalar_one(),
        await rows(
            select(*model.Customer.__table__.c)
            .where(model.Customer.deleted_at.is_(None))
            .order_by(model.Customer.id)
        ),
        await rows(select(*model.Number.__table__.c).order_by(model.Number.number)),
        await rows(
            select(*model.User.__table__.c).where(model.User.deleted_at.is_(None)).order_by(model.User.id)
        ),
        await rows(select(*model.Treatment.__table__.c)),
        await rows(
            select(*model.Interval.__table__.c).order_by(model.Interval.weekday, model.Interval.start)
        ),
        await rows(select(*model.Device.__table__.c).order_by(model.Device.id)),
        await rows(select(*model.Trunk.__table__.c).order_by(model.Trunk.order, model.Trunk.name)),
        await rows(select(*model.BlockedNumber.__table__.c).order_by(model.BlockedNumber.number)),
    )
    return await asyncio.to_thread(_build, read, key, realm)


def _build(rows: _Rows, key: SecretKey, realm: str) -> Directory:
    of_customer = _grouped(rows.numbers, "customer_id")
    of_user = _grouped(rows.numbers, "user_id")
    treatments = {(row.user_id, row.occasion): _treatment(row) for row in rows.treatments}
    intervals = _grouped(rows.intervals, "user_id")
    return Directory(
        version=rows.version,
        customers=tuple(
            Customer(
                id=row.id,
                name=row.name,
                country=row.country,
                timezone=row.timezone,
                numbers=tuple(number.number for number in of_customer[row.id]),
                hardware_only=row.hardware_only,
                suspended=row.suspended,
                allowed_classes=frozenset(row.allowed_classes),
                users_override=row.users_override,
                emergency_number=row.emergency_number,
            )
            for row in rows.customers
        ),
        users=tuple(_user(row, of_user[row.id], treatments, intervals[row.id]) for row in rows.users),
        accounts=tuple(_account(row, key, realm) for row in rows.devices),
        trunks=tuple(_trunk(row, key, realm) for row in rows.trunks),
        blocked=tuple(row.number for row in rows.blocked),
    )


async def read_users(session: AsyncSession) -> tuple[KnownUser, ...]:
    """What users are known by, in the order of their ids."""
    user, customer = model.User, model.Customer
    query = (
        select(user.id, user.name, user.email, user.extension, customer.name)
        .join(customer, customer.id == user.customer_id)
        .where(user.deleted_at.is_(None))
        .order_by(user.id)
    )
    return tuple(KnownUser(*row) for row in await session.execute(query))


def _grouped(rows: Iterable[Row[Any]], column: str) -> defaultdict[int | None, list[Row[Any]]]:
    groups: defaultdict[int | None, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, column)].append(row)
    return groups


def _treatment(row: Row[Any]) -> Treatment:
    return Treatment(
        action=Action(row.action),
        after=row.after,
        user=row.target_user_id,
        number=row.target_number,
        announce=row.announce,
        present_dialled_number=row.present_dialled_number,
        always=row.always,
    )


def _user(
    row: Row[Any],
    numbers: Sequence[Row[Any]],
    treatments: Mapping[tuple[int, str], Treatment],
    intervals: Sequence[Row[Any]],
) -> User:
    return User(
        id=row.id,
        customer=row.customer_id,
        name=row.name,
        email=row.email,
        extension=row.extension,
        numbers=tuple(number.number for number in numbers),
        default_number=row.default_number,
        presentation_number=row.presentation_number,
        timezone=row.timezone,
        suspended=row.suspended,
        reject_anonymous=row.reject_anonymous,
        withhold_number=row.withhold_number,
        permanent_redirect=row.permanent_redirect,
        max_calls=row.max_calls,
        has_pin=row.pin_hash is not None,
        not_answered=treatments[row.id, "not_answered"],
        busy=treatments[row.id, "busy"],
        out_of_hours=OutOfHours(
            enabled=row.out_of_hours_enabled,
            intervals=tuple(Interval(span.weekday, span.start, span.end) for span in intervals),
            treatment=treatments[row.id, "out_of_hours"],
        ),
        notify=Notify(missed_call=row.notify_missed_call, voicemail=row.notify_voicemail),
    )


def _account(row: Row[Any], key: SecretKey, realm: str) -> Account:
    ha1_md5, ha1_sha256 = digest_ha1(row.username, realm, key.decrypt(row.password))
    return Account(row.username, row.user_id, row.kind, ha1_md5, ha1_sha256, row.nat)


def _trunk(row: Row[Any], key: SecretKey, realm: str) -> Trunk:
    password = None if row.password is None else key.decrypt(row.password)
    ha1_md5, ha1_sha256 = ("", "")
    if row.username is not None and password is not None:
        ha1_md5, ha1_sha256 = digest_ha1(row.username, realm, password)
    return Trunk(
        id=row.id,
        name=row.name,
        host=row.host,
        transport=row.transport,
        order=row.order,
        register=row.register,
        username=row.username,
        password=password,
        ha1_md5=ha1_md5,
        ha1_sha256=ha1_sha256,
        allow_from=tuple(row.allow_from),
        country=row.country,
        number_format=row.number_format,
        identity=row.identity,
        answer_first=row.answer_first,
        early_media=row.early_media,
        trusted=row.trusted,
        anonymous_code=row.anonymous_code,
        caller_from=row.caller_from,
        next_trunk_codes=frozenset(row.next_trunk_codes),
        final_codes=frozenset(row.final_codes),
        nat=row.nat,
    )
