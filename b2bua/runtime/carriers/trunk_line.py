"""One trunk kept going: its addresses, the watch on each, and the registration at one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from b2bua.call.ports import Gateway
from b2bua.callplan.settings import Trunk
from b2bua.runtime.carriers.resolver import RETRY, Resolver, follow, literal, split_host
from b2bua.runtime.clock import LoopTimers
from b2bua.sip.agent import UserAgent
from b2bua.sip.auth.authorization import Authorization
from b2bua.sip.auth.challenge import Credential
from b2bua.sip.text.address import Address
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.transport import Transport
from b2bua.sip.text.uri import Uri
from b2bua.trunks.health import Condition, Sign, Watch
from b2bua.trunks.registration import TrunkRegistration

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all trunks share. `local` holds our own address for each transport that we have.

    `probe_interval` is in seconds; `chance` returns numbers from 0 to below 1; `changed` is called whenever
    addresses or their health are others.
    """

    agent: UserAgent
    queue: LoopTimers
    resolver: Resolver
    local: Mapping[Transport, SocketAddress]
    probe_interval: float
    chance: Callable[[], float]
    changed: Callable[[], None]


class TrunkLine:
    """A trunk as long as its host, transport and credentials stay the same; other settings may be replaced."""

    def __init__(self, trunk: Trunk, surroundings: Surroundings) -> None:
        self.trunk = trunk
        self._around = surroundings
        self._transport = Transport[trunk.transport.upper()]
        self._watches: dict[SocketAddress, Watch] = {}
        self._host, self._port = split_host(trunk.host)
        self._address_problem: str | None = None
        self._registration_problem: str | None = None
        self._resolving: asyncio.Task[None] | None = None
        self._registered_at: SocketAddress | None = None
        self._told_registered = False
        self._call_id = surroundings.agent.token()
        self._credential: Credential | None = None
        self._authorization: Authorization | None = None
        if trunk.username is not None:
            self._credential = Credential(trunk.username, trunk.password or "")
            self._authorization = Authorization(self._credential, surroundings.agent.token)
        self._registration = (
            TrunkRegistration(self, surroundings.queue, surroundings.chance) if trunk.register else None
        )
        self._may_register = False
        self._on_over: Callable[[], None] | None = None

    def is_for(self, trunk: Trunk) -> bool:
        """Whether it can go on with these settings."""
        ours = self.trunk
        return (ours.host, ours.transport, ours.register, ours.username, ours.password) == (
            trunk.host,
            trunk.transport,
            trunk.register,
            trunk.username,
            trunk.password,
        )

    def start(self) -> None:
        """Find its addresses, and watch them from then on."""
        if self._transport not in self._around.local:
            self._unresolved(f"SIP over {self._transport.value} is switched off (sip.{self.trunk.transport})")
        elif (address := literal(self.trunk.host, self._transport)) is not None:
            self._found((address,))
        else:
            self._resolving = asyncio.get_running_loop().create_task(self._resolve())

    def register(self) -> None:
        """Register as soon as there is an address; whoever was registered so before has left."""
        self._may_register = True
        if self._registration is not None and self._watches:
            self._registration.start(self._around.queue.now())

    def stop(self, over: Callable[[], None]) -> None:
        """End the registration; `over` is called when that is done, maybe at once."""
        if self._resolving is not None:
            self._resolving.cancel()
        for watch in self._watches.values():
            watch.stop()
        if self._registration is None:
            over()
        else:
            self._on_over = over
            self._registration.stop(self._around.queue.now())

    # For calls

    def gateways(self) -> list[tuple[Condition, Gateway]]:
        """Its addresses in their order, each with its condition."""
        return [
            (
                watch.health.condition,
                Gateway(self.trunk, self._flow(hop), self._host, self._port, self._credential),
            )
            for hop, watch in self._watches.items()
        ]

    def tell(self, address: SocketAddress, sign: Sign) -> None:
        """A call tells of one of its addresses."""
        if (watch := self._watches.get(address)) is not None:
            watch.tell(sign, self._around.queue.now())

    def connection_lost(self, address: SocketAddress, now: float) -> None:
        """Our connection to this address has gone."""
        if self._registration is not None and address == self._registered_at:
            self._registration.lost(now)

    # For people

    @property
    def condition(self) -> Condition:
        """How the best of its addresses is; down without any."""
        return min((watch.health.condition for watch in self._watches.values()), default=Condition.DOWN)

    @property
    def registered(self) -> bool | None:
        """Whether it is registered; `None` where it need not be."""
        if self._registration is None:
            return None
        return self._registration.until > self._around.queue.now()

    def listed(self) -> dict[str, Any]:
        """What the command line shows of it."""
        until = self._registration.until if self._registration is not None and self.registered else None
        return {
            "name": self.trunk.name,
            "host": self.trunk.host,
            "transport": self.trunk.transport,
            "state": self.condition.name.lower(),
            "addresses": [
                {"address": str(hop), "state": watch.health.condition.name.lower()}
                for hop, watch in self._watches.items()
            ],
            "register": self.trunk.register,
            "registered_for": None if until is None else round(until - self._around.queue.now(), 1),
            "problem": self._address_problem or self._registration_problem,
        }

    # Addresses

    async def _resolve(self) -> None:
        while True:
            try:
                await follow(
                    self._around.resolver,
                    self.trunk.host,
                    self._transport,
                    self._found,
                    self._unresolved,
                )
            except Exception:
                # A fault of ours: this trunk keeps what it has, the others are as they were.
                log.exception("trunk.fault", trunk=self.trunk.name)
                await asyncio.sleep(RETRY)

    def _found(self, hops: tuple[SocketAddress, ...]) -> None:
        self._address_problem = None
        if hops == tuple(self._watches):
            return
        log.info("trunk.resolved", trunk=self.trunk.name, addresses=[str(hop) for hop in hops])
        now, first = self._around.queue.now(), not self._watches
        before, self._watches = (
            self._watches,
            {hop: self._watches.get(hop) or self._watch(hop) for hop in hops},
        )
        for hop, watch in before.items():
            if hop not in self._watches:
                watch.stop()
        for hop, watch in self._watches.items():
            if hop not in before:
                watch.start(now)
        self._around.changed()
        if self._registration is None:
            return
        if first and self._may_register:
            self._registration.start(now)
        elif self._registered_at is not None and self._registered_at not in self._watches:
            self._registration.lost(now)

    def _unresolved(self, reason: str) -> None:
        if self._address_problem is None:
            log.warning("trunk.unresolved", trunk=self.trunk.name, reason=reason)
        self._address_problem = reason

    def _flow(self, hop: SocketAddress) -> Flow:
        return Flow(self._transport, self._around.local[self._transport], hop)

    # Health

    def _watch(self, hop: SocketAddress) -> Watch:
        return Watch(
            self._around.queue,
            self._around.probe_interval,
            partial(self._probe, hop),
            partial(self._condition_changed, hop),
        )

    def _probe(self, hop: SocketAddress, watch: Watch, now: float) -> None:
        agent, flow = self._around.agent, self._flow(hop)
        agent.request(
            "OPTIONS",
            str(Uri(self._host, port=self._port)),
            flow,
            self._ourselves(flow),
            Address(Uri(self._host)),
            watch,
            now,
            (agent.endpoint.contact(flow), ("Accept", "application/sdp")),
        )

    def _condition_changed(self, hop: SocketAddress, watch: Watch, now: float) -> None:
        trunk, address = self.trunk.name, str(hop)
        if watch.health.condition is Condition.UP:
            log.info("trunk.up", trunk=trunk, address=address)
        elif watch.health.condition is Condition.SUSPECT:
            log.warning("trunk.suspect", trunk=trunk, address=address)
        else:
            log.warning("trunk.down", trunk=trunk, address=address)
        self._around.changed()

    # The registration's line

    def send_register(
        self, registration: TrunkRegistration, expires: int, number: int, now: float
    ) -> Uri | None:
        """Send a REGISTER to the best address, or where we are registered to end that."""
        if not self._watches:
            return None
        hops = list(self._watches)
        best = min(hops, key=lambda hop: (self._watches[hop].health.condition, hops.index(hop)))
        self._registered_at = self._registered_at or best if expires == 0 else best
        flow = self._flow(self._registered_at)
        try:
            ours = self._around.agent.wire.advertised(flow)
            name = self._transport.uri_param
            params = (("transport", name),) if name else ()
            contact = Uri(ours.host, self.trunk.username, ours.port, params)
            self._around.agent.request(
                "REGISTER",
                str(Uri(self._host, port=self._port)),
                flow,
                self._ourselves(flow),
                self._ourselves(flow),
                registration,
                now,
                (("Contact", f"<{contact}>"), ("Expires", str(expires))),
                self._call_id,
                number,
                self._authorization,
            )
        except Exception:
            log.exception("trunk.fault", trunk=self.trunk.name)
            return None
        return contact

    def registered_until(self, until: float, now: float) -> None:
        """The carrier knows where we are."""
        if not self._told_registered:
            self._told_registered = True
            log.info("trunk.registered", trunk=self.trunk.name, seconds=round(until - now))
        self._registration_problem = None
        self._tell_registered_at(Sign.ANSWERED)

    def contact_rewritten(self, contact: Uri, seconds: int, now: float) -> None:
        """Something on the way changed where the carrier finds us; calls in may still arrive."""
        log.info("trunk.contact_rewritten", trunk=self.trunk.name, contact=str(contact), seconds=seconds)

    def not_registered(self, code: int, pause: float, now: float) -> None:
        """It does not, or not for long any more."""
        self._told_registered = False
        self._registration_problem = f"registration failed ({code})" if code else "nowhere to register"
        log.warning("trunk.registration_failed", trunk=self.trunk.name, code=code, again_in=round(pause, 1))
        self._tell_registered_at({408: Sign.SILENT, 503: Sign.BROKEN}.get(code, Sign.ANSWERED))

    def over(self, now: float) -> None:
        """The registration is ended."""
        on_over, self._on_over = self._on_over, None
        if on_over is not None:
            on_over()

    def _tell_registered_at(self, sign: Sign) -> None:
        if self._registered_at is not None:
            self.tell(self._registered_at, sign)

    def _ourselves(self, flow: Flow) -> Address:
        """Who we are to the carrier: the account there, or our address."""
        if self.trunk.username is not None:
            return Address(Uri(self._host, self.trunk.username))
        return Address(Uri(self._around.agent.wire.advertised(flow).host))
