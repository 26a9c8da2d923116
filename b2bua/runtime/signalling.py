"""The signalling process put together: sockets, store, relay and media host around the SIP core and its calls."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from typing import Any

import structlog

from b2bua.call.call import Call
from b2bua.call.line_use import LineUse
from b2bua.call.services import Services
from b2bua.call.snapshot import restore
from b2bua.registrar.failures import BackOff
from b2bua.registrar.location import Location
from b2bua.registrar.registrar import Limits as RegistrarLimits
from b2bua.runtime.callers import Callers
from b2bua.runtime.carriers.resolver import Resolver
from b2bua.runtime.carriers.trunks import TrunkLines
from b2bua.runtime.clock import LoopTimers, Tokens
from b2bua.runtime.directory import Directory, LiveDevices
from b2bua.runtime.guard.call_rate import CallRate
from b2bua.runtime.guard.gate import Gate
from b2bua.runtime.housekeeping import Housekeeping
from b2bua.runtime.media_links import MediaLinks
from b2bua.runtime.message_waiting import MessageWaiting
from b2bua.runtime.metrics import LoopDelay
from b2bua.runtime.records.callbook import CallBook
from b2bua.runtime.records.dialogs import Dialogs
from b2bua.runtime.records.emergencies import Emergencies
from b2bua.runtime.records.trace import Trace
from b2bua.runtime.records.writer import Writer
from b2bua.runtime.registrations import Registrations
from b2bua.runtime.settings_watch import SettingsWatch
from b2bua.runtime.telephony import Parts, Telephony
from b2bua.runtime.wires import Hearing, Wires
from b2bua.sip.agent import UserAgent
from b2bua.sip.auth.challenge import Credential
from b2bua.sip.auth.digest import Algorithm, Authenticator
from b2bua.sip.text.transport import Transport
from b2bua.sip.transactions.timers import Timers
from config.settings import Settings
from provisioning.limits import codes_of, limits_of
from provisioning.notifier.channels import channels
from provisioning.store.store import Store

log = structlog.get_logger()

GOODBYE = 1.0  # seconds for the answers to our last BYEs


class Signalling:
    """One node. `begin` makes it ready, `run` keeps it going until cancelled, `stop` ends its calls in order."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._queue = LoopTimers(asyncio.get_running_loop())
        self._tokens = Tokens("a")
        self.delay = LoopDelay(self._queue)
        self.location = Location()
        self.writer = Writer(store, channels(settings))
        self.trace = Trace(settings.trace.enabled)
        self.wires = Wires(settings, self.trace, self._queue.now)

    async def begin(self) -> None:
        """Read the directory, restore bindings and calls, open the sockets, reach relay and media host.

        Raises StoreError, OSError.
        """
        settings = self._settings
        directory = Directory(await self._store.directory(settings.sip.realm))
        self.devices = LiveDevices(directory, self.location, self.wires.local, self.wires.is_ours)
        self.gate = Gate(
            self.devices,
            BackOff(
                settings.sip.auth_failures,
                settings.sip.auth_window,
                settings.sip.auth_silence,
                settings.sip.auth_longest_silence,
            ),
            settings.media.worker_network,
            self._queue.now,
        )
        self.dialogs = Dialogs(settings.data_dir / "dialogs.jsonl", self._queue)
        self.book = CallBook(self.devices, self.trace, self._queue, self.writer.call, self.dialogs)
        self.telephony = Telephony(
            self._join,
            self.devices,
            self.book,
            self.trace,
            limits_of(settings),
            Emergencies(settings.data_dir / "emergencies.json"),
            CallRate(settings.calls.per_minute),
        )
        self.settings_watch = SettingsWatch(
            self._store,
            settings.sip.realm,
            directory.version,
            self.registrations,
            self.message_waiting,
            self.trunks,
            self._queue.now,
        )
        restored = self.registrations.restore(await self._store.load_bindings(), self._queue.now())
        log.info("registration.restored", bindings=restored)
        hearing = Hearing(
            self.agent.layer,
            self.gate,
            (self.registrations.connection_lost, self.agent.layer.broken, self.trunks.connection_lost),
            self._queue.now,
        )
        await self.wires.bind(hearing)
        await self.media.connect()
        # Calls from before the start are there before anything that concerns them is heard.
        calls = self._restore_calls()
        await self.wires.listen(hearing)
        for call in calls:
            call.resume(self._queue.now())
        self.media.relay.delete_orphans()

    def _join(self, telephony: Telephony) -> Parts:
        """Make what telephony works with, and what tells it what happens."""
        settings, codes = self._settings, codes_of(self._settings)
        self.agent = UserAgent(
            self.wires,
            telephony,
            Timers(settings.sip.t1, settings.sip.t2, settings.sip.t4),
            self._tokens,
            queue=self._queue,
            name=settings.sip.user_agent,
            provisional_repeat=settings.calls.provisional_repeat,
        )
        expiry = RegistrarLimits(
            settings.sip.min_expires,
            settings.sip.default_expires,
            settings.sip.max_expires,
            settings.sip.max_contacts,
        )
        self.registrations = Registrations(
            self.devices,
            Authenticator(
                settings.sip.realm,
                secrets.token_bytes(32),
                settings.sip.nonce_lifetime,
                tuple(Algorithm(name) for name in settings.sip.digest_algorithms),
            ),
            expiry,
            self._queue,
            self.writer,
            telephony.registration_changed,
            self.wires.prove,
            self.gate,
            self._store.key.fingerprint,
        )
        authenticate = self.registrations.authenticate
        self.message_waiting = MessageWaiting(self.agent, self.devices, authenticate, expiry, codes.access)
        self.media = MediaLinks(
            settings,
            self.wires.local[Transport.UDP],
            self.devices,
            self.book,
            self.message_waiting,
            self._queue.now,
        )
        self.trunks = TrunkLines(
            self.agent,
            self._queue,
            Resolver(settings.sip.dns_servers),
            self.wires.local,
            settings.trunks.probe_interval,
        )
        services = Services(
            agent=self.agent,
            relay=self.media.relay,
            mailboxes=self.media.mailboxes,
            devices=self.devices,
            trunks=self.trunks,
            lines=LineUse(self._queue),
            redirected=LineUse(self._queue),
            watcher=self.book,
            token=self._tokens,
            origin=self._tokens.origin,
            chance=random.random,
        )
        callers = Callers(self.devices, authenticate, self.wires.prove, codes)
        return Parts(services, self.registrations, callers, self.message_waiting)

    async def run(self) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self.trunks.follow(self.devices.directory.trunks)
            for work in (
                *(carrier.run for carrier in self.wires.carriers),
                self.media.relay.run,
                self.media.mailboxes.run,
                self.writer.run,
                self.dialogs.run,
                self.settings_watch.run,
                self._housekeeping().run,
            ):
                tasks.create_task(work())

    async def stop(self) -> None:
        """Refuse new calls, let running ones end within `calls.drain` seconds, hang up the rest."""
        self.telephony.draining = True
        deadline = self._queue.now() + self._settings.calls.drain
        while len(self.book) and self._queue.now() < deadline:
            await asyncio.sleep(0.05)
        for call in self.book:
            call.hang_up(self._queue.now(), "service")
        deadline = self._queue.now() + GOODBYE
        while self._queue.now() < deadline and (
            len(self.book) or self.book.mailboxes_pending or self.agent.layer.waiting
        ):
            await asyncio.sleep(0.02)
        await self.trunks.stop()
        self.book.settle()
        await self.dialogs.flush()

    def _housekeeping(self) -> Housekeeping:
        return Housekeeping(
            lambda: len(self.agent.layer),
            lambda keep: self.trace.forget(self._queue.now() - keep),
            self.agent.endpoint.timers.timeout,
        )

    def _restore_calls(self) -> list[Call]:
        """Make the calls again that were in progress when a process before this one died."""
        calls, itinerary = [], self.telephony.answered
        credentials = {
            trunk.name: Credential(trunk.username, trunk.password or "")
            for trunk in self.devices.directory.trunks
            if trunk.username is not None
        }
        for kept in self.dialogs.load():
            now = self._queue.now()
            if missing := kept.call.transports - self.wires.local.keys():
                off = ", ".join(sorted(transport.value for transport in missing))
                self.dialogs.drop(kept, f"SIP over {off} is switched off")
                continue
            try:
                call = restore(self.telephony.services, kept.call, itinerary, credentials, now, time.time())
            except ValueError as error:
                self.dialogs.drop(kept, str(error))
                continue
            self.dialogs.restored(call, kept)
            self.book.restore(call, kept.called_user)
            calls.append(call)
        return calls

    async def reload(self) -> int:
        """Read the settings again, as `SettingsWatch.reload`. Returns their version."""
        return await self.settings_watch.reload()

    # Lists and figures

    @property
    def deadlines(self) -> int:
        """How many deadlines are queued, cancelled ones included."""
        return len(self._queue)

    def list_registrations(self) -> list[dict[str, Any]]:
        """Every live binding."""
        return self.registrations.listed(self._queue.now())

    def list_calls(self) -> list[dict[str, Any]]:
        """Every call in progress."""
        return self.book.listed(self._queue.now())
