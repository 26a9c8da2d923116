"""What a REGISTER asks for and what it gets (RFC 3261 §10.3): a pure function, all or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil

from b2bua.registrar.bindings import Added, Binding, Change, Refreshed, Removal, Removed
from b2bua.sip.text.address import Address, parse_address
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.message import Request
from b2bua.sip.text.via import Via

_MAX_USER_AGENT = 200  # characters kept
MAX_PATH = 10  # proxies between us and a device
HOUR = 3600  # no registration as long as this may be called too brief (RFC 3261 §10.3 step 7)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a registration may last, in seconds, and how many contacts an account may have."""

    min_expires: float = 60
    default_expires: float = 3600
    max_expires: float = 3600
    max_contacts: int = 10


@dataclass(frozen=True, slots=True)
class RegisterOutcome:
    """The answer to a REGISTER, and the changes to apply: none unless the code is 200."""

    code: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()
    changes: tuple[Change, ...] = ()


def register(
    request: Request, username: str, flow: Flow, bindings: tuple[Binding, ...], limits: Limits, now: float
) -> RegisterOutcome:
    """Decide the REGISTER of a verified account.

    `username` is the account that the digest proved, `bindings` are its live ones. The user part of To must
    be that account; its host is not compared, because phones write a domain, an address or the realm there.
    Raises BadMessage (400, 416) for headers that cannot be read or must not be together.
    """
    if not request.call_id.isprintable():
        raise BadMessage(400, "Bad Call-ID")
    if request.to.uri.user != username:
        return RegisterOutcome(403, "Forbidden")
    values = request.values("contact")
    path = _path(request)
    if len(values) > 2 * limits.max_contacts:  # enough to take off all and put on as many
        return RegisterOutcome(403, "Too Many Contacts")
    if "*" in values:
        wanted = _everything_off(request, values, bindings, now)
    else:
        contacts = [_contact(value) for value in values]
        asked = [_seconds(contact, request, limits) for contact in contacts]
        if any(0 < seconds < min(limits.min_expires, HOUR) for seconds in asked):
            return RegisterOutcome(
                423, "Interval Too Brief", (("Min-Expires", str(ceil(limits.min_expires))),)
            )
        translated = _translated(request, flow)
        wanted = _distinct(
            (
                _binding(
                    contact, request, username, flow, path, translated, now + min(seconds, limits.max_expires)
                )
                for contact, seconds in zip(contacts, asked, strict=True)
            ),
            now,
        )
    left = list(bindings)
    changes: list[Change] = []
    for each in wanted:
        old = [binding for binding in left if each.replaces(binding)]
        if any(binding.call_id == request.call_id and binding.cseq >= request.cseq[0] for binding in old):
            return RegisterOutcome(500, "CSeq Out Of Order")
        left = [binding for binding in left if binding not in old]
        changes += _changes(each, old, now)
    left += [each for each in wanted if each.expires_at > now]
    if len(left) > max(limits.max_contacts, len(bindings)):
        return RegisterOutcome(403, "Too Many Contacts")
    registered = tuple(("Contact", each.contact_value(now)) for each in left)
    return RegisterOutcome(200, "OK", (*registered, *(("Path", each) for each in path)), tuple(changes))


def _everything_off(
    request: Request, values: list[str], bindings: tuple[Binding, ...], now: float
) -> list[Binding]:
    """Read `Contact: *`, which goes only by itself and with `Expires: 0` (RFC 3261 §10.3 step 6)."""
    if len(values) > 1 or request.get("expires") != "0":
        raise BadMessage(400, "Contact * Needs Expires 0")
    return [replace(binding, expires_at=now) for binding in bindings]


def _path(request: Request) -> tuple[str, ...]:
    """Read the proxies on the way to the device, the one next to us first (RFC 3327 §5.3)."""
    path = tuple(request.values("path"))
    if len(path) > MAX_PATH:
        raise BadMessage(400, "Path Too Long")
    for each in path:
        if parse_address(each).uri.scheme == "tel" or not each.isprintable():
            raise BadMessage(400, "Bad Path")
    return path


def _contact(value: str) -> Address:
    contact = parse_address(value)
    if contact.uri.scheme == "tel":
        raise BadMessage(400, "Bad Contact")
    return contact


def _seconds(contact: Address, request: Request, limits: Limits) -> float:
    """Return the interval asked for: the contact's own, else the message's, else ours (RFC 3261 §10.2.1.1).

    One that is malformed counts as not asked for.
    """
    text = contact.param("expires")
    if text is None:
        text = request.get("expires") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else limits.default_expires


def _binding(
    contact: Address,
    request: Request,
    username: str,
    flow: Flow,
    path: tuple[str, ...],
    translated: frozenset[str],
    expires_at: float,
) -> Binding:
    binding = Binding(
        username=username,
        contact=contact.uri,
        params=tuple(pair for pair in contact.params if pair[0] != "expires"),
        call_id=request.call_id,
        cseq=request.cseq[0],
        expires_at=expires_at,
        flow=flow,
        user_agent="".join(filter(str.isprintable, request.get("user-agent") or ""))[:_MAX_USER_AGENT],
        path=path,
        takes_notify="allow" not in request.headers or "notify" in request.tokens("allow"),
    )
    return replace(binding, behind_nat=binding.next_hop.host.lower() in translated)


def _translated(request: Request, flow: Flow) -> frozenset[str]:
    """The hosts behind NAT: those that sent the request, as a Via says, and came from another address; and that.

    The nearest Via is held against where the request came from. The others bear what proxies noted of that.
    """
    top, source = request.via, flow.remote
    # Who asks for the answer at the source port listens there, and would have named that port (RFC 3581 §4).
    moved = top.rport and not flow.reliable and (top.port or 5060) != source.port
    hosts = {top.host, source.host} if moved or top.host != source.host else set()
    for via in map(Via, request.values("via")[1:]):
        if via.received is not None and via.received != via.host:
            hosts |= {via.host, via.received}
    return frozenset(hosts)


def _distinct(bindings: Iterable[Binding], now: float) -> list[Binding]:
    """Leave out what a later contact of the same request says again.

    A device that names where it is now and signs off where it was stays, in whichever order it says so.
    """
    kept: list[Binding] = []
    for binding in bindings:
        same = [each for each in kept if binding.replaces(each)]
        if binding.expires_at <= now and any(not binding.contact.same_as(each.contact) for each in same):
            continue
        kept = [each for each in kept if each not in same]
        kept.append(binding)
    return kept


def _changes(wanted: Binding, old: list[Binding], now: float) -> list[Change]:
    """Return what one contact changes. It may replace two old bindings: its device's and its address's."""
    if wanted.expires_at <= now:
        return [Removed(each, Removal.UNREGISTERED) for each in old]
    if not old:
        return [Added(wanted)]
    replaced = [Removed(each, Removal.REPLACED) for each in old[1:]]
    return [*replaced, Refreshed(wanted, old[0])]
