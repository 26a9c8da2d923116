"""Who a carrier is shown as calling: From, P-Asserted-Identity and Privacy (RFC 3323, RFC 3325; BEHAVIOUR I4, D4)."""

from __future__ import annotations

from b2bua.callplan.identity import Identity
from b2bua.callplan.settings import Trunk
from b2bua.sip.text.address import Address
from b2bua.sip.text.anonymity import ANONYMOUS, UNNUMBERED
from b2bua.sip.text.compose import Header
from b2bua.sip.text.uri import Uri
from b2bua.trunks.diversions import diversion_headers
from b2bua.trunks.numbers import to_trunk

PRIVACY: Header = ("Privacy", "id")


def shown(identity: Identity, trunk: Trunk, host: str, number: str) -> tuple[Address, tuple[Header, ...]]:
    """The From address and the headers that go with it; `host` stands in their URIs, `number` is called.

    A withheld caller's number is in none of them, unless the trunk is trusted with it (P-Asserted-Identity).
    """
    from_, asserted = _numbers(identity, trunk)
    headers: list[Header] = []
    if asserted is not None:
        headers.append(("P-Asserted-Identity", str(_address(asserted, trunk, host))))
    if identity.withheld:
        headers.append(PRIVACY)
    headers += diversion_headers(identity.diversions, trunk, host, number)
    if identity.withheld:
        return ANONYMOUS, tuple(headers)
    return (UNNUMBERED if from_ is None else _address(from_, trunk, host)), tuple(headers)


def _numbers(identity: Identity, trunk: Trunk) -> tuple[str | None, str | None]:
    """Whose numbers stand in From and in P-Asserted-Identity (D4)."""
    told = identity.network if not identity.withheld or trunk.trusted else None
    if identity.redirecting is None:
        return identity.presented, told
    if identity.dialled_shown or trunk.identity == "screened":
        return identity.presented, identity.redirecting
    if trunk.identity == "interconnect":
        return identity.presented, told
    return identity.redirecting, told


def _address(number: str, trunk: Trunk, host: str) -> Address:
    return Address(Uri(host, to_trunk(number, trunk)))
