"""The signalling process put together: sockets, store, relay and media host around the SIP core and its calls."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from ipaddress import IPv4Address
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from b2bua.call.call import Call
from b2bua.call.line_use import LineUse
from b2bua.call.services import Services
from b2bua.call.snapshot import restore
from b2bua.registrar.failures import Patience
from b2bua.registrar.location import Location
from b2bua.registrar.registrar import Limits as RegistrarLimits
from b2bua.runtime.callers import Callers
from b2bua.runtime.carriers.resolver import Resolver
from b2bua.runtime.carriers.trunks import TrunkLines
from b2bua.runtime.clock import ClockJumps, LoopTimers, Tokens
from b2bua.runtime.directory import Directory, LiveDevices
from b2bua.runtime.guard.call_rate import CallRate
from b2bua.runtime.guard.gate import Gate
from b2bua.runtime.housekeeping import Housekeeping
from b2bua.runtime.mailboxes import MailboxLink
from b2bua.runtime.message_waiting import MessageWaiting
from b2bua.runtime.metrics import LoopDelay
from b2bua.runtime.records.callbook import CallBook
from b2bua.runtime.records.dialogs import Dialogs
from b2bua.runtime.records.emergencies import Emergencies
from b2bua.runtime.records.trace import Trace
from b2bua.runtime.records.writer import Writer
from b2bua.runtime.registrations import Registrations
from b2bua.runtime.relay import RelayLink
from b2bua.runtime.telephony import Telephony
from b2bua.sip.agent import UserAgent
from b2bua.sip.auth.challenge import Credential
from b2bua.sip.auth.digest import Algorithm, Authenticator
from b2bua.sip.bodies.message_summary import Counts
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.framing import Unframed
from b2bua.sip.transactions.timers import Timers
from b2bua.transport.addresses import Addresses
from b2bua.transport.tcp import Limits as ConnectionLimits
from b2bua.transport.tcp import Receiver, TcpTransport
from b2bua.transport.udp import UdpTransport
from config.settings import Settings
from media.protocol import CountsChanged, Event, MessageStored, PoolStats, SessionEnded, SessionLost
from provisioning.limits import codes_of, limits_of
from provisioning.notifier.channels import channels
from provisioning.store.errors import StoreError
from provisioning.store.store import Store

log = structlog.get_logger()

WATCH_INTERVAL = 1.0  # seconds between two looks at settings_version
GOODBYE = 1.0  # seconds for the answers to our last BYEs


class Signalling:
    """One node. `begin` makes it ready, `run` keeps it going until cancelled, `stop` ends its calls in order."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._queue = LoopTimers(self._loop)
        self._tokens = Tokens("a")
        listening = {"UDP": settings.sip.udp, "TCP": settings.sip.tcp}
        self._local = {
            name: SocketAddress(*address) for name, address in listening.items() if address is not None
        }
        self._addresses = {
            name: _addresses(hop.host, settings.sip.public_address, settings)
            for name, hop in self._local.items()
        }
        self._transport: UdpTransport | None = None
        self._tcp: TcpTransport | None = None
        self.pool = PoolStats(0, 0, 0)
        self._version = -1
        self._changing = asyncio.Lock()
        self.delay = LoopDelay(self._queue)
        self.location = Location()
        self.writer = Writer(store, channels(settings))
        self.trace = Trace(settings.trace.enabled)

    async def begin(self) -> None:
        """Read the directory, restore bindings, bind the socket, reach relay and media host.

        Raises StoreError, OSError.
        """
        settings = self._settings
        directory = Directory(await self._store.directory(settings.sip.realm))
        self._version = directory.version
        self.devices = LiveDevices(directory, self.location, self._local, self._is_ours)
        self.gate = Gate(
            self.devices,
            Patience(
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
            self.devices,
            self.book,
            self.trace,
            limits_of(settings),
            Emergencies(settings.data_dir / "emergencies.json"),
            CallRate(settings.calls.per_minute),
        )
        self.agent = UserAgent(
            self,
            self.telephony,
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
            self.telephony.registration_changed,
            self._proven,
            self.gate,
            self._store.key.fingerprint,
        )
        self.message_waiting = MessageWaiting(
            self.agent,
            self.devices,
            self.registrations.authenticate,
            expiry,
            codes_of(settings).access,
        )
        self.relay = RelayLink(
            settings.run_dir / "relay.sock",
            settings.data_dir / "tones",
            _addresses(settings.media_address, settings.media.public_address, settings),
            settings.media.silence_timeout,
            self._relay_back,
            self._relay_lost,
            self._silent,
        )
        restored = self.registrations.restore(await self._store.load_bindings(), self._queue.now())
        log.info("registration.restored", bindings=restored)
        self._transport = await UdpTransport.bind(
            self._local["UDP"],
            settings.sip.receive_buffer,
            self._received,
            settings.sip.receive_queue,
            self.gate,
        )
        self.mailboxes = MailboxLink(
            settings.run_dir / "media.sock", self._transport.local, self.devices, self._told, self._media_gone
        )
        tcp = self._local.get("TCP")
        local = {"udp": self._transport.local} | ({} if tcp is None else {"tcp": tcp})
        self.trunks = TrunkLines(
            self.agent,
            self._queue,
            Resolver(settings.sip.dns_servers),
            local,
            settings.trunks.probe_interval,
        )
        self.telephony.connect(
            Services(
                agent=self.agent,
                relay=self.relay,
                mailboxes=self.mailboxes,
                devices=self.devices,
                trunks=self.trunks,
                lines=LineUse(self._queue),
                redirected=LineUse(self._queue),
                watcher=self.book,
                token=self._tokens,
                origin=self._tokens.origin,
                chance=random.random,
            ),
            self.registrations,
            Callers(self.devices, self.registrations.authenticate, self._proven, codes_of(settings)),
            self.message_waiting,
        )
        await asyncio.gather(self.relay.connect(), self.mailboxes.connect())
        # Calls from before the start are there before anything that concerns them is heard.
        calls = self._restore_calls()
        if tcp is not None:
            self._tcp = await TcpTransport.listen(
                tcp,
                ConnectionLimits(
                    settings.sip.tcp_connections,
                    settings.sip.tcp_connections_per_address,
                    settings.sip.tcp_unauthenticated,
                ),
                Receiver(self._streamed, self._unframed, self._lost),
            )
        for call in calls:
            call.resume(self._queue.now())
        self.relay.delete_orphans()

    async def run(self) -> None:
        """Serve until cancelled."""
        assert self._transport is not None
        async with asyncio.TaskGroup() as tasks:
            self.trunks.follow(self.devices.directory.trunks)
            if self._tcp is not None:
                tasks.create_task(self._tcp.run())
            for work in (
                self._transport.run,
                self.relay.run,
                self.mailboxes.run,
                self.writer.run,
                self.dialogs.run,
                self._watch,
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
            self.agent.timers.timeout,
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
            try:
                call = restore(self.telephony.services, kept.call, itinerary, credentials, now, time.time())
            except ValueError as error:
                self.dialogs.drop(kept, str(error))
                continue
            self.dialogs.restored(call, kept)
            self.book.restore(call, kept.called_user)
            calls.append(call)
        return calls

    # The core's `Wire`

    def send(self, data: bytes, flow: Flow, call_id: str) -> None:
        """Put a message on the wire."""
        self.trace.see(self._queue.now(), True, call_id, flow.remote, data)
        if self._tcp is not None and flow.transport == "TCP":
            self._tcp.send(data, flow)
            return
        assert self._transport is not None
        self._transport.send(data, flow.remote)

    def stream(self, flow: Flow) -> Flow | None:
        """A connection to the peer of a UDP flow, if we have TCP and it lately did not refuse."""
        return None if self._tcp is None else self._tcp.reach(flow.remote)

    def advertised(self, flow: Flow) -> SocketAddress:
        """Our address as the peer must write it."""
        return SocketAddress(self._addresses[flow.transport].towards(flow.remote.host), flow.local.port)

    def _is_ours(self, hop: SocketAddress) -> bool:
        """Whether what is sent there would come to us again."""
        if IPv4Address(hop.host) in self._settings.media.worker_network:
            return True
        return any(
            hop.port == own.port and hop.host in (own.host, self._addresses[transport].towards(hop.host))
            for transport, own in self._local.items()
        )

    def _received(self, data: bytes, flow: Flow) -> None:
        # Phones keep their NAT binding open with line ends or zero bytes (RFC 5626 §3.5.1).
        if not data.strip(b"\r\n\0 "):
            return
        try:
            self.agent.layer.receive(data, flow, self._queue.now())
        except Exception:
            # A fault of ours: the message is lost, everything else goes on.
            log.exception("sip.fault", source=str(flow.remote))

    def _streamed(self, data: bytes, flow: Flow) -> None:
        # A connection is read no faster than it is handled, so only who is not heard at all matters.
        if self.gate.rank(data, flow) is not None:
            self._received(data, flow)

    def _unframed(self, error: Unframed, flow: Flow) -> None:
        self.agent.layer.refuse(error, error.head, flow)

    def _lost(self, flow: Flow) -> None:
        """A connection has gone."""
        now = self._queue.now()
        self.registrations.connection_lost(flow, now)
        self.agent.layer.broken(flow, now)
        self.trunks.connection_lost(flow)

    def _proven(self, flow: Flow) -> None:
        """A request by this flow had valid credentials."""
        if self._tcp is not None:
            self._tcp.prove(flow)

    # What others tell

    def _told(self, event: Event) -> None:
        now = self._queue.now()
        match event:
            case CountsChanged(mailbox, new, saved):
                self.message_waiting.counts_changed(mailbox, Counts(new, saved), now)
            case MessageStored():
                self.book.message_stored(event)
            case SessionEnded():
                self.book.mailbox_ended(event)
            case SessionLost(token):
                if (call := self.book.with_mailbox(token)) is not None:
                    call.mailbox_lost(now)
                else:
                    self.mailboxes.release(token)
            case PoolStats():
                self.pool = event
                # On connecting it comes behind the counts of all mailboxes.
                self.message_waiting.all_named(now)

    def _silent(self, session: str) -> None:
        if (call := self.book.with_relay_session(session)) is not None:
            log.warning("call.silent", call_id=call.journal.call_id)
            call.hang_up(self._queue.now(), "service (silence)")

    def _relay_back(self) -> None:
        for call in self.book:
            call.relay_back(self._queue.now())

    def _relay_lost(self) -> None:
        for call in self.book:
            call.hang_up(self._queue.now(), "service (relay lost)")

    def _media_gone(self) -> None:
        self.message_waiting.host_gone()
        for call in self.book:
            if call.in_mailbox:
                call.hang_up(self._queue.now(), "service (media host lost)")

    # Settings

    async def reload(self) -> int:
        """Read the settings again; the next call follows them (R10). Returns their version."""
        async with self._changing:
            directory = Directory(await self._store.directory(self._settings.sip.realm))
            if directory.version != self._version:
                self._version = directory.version
                self.registrations.replace_directory(directory, self._queue.now())
                self.message_waiting.directory_changed(self._queue.now())
                self.trunks.follow(directory.trunks)
                log.info("settings.changed", version=directory.version)
            return self._version

    async def _watch(self) -> None:
        jumps = ClockJumps(self._queue.now)
        while True:
            await asyncio.sleep(WATCH_INTERVAL)
            if jump := jumps.take():
                log.warning("process.clock_jumped", seconds=round(jump, 1))
                self.registrations.store_again(self._queue.now())
            try:
                if await self._store.settings_version() != self._version:
                    await self.reload()
            except (SQLAlchemyError, StoreError, OSError) as error:
                log.error("store.read_failed", reason=str(error).partition("\n")[0])

    # Lists and figures

    @property
    def connections(self) -> int:
        """How many TCP connections there are."""
        return len(self._tcp) if self._tcp is not None else 0

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


def _addresses(bound: str, public: str | None, settings: Settings) -> Addresses:
    # Workers are on this machine, whatever the networks of the phones.
    return Addresses(bound, public, (*settings.sip.local_networks, settings.media.worker_network))
