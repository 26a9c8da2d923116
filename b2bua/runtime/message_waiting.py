"""Message waiting (RFC 3842): what every mailbox holds, and telling it to its user's devices (BEHAVIOUR V4).

A device that subscribes is told in its subscription, any other by a NOTIFY that belongs to none, unless its REGISTER
says that it takes no NOTIFY. What each was told last is remembered, so that none is told again what it knows, and each
whose lamp may be wrong is put right.
"""

from __future__ import annotations

from collections import defaultdict, deque
from math import ceil

import structlog

from b2bua.callplan.dialling import without_separators
from b2bua.registrar.bindings import Binding, Change, Refreshed, Removed
from b2bua.registrar.registrar import HOUR, Limits
from b2bua.runtime.callers import Authenticate
from b2bua.runtime.directory import LiveDevices
from b2bua.sip.agent import UserAgent
from b2bua.sip.bodies.message_summary import CONTENT_TYPE, UNSOLICITED, Counts, summary
from b2bua.sip.dialogs.subscription import Subscription
from b2bua.sip.text.address import Address
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.message import Request
from b2bua.sip.text.uri import Uri
from b2bua.sip.transactions.server_transaction import ServerTransaction
from b2bua.sip.transactions.timers import Alarm
from b2bua.trunks.dialled import dialled
from provisioning.store.directory import Account

log = structlog.get_logger()

NONE = Counts()
# How many users' devices are looked through at a time after a restart, and seconds until the next ones: telling
# ten thousand devices at once would hold up calls for a second.
AT_A_TIME, PAUSE = 20, 0.1


class Subscriber:
    """Whose subscription it is: the `SubscriptionUser` of one."""

    def __init__(self, account: Account, waiting: MessageWaiting) -> None:
        self.account = account
        self.told: Counts | None = None
        self._waiting = waiting

    def on_subscribed_again(
        self, subscription: Subscription, subscribe: ServerTransaction, request: Request, now: float
    ) -> None:
        """The device refreshes or ends it."""
        self._waiting.subscribed_again(self, subscription, subscribe, request, now)

    def present(self, subscription: Subscription) -> tuple[str, bytes]:
        """What the mailbox holds now."""
        self.told = self._waiting.counts(self.account.user_id)
        account = self._waiting.address(self.account.username, subscription.dialog.flow)
        return CONTENT_TYPE, summary(self.told, str(account))

    def on_over(self, subscription: Subscription, now: float, *, told: bool) -> None:
        """The device is told without a subscription from now on."""
        self._waiting.unsubscribed(self, subscription, now, told=told)


class MessageWaiting:
    """The notifier of all mailboxes. `access_codes` name the own mailbox to whoever subscribes to one of them."""

    def __init__(
        self,
        agent: UserAgent,
        devices: LiveDevices,
        authenticate: Authenticate,
        limits: Limits,
        access_codes: frozenset[str],
    ) -> None:
        self._agent = agent
        self._devices = devices
        self._authenticate = authenticate
        self._limits = limits
        self._access_codes = access_codes
        self._counts: dict[int, Counts] = {}
        self._named: set[int] | None = set()
        self._known = False
        self._told: dict[tuple[str, str], Counts] = {}
        self._subscribers: defaultdict[str, dict[Subscription, Subscriber]] = defaultdict(dict)
        self._doubtful: deque[int] = deque()
        self._next = Alarm(agent.queue, self._tell_doubtful)

    def counts(self, user: int) -> Counts:
        """What this user's mailbox holds, as far as is known."""
        return self._counts.get(user, NONE)

    def address(self, username: str, flow: Flow) -> Uri:
        """The address of an account's mailbox, as the device at the other end of this flow must write it."""
        host = self._agent.wire.advertised(flow)
        return Uri(host.host, username, host.port)

    # What the media host tells

    def counts_changed(self, user: int, counts: Counts, now: float) -> None:
        """A mailbox holds another number of messages: tell all the user's devices."""
        self._counts[user] = counts
        if self._named is not None:
            self._named.add(user)
        if self._known:
            self._tell_user(user, now)

    def host_gone(self) -> None:
        """The media host has gone. When it is back it names every mailbox that there is."""
        self._named = set()

    def all_named(self, now: float) -> None:
        """It has named them all: the others are empty, whatever was known of them."""
        if self._named is None:
            return
        self._counts = {user: self._counts[user] for user in self._named}
        self._named, self._known = None, True
        directory = self._devices.directory
        usernames = {*(binding.username for binding in self._devices.location), *self._subscribers}
        accounts = filter(None, map(directory.account, sorted(usernames)))
        self._doubtful = deque(dict.fromkeys(account.user_id for account in accounts))
        self._tell_doubtful(now)

    # What the registrar tells

    def registration_changed(self, change: Change, now: float) -> None:
        """A device that registers is told; what is known of one that has gone is forgotten."""
        binding = change.binding
        if isinstance(change, Removed):
            self._told.pop((binding.username, binding.key), None)
            return
        if isinstance(change, Refreshed) and change.previous.key != binding.key:
            self._told.pop((binding.username, change.previous.key), None)
        account = self._devices.directory.account(binding.username)
        # Before the media host has told what there is, a lamp would be put out for a moment.
        if account is None or not self._known:
            return
        if (subscription := self._subscription_of(binding)) is not None:
            subscription.changed(now)
        else:
            self._notify(binding, self.counts(account.user_id), now)

    def directory_changed(self, now: float) -> None:
        """Accounts may be gone, or have another password or user: their subscriptions are over."""
        for username, held in list(self._subscribers.items()):
            account = self._devices.directory.account(username)
            for subscription, subscriber in list(held.items()):
                if subscriber.account != account:
                    subscription.end("noresource" if account is None else "deactivated", now)

    # What devices ask for

    def on_subscribe(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A device wants to be told of its messages from now on, or once (Expires: 0)."""
        asked = self._allowed(transaction, request, now)
        if asked is None:
            return
        account, seconds = asked
        held = self._subscribers.get(account.username, {})
        replaced = [each for each in held if _leads_to(each, transaction.flow, request.contact)]
        if seconds and len(held) - len(replaced) >= self._limits.max_contacts:
            self._refuse(transaction, account.username, 403, now, reason="Too Many Subscriptions")
            return
        subscriber = Subscriber(account, self)
        subscription = self._agent.subscribe(transaction, subscriber, seconds, now)
        if not subscription.live:
            return
        for each in replaced:
            # The device has been switched off and on, and knows nothing of that one any more.
            each.drop()
            self._forget(account.username, each)
        self._subscribers[account.username][subscription] = subscriber
        log.info(
            "subscription.added",
            username=account.username,
            user=account.user_id,
            source=str(transaction.flow.remote),
            expires_in=seconds,
        )

    def subscribed_again(
        self,
        subscriber: Subscriber,
        subscription: Subscription,
        transaction: ServerTransaction,
        request: Request,
        now: float,
    ) -> None:
        """A SUBSCRIBE in the dialog of a subscription."""
        asked = self._allowed(transaction, request, now)
        if asked is None:
            return
        account, seconds = asked
        if account.username != subscriber.account.username:
            self._refuse(transaction, account.username, 403, now)
        else:
            subscription.accept(transaction, seconds, now)

    def unsubscribed(
        self, subscriber: Subscriber, subscription: Subscription, now: float, *, told: bool
    ) -> None:
        """A subscription is no more. A device that did not hear so may have a wrong lamp."""
        account = subscriber.account
        known = self._forget(account.username, subscription)
        if known:
            log.info("subscription.removed", username=account.username, user=account.user_id, told=told)
        for binding in self._devices.location.lookup(account.username, now):
            if not _reaches(subscription, binding) or self._subscription_of(binding) is not None:
                continue
            if told and subscriber.told is not None:
                self._told[binding.username, binding.key] = subscriber.told
            elif known:
                self._notify(binding, self.counts(account.user_id), now)

    def _allowed(
        self, transaction: ServerTransaction, request: Request, now: float
    ) -> tuple[Account, int] | None:
        """Who asks, and for how many seconds; `None` for a request that is answered already (401, 403, 423)."""
        directory, limits = self._devices.directory, self._limits
        username = self._authenticate(transaction, request, directory.account, now)
        account = None if username is None else directory.account(username)
        if account is None:
            return None
        if not self._is_own(request.uri, account):
            self._refuse(transaction, account.username, 403, now)
            return None
        seconds = request.integer("expires", int(limits.default_expires))
        if 0 < seconds < min(limits.min_expires, HOUR):
            wanted = (("Min-Expires", str(ceil(limits.min_expires))),)
            transaction.respond(423, now, wanted)
            return None
        return account, min(seconds, int(limits.max_expires))

    def _is_own(self, uri: Uri, account: Account) -> bool:
        """Whether this names the mailbox of the account's user: phones write an account, a number or an access code."""
        directory = self._devices.directory
        name = uri.user
        if not name or name == account.username or name in self._access_codes:
            return True
        user, other = directory.user(account.user_id), directory.account(name)
        if other is not None:
            return other.user_id == account.user_id
        if user is None:
            return False
        called = without_separators(dialled(uri, directory.numbering.customer_of(user).country))
        return called in (user.extension, *user.numbers)

    def _refuse(
        self,
        transaction: ServerTransaction,
        username: str,
        code: int,
        now: float,
        *,
        reason: str = "Forbidden",
    ) -> None:
        transaction.respond(code, now, reason=reason)
        log.warning("subscription.refused", username=username, code=code, reason=reason)

    # Telling

    def _tell_doubtful(self, now: float) -> None:
        for _ in range(min(AT_A_TIME, len(self._doubtful))):
            self._tell_user(self._doubtful.popleft(), now)
        if self._doubtful:
            self._next.at(now + PAUSE)

    def _tell_user(self, user: int, now: float) -> None:
        """Tell those of the user's devices that know something else."""
        counts = self.counts(user)
        for account in self._devices.directory.accounts(user):
            for subscription, subscriber in list(self._subscribers.get(account.username, {}).items()):
                if subscriber.told != counts:
                    subscription.changed(now)
            for binding in self._devices.location.lookup(account.username, now):
                told = self._told.get((binding.username, binding.key))
                if told != counts and self._subscription_of(binding) is None:
                    self._notify(binding, counts, now)

    def _notify(self, binding: Binding, counts: Counts, now: float) -> None:
        if not binding.takes_notify:
            return
        self._told[binding.username, binding.key] = counts
        device = self._devices.device(binding)
        if device is None:
            return
        target = device.target
        account = self.address(binding.username, target.flow)
        self._agent.notify(
            target.uri,
            target.flow,
            Address(account),
            Address(binding.contact),
            (*target.routes, *UNSOLICITED),
            summary(counts, str(account)),
            now,
        )

    # Which subscription is which device's

    def _subscription_of(self, binding: Binding) -> Subscription | None:
        held = self._subscribers.get(binding.username, {})
        return next((each for each in held if each.live and _reaches(each, binding)), None)

    def _forget(self, username: str, subscription: Subscription) -> bool:
        """Whether it was one of those that last."""
        held = self._subscribers.get(username, {})
        known = held.pop(subscription, None) is not None
        if known and not held:
            del self._subscribers[username]
        return known


def _reaches(subscription: Subscription, binding: Binding) -> bool:
    return _leads_to(subscription, binding.flow, binding.contact)


def _leads_to(subscription: Subscription, flow: Flow, contact: Uri | None) -> bool:
    """Whether a subscription is of the device at this flow, or with this Contact."""
    dialog = subscription.dialog
    return dialog.flow == flow or (contact is not None and dialog.target.same_as(contact))
