"""Who is calling: a device of ours, a carrier, or somebody who is challenged first.

A device is challenged whatever its address: only a request that is no device's is looked up among the trunks'
sources. A carrier without a known source proves itself as a device does, by the trunk's username.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from b2bua.call.dial_trunk import MARKER
from b2bua.callplan.codes import USUAL, Codes
from b2bua.callplan.journey import Diversion
from b2bua.callplan.settings import Trunk, User
from b2bua.callplan.situation import Caller
from b2bua.runtime.directory import LiveDevices
from b2bua.sip.auth.digest import Account
from b2bua.sip.sdp.nat import Nat
from b2bua.sip.text.anonymity import withheld
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.message import Request
from b2bua.sip.transactions.server_transaction import ServerTransaction
from b2bua.trunks.calling import caller_of
from b2bua.trunks.dialled import dialled
from b2bua.trunks.diversions import incoming_diversions
from b2bua.trunks.numbers import dialled_on, number_in

Lookup = Callable[[str], Account | None]
Authenticate = Callable[[ServerTransaction, Request, Lookup, float], str | None]


@dataclass(frozen=True, slots=True)
class Calling:
    """A caller and what it dialled. `user` is set for a device's call, `trunk` for a carrier's.

    `diversions` are the redirects that a carrier tells of, `marker` our own mark on a call that comes back, `nat` what
    the caller's setting says of its addresses.
    """

    caller: Caller
    dialled: str
    user: User | None = None
    trunk: Trunk | None = None
    diversions: tuple[Diversion, ...] = ()
    marker: str | None = None
    nat: Nat = "auto"


class Callers:
    """Finds out who sent an INVITE. `authenticate` answers the request itself where it returns `None`.

    `on_proven` hears of each flow by which a carrier's call came from where the carrier is known to be.
    """

    def __init__(
        self,
        devices: LiveDevices,
        authenticate: Authenticate,
        on_proven: Callable[[Flow], None],
        codes: Codes = USUAL,
    ) -> None:
        self._devices = devices
        self._authenticate = authenticate
        self._on_proven = on_proven
        self._codes = codes

    def identify(self, invite: ServerTransaction, request: Request, now: float) -> Calling | None:
        """Who calls; `None` for a request that is answered already (401, 403)."""
        directory = self._devices.directory
        of_device = (
            self._devices.location.is_flow_of_device(invite.flow)
            or directory.account(request.from_.uri.user or "") is not None
        )
        if not of_device and (trunk := directory.sources.trunk_of(invite.flow.remote)) is not None:
            self._on_proven(invite.flow)
            return _from_trunk(request, trunk)
        username = self._authenticate(invite, request, directory.account_or_trunk, now)
        if username is None:
            return None
        if (account := directory.account(username)) is not None:
            if (user := directory.user(account.user_id)) is not None:
                return self._from_user(request, user, account.nat, self._devices.choices.of(username))
        elif (trunk := directory.trunk_named(username)) is not None:
            return _from_trunk(request, trunk)
        invite.respond(403, now)
        return None

    def _from_user(self, request: Request, user: User, nat: Nat, chosen: str | None) -> Calling:
        caller = Caller.of(user, withheld=withheld(request), chosen=chosen)
        country = self._devices.directory.numbering.customer_of(user).country
        # A device's own domain is where it says it is.
        called = dialled(request.uri, country, (request.from_.uri.host,), self._codes)
        return Calling(caller, called, user=user, nat=nat)


def _from_trunk(request: Request, trunk: Trunk) -> Calling:
    """A carrier's call, with the called number in our own form."""
    called = request.uri
    if called.user == trunk.username:
        # It calls the contact that we registered; whom the call is for stands in To.
        called = request.to.uri
    return Calling(
        caller_of(request, trunk),
        number_in(called, trunk) or dialled_on(called, trunk),
        trunk=trunk,
        diversions=incoming_diversions(request, trunk),
        marker=request.get(MARKER.lower()),
        nat=trunk.nat,
    )
