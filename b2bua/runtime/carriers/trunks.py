"""The ways out for calls: all trunks of the present directory, at their addresses, the healthy ones first."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import structlog

from b2bua.call.ports import Gateway
from b2bua.callplan.settings import Trunk
from b2bua.runtime.carriers.resolver import Resolver
from b2bua.runtime.carriers.trunk_line import Surroundings, TrunkLine
from b2bua.runtime.clock import LoopTimers
from b2bua.sip.agent import UserAgent
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.transport import Transport
from b2bua.trunks.health import Condition, Sign
from b2bua.trunks.registration import GOODBYE

log = structlog.get_logger()


class TrunkLines:
    """The `Trunks` of calls. `local` holds our own address for each transport that we have."""

    def __init__(
        self,
        agent: UserAgent,
        queue: LoopTimers,
        resolver: Resolver,
        local: Mapping[Transport, SocketAddress],
        probe_interval: float,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._around = Surroundings(agent, queue, resolver, local, probe_interval, chance, self._reorder)
        self._lines: dict[int, TrunkLine] = {}
        self._leaving: set[TrunkLine] = set()
        self._gateways: tuple[Gateway, ...] = ()
        self._stopped = False

    # For calls

    def gateways(self) -> Sequence[Gateway]:
        """All in the order in which they are tried; a trunk that has no address yet has none here."""
        return self._gateways

    def silent(self, gateway: Gateway) -> None:
        """A call met silence."""
        self._tell(gateway, Sign.SILENT)

    def answered(self, gateway: Gateway) -> None:
        """A call met an answer."""
        self._tell(gateway, Sign.ANSWERED)

    # For the node

    def follow(self, trunks: Iterable[Trunk]) -> None:
        """These are the trunks from now on: what is gone or changed leaves, what is new or changed comes."""
        if self._stopped:
            return
        wanted = {trunk.id: trunk for trunk in trunks}
        for number in self._lines.keys() - wanted.keys():
            self._leave(self._lines.pop(number), _nothing)
        for number, trunk in wanted.items():
            try:
                self._follow_one(number, trunk)
            except Exception:
                # A fault of ours costs this trunk, and no other.
                log.exception("trunk.fault", trunk=trunk.name)
        # In the directory's order, by which the gateways are ordered.
        self._lines = {number: self._lines[number] for number in wanted if number in self._lines}
        self._reorder()

    def connection_lost(self, flow: Flow, now: float) -> None:
        """A connection has gone; a flow without a number of its own is one that we opened."""
        if flow.reliable and not flow.connection:
            for line in self._lines.values():
                line.connection_lost(flow.remote, now)

    async def stop(self) -> None:
        """End all registrations, within twice GOODBYE, and try nothing more."""
        self._stopped = True
        for number in list(self._lines):
            self._leave(self._lines.pop(number), _nothing)
        self._reorder()
        deadline = self._around.queue.now() + 2 * GOODBYE + 0.5
        while self._leaving and self._around.queue.now() < deadline:
            await asyncio.sleep(0.02)

    # For people

    def listed(self) -> list[dict[str, Any]]:
        """What the command line shows."""
        return [line.listed() for line in self._lines.values()]

    def up(self) -> dict[str, float]:
        """By name, 1 for each trunk that is not down."""
        return {line.trunk.name: float(line.condition < Condition.DOWN) for line in self._lines.values()}

    def registered(self) -> dict[str, float]:
        """By name, 1 for each trunk that is registered, of those that are to be."""
        return {
            line.trunk.name: float(line.registered)
            for line in self._lines.values()
            if line.registered is not None
        }

    def _follow_one(self, number: int, trunk: Trunk) -> None:
        known = self._lines.get(number)
        if known is not None and known.is_for(trunk):
            known.trunk = trunk
            return
        line = self._lines[number] = TrunkLine(trunk, self._around)
        line.start()
        # Both may have the same Contact: the old registration ends before the new one begins.
        if known is None:
            line.register()
        else:
            self._leave(known, line.register)

    def _leave(self, line: TrunkLine, then: Callable[[], None]) -> None:
        def over() -> None:
            self._leaving.discard(line)
            if not self._stopped:
                then()

        self._leaving.add(line)
        line.stop(over)

    def _tell(self, gateway: Gateway, sign: Sign) -> None:
        if (line := self._lines.get(gateway.trunk.id)) is not None:
            line.tell(gateway.flow.remote, sign)

    def _reorder(self) -> None:
        """By condition, then as the trunks are ordered, then as their addresses are: Python's sort is stable."""
        found = [pair for line in self._lines.values() for pair in line.gateways()]
        self._gateways = tuple(gateway for _, gateway in sorted(found, key=lambda pair: pair[0]))


def _nothing() -> None:
    """Nobody waits for the line to leave."""
