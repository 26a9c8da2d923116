"""Settings in the words of the portal, complete: two settings differ exactly if their words differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from b2bua.callplan.settings import Action, Interval
from provisioning.company.entries import (
    NOT_ANSWERED,
    CustomerEntry,
    DeskPhone,
    SoftClient,
    TreatmentEntry,
    TrunkEntry,
    UserEntry,
)

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NONE = "none"
NAT = {"auto": "as its addresses tell", "always": "always", "never": "never"}


def customer_words(entry: CustomerEntry) -> dict[str, str]:
    """A customer's own settings by the portal's labels."""
    return {
        "Name": entry.name,
        "Country": entry.country,
        "Time zone": entry.timezone,
        "Numbers": _listed(entry.numbers),
        "Hardware-only": _yes(entry.hardware_only),
        "Suspended": _yes(entry.suspended),
        "May call": _listed(set(entry.allowed_classes)),
        "Users override the presentation number": _yes(entry.users_override),
        "Emergency number": entry.emergency_number or NONE,
    }


def user_words(entry: UserEntry) -> dict[str, str]:
    """A user's settings by the portal's labels, in the order of its tabs; no secrets."""
    return {
        "Full name": entry.name,
        "Extension": entry.extension or NONE,
        "Assigned numbers": _listed(entry.numbers),
        "Default number": entry.default_number or NONE,
        "Presentation number": entry.presentation_number or "the default number",
        "Time zone": entry.timezone or "the customer's",
        "Suspended": _yes(entry.suspended),
        "Withhold number": _yes(entry.withhold_number),
        "Simultaneous calls": str(entry.max_calls),
        "Notify of missed calls": _yes(entry.notify.missed_call),
        "Notify of new voicemail": _yes(entry.notify.voicemail),
        "Not answered": treatment_words(entry.not_answered),
        "Line busy": treatment_words(entry.busy),
        "Out of hours": _yes(entry.out_of_hours_enabled),
        "Out of hours, calls": treatment_words(entry.out_of_hours),
        "Out of hours, times": _times(entry.unavailable),
        "Reject anonymous calls": _yes(entry.reject_anonymous),
        "Permanent redirect": entry.permanent_redirect or NONE,
        "Soft clients": _listed(_client(client) for client in entry.soft_clients),
        "Desk phones": _listed(_phone(phone) for phone in entry.desk_phones),
    }


def trunk_words(entry: TrunkEntry) -> dict[str, str]:
    """A trunk's settings, without its password."""
    return {
        "Name": entry.name,
        "Host": entry.host,
        "Transport": entry.transport,
        "Order": str(entry.order),
        "Register": _yes(entry.register),
        "Username": entry.username or NONE,
        "Calls from": _listed(entry.allow_from),
        "Country": entry.country,
        "Number format": entry.number_format,
        "Identity": entry.identity,
        "Answer first": _yes(entry.answer_first),
        "Early media": _yes(entry.early_media),
        "Trusted with withheld numbers": _yes(entry.trusted),
        "Code for rejected anonymous calls": str(entry.anonymous_code),
        "Caller shown": "the number in From" if entry.caller_from == "from" else "the asserted number",
        "Codes after which the next trunk is tried": _listed({str(code) for code in entry.next_trunk_codes}),
        "Codes that are the called person's": _listed({str(code) for code in entry.final_codes}),
        "Behind NAT": NAT[entry.nat],
    }


def blocked_words(numbers: Iterable[str]) -> dict[str, str]:
    """The numbers that nobody's calls are redirected to."""
    return {"Blocked as targets of redirects": _listed(numbers)}


def treatment_words(entry: TreatmentEntry) -> str:
    """`redirect to another number, +441632960777, after 20 s, announced`."""
    delay = f" after {entry.after:g} s"
    words: dict[Action, Callable[[], str]] = {
        # The delay of "keep ringing" does nothing until the action is another: an unusual one shows.
        Action.KEEP_RINGING: lambda: "keep ringing" + (delay if entry.after != NOT_ANSWERED.after else ""),
        Action.ENGAGED_TONE: lambda: "engaged tone" + (delay if entry.after else ""),
        Action.VOICEMAIL: lambda: "voicemail" + delay,
        Action.USER: lambda: f"redirect to another user, {entry.user or 'who was deleted'}," + delay,
        Action.NUMBER: lambda: f"redirect to another number, {entry.number}," + delay,
    }
    options = (
        ("announced", entry.announce),
        ("presenting the dialled number", entry.present_dialled_number),
        ("always", entry.always),
    )
    return ", ".join([words[entry.action](), *(option for option, chosen in options if chosen)])


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    """`Label: old → new` for each that differs."""
    return tuple(f"{label}: {old[label]} → {new[label]}" for label in new if old[label] != new[label])


def settings_made(default: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    """`Label: value` for each that is not as by default."""
    return tuple(f"{label}: {new[label]}" for label in new if default[label] != new[label])


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _listed(values: Iterable[str]) -> str:
    return ", ".join(sorted(values)) or NONE


def _client(client: SoftClient) -> str:
    return client.username + _remarks(_behind_nat(client.nat))


def _phone(phone: DeskPhone) -> str:
    mac = ":".join(phone.mac[at : at + 2] for at in range(0, 12, 2))
    return mac + _remarks(phone.vendor, _behind_nat(phone.nat))


def _behind_nat(nat: str) -> str:
    return "" if nat == "auto" else f"{NAT[nat]} behind NAT"


def _remarks(*remarks: str) -> str:
    made = ", ".join(filter(None, remarks))
    return f" ({made})" if made else ""


def _times(spans: Iterable[Interval]) -> str:
    days = (
        f"{WEEKDAYS[span.weekday]} {span.start:%H:%M}-{span.end:%H:%M}"
        if span.start != span.end
        else f"{WEEKDAYS[span.weekday]} all day"
        for span in sorted(spans, key=lambda span: (span.weekday, span.start, span.end))
    )
    return ", ".join(days) or "always available"
