"""A customer, a user and a trunk in the form in which they are edited, judged, compared and shown.

Numbers are E.164 with a plus, e-mails lower case, MACs 12 lower-case hex digits. A user refers to another by e-mail, or
by extension if there is none; the order of a list says nothing. Each field is annotated with all that is known of it: a
new setting is written here, gets its column in `store/model.py`, and is followed by the call plan.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args

from b2bua.callplan.classes import CLASSES
from b2bua.callplan.codes import Codes
from b2bua.callplan.settings import Interval, Notify, TransportName
from provisioning.company import values
from provisioning.company.numbers import parse_e164, parse_extension
from provisioning.company.parts import (
    BUSY,
    NAT,
    NOT_ANSWERED,
    OUT_OF_HOURS,
    DeskPhone,
    SoftClient,
    TreatmentEntry,
    target,
)
from provisioning.company.setting import Area, By, Setting
from provisioning.company.words import client_words, listed, phone_words, times, treatment_words, yes

CALLERS = {"from": "the number in From", "asserted": "the asserted number"}
"""Which number of a trunk's call is the caller, in words."""
DEFAULT_CLASSES = ("internal", "mobile", "national")


def _extension(value: object, codes: Codes) -> str:
    return parse_extension(values.text(value), codes)


def _or(otherwise: str) -> Any:
    """Words for a value that may be left out."""
    return lambda value: otherwise if value is None else str(value)


def _phones(phones: Iterable[DeskPhone]) -> str:
    return listed(map(phone_words, phones))


def _clients(clients: Iterable[SoftClient]) -> str:
    return listed(map(client_words, clients))


def _classes(classes: Iterable[str]) -> str:
    return listed(set(classes))


def _notify(notify: Notify) -> str:
    events = ("missed calls", notify.missed_call), ("new voicemail", notify.voicemail)
    return listed(event for event, told in events if told)


def _codes(codes: Iterable[int]) -> str:
    return listed({str(code) for code in codes})


_E164 = values.checked(parse_e164)
_CODE = values.whole(300, 699)


@dataclass(frozen=True, slots=True)
class UserEntry:
    """A user. `pin` is None to keep what is stored (or generate one), empty for none."""

    name: Annotated[str, Setting("Full name", values.text)]
    email: Annotated[str | None, Setting("E-mail", values.checked(values.email))] = None
    extension: Annotated[str | None, Setting("Extension", coded=_extension)] = None
    numbers: Annotated[
        tuple[str, ...],
        Setting("Assigned numbers", _E164, listed, each=True, column=False, area=Area.NUMBERS),
    ] = ()
    default_number: Annotated[
        str | None, Setting("Default number", values.may_be_empty(_E164), by=By.USER, area=Area.PROFILE)
    ] = None
    presentation_number: Annotated[
        str | None,
        Setting("Presentation number", _E164, _or("the default number"), by=By.USER, area=Area.PROFILE),
    ] = None
    timezone: Annotated[
        str | None,
        Setting(
            "Time zone", values.checked(values.timezone), _or("the customer's"), by=By.USER, area=Area.PROFILE
        ),
    ] = None
    suspended: Annotated[bool, Setting("Suspended", values.flag, yes)] = False
    withhold_number: Annotated[
        bool, Setting("Withhold number", values.flag, yes, By.USER, area=Area.PROFILE)
    ] = False
    max_calls: Annotated[int, Setting("Simultaneous calls", values.whole(1, values.MAX_CALLS))] = 1
    notify: Annotated[
        Notify, Setting("Notify of", None, _notify, By.USER, column=False, area=Area.NOTIFICATIONS)
    ] = field(default_factory=Notify)
    not_answered: Annotated[
        TreatmentEntry, Setting("Not answered", None, treatment_words, By.USER, column=False)
    ] = NOT_ANSWERED
    busy: Annotated[TreatmentEntry, Setting("Line busy", None, treatment_words, By.USER, column=False)] = BUSY
    out_of_hours_enabled: Annotated[bool, Setting("Out of hours", values.flag, yes, By.USER)] = False
    out_of_hours: Annotated[
        TreatmentEntry, Setting("Out of hours, calls", None, treatment_words, By.USER, column=False)
    ] = OUT_OF_HOURS
    unavailable: Annotated[
        tuple[Interval, ...], Setting("Out of hours, times", None, times, By.USER, column=False)
    ] = ()
    reject_anonymous: Annotated[bool, Setting("Reject anonymous calls", values.flag, yes, By.USER)] = False
    permanent_redirect: Annotated[str | None, Setting("Permanent redirect", coded=target, by=By.USER)] = None
    soft_clients: Annotated[
        tuple[SoftClient, ...],
        Setting("Soft clients", None, _clients, By.USER, column=False, area=Area.DEVICES),
    ] = ()
    desk_phones: Annotated[
        tuple[DeskPhone, ...], Setting("Desk phones", None, _phones, By.USER, column=False, area=Area.DEVICES)
    ] = ()
    pin: Annotated[str | None, Setting("", values.pin, by=By.USER, column=False, key="voice_portal_pin")] = (
        field(default=None, repr=False)
    )

    @property
    def known_as(self) -> str:
        """The name by which others refer to the user: the e-mail, or the extension if there is none."""
        return self.email or self.extension or ""

    def treatments(self) -> dict[str, TreatmentEntry]:
        """The three treatments by occasion."""
        return {"not_answered": self.not_answered, "busy": self.busy, "out_of_hours": self.out_of_hours}


@dataclass(frozen=True, slots=True)
class CustomerEntry:
    """A customer. `users` are those that a file names with it, in its order."""

    name: Annotated[str, Setting("Name", values.text, by=By.PARTNER)]
    country: Annotated[str, Setting("Country", values.checked(values.country), by=By.PARTNER)] = "GB"
    timezone: Annotated[str, Setting("Time zone", values.checked(values.timezone))] = "Europe/London"
    numbers: Annotated[
        tuple[str, ...], Setting("Numbers", _E164, listed, By.PARTNER, each=True, column=False)
    ] = ()
    hardware_only: Annotated[bool, Setting("Hardware-only", values.flag, yes, By.PARTNER)] = False
    suspended: Annotated[bool, Setting("Suspended", values.flag, yes, By.PARTNER)] = False
    allowed_classes: Annotated[
        tuple[str, ...],
        Setting(
            "May call",
            values.choice(*CLASSES),
            _classes,
            By.PARTNER,
            each=True,
            column=False,
        ),
    ] = DEFAULT_CLASSES
    users_override: Annotated[bool, Setting("Users override the presentation number", values.flag, yes)] = (
        True
    )
    emergency_number: Annotated[str | None, Setting("Emergency number", _E164)] = None
    max_users: Annotated[
        int | None, Setting("Users at most", values.whole(0, values.MOST), _or("any number"), By.PARTNER)
    ] = None
    max_numbers: Annotated[
        int | None, Setting("Numbers at most", values.whole(0, values.MOST), _or("any number"), By.PARTNER)
    ] = None
    users: tuple[UserEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class TrunkEntry:
    """A carrier; without `password` the stored one is kept, or one is generated if there is a `username`."""

    name: Annotated[str, Setting("Name", values.text, by=By.PARTNER)]
    host: Annotated[str, Setting("Host", values.checked(values.host), by=By.PARTNER)]
    transport: Annotated[
        str, Setting("Transport", values.choice(*get_args(TransportName)), by=By.PARTNER)
    ] = "udp"
    order: Annotated[int, Setting("Order", values.whole(1, 1000), by=By.PARTNER)] = 1
    register: Annotated[bool, Setting("Register", values.flag, yes, By.PARTNER)] = False
    username: Annotated[str | None, Setting("Username", values.text, by=By.PARTNER)] = None
    password: Annotated[str | None, Setting("", values.secret, by=By.PARTNER, column=False)] = field(
        default=None, repr=False
    )
    allow_from: Annotated[
        tuple[str, ...],
        Setting("Calls from", values.checked(values.source), listed, By.PARTNER, each=True, column=False),
    ] = ()
    country: Annotated[str, Setting("Country", values.checked(values.country), by=By.PARTNER)] = "GB"
    number_format: Annotated[
        str, Setting("Number format", values.choice("e164", "plus", "national"), by=By.PARTNER)
    ] = "e164"
    identity: Annotated[
        str, Setting("Identity", values.choice("screened", "interconnect", "passthrough"), by=By.PARTNER)
    ] = "screened"
    answer_first: Annotated[bool, Setting("Answer first", values.flag, yes, By.PARTNER)] = False
    early_media: Annotated[bool, Setting("Early media", values.flag, yes, By.PARTNER)] = True
    trusted: Annotated[bool, Setting("Trusted with withheld numbers", values.flag, yes, By.PARTNER)] = False
    anonymous_code: Annotated[
        int, Setting("Code for rejected anonymous calls", values.whole(400, 699), by=By.PARTNER)
    ] = 433
    caller_from: Annotated[
        str, Setting("Caller shown", values.choice(*CALLERS), CALLERS.__getitem__, By.PARTNER)
    ] = "from"
    next_trunk_codes: Annotated[
        tuple[int, ...],
        Setting(
            "Codes after which the next trunk is tried", _CODE, _codes, By.PARTNER, each=True, column=False
        ),
    ] = ()
    final_codes: Annotated[
        tuple[int, ...],
        Setting("Codes that are the called person's", _CODE, _codes, By.PARTNER, each=True, column=False),
    ] = ()
    nat: Annotated[str, Setting("Behind NAT", values.choice(*NAT), NAT.__getitem__, By.PARTNER)] = "auto"
