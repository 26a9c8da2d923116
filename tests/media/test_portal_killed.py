"""A process is killed under voice portal sessions in every phase: what was decided stands, and callers can go on.

All phases at once, each with a user of its own, so that each process has to die only once.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from media import wav
from media.mailbox import Mailbox
from media.message import Caller, Envelope
from tests.support import meter
from tests.support.service import Service
from tests.support.waiting import wait_for
from tests.torture.company import Company
from tests.torture.figures import gauges, pids
from tests.torture.handset import Call, Handset

PIN, NEW_PIN = "271828", "314159"
TONE, GREETING = 440.0, 620.0
PHASES = ("pin", "checking", "menu", "message", "deleted", "greeting", "new-pin")
BACK = {
    "signalling": "call.restored",
    "relay": "call.rejoined",
    "worker": "mailbox.resumed",
    "provisioning": "",
    "media": "",
}
"""What is in the log of each call that goes on, by the process that was killed."""

LEFT = ("ringplan_calls", "ringplan_relay_sessions", "ringplan_media_sessions")


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A service whose processes these tests kill, one after the other."""
    with Service(
        {"RINGPLAN_SIP__T1": "0.1", "RINGPLAN_SIP__T2": "0.4", "RINGPLAN_SIP__T4": "0.2"}
    ) as running:
        yield running


class Session:
    """The owner of one mailbox, who is brought to a phase of a session and goes on from there after a kill."""

    def __init__(self, phase: str, phone: Handset, email: str, mailboxes: Path, user: int) -> None:
        self.phase = phase
        self.phone = phone
        self.email = email
        self.mailbox = Mailbox(mailboxes)
        self.user = user
        self.call: Call

    def leave_message(self) -> None:
        """There is one new message, half a minute of a tone."""
        envelope = Envelope(Caller("+441632960123"), datetime.now(UTC), f"left-{self.user}", "no-answer")
        recording = self.mailbox.begin(self.user, envelope, f"m{self.user}")
        samples = (meter.tone(TONE, seconds=30.0).samples * 32767).astype(np.int16)
        wav.write(recording.next_part(), samples.tobytes())
        assert self.mailbox.deposit(recording) is not None

    @property
    def states(self) -> list[str]:
        """Where the messages are."""
        return [message.state for message in self.mailbox.list(self.user)]

    async def dial(self, stack: ExitStack) -> None:
        """Call the portal, until it answers."""
        async with asyncio.timeout(20):
            while (answer := await self.phone.dial("1571")) is None or answer.code != 200:
                await asyncio.sleep(0.1)
        self.call = stack.enter_context(self.phone.connected(answer))
        self.call.rtp.play(meter.silence(1.0))
        await self.hears("enter-pin")

    async def begin(self, stack: ExitStack) -> None:
        """Come to the phase."""
        await self.dial(stack)
        if self.phase not in ("pin", "checking"):
            await self.keys(PIN, "you-have")
        match self.phase:
            case "message":
                await self.keys("1", "message-new")
                self.call.press("1")
                await self.hears_tone()
            case "deleted":
                await self.keys("1", "message-new")
                await self.keys("3", "message-deleted", whole=True)
            case "greeting":
                await self.keys("312", "record-greeting")
                await self.keys("#", "beep")
                self.call.rtp.play(meter.tone(GREETING, seconds=0.5))
            case "new-pin":
                await self.keys("4", "new-pin")
                await self.keys(NEW_PIN, "repeat-pin")

    async def go_on(self, killed: str) -> None:
        """The same call goes on as if nothing had been."""
        match self.phase:
            case "pin":
                await self.keys(PIN, "you-have")
            case "checking":
                # Keys that were pressed while nobody carried them are lost.
                if await self.call.hears("you-have", "enter-pin", within=15.0) == "enter-pin":
                    await self.keys(PIN, "you-have")
            case "menu":
                await self.keys("2", "no-saved-messages")
            case "message":
                await self.hears_tone()
                assert self.states == ["new"]
                await self.keys("2", "message-saved", whole=True)
                assert self.states == ["saved"]
            case "deleted":
                assert self.states == []
                await self.keys("5", "message-restored", whole=True)
                assert self.states == ["new"]
            case "greeting":
                if killed == "worker":
                    await self.hears("record-greeting")
                    await self.keys("#", "beep")
                await asyncio.sleep(1.6)  # the greeting is spoken
                await self.keys("#", "greeting-review")
                self.call.rtp.play(meter.silence(1.0))
                await self.keys("1", "greeting-saved", whole=True)
            case "new-pin":
                await self.keys(NEW_PIN, "pin-changed", whole=True)

    async def begin_again(self, stack: ExitStack) -> None:
        """The call was hung up; in the next one all is as it was decided before."""
        assert self.states == {"menu": [], "deleted": []}.get(self.phase, ["new"])
        await self.dial(stack)
        await self.keys(PIN, "you-have")

    def hears_since(self, when: float) -> bool:
        """Whether any sound, or silence, has come since then."""
        return self.call.rtp.packets[-1].arrival > when

    async def keys(self, keys: str, phrase: str, *, whole: bool = False) -> None:
        self.call.press(keys)
        await self.hears(phrase, whole=whole)

    async def hears(self, phrase: str, *, whole: bool = False) -> None:
        heard = await self.call.hears(phrase, whole=whole, within=15.0)
        assert heard == phrase, f"in {self.phase} {phrase} was not heard"

    async def hears_tone(self) -> None:
        assert await self.call.hears_tone({TONE}, within=10.0) == TONE, "the message was not heard"


def user_ids(service: Service) -> dict[str, int]:
    """The user ids by their e-mails."""
    (database,) = service.data.glob("*.db")
    with sqlite3.connect(database) as connection:
        return dict(connection.execute("SELECT email, id FROM users").fetchall())


async def reached(condition: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(wait_for, condition, 15, what)


def calls_on_disk(service: Service) -> int:
    """How many calls a restart of signalling would find."""
    path = service.data / "dialogs.jsonl"
    kept: set[str] = set()
    for line in path.read_text().splitlines() if path.exists() else ():
        values = json.loads(line)
        if "over" in values:
            kept.discard(values["over"])
        else:
            kept.add(values["call"]["relay_session"])
    return len(kept)


def went_on(service: Service, event: str, since: int) -> set[str]:
    """The calls that have this event in the log."""
    return {each["call_id"] for each in service.events(event, since)}


@pytest.mark.behaviour("V3", "W4", "W5")
@pytest.mark.parametrize("process", BACK)
async def test_a_process_dies_under_the_portal(process: str, service: Service) -> None:
    company = Company(f"killed-{process}", (), mailboxes=range(401, 401 + len(PHASES)))
    await asyncio.to_thread(service.apply, company.file(pin=PIN))
    users = user_ids(service)
    sessions = []
    for phase, extension in zip(PHASES, company.mailboxes, strict=True):
        phone = await Handset.at(company.username(extension), service.sip)
        email = company.email(extension)
        sessions.append(Session(phase, phone, email, service.data / "mailbox", users[email]))
        if phase != "menu":
            sessions[-1].leave_message()
    await asyncio.gather(*(session.phone.register() for session in sessions))
    with ExitStack() as stack:
        await asyncio.gather(*(session.begin(stack) for session in sessions))
        await reached(lambda: calls_on_disk(service) >= len(sessions), "the calls to be on disk")
        sessions[PHASES.index("checking")].call.press(PIN)
        since = len(service.lines)
        for pid in await asyncio.to_thread(pids, service, process):
            os.kill(pid, signal.SIGKILL)
        if process == "media":
            await reached(lambda: all(session.call.over for session in sessions), "the calls to end")
            stack.close()
            await asyncio.gather(*(session.begin_again(stack) for session in sessions))
        else:
            if event := BACK[process]:
                # Workers die one after the other: a call may go on at one that is the next to die, and again.
                await reached(lambda: len(went_on(service, event, since)) == len(sessions), event)
            back = time.monotonic()
            await reached(lambda: all(session.hears_since(back) for session in sessions), "sound")
            await asyncio.gather(*(session.go_on(process) for session in sessions))
        ended = await asyncio.gather(*(session.call.hang_up() for session in sessions))
    assert all(ended), f"the calls of {PHASES} were there: {ended}"
    await reached(lambda: not any(gauges(service)[name] for name in LEFT), "sessions to be gone")
    for session in sessions:
        folder = session.mailbox.path(session.user)
        assert not [*folder.glob("tmp/*"), *folder.glob("deleted/*")]
        if session.phase in ("message", "deleted"):
            held = session.states.count("new"), session.states.count("saved")
            assert session.phone.lamp == held, f"the lamp of {session.phase}"
        session.phone.close()
