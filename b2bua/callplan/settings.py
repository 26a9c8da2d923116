"""What the directory knows of customers, users and trunks: the frozen settings that decide every call.

The store builds these from the database, the plan function reads them, and nobody changes them. An edit
replaces the whole directory, so a call in progress keeps the settings it began with (BEHAVIOUR R10).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from typing import Literal

TransportName = Literal["udp", "tcp"]
"""How settings name the transports to carriers."""


class Action(StrEnum):
    """What becomes of a call that the user's devices do not take."""

    KEEP_RINGING = "keep-ringing"
    ENGAGED_TONE = "engaged-tone"
    VOICEMAIL = "voicemail"
    USER = "user"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Treatment:
    """One configured action with its options (BEHAVIOUR N, B, O).

    `after` is in seconds. `user` is the target's user id, `number` its E.164 form with a leading plus;
    each is set only for the action that needs it.
    """

    action: Action
    after: float = 0.0
    user: int | None = None
    number: str | None = None
    announce: bool = False
    present_dialled_number: bool = False
    always: bool = False


@dataclass(frozen=True, slots=True)
class Interval:
    """A half-open span of local time in which calls are not routed to the user (BEHAVIOUR O1, O3).

    `weekday` counts from Monday = 0 and names the day the span starts on; `end` at or before `start` on the
    clock means the span runs past midnight. A whole day is 00:00 to 00:00.
    """

    weekday: int
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class OutOfHours:
    """The out-of-hours switch, its unavailable intervals and its action (BEHAVIOUR O)."""

    enabled: bool = False
    intervals: tuple[Interval, ...] = ()
    treatment: Treatment = Treatment(Action.VOICEMAIL)


@dataclass(frozen=True, slots=True)
class Notify:
    """Which events are sent to the user by e-mail (BEHAVIOUR V5)."""

    missed_call: bool = False
    voicemail: bool = False


@dataclass(frozen=True, slots=True)
class Customer:
    """A company. `country` is ISO 3166-1 alpha-2, `timezone` an IANA name, numbers are E.164 with a plus.

    With `users_override` a number that a user picks is shown instead of the presentation number (BEHAVIOUR I2).
    The emergency services see `emergency_number` of a user without a number (E2).
    """

    id: int
    name: str
    country: str = "GB"
    timezone: str = "Europe/London"
    numbers: tuple[str, ...] = ()
    hardware_only: bool = False
    suspended: bool = False
    allowed_classes: frozenset[str] = frozenset({"internal", "national", "mobile"})
    users_override: bool = True
    emergency_number: str | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A person in one customer, with everything that decides a call to or from them.

    `extension` is a string of digits; numbers are E.164 with a leading plus; `max_calls` counts simultaneous
    calls before the line is busy (BEHAVIOUR B1).
    """

    id: int
    customer: int
    name: str
    email: str | None = None
    extension: str | None = None
    numbers: tuple[str, ...] = ()
    default_number: str | None = None
    presentation_number: str | None = None
    timezone: str | None = None
    suspended: bool = False
    reject_anonymous: bool = False
    withhold_number: bool = False
    permanent_redirect: str | None = None
    max_calls: int = 1
    has_pin: bool = False
    not_answered: Treatment = Treatment(Action.KEEP_RINGING, after=20.0)
    busy: Treatment = Treatment(Action.ENGAGED_TONE)
    out_of_hours: OutOfHours = OutOfHours()
    notify: Notify = field(default_factory=Notify)

    @property
    def known_as(self) -> str | None:
        """The e-mail, or the extension if there is none (BEHAVIOUR P8)."""
        return self.email or self.extension


@dataclass(frozen=True, slots=True)
class Trunk:
    """A carrier. `host` may have a port; `allow_from` holds `ip`, `ip/prefix` or `ip:port`; `order` sorts.

    `country` (ISO 3166-1 alpha-2) is the one whose national numbers the carrier writes. `password` is in clear:
    the digest towards the carrier is made with the realm of its challenge. `ha1_*` check the carrier's own
    digest towards us; they are empty for a trunk without credentials. A `trusted` carrier is told the number of
    withheld callers too (BEHAVIOUR I4), and gets `anonymous_code` for those that are turned away (A2).
    `caller_from` says which of a call's two numbers is the caller that people see: the one in From, or the asserted
    one (I7). After a code of `next_trunk_codes` the next trunk is tried, after one of `final_codes` none, whatever
    the table in `responses.py` says of it.
    `nat` says whether its addresses can be believed (M5).
    """

    id: int
    name: str
    host: str
    transport: TransportName = "udp"
    order: int = 1
    register: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    allow_from: tuple[str, ...] = ()
    number_format: Literal["e164", "plus", "national"] = "e164"
    identity: Literal["screened", "interconnect", "passthrough"] = "screened"
    answer_first: bool = False
    early_media: bool = True
    trusted: bool = False
    anonymous_code: int = 433
    caller_from: Literal["from", "asserted"] = "from"
    next_trunk_codes: frozenset[int] = frozenset()
    final_codes: frozenset[int] = frozenset()
    nat: Literal["auto", "always", "never"] = "auto"
    country: str = "GB"
    ha1_md5: str = field(default="", repr=False)
    ha1_sha256: str = field(default="", repr=False)
