"""Registrations: REGISTER requests checked, applied, put on disk, and told to whom it concerns."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import ceil
from typing import Any

import structlog

from b2bua.registrar.bindings import (
    Added,
    Binding,
    Change,
    Refreshed,
    Removal,
    Removed,
    monotonic_time,
    wall_time,
)
from b2bua.registrar.registrar import Limits, register
from b2bua.runtime.clock import LoopTimers
from b2bua.runtime.directory import Directory, LiveDevices
from b2bua.runtime.guard.gate import Gate
from b2bua.runtime.identity import Shown, pick
from b2bua.runtime.records.writer import Writer
from b2bua.sip.auth.digest import Account, Authenticator, Missing, Refused, Stale, Verified
from b2bua.sip.text.address import parse_address
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.message import Request
from b2bua.sip.text.transport import Transport
from b2bua.sip.transactions.server_transaction import ServerTransaction
from b2bua.sip.transactions.timers import Alarm
from provisioning.store.bindings import StoredBinding

log = structlog.get_logger()

ACCOUNT = "account"
"""Under what a binding on disk has what changes when its account's password does."""
PICKED = "picked"
"""Under what a binding on disk has the number that was picked for its client."""
PATH = "path"
"""Under what it has the proxies on the way to its device."""
BEHIND_NAT = "behind_nat"
"""Under what it has whether its next hop is behind NAT. Where that is not known, it may be."""
TAKES_NOTIFY = "takes_notify"
"""Under what it has whether its device takes a NOTIFY."""


class Registrations:
    """The registrar of the service. `on_changed` hears of each change to a binding.

    `on_proven` hears of each flow by which an account's valid credentials came, and `gate` of the others too.
    `fingerprint` tells two passwords' digests apart without showing them.
    """

    def __init__(
        self,
        devices: LiveDevices,
        authenticator: Authenticator,
        limits: Limits,
        queue: LoopTimers,
        writer: Writer,
        on_changed: Callable[[Change, float], None],
        on_proven: Callable[[Flow], None],
        gate: Gate,
        fingerprint: Callable[[str], str],
    ) -> None:
        self._devices = devices
        self._authenticator = authenticator
        self._limits = limits
        self._queue = queue
        self._writer = writer
        self._on_changed = on_changed
        self._on_proven = on_proven
        self._gate = gate
        self._fingerprint = fingerprint
        self._by_connection: defaultdict[Flow, set[str]] = defaultdict(set)
        self._expiry = Alarm(queue, self._expire)

    def authenticate(
        self,
        transaction: ServerTransaction,
        request: Request,
        lookup: Callable[[str], Account | None],
        now: float,
    ) -> str | None:
        """The username that a request proves to be sent by, `lookup` finding its secret.

        `None` after a challenge, or a 503 to who guesses passwords. An unknown account and a wrong password get
        the same answer as no credentials at all.
        """
        flow = transaction.flow
        if request.get("authorization") is not None and (pause := self._gate.pause(flow, now)):
            transaction.dismiss(503, (("Retry-After", str(ceil(pause))),))
            return None
        verdict = self._authenticator.check(request, lookup, now)
        if isinstance(verdict, Verified):
            self._gate.met(flow, now)
            self._on_proven(flow)
            return verdict.username
        if isinstance(verdict, Refused):
            self._gate.refused(verdict, flow, request.method, request.call_id, now)
        assert isinstance(verdict, Missing | Stale | Refused)
        challenges = self._authenticator.challenge(now, stale=isinstance(verdict, Stale))
        transaction.dismiss(401, tuple(("WWW-Authenticate", value) for value in challenges))
        return None

    def on_register(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """Answer a REGISTER."""
        username = self.authenticate(transaction, request, self._devices.directory.account, now)
        if username is None:
            return
        location = self._devices.location
        known = location.lookup(username, now)
        outcome = register(request, username, transaction.flow, known, self._limits, now)
        location.apply(outcome.changes)
        if outcome.code == 200 and transaction.flow.connection:
            self._by_connection[transaction.flow].add(username)
        transaction.respond(outcome.code, now, outcome.headers, reason=outcome.reason)
        if outcome.code != 200:
            log.warning("registration.refused", username=username, code=outcome.code, reason=outcome.reason)
        for change in outcome.changes:
            self._changed(change, now)
        self._arm()

    def connection_lost(self, flow: Flow, now: float) -> None:
        """What registered by this connection is reached in another way from now on, or not at all."""
        for username in self._by_connection.pop(flow, ()):
            for binding in self._devices.location.lookup(username, now):
                if binding.flow == flow:
                    self._disconnected(binding, now)

    def _disconnected(self, binding: Binding, now: float) -> None:
        location, left = self._devices.location, binding.without_connection()
        if self._devices.device(left) is not None:
            location.apply((Refreshed(left, binding),))
        else:
            removal = Removed(binding, Removal.UNREACHABLE)
            location.apply((removal,))
            self._changed(removal, now)

    def restore(self, stored: tuple[StoredBinding, ...], now: float) -> int:
        """Take over what was on disk, and return how many bindings are still good; the others go.

        Good are those that last, of accounts whose password is still the one they were made with.
        All connections went with the process before this one. A number that was picked holds too where only the
        connection is lost: its client comes back and has not signed off (I1).
        """
        wall_now = time.time()
        bindings = []
        for each in stored:
            still_its = each.details.get(ACCOUNT) == self._mark(each.username)
            binding = _restored(each, now, wall_now) if still_its and each.expires_at > wall_now else None
            if binding is not None and PICKED in each.details:
                self._devices.choices.pick(each.username, each.details[PICKED])
            if binding is not None:
                # The wall clock may have been put back meanwhile.
                binding = replace(binding, expires_at=min(binding.expires_at, now + self._limits.max_expires))
            if binding is None or self._devices.device(binding) is None:
                self._writer.unbound(each.key)
            else:
                self._gate.met(binding.flow, now, binding.expires_at - now)
                bindings.append(binding)
        self._devices.location.restore(bindings)
        self._arm()
        return len(bindings)

    def listed(self, now: float) -> list[dict[str, Any]]:
        """Every live binding, for people."""
        rows = []
        for binding in self._devices.location:
            account = self._devices.directory.account(binding.username)
            user = self._devices.directory.user(account.user_id) if account is not None else None
            rows.append(
                {
                    "user": user.known_as if user is not None else None,
                    "username": binding.username,
                    "contact": str(binding.contact),
                    "source": str(binding.flow.remote),
                    "user_agent": binding.user_agent,
                    "expires_in": binding.expires_in(now),
                }
            )
        return rows

    def replace_directory(self, directory: Directory, now: float) -> None:
        """The settings changed: what belongs to an account that is gone, or has another password, goes too."""
        changed = self._devices.directory.changed_accounts(directory)
        self._devices.directory = directory
        for username in changed:
            for removal in self._devices.location.withdraw(username):
                self._changed(removal, now)

    def pick(self, username: str, number: str | None, now: float) -> Shown:
        """Pick a number for a client's calls, `None` for the one that is set (I1). Raises ChoiceError.

        It is kept with the client's bindings, and goes with the last of them.
        """
        found = pick(self._devices, username, number, now)
        self._store_again(self._devices.location.lookup(username, now), now)
        return found

    def store_again(self, now: float) -> None:
        """The wall clock was set: what is on disk names the ends of bindings by it."""
        self._store_again(self._devices.location, now)

    def _store_again(self, bindings: Iterable[Binding], now: float) -> None:
        for binding in bindings:
            if (account := self._devices.directory.account(binding.username)) is not None:
                self._store(binding, account.user_id, now)

    def _store(self, binding: Binding, user_id: int, now: float) -> None:
        details: dict[str, Any] = {
            ACCOUNT: self._mark(binding.username),
            BEHIND_NAT: binding.behind_nat,
            TAKES_NOTIFY: binding.takes_notify,
        }
        if (picked := self._devices.choices.of(binding.username)) is not None:
            details[PICKED] = picked
        if binding.path:
            details[PATH] = binding.path
        self._writer.bound(_stored(binding, user_id, details, now))

    def _mark(self, username: str) -> str:
        """What changes when an account's password does."""
        account = self._devices.directory.account(username)
        return "" if account is None else self._fingerprint(account.ha1_sha256)

    def _expire(self, now: float) -> None:
        for removal in self._devices.location.handle_timer(now):
            self._changed(removal, now)
        self._arm()

    def _arm(self) -> None:
        if (deadline := self._devices.location.next_deadline()) is not None:
            self._expiry.at(deadline)

    def _changed(self, change: Change, now: float) -> None:
        binding = change.binding
        if isinstance(change, Removed):
            if change.reason is Removal.WITHDRAWN:
                self._gate.forget(binding.flow)
            if not self._devices.location.lookup(binding.username, now):
                self._devices.choices.removed(binding.username, change.reason)
            self._writer.unbound((binding.username, binding.contact_text))
            log.info("registration.removed", username=binding.username, reason=change.reason.value)
            self._on_changed(change, now)
            return
        if isinstance(change, Refreshed) and change.previous.contact_text != binding.contact_text:
            self._writer.unbound((binding.username, change.previous.contact_text))
        self._gate.met(binding.flow, now, binding.expires_at - now)
        account = self._devices.directory.account(binding.username)
        if account is None:
            return
        self._store(binding, account.user_id, now)
        if isinstance(change, Added):
            log.info(
                "registration.added",
                username=binding.username,
                user=account.user_id,
                source=str(binding.flow.remote),
                user_agent=binding.user_agent,
                expires_in=binding.expires_in(now),
            )
        self._on_changed(change, now)


def _stored(binding: Binding, user_id: int, details: dict[str, Any], now: float) -> StoredBinding:
    return StoredBinding(
        username=binding.username,
        contact=binding.contact_text,
        user_id=user_id,
        call_id=binding.call_id,
        cseq=binding.cseq,
        expires_at=wall_time(binding.expires_at, now, time.time()),
        transport=binding.flow.transport.value,
        local=str(binding.flow.local),
        remote=str(binding.flow.remote),
        instance=binding.instance or None,
        user_agent=binding.user_agent or None,
        details=details,
    )


def _restored(stored: StoredBinding, now: float, wall_now: float) -> Binding | None:
    try:
        contact = parse_address(stored.contact)
    except BadMessage:
        return None
    if (transport := Transport.named(stored.transport)) is None:
        return None
    return Binding(
        username=stored.username,
        contact=contact.uri,
        params=contact.params,
        call_id=stored.call_id,
        cseq=stored.cseq,
        expires_at=monotonic_time(stored.expires_at, now, wall_now),
        flow=Flow(transport, _hop(stored.local), _hop(stored.remote)),
        user_agent=stored.user_agent or "",
        path=tuple(stored.details.get(PATH, ())),
        behind_nat=stored.details.get(BEHIND_NAT, True),
        takes_notify=stored.details.get(TAKES_NOTIFY, True),
    )


def _hop(text: str) -> SocketAddress:
    host, _, port = text.rpartition(":")
    return SocketAddress(host, int(port))
