"""Who a carrier says is calling (RFC 3325; BEHAVIOUR A1, I7)."""

from __future__ import annotations

from collections.abc import Iterator

from b2bua.callplan.settings import Trunk
from b2bua.callplan.situation import Caller
from b2bua.sip.text.address import Address, parse_address, split_list
from b2bua.sip.text.anonymity import withheld
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.message import Request
from b2bua.trunks.numbers import number_in


def caller_of(request: Request, trunk: Trunk) -> Caller:
    """The caller of a carrier's call.

    People see the number in From or the asserted one, as the trunk is set, and the other where that is none. The
    network identity is the asserted number, else the one in From. Raises BadMessage (400) for a From that is none.
    """
    written = request.from_, number_in(request.from_.uri, trunk)
    asserted = _asserted(request, trunk)
    either = (written, asserted) if trunk.caller_from == "from" else (asserted, written)
    shown, number = next(((address, number) for address, number in either if number), written)
    name = shown.display or request.from_.display
    return Caller(
        number,
        "" if name == number else name,
        withheld(request),
        network=asserted[1] or written[1],
        anonymous_code=trunk.anonymous_code,
    )


def _asserted(request: Request, trunk: Trunk) -> tuple[Address, str | None]:
    """The first asserted identity that is a number: there may be a sip and a tel URI (RFC 3325 §9.1)."""
    for address in _identities(request):
        if (number := number_in(address.uri, trunk)) is not None:
            return address, number
    return request.from_, None


def _identities(request: Request) -> Iterator[Address]:
    """The values of P-Asserted-Identity that can be read; one that cannot takes none of the others away."""
    for line in request.lines("p-asserted-identity"):
        try:
            members = split_list(line)
        except BadMessage:
            continue
        for member in members:
            try:
                yield parse_address(member)
            except BadMessage:
                continue
