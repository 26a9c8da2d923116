"""CPU for the voice portal, and how soon it lets in: owners dial in, key their PIN and go through new messages."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import uvloop

from media import wav
from media.mailbox import Mailbox
from media.message import Caller, Envelope
from tests.bench import company
from tests.bench.accounting import Meter, Usage
from tests.bench.delay import percentile
from tests.bench.figures import Figure
from tests.bench.media import DIALLED_AT, SETTLED, VOICEMAIL
from tests.bench.parties import CALLER, Call, Carrier
from tests.bench.runs import Pace, marked, undisturbed
from tests.bench.sound import Sound, SoundSocket
from tests.bench.subject import Ringplan
from tests.support import meter

ACCESS_CODE = "1571"
NEW_MESSAGES, MESSAGE_SECONDS = 2, 3.0
"""What each owner finds: so many new messages of so many seconds."""
ANSWERED_WITHIN, SOUND_WITHIN = 10.0, 5.0
LOOK_AGAIN = 0.02
BEFORE_PIN = 0.5
"""Seconds of the question for the PIN that an owner hears before keying it."""
STAY = 4.0
"""Seconds of the next message that the last owner hears before all hang up."""


class Press(NamedTuple):
    """A key, pressed after so many seconds of what is heard."""

    after: float
    key: str


KEYS = (
    Press(2.5, "1"),  # of the counts: new messages
    Press(3.0, "1"),  # of when and from whom: to the sound itself
    Press(MESSAGE_SECONDS + 1.0, "#"),  # of the sound to its end, and of what can be done: the next
)


@dataclass(frozen=True, slots=True)
class Visits:
    """What all owners' visits took, and what became of them.

    `seconds` are all their seconds in the portal, `logins` those between the last digit of a PIN and the sound of the
    counts, sorted. `mute` owners heard nothing where something should have been said.
    """

    usage: Usage
    seconds: float
    logins: tuple[float, ...]
    failed: int
    mute: int


def problem(sessions: int, visits: Visits, heard: int) -> str:
    """Why these visits do not count; empty if they do. `heard` are messages that became saved ones: one a visit."""
    if visits.failed:
        return f"{visits.failed} of {sessions} calls failed"
    if visits.mute:
        return f"{visits.mute} of {sessions} owners heard nothing"
    return "" if heard == sessions else f"{heard} of {sessions} messages heard"


def put_messages(mailbox: Mailbox, owners: Iterable[int], now: datetime) -> None:
    """Let each owner's mailbox hold the new messages, and nothing else."""
    samples = (meter.tone(400, seconds=MESSAGE_SECONDS).samples * 32767).astype("<i2").tobytes()
    for owner in owners:
        if mailbox.path(owner).exists():
            mailbox.remove(owner)
        for number in range(NEW_MESSAGES):
            envelope = Envelope(Caller(number=CALLER), now, f"bench-{number}", "no-answer")
            recording = mailbox.begin(owner, envelope, f"bench{number}")
            wav.write(recording.next_part(), samples)
            mailbox.deposit(recording)


def saved(mailbox: Mailbox, owners: Iterable[int]) -> int:
    """How many messages were heard to their end."""
    return sum(mailbox.counts(owner).saved for owner in owners)


async def visit(call: Call, end: SoundSocket) -> float:
    """What one owner does; the seconds until the counts were heard. Raises TimeoutError where nothing is heard."""
    await asyncio.wait_for(end.hear(), SOUND_WITHIN)
    await asyncio.sleep(BEFORE_PIN)
    keyed = await end.key(company.PIN)
    heard = await asyncio.wait_for(end.hear(), SOUND_WITHIN)
    for press in KEYS:
        await asyncio.sleep(press.after)
        await end.key(press.key)
        await asyncio.wait_for(end.hear(), SOUND_WITHIN)
    return heard - keyed


async def _answered(call: Call) -> bool:
    deadline = time.monotonic() + ANSWERED_WITHIN
    while not call.final and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_AGAIN)
    return call.final == 200


async def visited(ringplan: Ringplan, sessions: int) -> Visits:
    """Calls of as many owners to the access code; each stays until the last one has heard enough."""
    loop = asyncio.get_running_loop()
    sound = Sound()
    devices = Carrier(ringplan.device, ringplan.sip)
    here = ringplan.device[0]

    async def come(index: int) -> float:
        """How long the login took; not a number if nothing was heard, or the call not answered."""
        await asyncio.sleep(start + index / DIALLED_AT - loop.time())
        call = devices.dial(ACCESS_CODE, sound.open(here), company.device(index))
        end = sound.sockets[call.rtp]
        if not await _answered(call):
            return math.nan
        end.remote = call.media
        try:
            return await visit(call, end)
        except TimeoutError:
            return math.nan

    try:
        meter, start = Meter(ringplan.roles), loop.time()
        logins = await asyncio.gather(*(come(index) for index in range(sessions)))
        await asyncio.sleep(STAY)
        ended = time.time()
        calls = devices.calls.values()
        failed = sum(call.final != 200 or call.over for call in calls)
        for call in calls:
            devices.hang_up(call)
        await asyncio.sleep(SETTLED)
        usage = meter.read()
        total = sum(ended - call.answered for call in calls if call.answered)
        timed = tuple(sorted(each for each in logins if not math.isnan(each)))
        return Visits(usage, total, timed, failed, sessions - len(timed))
    finally:
        devices.close()
        sound.close()


def portal(folder: Path, pace: Pace) -> Iterator[Figure]:
    """`portal_ms`: CPU of all processes for one second of one caller in the portal.

    `portal_login_p50_ms` and `portal_login_p99_ms`, of the most at once: from the last digit of the PIN to the sound
    of the counts.
    """
    loads = VOICEMAIL if pace.to_the_end else VOICEMAIL[:1]
    with Ringplan(folder, owners=loads[-1]) as ringplan:
        mailbox, users = ringplan.mailboxes(), ringplan.users()

        def measure(sessions: int) -> tuple[Visits, str]:
            owners = [users[company.email(index)] for index in range(sessions)]
            put_messages(mailbox, owners, datetime.now(UTC))
            visits = uvloop.run(visited(ringplan, sessions))
            return visits, problem(sessions, visits, saved(mailbox, owners))

        for sessions in loads:
            visits, wrong = undisturbed(
                partial(measure, sessions), lambda measured: measured[0].usage, pace.tries
            )
            value, at = visits.usage.total * 1000 / max(1.0, visits.seconds), f"{sessions} sessions"
            yield marked(Figure("portal_ms", value, "ms", at, 6.0), visits.usage, wrong)
        for name, share in (("portal_login_p50_ms", 0.5), ("portal_login_p99_ms", 0.99)):
            value = percentile(visits.logins, share) * 1000
            yield marked(Figure(name, value, "ms", at), visits.usage, wrong)
