"""The directory in memory: what a call asks, answered without a database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from b2bua.call.ports import Device
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.settings import Trunk, User
from b2bua.registrar.bindings import Binding
from b2bua.registrar.location import Location
from b2bua.registrar.target import Ways, target_of
from b2bua.runtime.picked_numbers import PickedNumbers
from b2bua.sip.text.flow import SocketAddress
from b2bua.sip.text.transport import Transport
from b2bua.trunks.sources import sources_of
from provisioning.store.directory import Account
from provisioning.store.directory import Directory as Reading


class Directory:
    """One consistent reading of the settings, replaced whole when they change."""

    def __init__(self, reading: Reading) -> None:
        self.version = reading.version
        self.numbering = Numbering.of(reading.customers, reading.users, reading.trunks, reading.blocked)
        self.trunks = self.numbering.trunks
        self.sources = sources_of(self.trunks)
        self._trunks = {trunk.username: trunk for trunk in self.trunks if trunk.username}
        self._accounts = {account.username: account for account in reading.accounts}
        self._by_user: defaultdict[int, list[Account]] = defaultdict(list)
        for account in reading.accounts:
            self._by_user[account.user_id].append(account)

    def account(self, username: str) -> Account | None:
        """The account with this SIP username."""
        return self._accounts.get(username)

    def trunk_named(self, username: str) -> Trunk | None:
        """The trunk that has this username."""
        return self._trunks.get(username)

    def account_or_trunk(self, username: str) -> Account | Trunk | None:
        """Whoever may prove to be somebody by this username."""
        return self._accounts.get(username) or self._trunks.get(username)

    def user(self, user_id: int) -> User | None:
        """The user with this id; `None` for one that was deleted meanwhile."""
        return self.numbering.users.get(user_id)

    def accounts(self, user_id: int) -> Sequence[Account]:
        """The accounts of a user's devices."""
        return self._by_user.get(user_id, ())

    def changed_accounts(self, later: Directory) -> list[str]:
        """Accounts whose bindings no longer count: gone, of another user, or with another password."""
        return [
            username for username, account in self._accounts.items() if later.account(username) != account
        ]


class LiveDevices:
    """The `Devices` of calls: users by the present directory, bindings and picked numbers as clients signed on.

    `local` holds where we listen, by transport; `is_ours` tells which other addresses are ours too.
    """

    def __init__(
        self,
        directory: Directory,
        location: Location,
        local: Mapping[Transport, SocketAddress],
        is_ours: Callable[[SocketAddress], bool],
    ) -> None:
        self.directory = directory
        self.location = location
        self.choices = PickedNumbers()
        self._is_ours = is_ours
        self._ways = Ways(local, self._closed)

    def of_user(self, user: int, now: float) -> list[Device]:
        """Every live binding of every account of a user."""
        return [
            device
            for account in self.directory.accounts(user)
            for binding in self.location.lookup(account.username, now)
            if (device := self.device(binding)) is not None
        ]

    def device(self, binding: Binding) -> Device | None:
        """The device of a binding, and how it is reached; `None` where it is not."""
        account, target = self.directory.account(binding.username), target_of(binding, self._ways)
        if account is None or target is None:
            return None
        return Device(binding.username, binding, target, account.nat)

    def _closed(self, hop: SocketAddress) -> bool:
        return self._is_ours(hop) or self.directory.sources.trunk_of(hop) is not None
