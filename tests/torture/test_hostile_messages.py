"""20,000 faulty messages of registered phones and a trunk while ordinary calls go on: nothing breaks or is left.

As many more are stopped at the digest or cannot be read. About eight minutes; TORTURE_SCALE=0.1 sends a tenth.
"""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.conftest import ServiceFactory
from tests.support.addresses import fresh_address
from tests.support.service import Service
from tests.support.waiting import wait_for
from tests.torture.company import Company
from tests.torture.figures import Size, assert_untroubled, gauges, settle, sizes, unheard
from tests.torture.hostile import Hostile, HostileCarrier
from tests.torture.load import REGISTRATIONS, Load

MESSAGES = round(20_000 * float(os.environ.get("TORTURE_SCALE", "1")))
"""Those that the service reads behind the digest, or from a trunk."""
MESSAGES_A_SECOND = 150
WARM_UP = 500
"""As many first, so that what is read and made once, at the first message of a kind, is there."""
ON_UDP, ON_TCP = 4, 3
NUMBER = "+441632960700"
CALLS, CALLS_A_SECOND = 20, 4.0
"""Ordinary calls in a row; the next row begins when they have all ended."""
MORE_HELD = 5_000_000
"""By how many bytes what signalling holds may have grown since the end of the warm-up."""
A_BLOCK = 100
"""Bytes of one of Python's small pieces, on average."""
MORE_MEMORY = 24_000
"""By how many kB a process may have grown. Python asks the system for memory by the megabyte and returns only what is
quite empty: what is kept lies scattered over what was taken, so the resident size says less than what is held."""
GIVEN_BACK_WITHIN = 10.0
"""Seconds, a little more than 64 × T1, from when nothing goes on any more."""
MORE_FILES = 3
IDLE_WITHIN = 60.0

QUICK = {
    "RINGPLAN_SIP__T1": "0.1",
    "RINGPLAN_SIP__T2": "0.4",
    "RINGPLAN_SIP__T4": "0.2",
    "RINGPLAN_SIP__TCP_UNAUTHENTICATED": "3",
    "RINGPLAN_SIP__MIN_EXPIRES": "1",
    "RINGPLAN_SIP__AUTH_FAILURES": "1000000",
    "RINGPLAN_MEDIA__PORTS": "20000-29999",
    "RINGPLAN_MEDIA__SESSIONS": "1000",
    "RINGPLAN_MEDIA__SILENCE_TIMEOUT": "5",
    "RINGPLAN_CALLS__MAX_UNANSWERED": "6",
    "RINGPLAN_CALLS__PROVISIONAL_REPEAT": "3",
}


class Ordinary:
    """Phones that behave, and must not notice."""

    def __init__(self, service: Service, folder: Path, open_things: ExitStack) -> None:
        self.service, self.folder = service, folder
        self.company = Company("ordinary", range(201, 231))
        self.callees, self.callers = self.company.extensions[:15], self.company.extensions[15:]
        self.calls = 0
        service.apply(self.company.file())
        address = fresh_address()
        rows = [self.company.row(each, self.company.username(each), "3600") for each in self.callees]
        with Load(
            "register", folder / "registering", address, service.sip, rows=rows, fields=REGISTRATIONS
        ) as load:
            load.finish(30)
        open_things.enter_context(Load("answer", folder / "answering", address, service.sip))

    def call(self) -> None:
        """Make some calls. Raises LoadFailed when one fails."""
        rows = [
            self.company.row(self.callers[number % 15], self.callees[number % 15]) for number in range(CALLS)
        ]
        with Load(
            "call",
            self.folder / f"calls-{self.calls}",
            fresh_address(),
            self.service.sip,
            rows=rows,
            rate=CALLS_A_SECOND,
            pause=0.3,
        ) as load:
            load.finish(30)
        self.calls += CALLS


async def attack(phones: list[Hostile], messages: int, chance: random.Random) -> None:
    """Let all of them send, by turns, until so many messages were read behind the digest."""
    goal = sum(phone.past for phone in phones) + messages
    while sum(phone.past for phone in phones) < goal:
        before = sum(phone.sent for phone in phones)
        for phone in phones[:-ON_TCP]:
            for _ in range(chance.choice((1, 1, 2, 5))):
                phone.act()
        for phone in phones[-ON_TCP:]:
            await phone.act_on_stream(chance.choice((1, 1, 2, 4)))
        sent = sum(phone.sent for phone in phones) - before
        await asyncio.sleep(sent / MESSAGES_A_SECOND)


async def ended(service: Service, phones: list[Hostile]) -> dict[str, Size]:
    """Leave all dialogs and connections, and see that the service forgets them; what it then takes."""
    for phone in phones:
        await phone.leave()
    await asyncio.to_thread(settle, service, IDLE_WITHIN)
    return sizes(service)


def shown(found: dict[str, Size]) -> str:
    return "; ".join(f"{kind} {size}" for kind, size in found.items())


def outside(carrier: str) -> str:
    """A company file with a trunk, and a user who is called from there and calls there."""
    company = Company("outside", [501])
    number = f'numbers = ["{NUMBER}"]'
    text = company.file().replace('Ltd"', f'Ltd"\n{number}', 1)
    text = text.replace('extension = "501"', f'extension = "501"\n  {number}\n  default_number = "{NUMBER}"')
    return f'{text}\n[[trunks]]\nname = "hostile"\nhost = "{carrier}"\nallow_from = ["{carrier}"]\n'


def in_use(service: Service) -> int:
    """What signalling holds, in bytes."""
    read = gauges(service)
    return round(read["ringplan_memory_bytes"] + A_BLOCK * read["ringplan_memory_blocks"])


@pytest.mark.timeout(2400)
async def test_hostile_messages(new_service: ServiceFactory, tmp_path: Path, chance: random.Random) -> None:
    service = await asyncio.to_thread(new_service, QUICK)
    mallory = Company("hostile", range(301, 301 + ON_UDP + ON_TCP), mailboxes=(401, 402))
    targets = [*mallory.extensions, *mallory.mailboxes, "999999"]
    carrier = await HostileCarrier.at("carrier", service.sip, [NUMBER, NUMBER, "+441632960799"], chance)
    await asyncio.to_thread(service.apply, mallory.file())
    await asyncio.to_thread(service.apply, outside(carrier.address))
    phones = [
        carrier,
        await Hostile.at("outside-501", service.sip, ["01632960798", "501"], chance),
        *[
            await Hostile.at(mallory.username(each), service.sip, targets, chance)
            for each in mallory.extensions
        ],
    ]
    with ExitStack() as open_things:
        ordinary = await asyncio.to_thread(Ordinary, service, tmp_path, open_things)
        await asyncio.to_thread(ordinary.call)
        await attack(phones, WARM_UP, chance)
        before = await ended(service, phones)
        before_held = in_use(service)
        print(f"  before: {shown(before)}; signalling holds {before_held / 1e6:.1f} MB")

        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(attack(phones, MESSAGES, chance))
            while not sending.done():
                await asyncio.to_thread(ordinary.call)
        print(f"  after: {shown(await ended(service, phones))}")
        with suppress(TimeoutError):
            await asyncio.to_thread(
                wait_for,
                lambda: in_use(service) < before_held + MORE_HELD,
                GIVEN_BACK_WITHIN,
                "the memory",
            )
        after, after_held = sizes(service), in_use(service)
        print(f"  and then: {shown(after)}; signalling holds {after_held / 1e6:.1f} MB")
        await asyncio.to_thread(ordinary.call)

        sent, received, past = (
            sum(getattr(phone, what) for phone in phones) for what in ("sent", "received", "past")
        )
        dialogs, again = (
            sum(getattr(phone, what) for phone in phones) for what in ("dialogs", "reconnections")
        )
        refused = unheard(service)
        print(f"  {sent} sent, {past} behind the digest, {received} received, {dialogs} dialogs")
        print(f"  {again} connections, refused: {refused}; {ordinary.calls} ordinary calls")

        gone = "".join(f'[[customers]]\nname = "{name} Ltd"\n' for name in (mallory.name, "outside"))
        (service.folder / "company.toml").write_text(gone)
        await asyncio.to_thread(service.run_cli, "apply", str(service.folder / "company.toml"), "--prune")
        settle(service, IDLE_WITHIN)
        assert gauges(service)["ringplan_registrations"] == len(ordinary.callees)
    assert not [fault for phone in phones for fault in phone.faults]
    assert refused.pop("malformed") > MESSAGES / 20 and dialogs > MESSAGES / 200, (
        "neither all good nor all bad"
    )
    assert sum(refused.values()) < MESSAGES / 100, f"too many were not even looked at: {refused}"
    assert_untroubled(service)
    assert after_held < before_held + MORE_HELD, f"signalling holds {before_held} -> {after_held} bytes"
    for kind, size in before.items():
        assert after[kind].rss < size.rss + MORE_MEMORY, f"{kind} grew: {size} -> {after[kind]}"
        assert after[kind].files <= size.files + MORE_FILES, f"{kind} holds files: {size} -> {after[kind]}"
