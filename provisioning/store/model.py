"""The tables, as SQLAlchemy's typed ORM.

Settings (customers to blocked numbers) are written by `provisioning.editing` alone, which raises `settings_version` and
adds to the audit in the same transaction; bindings and the call log are written behind the calls and do not.
Numbers are E.164 with a plus, MACs 12 lower-case hex digits, times UTC.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from provisioning.store.base import Base


class SettingsVersion(Base):
    """One row: the number that every change of settings raises."""

    __tablename__ = "settings_version"
    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int]


class Customer(Base):
    """A company (BEHAVIOUR P1)."""

    __tablename__ = "customers"
    __table_args__ = (
        Index(
            "uq_customers_name",
            func.lower(text("name")),
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    country: Mapped[str]
    timezone: Mapped[str]
    hardware_only: Mapped[bool]
    suspended: Mapped[bool]
    allowed_classes: Mapped[list[Any]]
    users_override: Mapped[bool] = mapped_column(server_default=text("1"))
    emergency_number: Mapped[str | None]
    max_users: Mapped[int | None]
    max_numbers: Mapped[int | None]
    deleted_at: Mapped[datetime | None]
    """A deleted one keeps its row as long as a mailbox of its users may be kept."""


class User(Base):
    """A person in one customer; a deleted one keeps the row, and with it the mailbox, for a while (P7).

    Ids are never given out twice (AUTOINCREMENT), because the mailbox on disk is named by them.
    """

    __tablename__ = "users"
    __table_args__ = (
        Index(
            "uq_users_customer_id_email",
            "customer_id",
            "email",
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index("uq_users_customer_id_extension", "customer_id", "extension", unique=True),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    name: Mapped[str]
    email: Mapped[str | None]
    extension: Mapped[str | None]
    default_number: Mapped[str | None]
    presentation_number: Mapped[str | None]
    timezone: Mapped[str | None]
    suspended: Mapped[bool]
    reject_anonymous: Mapped[bool]
    withhold_number: Mapped[bool]
    permanent_redirect: Mapped[str | None] = mapped_column(index=True)
    max_calls: Mapped[int]
    pin_hash: Mapped[str | None]
    notify_missed_call: Mapped[bool]
    notify_voicemail: Mapped[bool]
    out_of_hours_enabled: Mapped[bool]
    deleted_at: Mapped[datetime | None]

    devices: Mapped[list[Device]] = relationship(order_by="Device.username", cascade="all, delete-orphan")
    treatments: Mapped[list[Treatment]] = relationship(
        foreign_keys="Treatment.user_id", cascade="all, delete-orphan"
    )
    intervals: Mapped[list[Interval]] = relationship(cascade="all, delete-orphan")


class Number(Base):
    """A number of a customer, assigned to at most one user (P2)."""

    __tablename__ = "numbers"
    number: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)


class Treatment(Base):
    """What becomes of a user's calls on one occasion: not_answered, busy or out_of_hours (N, B, O)."""

    __tablename__ = "treatments"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    occasion: Mapped[str] = mapped_column(primary_key=True)
    action: Mapped[str]
    after: Mapped[float]
    target_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    target_number: Mapped[str | None] = mapped_column(index=True)
    announce: Mapped[bool]
    present_dialled_number: Mapped[bool]
    always: Mapped[bool]


class Interval(Base):
    """A span of local time in which calls are not routed to the user (O1); Monday is 0."""

    __tablename__ = "intervals"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    weekday: Mapped[int] = mapped_column(primary_key=True)
    start: Mapped[time] = mapped_column(primary_key=True)
    end: Mapped[time] = mapped_column(primary_key=True)


class Device(Base):
    """A soft client, or a desk phone: its username is its MAC, so one index keeps both unique (P3)."""

    __tablename__ = "devices"
    __table_args__ = (Index("uq_devices_username", func.lower(text("username")), unique=True),)
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    kind: Mapped[str]
    username: Mapped[str]
    vendor: Mapped[str]
    password: Mapped[bytes]
    nat: Mapped[str] = mapped_column(server_default="auto")


class Trunk(Base):
    """A carrier."""

    __tablename__ = "trunks"
    __table_args__ = (Index("uq_trunks_name", func.lower(text("name")), unique=True),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    host: Mapped[str]
    transport: Mapped[str]
    order: Mapped[int]
    register: Mapped[bool]
    username: Mapped[str | None]
    password: Mapped[bytes | None]
    allow_from: Mapped[list[Any]]
    country: Mapped[str] = mapped_column(server_default="GB")
    number_format: Mapped[str]
    identity: Mapped[str]
    answer_first: Mapped[bool]
    early_media: Mapped[bool]
    trusted: Mapped[bool] = mapped_column(server_default=text("0"))
    anonymous_code: Mapped[int] = mapped_column(server_default="433")
    caller_from: Mapped[str] = mapped_column(server_default="from")
    next_trunk_codes: Mapped[list[Any]] = mapped_column(server_default="[]")
    final_codes: Mapped[list[Any]] = mapped_column(server_default="[]")
    nat: Mapped[str] = mapped_column(server_default="auto")


class Audit(Base):
    """A change of settings: who, when, by which way, old and new in words (P9).

    `version` is the settings_version that it made. `kind` and `subject_id` name what was changed.
    """

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_kind_subject_id_version", "kind", "subject_id", "version"),
        Index("ix_audit_customer_id_version", "customer_id", "version"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    version: Mapped[int]
    actor: Mapped[str]
    way: Mapped[str]
    kind: Mapped[str]
    subject_id: Mapped[int | None]
    customer_id: Mapped[int | None]
    change: Mapped[str]
    subject: Mapped[str]
    details: Mapped[list[Any]]


class AppliedFile(Base):
    """At which settings_version a company file was last applied that names this customer, trunk or the platform (P9).

    `subject_id` is 0 for the platform, and for which trunks there are.
    """

    __tablename__ = "applied_files"
    kind: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int]


class SignInAccount(Base):
    """What somebody signs in with (P8), apart from users: without a `password_hash` nobody does yet.

    `second_factor` is the encrypted secret of one-time codes, `last_step` the step of time whose code was used last.
    Ids are never given out twice, because the audit names them.
    """

    __tablename__ = "sign_in_accounts"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str | None]
    second_factor: Mapped[bytes | None]
    last_step: Mapped[int | None]
    disabled: Mapped[bool]


class SignInAttempts(Base):
    """Wrong passwords and codes in a row, by account or address."""

    __tablename__ = "sign_in_attempts"
    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    locked_until: Mapped[datetime | None]
    last_at: Mapped[datetime] = mapped_column(index=True)


class SignInRole(Base):
    """What an account is: `partner`, `administrator` of a customer, or a `user`."""

    __tablename__ = "sign_in_roles"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("sign_in_accounts.id"), index=True)
    kind: Mapped[str]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)


class BlockedNumber(Base):
    """A number that nobody's calls are redirected to (D8)."""

    __tablename__ = "blocked_numbers"
    number: Mapped[str] = mapped_column(primary_key=True)


class PermissionSwitches(Base):
    """What the partner lets users and administrators change themselves (P8): one row, or none as by default."""

    __tablename__ = "permission_switches"
    id: Mapped[int] = mapped_column(primary_key=True)
    users_notifications: Mapped[bool]
    users_devices: Mapped[bool]
    users_profile: Mapped[bool]
    administrators_users: Mapped[bool]
    administrators_numbers: Mapped[bool]


class PinAttempts(Base):
    """Wrong PINs keyed in a row for a user's voice portal (W4); no row: none."""

    __tablename__ = "pin_attempts"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    failures: Mapped[int]
    locked_until: Mapped[datetime | None]


class Notification(Base):
    """Something to be told, by one channel: queued until it was taken, or given up (V5).

    `key` names event and channel, so that telling twice queues once. `ended_at` is set when it was taken, and with
    an `error` when it was given up. Mail goes to the user's address at the time of sending.
    """

    __tablename__ = "notifications"
    __table_args__ = (Index("ix_notifications_ended_at_due_at", "ended_at", "due_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    channel: Mapped[str]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    event: Mapped[str]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int]
    error: Mapped[str | None]
    ended_at: Mapped[datetime | None]


class Binding(Base):
    """Where a device can be reached: one registered contact (RFC 3261 §10)."""

    __tablename__ = "bindings"
    username: Mapped[str] = mapped_column(primary_key=True)
    contact: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int]
    call_id: Mapped[str]
    cseq: Mapped[int]
    expires_at: Mapped[float]
    transport: Mapped[str]
    local: Mapped[str]
    remote: Mapped[str]
    instance: Mapped[str | None]
    user_agent: Mapped[str | None]
    details: Mapped[dict[str, Any]]


class Call(Base):
    """One call as it ended. A Call-ID is the phone's choice and may come twice, so it is no key."""

    __tablename__ = "calls"
    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(index=True)
    started_at: Mapped[datetime] = mapped_column(index=True)
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime]
    caller_user: Mapped[int | None]
    caller_number: Mapped[str | None]
    caller_name: Mapped[str | None]
    withheld: Mapped[bool]
    dialled: Mapped[str]
    called_user: Mapped[int | None]
    plan: Mapped[dict[str, Any]]
    rule: Mapped[str]
    steps: Mapped[list[Any]]
    explanation: Mapped[list[Any]]
    outcome: Mapped[str]
    code: Mapped[int | None]
    hung_up_by: Mapped[str | None]
    rtp: Mapped[dict[str, Any]]
    message_id: Mapped[str | None]
    message_path: Mapped[str | None]

    legs: Mapped[list[CallLeg]] = relationship(order_by="CallLeg.position")


class CallLeg(Base):
    """The Call-ID of one of our own legs, by which a call can be found too."""

    __tablename__ = "call_legs"
    call: Mapped[int] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(index=True)


class Trace(Base):
    """The messages of a call's ladder: arrays in the order of `calllog.TraceEntry`."""

    __tablename__ = "call_trace"
    call: Mapped[int] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    messages: Mapped[list[Any]]
