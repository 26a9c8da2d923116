"""Values in the words of the portal: two of them differ exactly if their words differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from b2bua.callplan.settings import Action, Interval
from provisioning.company.parts import NAT, NOT_ANSWERED, DeskPhone, SoftClient, TreatmentEntry
from provisioning.company.setting import NONE

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def blocked_words(numbers: Iterable[str]) -> dict[str, str]:
    """The numbers that nobody's calls are redirected to."""
    return {"Blocked as targets of redirects": listed(numbers)}


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


def yes(value: bool) -> str:
    """`yes` or `no`."""
    return "yes" if value else "no"


def listed(values: Iterable[str]) -> str:
    """Sorted, because the order of a list says nothing."""
    return ", ".join(sorted(values)) or NONE


def client_words(client: SoftClient) -> str:
    """A soft client."""
    return client.username + _remarks(_behind_nat(client.nat))


def phone_words(phone: DeskPhone) -> str:
    """A desk phone as on its label."""
    mac = ":".join(phone.mac[at : at + 2] for at in range(0, 12, 2))
    return mac + _remarks(phone.vendor, _behind_nat(phone.nat))


def times(spans: Iterable[Interval]) -> str:
    """When a user is unavailable."""
    days = (
        f"{WEEKDAYS[span.weekday]} {span.start:%H:%M}-{span.end:%H:%M}"
        if span.start != span.end
        else f"{WEEKDAYS[span.weekday]} all day"
        for span in sorted(set(spans), key=lambda span: (span.weekday, span.start, span.end))
    )
    return ", ".join(days) or "always available"


def _behind_nat(nat: str) -> str:
    return "" if nat == "auto" else f"{NAT[nat]} behind NAT"


def _remarks(*remarks: str) -> str:
    made = ", ".join(filter(None, remarks))
    return f" ({made})" if made else ""
