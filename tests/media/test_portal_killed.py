"""A process is killed under voice portal sessions in every phase: what was decided stands, and callers can go on.

All phases at once, each with a user of its own, so that each process has to die only once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from media import wav
from media.mailbox import Caller, Envelope, Mailbox
from tests.support import meter
from tests.support.service import Service
from tests.support.waiting import wait_for
from tests.torture.company import Company
from tests.torture.figures import pids, settle
from tests.torture.handset import Call, Handset

PIN, NEW_PIN = "271828", "314159"
TONE, GREETING = 440.0, 620.0
PHASES = ("pin", "checking", "menu", "message", "deleted", "greeting", "new-pin")
PROCESSES = ("signalling", "relay", "media", "worker", "provisioning")


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A service whose processes these tests kill, one after the other."""
    with Service({"RINGPLAN_SIP__T1": "0.1", "RINGPLAN_SIP__T2": "0.4", "RINGPLAN_SIP__T4": "0.2"}) as running:
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
        """There is one new message, ten seconds of a tone."""
        envelope = Envelope(Caller("+441632960123"), datetime.now(UTC), f"left-{self.user}", "no-answer")
        recording = self.mailbox.begin(self.user, envelope, f"m{self.user}")
        samples = (meter.tone(TONE, seconds=10.0).samples * 32767).astype(np.int16)
        wav.write(recording.next_part(), samples.tobytes())
        assert self.mailbox.deposit(recording) is not None

    @property
    def states(self) -> list[str]:
        """Where the messages are."""
        return [message.state for message in self.mailbox.list(self.user)]

    async def dial(self, stack: AsyncExitStack) -> None:
        """Call the portal, until it answers."""
        async with asyncio.timeout(20):
            while (answer := await self.phone.dial("1571")) is None or answer.code != 200:
                await asyncio.sleep(0.1)
        self.call = stack.enter_context(self.phone.connected(answer))
        self.call.rtp.play(meter.silence(1.0))
        await self.hears("enter-pin")

    async def begin(self, stack: AsyncExitStack) -> None:
        """Come to the phase."""
        await self.dial(stack)
        if self.phase not in ("pin", "checking"):
            await self.keys(PIN, "main-menu")
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
                await self.hears("you-have")
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

    async def begin_again(self, stack: AsyncExitStack) -> None:
        """The call was hung up; in the next one all is as it was decided before."""
        assert self.states == {"menu": [], "deleted": []}.get(self.phase, ["new"])
        await self.dial(stack)
        await self.keys(PIN, "you-have")

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


@pytest.mark.behaviour("V3", "W4", "W5")
@pytest.mark.parametrize("process", PROCESSES)
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
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(session.phone.register() for session in sessions))
        await asyncio.gather(*(session.begin(stack) for session in sessions))
        await asyncio.sleep(1.2)  # as long as it may take until an answered call is on disk
        (checking,) = (session for session in sessions if session.phase == "checking")
        checking.call.press(PIN)
        for pid in await asyncio.to_thread(pids, service, process):
            os.kill(pid, signal.SIGKILL)
        if process == "media":
            await asyncio.to_thread(wait_for, lambda: all(s.call.over for s in sessions), 10, "the calls to end")
            await asyncio.gather(*(session.begin_again(stack) for session in sessions))
        else:
            await asyncio.gather(*(session.go_on(process) for session in sessions))
        for session in sessions:
            assert await session.call.hang_up(), f"the call in {session.phase} was lost"
    await asyncio.to_thread(settle, service, 10.0)
    for session in sessions:
        folder = session.mailbox.path(session.user)
        assert not [*folder.glob("tmp/*"), *folder.glob("deleted/*")]
        if session.phase in ("message", "deleted"):
            held = session.states.count("new"), session.states.count("saved")
            assert session.phone.lamp == held, f"the lamp of {session.phase}"
        session.phone.close()
