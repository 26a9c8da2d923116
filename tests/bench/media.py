"""CPU for sound: a packet that the relay passes on, and a second of a caller in voicemail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvloop

from tests.bench import company
from tests.bench.accounting import Meter, Usage
from tests.bench.figures import Figure
from tests.bench.parties import Call, Carrier, Phones
from tests.bench.runs import Pace, marked, undisturbed
from tests.bench.sound import Sound
from tests.bench.subject import Ringplan

RELAYED = 50
"""Calls with sound both ways."""
VOICEMAIL = (20, 60, 100)
"""Sessions at once."""
VISIT = 15.0
"""Seconds that the last caller stays: longer than a greeting."""
DIALLED_AT = 20.0
"""Calls a second while they are set up."""
LOST = 0.005
"""Share of packets that may be lost before a figure does not count."""
SETTLED = 2.0
"""Seconds in which the last packet arrives, or the last message is put away."""


@dataclass(frozen=True, slots=True)
class Talk:
    """Sound that has been sent: what it cost, in which seconds of sessions, and what arrived of it."""

    usage: Usage
    seconds: float
    sent: int
    received: int
    unanswered: int


async def _dial(carrier: Carrier, sound: Sound, address: str, numbers: list[str]) -> list[Call]:
    """Dial one after another; sound starts as each is answered."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    calls: list[Call] = []
    for index, number in enumerate(numbers):
        await asyncio.sleep(start + index / DIALLED_AT - loop.time())
        calls.append(carrier.dial(number, sound.open(address)))
        _connect(sound, calls)
    for _ in range(100):
        _connect(sound, calls)
        if all(call.final for call in calls):
            break
        await asyncio.sleep(0.1)
    _connect(sound, calls)
    return calls


def _connect(sound: Sound, calls: list[Call]) -> None:
    for call in calls:
        if call.final == 200:
            sound.sockets[call.rtp].remote = call.media


async def relayed(ringplan: Ringplan, seconds: float) -> Talk:
    """Calls between the carrier and the phones, with sound both ways."""
    loop = asyncio.get_running_loop()
    sound = Sound()
    phones = Phones(ringplan.phones, lambda: sound.open(ringplan.phones[0]))
    carrier = Carrier(ringplan.carrier, ringplan.sip)
    try:
        numbers = [company.number(index) for index in range(RELAYED)]
        calls = await _dial(carrier, sound, ringplan.carrier[0], numbers)
        for ring in phones.rings.values():
            sound.sockets[ring.rtp].remote = ring.media
        await asyncio.sleep(SETTLED)
        meter, began = Meter(ringplan.roles), loop.time()
        sent, received = sound.sent, sound.received
        await asyncio.sleep(seconds)
        usage, took = meter.read(), loop.time() - began
        sent, received = sound.sent - sent, sound.received - received
        for call in calls:
            carrier.hang_up(call)
        await asyncio.sleep(SETTLED)
        unanswered = sum(call.final != 200 for call in calls)
        return Talk(usage, took * len(calls), sent, received, unanswered)
    finally:
        carrier.close()
        phones.close()
        sound.close()


def relay(folder: Path, pace: Pace) -> Iterator[Figure]:
    """`relay_us`: CPU of the relay for one packet that it passes on."""
    with Ringplan(folder) as ringplan:
        talk = undisturbed(
            lambda: uvloop.run(relayed(ringplan, pace.seconds / 2)), lambda talk: talk.usage, pace.tries
        )
        problem = f"{talk.unanswered} calls failed" if talk.unanswered else ""
        if talk.received < talk.sent * (1 - LOST):
            problem = f"{talk.sent - talk.received} of {talk.sent} packets lost"
        value = talk.usage.cpu["relay"] * 1e6 / max(1, talk.received)
        yield marked(Figure("relay_us", value, "µs", f"{RELAYED} calls"), talk.usage, problem)


async def deposited(ringplan: Ringplan, sessions: int, seconds: float) -> Talk:
    """Calls to mailboxes: the greeting is heard, a tone is left as the message."""
    sound = Sound()
    carrier = Carrier(ringplan.carrier, ringplan.sip)
    try:
        meter = Meter(ringplan.roles)
        numbers = [company.mailbox_number(index % company.MAILBOXES) for index in range(sessions)]
        calls = await _dial(carrier, sound, ringplan.carrier[0], numbers)
        await asyncio.sleep(seconds)
        ended = time.time()
        unanswered = sum(call.final != 200 or call.over for call in calls)
        for call in calls:
            carrier.hang_up(call)
        await asyncio.sleep(SETTLED)
        usage = meter.read()
        total = sum(ended - call.answered for call in calls if call.answered)
        return Talk(usage, total, sound.sent, sound.received, unanswered)
    finally:
        carrier.close()
        sound.close()


def voicemail(folder: Path, pace: Pace) -> Iterator[Figure]:
    """`voicemail_ms`: CPU of all processes for one second of one caller who hears a greeting and leaves a message."""
    with Ringplan(folder) as ringplan:

        def measure(sessions: int) -> tuple[Talk, str]:
            before = len(ringplan.messages())
            talk = uvloop.run(deposited(ringplan, sessions, VISIT))
            kept = len(ringplan.messages()) - before
            if talk.unanswered:
                return talk, f"{talk.unanswered} of {sessions} calls failed"
            return talk, "" if kept == sessions else f"{kept} of {sessions} messages kept"

        for sessions in VOICEMAIL if pace.to_the_end else VOICEMAIL[:1]:
            talk, problem = undisturbed(
                partial(measure, sessions), lambda measured: measured[0].usage, pace.tries
            )
            value = talk.usage.total * 1000 / max(1.0, talk.seconds)
            yield marked(
                Figure("voicemail_ms", value, "ms", f"{sessions} sessions", 6.0), talk.usage, problem
            )
