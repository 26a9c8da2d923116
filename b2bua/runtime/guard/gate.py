"""Who is heard, and who first: strangers wait behind those we know, and who guesses passwords is not heard."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network

import structlog

from b2bua.registrar.failures import BackOff, Failures
from b2bua.registrar.known import Known
from b2bua.runtime.directory import LiveDevices
from b2bua.runtime.guard.overload import refusal
from b2bua.runtime.guard.rate_limit import LogLimit, RateLimit
from b2bua.sip.auth.digest import Refused
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.precedence import begins
from b2bua.transport.rank import Rank

log = structlog.get_logger()

LATELY = 600.0  # seconds for which somebody who has shown valid credentials is known
REFUSALS = 200  # a second for strangers who come when too much waits already; the others hear nothing


class Gate:
    """Looks at every message before it is handled, at where it comes from, and keeps count of what was not heard."""

    def __init__(
        self, devices: LiveDevices, back_off: BackOff, workers: IPv4Network, clock: Callable[[], float]
    ) -> None:
        self._devices = devices
        self._clock = clock
        self._known = Known()
        self._failures = Failures(back_off)
        self._refusals = RateLimit(REFUSALS)
        self._lines = LogLimit("auth.refused")
        self._is_worker = lru_cache(maxsize=4096)(lambda host: IPv4Address(host) in workers)
        self.unheard = {"overload": 0, "dropped": 0, "silenced": 0}
        self.failed = {"wrong password": 0, "unknown user": 0, "other": 0, "not checked": 0}
        self.blocked = 0

    # What transports ask

    def rank(self, data: bytes, flow: Flow) -> Rank | None:
        """When a message is handled while others wait; `None` for never."""
        now, source = self._clock(), flow.remote
        known = self._known.knows(source, now)
        if not known:
            if self._failures.silent(source.host, now):
                self.unheard["silenced"] += 1
                return None
            known = self._devices.directory.sources.trunk_of(source) is not None or self._is_worker(
                source.host
            )
        if begins(data):
            return Rank.KNOWN_NEW if known else Rank.NEW
        return Rank.KNOWN_BEGUN if known else Rank.BEGUN

    def refuse(self, data: bytes, flow: Flow, rank: Rank) -> tuple[bytes, Flow] | None:
        """The 503 for a message that cannot wait, and where it goes; `None` where it is only dropped."""
        if rank is Rank.KNOWN_NEW or (rank is Rank.NEW and self._refusals.take(self._clock())):
            answer = refusal(data, flow)
        else:
            answer = None
        self.unheard["dropped" if answer is None else "overload"] += 1
        return answer

    # What the registrar tells and asks

    def met(self, flow: Flow, now: float, seconds: float = LATELY) -> None:
        """Valid credentials came by this flow, or a device is registered by it."""
        self._known.met(flow.remote, now + seconds, now)

    def forget(self, flow: Flow) -> None:
        """Who is at the end of this flow has to show credentials anew."""
        self._known.forget(flow.remote)

    def pause(self, flow: Flow, now: float) -> float:
        """How many seconds credentials that come by this flow are still left unchecked."""
        seconds = self._failures.pause(self._book_name(flow, now), now)
        if seconds:
            self.failed["not checked"] += 1
        return seconds

    def refused(self, verdict: Refused, flow: Flow, method: str, call_id: str, now: float) -> None:
        """Wrong credentials came by this flow."""
        host = flow.remote.host
        self.failed[verdict.why if verdict.why in self.failed else "other"] += 1
        if self._lines.may_say(now):
            log.warning(
                "auth.refused",
                call_id=call_id,
                username=verdict.username,
                source=str(flow.remote),
                method=method,
                reason=verdict.why,
            )
        # Somebody known is never silenced; and others at the same address, who may be its neighbours behind one
        # router, never for longer than the first time.
        blocked = self._failures.failed(
            self._book_name(flow, now),
            now,
            silence=not self._known.knows(flow.remote, now),
            grows=not self._known.knows_host(host, now),
        )
        if blocked is not None:
            self.blocked += 1
            log.warning("auth.blocked", source=host, seconds=blocked.seconds, failures=blocked.failures)

    def _book_name(self, flow: Flow, now: float) -> str:
        """Failures are counted by address, but those of somebody known are its own."""
        return str(flow.remote) if self._known.knows(flow.remote, now) else flow.remote.host
