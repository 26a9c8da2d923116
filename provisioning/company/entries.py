"""What a company file says, and what the database holds, in one form, so that the two can be compared.

Numbers are E.164 with a plus, e-mails lower case, MACs 12 lower-case hex digits. A user refers to another
by e-mail; the order of a list says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from b2bua.callplan.settings import Action, Interval, Notify

DEFAULT_CLASSES = ("internal", "mobile", "national")


@dataclass(frozen=True, slots=True)
class TreatmentEntry:
    """What becomes of a call on one occasion; `user` is the e-mail of the target, `after` in seconds."""

    action: Action
    after: float = 0.0
    user: str | None = None
    number: str | None = None
    announce: bool = False
    present_dialled_number: bool = False
    always: bool = False


NOT_ANSWERED = TreatmentEntry(Action.KEEP_RINGING, after=20.0)
BUSY = TreatmentEntry(Action.ENGAGED_TONE)
OUT_OF_HOURS = TreatmentEntry(Action.VOICEMAIL)


@dataclass(frozen=True, slots=True)
class SoftClient:
    """A SIP account for a softphone; without `password` the stored one is kept, or one is generated."""

    username: str
    password: str | None = field(default=None, repr=False)
    nat: str = "auto"


@dataclass(frozen=True, slots=True)
class DeskPhone:
    """A desk phone, known by its MAC; `vendor` is lower case, or empty if not known."""

    mac: str
    vendor: str = ""
    nat: str = "auto"


@dataclass(frozen=True, slots=True)
class UserEntry:
    """A user. `pin` is None to keep what is stored (or generate one), empty for none."""

    name: str
    email: str
    extension: str | None = None
    numbers: tuple[str, ...] = ()
    default_number: str | None = None
    presentation_number: str | None = None
    timezone: str | None = None
    suspended: bool = False
    pin: str | None = field(default=None, repr=False)
    reject_anonymous: bool = False
    withhold_number: bool = False
    permanent_redirect: str | None = None
    max_calls: int = 1
    notify: Notify = field(default_factory=Notify)
    not_answered: TreatmentEntry = NOT_ANSWERED
    busy: TreatmentEntry = BUSY
    out_of_hours_enabled: bool = False
    out_of_hours: TreatmentEntry = OUT_OF_HOURS
    unavailable: tuple[Interval, ...] = ()
    soft_clients: tuple[SoftClient, ...] = ()
    desk_phones: tuple[DeskPhone, ...] = ()

    def treatments(self) -> dict[str, TreatmentEntry]:
        """The three treatments by occasion."""
        return {
            "not_answered": self.not_answered,
            "busy": self.busy,
            "out_of_hours": self.out_of_hours,
        }


@dataclass(frozen=True, slots=True)
class CustomerEntry:
    """A customer with the users that the file names, in the file's order."""

    name: str
    country: str = "GB"
    timezone: str = "Europe/London"
    numbers: tuple[str, ...] = ()
    hardware_only: bool = False
    suspended: bool = False
    allowed_classes: tuple[str, ...] = DEFAULT_CLASSES
    users_override: bool = True
    emergency_number: str | None = None
    users: tuple[UserEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class TrunkEntry:
    """A carrier; without `password` the stored one is kept, or one is generated if there is a `username`."""

    name: str
    host: str
    transport: str = "udp"
    order: int = 1
    register: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    allow_from: tuple[str, ...] = ()
    country: str = "GB"
    number_format: str = "e164"
    identity: str = "screened"
    answer_first: bool = False
    early_media: bool = True
    trusted: bool = False
    anonymous_code: int = 433
    caller_from: str = "from"
    next_trunk_codes: tuple[int, ...] = ()
    final_codes: tuple[int, ...] = ()
    nat: str = "auto"
