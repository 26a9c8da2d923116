"""Names of trunks to addresses (RFC 3263), asked behind the calls: a call takes what is known at that moment."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.rdatatype
import dns.resolver

from b2bua.sip.text.flow import SocketAddress
from b2bua.sip.text.transport import Transport
from config.values import HostPort

LIFETIME = 4.0  # seconds for one question, whichever servers are asked
SHORTEST, LONGEST = 5.0, 3600.0  # seconds for which an answer is good, whatever it says itself
RETRY = 10.0  # seconds until DNS is asked again after a failure
MOST_TARGETS = 16
# Neither has the name this record: another kind of record is asked for.
_NOT_THERE = (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer)


class ResolveError(Exception):
    """A name has no address now; the text says why."""


@dataclass(frozen=True, slots=True)
class Found:
    """The addresses of a name in the order in which they are tried, and for how many seconds they are good."""

    hops: tuple[SocketAddress, ...]
    ttl: float = LONGEST


@dataclass(frozen=True, slots=True)
class _Service:
    """One SRV record."""

    priority: int
    weight: int
    port: int
    target: str


def split_host(text: str) -> tuple[str, int | None]:
    """A trunk's `host` as name or address, and port where it has one."""
    host, colon, port = text.partition(":")
    return host, int(port) if colon else None


def literal(text: str, transport: Transport) -> SocketAddress | None:
    """The address that a trunk's `host` is, with the transport's port where it has none; `None` for a name."""
    host, port = split_host(text)
    try:
        return SocketAddress(str(IPv4Address(host)), port or transport.port)
    except AddressValueError:
        return None


class Resolver:
    """Asks the name servers given, or those of the system, whose list is read anew each time."""

    def __init__(self, servers: Sequence[HostPort] = ()) -> None:
        self._servers = servers
        # The same choice among equals as long as the process runs: a refresh alone changes nothing.
        self._seed = random.random()

    async def find(self, text: str, transport: Transport) -> Found:
        """The addresses of a trunk's `host` for this transport (RFC 3263 §4.2). Raises ResolveError.

        An address is taken as it is, with a port the name's A records, else SRV and then A with the transport's port.
        """
        if (address := literal(text, transport)) is not None:
            return Found((address,))
        host, port = split_host(text)
        try:
            # Our own bound too: the library's counts on the clock on the wall.
            async with asyncio.timeout(4 * LIFETIME):
                asked = await self._configured()
                if port is None and (services := await _services(asked, host, transport)) is not None:
                    return await self._of_services(asked, host, *services)
                addresses, ttl = await _addresses(asked, host)
        except (dns.exception.DNSException, OSError, TimeoutError) as error:
            raise ResolveError(str(error).partition("\n")[0] or type(error).__name__) from error
        return Found(
            tuple(SocketAddress(address, port or transport.port) for address in addresses), _bounded(ttl)
        )

    async def _configured(self) -> dns.asyncresolver.Resolver:
        if not self._servers:
            return await asyncio.to_thread(dns.asyncresolver.Resolver)
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = [dns.nameserver.Do53Nameserver(*server) for server in self._servers]
        return resolver

    async def _of_services(
        self, asked: dns.asyncresolver.Resolver, host: str, services: list[_Service], ttl: float
    ) -> Found:
        ordered = _by_weight(services, random.Random(f"{self._seed} {host}"))[:MOST_TARGETS]
        answers = await asyncio.gather(
            *(_addresses(asked, service.target) for service in ordered), return_exceptions=True
        )
        hops: list[SocketAddress] = []
        failed: BaseException | None = None
        for service, answer in zip(ordered, answers, strict=True):
            if isinstance(answer, BaseException):
                failed = answer
                continue
            addresses, seconds = answer
            hops += (SocketAddress(address, service.port) for address in addresses)
            ttl = min(ttl, seconds)
        if not hops:
            raise ResolveError(f"no target of its SRV records has an address: {failed}")
        return Found(tuple(dict.fromkeys(hops)), min(_bounded(ttl), LONGEST if failed is None else RETRY))


async def follow(
    resolver: Resolver,
    text: str,
    transport: Transport,
    found: Callable[[tuple[SocketAddress, ...]], None],
    failed: Callable[[str], None],
) -> None:
    """Ask again and again, each time the answer's time is over, and tell what comes.

    After a failure what was found last stays in force, and DNS is asked again soon.
    """
    while True:
        try:
            answer = await resolver.find(text, transport)
        except ResolveError as error:
            failed(str(error))
            await asyncio.sleep(RETRY)
        else:
            found(answer.hops)
            await asyncio.sleep(answer.ttl)


async def _services(
    resolver: dns.asyncresolver.Resolver, host: str, transport: Transport
) -> tuple[list[_Service], float] | None:
    """The SRV records of a host and their TTL; `None` where it has none."""
    try:
        answer = await resolver.resolve(
            f"{transport.service}.{host}.", "SRV", lifetime=LIFETIME, search=False
        )
    except _NOT_THERE:
        return None
    services = [
        _Service(record.priority, record.weight, record.port, record.target.to_text())
        for record in answer
        # RFC 2782: a target of "." says that there is no such service.
        if record.port and record.target.to_text() != "."
    ]
    if not services:
        raise ResolveError(f"its SRV record says that there is no SIP by {transport.value}")
    return services, answer.chaining_result.minimum_ttl


async def _addresses(resolver: dns.asyncresolver.Resolver, host: str) -> tuple[list[str], float]:
    """The IPv4 addresses of a name in a steady order, and their TTL. Raises DNSException, ResolveError."""
    name = host if host.endswith(".") else f"{host}."
    answer = await resolver.resolve(name, dns.rdatatype.A, lifetime=LIFETIME, search=False)
    addresses = sorted({IPv4Address(record.address) for record in answer})
    usable = [str(each) for each in addresses if not (each.is_unspecified or each.is_multicast)]
    if not usable:
        raise ResolveError(f"{host} has no address that anything could be sent to")
    return usable, answer.chaining_result.minimum_ttl


def _by_weight(services: Iterable[_Service], chance: random.Random) -> list[_Service]:
    """RFC 2782: the lowest priority first, and among equals by chance, the heavier the likelier."""
    ordered: list[_Service] = []
    left = sorted(services, key=lambda each: (each.priority, each.weight, each.target, each.port))
    while left:
        equals = [each for each in left if each.priority == left[0].priority]
        # Those of weight 0 hardly ever come before others (RFC 2782).
        chosen = chance.choices(equals, [each.weight or 0.01 for each in equals])[0]
        ordered.append(chosen)
        left.remove(chosen)
    return ordered


def _bounded(ttl: float) -> float:
    return min(max(ttl, SHORTEST), LONGEST)
