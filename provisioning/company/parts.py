"""What an entry is made of besides plain values: what becomes of a call, and devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from b2bua.callplan.codes import Codes
from b2bua.callplan.settings import Action
from provisioning.company import values
from provisioning.company.mac_address import parse_mac
from provisioning.company.numbers import parse_target
from provisioning.company.setting import Setting

NAT = {"auto": "as its addresses tell", "always": "always", "never": "never"}
"""Whether something is behind NAT (BEHAVIOUR M5), in words."""


def target(value: object, codes: Codes) -> str:
    """The number of a redirect."""
    return parse_target(values.text(value), codes)


@dataclass(frozen=True, slots=True)
class TreatmentEntry:
    """What becomes of a call on one occasion; `user` is the e-mail or extension of the target, `after` in seconds."""

    action: Action
    after: Annotated[float, Setting("after", values.seconds)] = 0.0
    user: Annotated[str | None, Setting("user", values.checked(values.user))] = None
    number: Annotated[str | None, Setting("number", coded=target)] = None
    announce: Annotated[bool, Setting("announce", values.flag)] = False
    present_dialled_number: Annotated[bool, Setting("present the dialled number", values.flag)] = False
    always: Annotated[bool, Setting("always", values.flag)] = False


NOT_ANSWERED = TreatmentEntry(Action.KEEP_RINGING, after=20.0)
BUSY = TreatmentEntry(Action.ENGAGED_TONE)
OUT_OF_HOURS = TreatmentEntry(Action.VOICEMAIL)

_REDIRECTS = (Action.VOICEMAIL, Action.USER, Action.NUMBER)
ACTIONS: Mapping[str, tuple[Action, ...]] = {
    "not_answered": (Action.KEEP_RINGING, *_REDIRECTS),
    "busy": (Action.ENGAGED_TONE, *_REDIRECTS),
    "out_of_hours": _REDIRECTS,
}
"""What may be done with a call, by occasion."""


@dataclass(frozen=True, slots=True)
class SoftClient:
    """A SIP account for a softphone; without `password` the stored one is kept, or one is generated."""

    username: Annotated[str, Setting("Username", values.checked(values.username))]
    password: Annotated[str | None, Setting("", values.secret)] = field(default=None, repr=False)
    nat: Annotated[str, Setting("Behind NAT", values.choice(*NAT), NAT.__getitem__)] = "auto"


@dataclass(frozen=True, slots=True)
class DeskPhone:
    """A desk phone, known by its MAC; `vendor` is lower case, or empty if not known."""

    mac: Annotated[str, Setting("MAC address", values.checked(parse_mac))]
    vendor: Annotated[str, Setting("Vendor", values.checked(values.vendor))] = ""
    nat: Annotated[str, Setting("Behind NAT", values.choice(*NAT), NAT.__getitem__)] = "auto"
