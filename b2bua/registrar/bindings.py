"""One binding: a contact that an account has registered, until when, and by which path it is reached."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil

from b2bua.sip.address import Address
from b2bua.sip.flow import Flow
from b2bua.sip.uri import Params, Uri


@dataclass(frozen=True, slots=True)
class Binding:
    """A contact of one account (AOR), as its REGISTER gave it (RFC 3261 §10).

    `params` are the Contact's parameters as sent, without `expires`. `expires_at` is in monotonic seconds.
    `flow` is the way its REGISTER came by: every request to the device goes back that way, NAT or not. `path`
    holds the proxies to visit on the way to the device, as Route values (RFC 3327).
    """

    username: str
    contact: Uri
    params: Params
    call_id: str
    cseq: int
    expires_at: float
    flow: Flow
    user_agent: str = ""
    path: tuple[str, ...] = ()

    @property
    def instance(self) -> str:
        """The device's own name, which outlives its addresses (`+sip.instance`, RFC 5626 §4.1), or `""`."""
        return self._param("+sip.instance").strip('"')

    @property
    def registration(self) -> str:
        """Which of the device's registrations this is (`reg-id`, RFC 5626 §4.2), or `""`."""
        return self._param("reg-id")

    @property
    def priority(self) -> float:
        """The contact's q value (RFC 3261 §20.10); 1.0 where it has none or a bad one."""
        try:
            q = float(self._param("q"))
        except ValueError:
            return 1.0
        return q if 0.0 <= q <= 1.0 else 1.0

    @property
    def contact_text(self) -> str:
        """The contact and its parameters as text; `parse_address` gives both back."""
        return str(Address(self.contact, "", self.params))

    @property
    def key(self) -> str:
        """What tells this binding from the account's others: the device, or else the contact."""
        return f"{self.instance};{self.registration}" if self.instance else str(self.contact)

    def replaces(self, other: Binding) -> bool:
        """Whether this binding is a newer one of the same device and account.

        Devices that name themselves are compared by their names (RFC 5626 §6): one that comes back with
        another address is the same, and two behind different NATs with the same private address are not.
        Otherwise the contact URIs are compared (RFC 3261 §10.3).
        """
        if self.instance and other.instance:
            return (self.instance, self.registration) == (other.instance, other.registration)
        return self.contact.same_as(other.contact)

    def without_connection(self) -> Binding | None:
        """Return the binding after its connection has gone; `None` where only the device can open another."""
        reopened = self.flow.reopened(self.contact)
        return None if reopened is None else replace(self, flow=reopened)

    def expires_in(self, now: float) -> int:
        """Return the seconds left, rounded up, never below 0."""
        # To the millisecond: a sum of floats may come out a trace above what was granted.
        return max(ceil(round(self.expires_at - now, 3)), 0)

    def contact_value(self, now: float) -> str:
        """Return the binding as a Contact value of a 200 (RFC 3261 §10.3 step 8)."""
        return str(Address(self.contact, "", (*self.params, ("expires", str(self.expires_in(now))))))

    def _param(self, name: str) -> str:
        return next((value or "" for key, value in self.params if key == name), "")


class Removal(StrEnum):
    """Why a binding has gone."""

    EXPIRED = "expired"
    UNREGISTERED = "unregistered"
    REPLACED = "replaced"  # by another binding of the same device
    UNREACHABLE = "unreachable"  # its connection has gone, and only the device can open another
    WITHDRAWN = "withdrawn"  # by us: the account is gone or its password changed


@dataclass(frozen=True, slots=True)
class Added:
    """A device has signed on."""

    binding: Binding


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A device that was registered has registered again; its contact, flow and key may be new."""

    binding: Binding
    previous: Binding


@dataclass(frozen=True, slots=True)
class Removed:
    """A device has signed off, or was signed off."""

    binding: Binding
    reason: Removal


Change = Added | Refreshed | Removed


def wall_time(moment: float, now: float, wall_now: float) -> float:
    """Turn a monotonic moment into Unix time, given both clocks now: what is stored outlives the process."""
    return wall_now + (moment - now)


def monotonic_time(moment: float, now: float, wall_now: float) -> float:
    """Turn a Unix time into a monotonic moment, given both clocks now."""
    return now + (moment - wall_now)
