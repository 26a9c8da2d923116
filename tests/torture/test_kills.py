"""Fifty random kills while messages are left, calls talk, phones register and settings are edited.

A ledger holds what the service acknowledged; at the end all of it must be there. About eight minutes.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from b2bua.sip.text.message import Response
from tests.conftest import ServiceFactory
from tests.support import meter
from tests.support.rtp import RtpEndpoint
from tests.support.service import Service, ServiceFailed
from tests.support.waiting import wait_for
from tests.torture.company import Company
from tests.torture.figures import assert_untroubled, pids, settle
from tests.torture.handset import media_of
from tests.torture.ledger import SAFE_AFTER, Deposited, Registered
from tests.torture.machine import Moment, stretched
from tests.torture.subscriber import RTP_PORT, Subscriber

KILLS = int(os.environ.get("TORTURE_KILLS", "50"))
SERVING_WITHIN = 3.0
"""Seconds from a kill until a phone that was not there before is registered, on a machine with nobody else."""
KINDS = ("signalling", "relay", "media", "worker")
PAUSES = (0.5, 12.0)
"""Seconds between the recovery from one kill and the next."""
DEPOSITORS, TALKERS, REGISTRARS, ACCOUNTS = 3, 2, 4, 8
BEEP = meter.read_wav(Path(__file__).parents[2] / "media" / "prompts" / "en" / "beep.wav")
LIKE_A_BEEP = 0.7
MIN_SOUND = 1.0
"""Seconds of sound below which a recording is no message, as the service is set."""
EXPLAINED = (
    "process.died",
    "media.gone",
    "relay.gone",
    "media.worker_lost",
    "media.session_failed",
)
"""Errors that a kill explains."""

SETTINGS = {
    "RINGPLAN_SIP__T1": "0.1",
    "RINGPLAN_SIP__T2": "0.4",
    "RINGPLAN_SIP__T4": "0.2",
    "RINGPLAN_MEDIA__SILENCE_TIMEOUT": "5",
    "RINGPLAN_CALLS__MAX_UNANSWERED": "10",
    "RINGPLAN_VOICEMAIL__MAX_MESSAGES": "1000",
}


class Torture:
    """The traffic, the kills and the ledger."""

    def __init__(self, service: Service, chance: random.Random) -> None:
        self.service = service
        self.chance = chance
        talking = TALKERS * 2 + DEPOSITORS
        self.company = Company("torture", range(2001, 2001 + talking + KILLS), mailboxes=range(401, 405))
        self.talking, self.newcomers = self.company.extensions[:talking], self.company.extensions[talking:]
        self.fleet = Company("fleet", range(2001, 2001 + REGISTRARS * ACCOUNTS))
        self.over = False
        self.kills: list[tuple[float, str]] = []
        self.registered: dict[str, Registered] = {}
        self.deposited: list[Deposited] = []
        self.titles: set[str] = {"Somebody"}
        """The names that all users may have: the last one acknowledged, and those asked for since."""
        self.counts: Counter[str] = Counter()

    # The traffic: each of these goes on until `over`

    async def edit(self) -> None:
        """Give all users another name, over and over."""
        number = 0
        while not self.over:
            number += 1
            title = f"Somebody {number}"
            self.titles.add(title)
            try:
                await asyncio.to_thread(self.service.apply, self.company.file(title))
            except subprocess.TimeoutExpired:  # a machine that busy: nothing was acknowledged
                self.counts["edits that were not answered"] += 1
            else:
                self.titles = {title}
                self.counts["edits"] += 1
            await asyncio.sleep(self.chance.uniform(0.5, 2.0))

    async def sign_on_and_off(self, extensions: list[str]) -> None:
        """Register, refresh and sign off, one account after the other."""
        phones = [await Subscriber.at(self.fleet.username(each), self.service.sip) for each in extensions]
        for phone in phones:
            self.registered[phone.username] = Registered()
        while not self.over:
            phone = self.chance.choice(phones)
            entry, state = self.registered[phone.username], self.chance.random() < 0.7
            entry.asked(state)
            answer = await phone.register(600 if state else 0, 3.0)
            if answer is not None and answer.code == 200:
                entry.acknowledged(state, time.monotonic())
                self.counts["registrations"] += 1
            await asyncio.sleep(self.chance.uniform(0.0, 0.2))
        for phone in phones:
            phone.close()

    async def talk(self, caller: Subscriber, callee: Subscriber, extension: str) -> None:
        """One call after another; each is hung up by the caller, or ended by a kill."""
        callee.answers = True
        while not self.over:
            await callee.register(600, 3.0)
            answer = await caller.dial(extension)
            if answer is None or answer.code != 200:
                self.counts["calls that were not answered"] += 1
                await asyncio.sleep(0.2)
                continue
            with RtpEndpoint(caller.address, RTP_PORT) as near, RtpEndpoint(callee.address, RTP_PORT) as far:
                near.remote = media_of(answer.body)
                far.remote = near.remote
                until = time.monotonic() + self.chance.uniform(1.0, 5.0)
                while time.monotonic() < until and answer.call_id not in caller.hung_up:
                    await asyncio.sleep(0.1)
            ended = await caller.end(answer)
            self.counts["calls" if ended is not None and ended.code == 200 else "calls that were ended"] += 1

    async def leave_messages(self, caller: Subscriber) -> None:
        """One message after another, each of a tone of its own."""
        while not self.over:
            extension = self.chance.choice(self.company.mailboxes)
            answer = await caller.dial(extension)
            if answer is None or answer.code != 200:
                self.counts["deposits that were not answered"] += 1
                await asyncio.sleep(0.2)
                continue
            hertz, before = float(self.chance.randrange(300, 3000)), Moment.now()
            with RtpEndpoint(caller.address, RTP_PORT) as rtp:
                rtp.play(meter.tone(hertz, seconds=0.5))
                rtp.remote = media_of(answer.body)
                await asyncio.sleep(self.chance.uniform(0.3, 0.8))
                rtp.send_digits("#")  # no greeting, only the beep
                await asyncio.sleep(self.chance.uniform(2.5, 5.5))
                until = time.monotonic()
                if self.chance.random() < 0.3:
                    rtp.send_digits("#")
                    await asyncio.sleep(0.5)
                rtp.muted = True
                await caller.end(answer)
                heard, others = rtp.heard(), Moment.now().others_since(before)
            self.counts["deposits"] += 1
            if not rtp.packets:
                continue
            beep = await asyncio.to_thread(meter.find, BEEP, heard)
            if beep.likeness > LIKE_A_BEEP:
                began = rtp.packets[0].arrival + beep.at + BEEP.seconds
                email = self.company.email(extension)
                self.deposited.append(Deposited(answer.call_id, email, hertz, began, until, others))

    # The kills

    async def kill(self) -> list[Recovery]:
        """Kill at random, again and again, and see each time how soon a new phone is served."""
        recoveries = []
        for extension in self.newcomers:
            await asyncio.sleep(self.chance.uniform(*PAUSES))
            kind = self.chance.choice(KINDS)
            running = await asyncio.to_thread(pids, self.service, kind)
            if not running:
                # It is being started again; signalling then waits for it.
                kind, running = "signalling", await asyncio.to_thread(pids, self.service, "signalling")
            phone = await Subscriber.at(self.company.username(extension), self.service.sip)
            before = Moment.now()
            os.kill(self.chance.choice(running), signal.SIGKILL)
            killed = time.monotonic()
            self.kills.append((killed, kind))
            if kind == "signalling":
                for entry in self.registered.values():
                    entry.killed(killed)
            registered = await self._until_200(killed, lambda phone=phone: phone.register(600, 0.5))
            limit = stretched(SERVING_WITHIN, Moment.now().others_since(before))
            await self._until_200(killed, lambda phone=phone: self._greeted(phone))
            recoveries.append(Recovery(kind, registered, time.monotonic() - killed, limit))
            phone.close()
        return recoveries

    async def _greeted(self, phone: Subscriber) -> Response | None:
        """Call a mailbox and hang up when it answers."""
        answer = await phone.dial(self.company.mailboxes[0], 1.0)
        if answer is not None and answer.code == 200:
            await phone.end(answer)
        return answer

    async def _until_200(self, killed: float, attempt: Callable[[], Awaitable[Response | None]]) -> float:
        """Attempt until it succeeds, for 30 seconds; the seconds since the kill."""
        while time.monotonic() < killed + 30:
            answer = await attempt()
            if answer is not None and answer.code == 200:
                break
            await asyncio.sleep(0.02)
        return time.monotonic() - killed

    async def run(self) -> list[Recovery]:
        """All of it; returns when the last kill is over and the traffic has ended."""
        phones = [await Subscriber.at(self.company.username(each), self.service.sip) for each in self.talking]
        callers, callees, depositors = (
            phones[:TALKERS],
            phones[TALKERS : 2 * TALKERS],
            phones[2 * TALKERS :],
        )
        fleet = self.fleet.extensions
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.edit())
            for number in range(REGISTRARS):
                tasks.create_task(self.sign_on_and_off(fleet[number * ACCOUNTS : (number + 1) * ACCOUNTS]))
            for number, (caller, callee) in enumerate(zip(callers, callees, strict=True)):
                tasks.create_task(self.talk(caller, callee, self.talking[TALKERS + number]))
            for depositor in depositors:
                tasks.create_task(self.leave_messages(depositor))
            recoveries = await self.kill()
            self.over = True
        for phone in phones:
            phone.close()
        return recoveries

    # What must be true then

    def check_registrations(self) -> None:
        """Every account is as it was acknowledged to be."""
        there = {each["username"] for each in self.service.registrations()}
        certain = [entry for entry in self.registered.values() if len(entry.possible) == 1]
        print(f"  {len(certain)} of {len(self.registered)} accounts must be as they were left")
        assert len(certain) > len(self.registered) // 2
        wrong = [name for name, entry in self.registered.items() if (name in there) not in entry.possible]
        assert not wrong, (
            f"registrations that were acknowledged are not there, or the other way round: {wrong}"
        )

    def check_settings(self) -> None:
        """The last edit that was acknowledged is in force, and in the database, which is whole."""
        with sqlite3.connect(database(self.service)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            names = {
                name
                for (name,) in connection.execute(
                    "SELECT name FROM users WHERE email LIKE '%@torture.example'"
                )
            }
        assert len(names) == 1 and names <= self.titles
        assert self.counts["edits"] >= KILLS // 4

    def check_messages(self) -> None:
        """Every message that was finished is there once, whole, and says what its caller said."""
        listed = json.loads(self.service.run_cli("voicemail", "list", "--json"))["messages"]
        by_call = {message["call_id"]: message for message in listed}
        assert len(by_call) == len(listed), "a call left two messages"
        stored = {event["message"] for event in self.service.events("mailbox.message_stored")}
        stored |= {event["message"] for event in self.service.events("mailbox.repaired") if event["kept"]}
        missing = stored - {message["message"] for message in listed}
        assert not missing, f"messages that were stored are gone: {missing}"
        kills = [at for at, _ in self.kills]
        lost, whole, interrupted = [], 0, 0
        for entry in self.deposited:
            shortest = entry.shortest(kills)
            message = by_call.get(entry.call_id)
            if message is None:
                if shortest > MIN_SOUND:
                    lost.append(f"{entry}: no message, though {shortest:.2f} s were due")
                continue
            sound = meter.read_wav(Path(message["path"]))
            said = sum(span.seconds for span in meter.tone_spans(sound, entry.hertz, bridge=0.1))
            if not shortest <= said <= entry.longest or message["user"] != entry.email:
                lost.append(
                    f"{entry}: {said:.2f} s of its tone, {shortest:.2f} to {entry.longest:.2f} were due"
                )
            met = any(entry.beep - 1 < kill < entry.until + 1 for kill in kills)
            whole, interrupted = whole + (not met), interrupted + met
        print(f"  {len(listed)} messages; of the ledger {whole} whole, {interrupted} interrupted by a kill")
        assert not lost, "\n".join(lost)
        assert whole >= KILLS // 5

    def check_folders(self) -> None:
        """No working files are left in the mailboxes."""
        left = [str(path) for path in (self.service.data / "mailbox").glob("*/tmp/*")]
        assert not left


@dataclass(frozen=True)
class Recovery:
    """After a kill: seconds until a new phone was registered, and until a mailbox answered it; the first's limit."""

    kind: str
    registered: float
    greeted: float
    limit: float


def database(service: Service) -> Path:
    """The service's database."""
    (found,) = service.data.glob("*.db")
    return found


def answers(service: Service) -> bool:
    """Whether signalling says who is registered."""
    try:
        service.registrations()
    except ServiceFailed:
        return False
    return True


def processes_with(data: Path) -> list[str]:
    """The commands of all processes that belong to the service on this data directory, whoever their parent is."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if (
                folder.name.isdigit()
                and f"RINGPLAN_DATA_DIR={data}".encode() in (folder / "environ").read_bytes()
            ):
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it has just ended, or is somebody else's
    return found


def report(recoveries: list[Recovery]) -> None:
    for kind in KINDS:
        took = [each for each in recoveries if each.kind == kind]
        if took:
            registered, greeted = (
                [getattr(each, what) for each in took] for what in ("registered", "greeted")
            )
            print(
                f"  {len(took)} x {kind}: registered after {statistics.median(registered):.2f} s, at most "
                f"{max(registered):.2f}; greeted by a mailbox after {statistics.median(greeted):.2f} s, at most "
                f"{max(greeted):.2f}"
            )
    worst = max(recoveries, key=lambda each: each.registered / each.limit)
    print(f"  nearest to its limit: {worst}")


@pytest.mark.timeout(1800)
@pytest.mark.behaviour("V3")
async def test_kills(new_service: ServiceFactory, chance: random.Random) -> None:
    service = await asyncio.to_thread(new_service, SETTINGS)
    torture = Torture(service, chance)
    for company in (torture.company, torture.fleet):
        await asyncio.to_thread(service.apply, company.file())
    recoveries = await torture.run()
    print(f"  {dict(torture.counts)}")
    report(recoveries)
    troubled = Counter(str(event["event"]) for event in service.events() if event["level"] == "error")
    print(f"  errors in the log: {dict(troubled)}")

    # One more, when all that was acknowledged is a second old: what phones did since the last is on disk alone.
    await asyncio.sleep(SAFE_AFTER)
    os.kill(pids(service, "signalling")[0], signal.SIGKILL)
    await asyncio.to_thread(wait_for, lambda: answers(service), 30, "signalling to be back")
    # The media host repairs at its start what the one before it left.
    os.kill(pids(service, "media")[0], signal.SIGTERM)
    settle(service, 40)
    await asyncio.to_thread(torture.check_registrations)
    torture.check_settings()
    torture.check_messages()
    torture.check_folders()
    assert_untroubled(service, EXPLAINED)
    tree = set(service.processes())
    assert len(processes_with(service.data)) == len(tree) + 1
    data = service.data
    await asyncio.to_thread(service.stop)
    assert processes_with(data) == []
    late = [each for each in recoveries if each.registered > each.limit]
    assert not late, f"not served in time: {late}"
