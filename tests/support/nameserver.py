"""A small name server on a loopback address, which may also be slow, silent or talk nonsense."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum, auto
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from tests.support.addresses import fresh_address


class Mood(Enum):
    """How it answers."""

    WELL = auto()
    NEVER = auto()
    NONSENSE = auto()
    FAILING = auto()
    LYING = auto()  # to another question


class NameServer(asyncio.DatagramProtocol):
    """Answers from `records`: by name and type, the records' texts; TTLs are `ttl`."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.ttl = 300
        self.mood = Mood.WELL
        self.delay = 0.0
        self.asked: list[tuple[str, str]] = []

    @property
    def address(self) -> str:
        host, port = self._transport.get_extra_info("sockname")
        return f"{host}:{port}"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if self.mood is Mood.NEVER:
            return
        answer = self._answer(query, name, kind)
        asyncio.get_running_loop().call_later(self.delay, self._transport.sendto, answer, addr)

    def close(self) -> None:
        self._transport.close()

    def _answer(self, query: dns.message.Message, name: str, kind: str) -> bytes:
        if self.mood is Mood.NONSENSE:
            return query.to_wire()[:2] + b"\xff" * 30
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA | dns.flags.RA
        if self.mood is Mood.FAILING:
            answer.set_rcode(dns.rcode.SERVFAIL)
            return answer.to_wire()
        if self.mood is Mood.LYING:
            answer.question = [dns.rrset.from_text("other.example.", 0, "IN", kind)]
            return answer.to_wire()
        owner, texts = name, self.records.get((name, kind))
        while texts is None and (alias := self.records.get((owner, "CNAME"))) is not None:
            answer.answer.append(dns.rrset.from_text(f"{owner}.", self.ttl, "IN", "CNAME", *alias))
            owner = alias[0].rstrip(".")
            texts = self.records.get((owner, kind))
        if texts is not None:
            answer.answer.append(dns.rrset.from_text(f"{owner}.", self.ttl, "IN", kind, *texts))
        elif not any(known == name for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()


@asynccontextmanager
async def name_server(port: int = 5353) -> AsyncIterator[NameServer]:
    """A name server on an address of its own."""
    _, server = await asyncio.get_running_loop().create_datagram_endpoint(
        NameServer, local_addr=(fresh_address(), port)
    )
    try:
        yield server
    finally:
        server.close()
