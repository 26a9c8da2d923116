"""One binding: a contact that an account has registered, until when, and by which path it is reached."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil

from b2bua.sip.text.address import Address, parse_address
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.uri import Params, Uri


@dataclass(frozen=True, slots=True)
class Binding:
    """A contact of one account (AOR), as its REGISTER gave it (RFC 3261 §10).

    `params` are the Contact's parameters as sent, without `expires`. `expires_at` is in monotonic seconds.
    `flow` is the way its REGISTER came by; a stream's without a connection is one whose connection has gone.
    `path` holds the proxies to visit on the way to the device, as Route values (RFC 3327). `behind_nat`: its
    REGISTER shows that the next hop names itself by an address that is not its own here. `takes_notify`: it did not
    say that the device takes other requests only (Allow, RFC 3261 §20.5).
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
    behind_nat: bool = False
    takes_notify: bool = True

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
        """What tells this binding from the account's others: the contact, or the device's registration."""
        return f"{self.instance};{self.registration}" if self._is_numbered else str(self.contact)

    @property
    def outbound(self) -> bool:
        """Whether the device wants its requests by the flow of its REGISTER (RFC 5626 §5.3).

        With proxies in between, the first of them keeps that flow.
        """
        return not self.path and (self._is_numbered or self.contact.param("ob") is not None)

    @property
    def next_hop(self) -> Uri:
        """Who is next on the way to the device: the nearest proxy of its path, or the device."""
        return parse_address(self.path[0]).uri if self.path else self.contact

    def replaces(self, other: Binding) -> bool:
        """Whether this binding takes the other's place in their account.

        The contact URIs decide (RFC 3261 §10.3), unless both name a device and number its registration. Then
        these do (RFC 5626 §6), so that two devices behind different NATs may have the same private address.
        Two that are reached in the same way are one all the same: a device that was set up anew.
        """
        if not (self._is_numbered and other._is_numbered):
            return self.contact.same_as(other.contact)
        if self.key == other.key:
            return True
        return (self.flow, self.path) == (other.flow, other.path) and self.contact.same_as(other.contact)

    def without_connection(self) -> Binding:
        """Return the binding after its connection has gone."""
        return replace(self, flow=self.flow._replace(connection=0))

    def expires_in(self, now: float) -> int:
        """Return the seconds left, rounded up, never below 0."""
        # To the millisecond: a sum of floats may come out a trace above what was granted.
        return max(ceil(round(self.expires_at - now, 3)), 0)

    def contact_value(self, now: float) -> str:
        """Return the binding as a Contact value of a 200 (RFC 3261 §10.3 step 8)."""
        return str(Address(self.contact, "", (*self.params, ("expires", str(self.expires_in(now))))))

    @property
    def _is_numbered(self) -> bool:
        """Whether the device names itself and says which of its registrations this is (RFC 5626 §4.2)."""
        return bool(self.instance and self.registration)

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
