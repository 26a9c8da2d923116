"""Who a carrier is shown as calling: From, P-Asserted-Identity and Privacy (RFC 3323, RFC 3325; BEHAVIOUR I2, I4)."""

from __future__ import annotations

from b2bua.callplan.identity import Identity
from b2bua.callplan.settings import Trunk
from b2bua.sip.address import Address
from b2bua.sip.anonymity import ANONYMOUS, UNNUMBERED
from b2bua.sip.compose import Header
from b2bua.sip.uri import Uri
from b2bua.trunks.numbers import to_trunk

PRIVACY: Header = ("Privacy", "id")


def shown(identity: Identity, trunk: Trunk, host: str) -> tuple[Address, tuple[Header, ...]]:
    """The From address and the headers that go with it; `host` stands in their URIs.

    A withheld caller's number is in none of them.
    """
    if identity.withheld:
        return ANONYMOUS, (PRIVACY,)
    from_ = UNNUMBERED if identity.presented is None else _address(identity.presented, trunk, host)
    if identity.network is None:
        return from_, ()
    return from_, (("P-Asserted-Identity", str(_address(identity.network, trunk, host))),)


def _address(number: str, trunk: Trunk, host: str) -> Address:
    return Address(Uri(host, to_trunk(number, trunk)))
