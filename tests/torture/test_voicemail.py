"""Random kills while messages are left and owners are in the voice portal: nothing that was acknowledged is lost.

What callers and owners were told goes into a ledger; at the end all of it must be so. About six minutes.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from provisioning.store.pins import hash_matches, pin_hasher
from tests.conftest import ServiceFactory
from tests.support import meter
from tests.support.service import Service
from tests.support.waiting import wait_for
from tests.torture.company import Company
from tests.torture.figures import assert_untroubled, pids, settle
from tests.torture.handset import Call, Handset
from tests.torture.ledger import Deposited, Either
from tests.torture.machine import Moment
from tests.torture.owner import LOCKED_AT, NO_GREETING, Books, Owner
from tests.torture.test_kills import EXPLAINED, SETTINGS, database

SECONDS = float(os.environ.get("TORTURE_SECONDS", "360"))
KINDS = ("signalling", "relay", "media", "media", "worker", "worker", "provisioning")
"""What is killed; the media host and its workers twice as often as others."""
PAUSES = (2.0, 18.0)
"""Seconds between two kills."""
BOTH = 0.15
"""The share of kills that take two processes at once."""
PIN = "271828"
MAILBOXES, DEPOSITORS, GUESSED = 3, 3, 4
TONES = [float(hertz) for hertz in range(300, 3000, 12)]
MIN_SOUND = 1.0
"""Seconds of sound below which a recording is no message, as the service is set."""


class Torture:
    """The callers, the owners, those who guess, the kills, and the ledger."""

    def __init__(self, service: Service, chance: random.Random) -> None:
        self.service = service
        self.chance = chance
        self.company = Company(
            "voicemail", range(2001, 2001 + DEPOSITORS), mailboxes=range(401, 401 + MAILBOXES + GUESSED)
        )
        own = self.company.mailboxes
        self.owned, self.guessed = own[:MAILBOXES], own[MAILBOXES:]
        self.books = {each: Books(self.company.email(each), Either({PIN})) for each in self.owned}
        self.deposited: list[Deposited] = []
        self.kills: list[tuple[float, str]] = []
        self.lamps: dict[str, Handset] = {}
        self.looked_at: Counter[str] = Counter()
        """How many PINs were found wrong, by the mailbox guessed at."""
        self.let_in: list[str] = []
        self.counts: Counter[str] = Counter()
        self.over = False

    # Who calls: each of these goes on until `over`

    async def leave_messages(self, caller: Handset) -> None:
        """One message after another, each of a tone of its own."""
        while not self.over:
            extension = self.chance.choice(self.owned)
            books = self.books[extension]
            hertz = self.chance.choice(sorted(set(TONES) - set(books.messages)))
            answer = await caller.dial(extension)
            if answer is None or answer.code != 200:
                self.counts["deposits that were not answered"] += 1
                await asyncio.sleep(0.3)
                continue
            before = Moment.now()
            with caller.connected(answer) as call:
                call.rtp.play(meter.silence(1.0))
                if await self._hear_beep(call):
                    spoken = await self._speak(call, books, hertz)
                    if spoken is not None:
                        self.deposited.append(
                            Deposited(answer.call_id, books.email, *spoken, Moment.now().others_since(before))
                        )
                await call.hang_up()
            self.counts["deposits"] += 1

    async def _hear_beep(self, call: Call) -> bool:
        if self.chance.random() < 0.7:
            await asyncio.sleep(self.chance.uniform(0.3, 1.5))
            call.rtp.send_digits("#")
        return await call.hears("beep", whole=True, within=14.0) is not None

    async def _speak(self, call: Call, books: Books, hertz: float) -> tuple[float, float, float] | None:
        """Speak, and hang up or press # and go on: the tone of the message, from when until when it was spoken."""
        books.expect(hertz)
        call.rtp.play(meter.tone(hertz, seconds=0.5))
        began = time.monotonic()
        await asyncio.sleep(self.chance.uniform(2.2, 8.0))
        until = time.monotonic()
        if self.chance.random() < 0.4:
            call.rtp.muted = True
            return hertz, began, until
        call.press("#")
        call.rtp.play(meter.silence(1.0))
        if await call.hears("review-menu") is None:
            return hertz, began, until
        match self.chance.choice(("hang up", "send", "send", "again", "listen")):
            case "send":
                call.press("1")
            case "listen":
                call.press("2")
                await asyncio.sleep(self.chance.uniform(0.5, 2.0))
                call.press("1")
            case "again":
                # A kill may come before the key is heard: then it is the first one that is kept.
                other = self.chance.choice(sorted(set(TONES) - set(books.messages)))
                call.press("3")
                if await call.hears("beep", whole=True) is None:
                    books.messages[hertz].possible |= {"gone"}
                    return None
                books.messages.pop(hertz)
                return await self._speak(call, books, other)
            case _:
                return hertz, began, until
        if await call.hears("message-sent", whole=True) is not None:
            self.counts["messages that were said to be sent"] += 1
        return hertz, began, until

    async def own(self, owner: Owner) -> None:
        """Visit the portal over and over."""
        while not self.over:
            await owner.visit()

    async def guess(self, extension: str, phone: Handset) -> None:
        """Try wrong PINs, and the right one when it is locked, over and over."""
        username = self.company.username(extension)
        while not self.over:
            answer = await phone.dial("1571")
            if answer is None or answer.code != 200:
                await asyncio.sleep(0.3)
                continue
            with phone.connected(answer) as call:
                call.rtp.play(meter.silence(1.0))
                for _ in range(3):
                    if await call.hears("enter-pin", "pin-locked", "unavailable") != "enter-pin":
                        break
                    locked = self.looked_at[username] >= LOCKED_AT
                    call.press(PIN if locked else f"31{self.chance.randrange(10_000):04}")
                    match await call.hears("pin-wrong", "too-many-tries", "you-have", "pin-locked"):
                        case "pin-wrong" | "too-many-tries":
                            self.looked_at[username] += 1
                        case "you-have":
                            self.let_in.append(username)
                        case _:
                            break
                await call.hang_up()
            await asyncio.sleep(self.chance.uniform(0.5, 3.0))

    # The kills

    async def kill(self) -> None:
        """Kill one process or two at random, again and again."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            await asyncio.sleep(self.chance.uniform(*PAUSES))
            kinds = {self.chance.choice(KINDS)}
            if self.chance.random() < BOTH:
                kinds.add(self.chance.choice(KINDS))
            for kind in sorted(kinds):
                running = await asyncio.to_thread(pids, self.service, kind)
                if running:
                    # Calls go to the fullest worker, which is an old one.
                    pid = running[0] if self.chance.random() < 0.7 else self.chance.choice(running)
                    os.kill(pid, signal.SIGKILL)
                    self.kills.append((time.monotonic(), kind))

    async def run(self) -> None:
        """All of it; returns when the last kill is over and the traffic has ended."""

        async def phone(extension: str) -> Handset:
            return await Handset.at(self.company.username(extension), self.service.sip)

        callers = [await phone(each) for each in self.company.extensions]
        owners = {each: await phone(each) for each in self.owned}
        self.lamps = {self.company.email(each): handset for each, handset in owners.items()}
        async with asyncio.TaskGroup() as tasks:
            for caller in callers:
                tasks.create_task(self.leave_messages(caller))
            for each, handset in owners.items():
                owner = Owner(handset, self.books[each], self.chance, self.counts)
                tasks.create_task(self.own(owner))
            for each in self.guessed:
                tasks.create_task(self.guess(each, await phone(each)))
            await self.kill()
            self.over = True

    # What must be true then

    def check_messages(self) -> list[str]:
        """Every message is there once, whole, says what its caller said, and is where its owner was told."""
        listed = json.loads(self.service.run_cli("voicemail", "list", "--json"))["messages"]
        by_call = {message["call_id"]: message for message in listed}
        faults = [] if len(by_call) == len(listed) else ["a call left two messages"]
        kills = [at for at, _ in self.kills]
        whole = interrupted = 0
        books = {each.email: each for each in self.books.values()}
        for entry in self.deposited:
            kept, message = books[entry.email].messages[entry.hertz], by_call.get(entry.call_id)
            shortest = entry.shortest(kills)
            state = "gone" if message is None else message["state"]
            # However much it broke up on a busy machine, from its first sound to its last it is as long.
            due = replace(entry, others=0.0).shortest(kills)
            too_short = message is None and due <= MIN_SOUND and not kept.found
            if state not in kept.possible and not too_short:
                near = [
                    (f"{at:.2f}", kind) for at, kind in self.kills if entry.beep - 5 < at < entry.until + 5
                ]
                faults.append(f"{entry}: is {state}, may be {kept.possible}, {due:.2f} s were due, {near}")
            if message is None:
                continue
            sound = meter.read_wav(Path(message["path"]))
            said = sum(span.seconds for span in meter.tone_spans(sound, entry.hertz, bridge=0.1))
            if not shortest <= said <= entry.longest or message["user"] != entry.email:
                faults.append(
                    f"{entry}: {said:.2f} s of its tone, {shortest:.2f} to {entry.longest:.2f} were due"
                )
            met = any(entry.beep - 1 < kill < entry.until + 1 for kill in kills)
            whole, interrupted = whole + (not met), interrupted + met
        print(f"  {len(listed)} messages; of the ledger {whole} whole, {interrupted} interrupted by a kill")
        return faults

    def check_files(self) -> list[str]:
        """Nothing is left over in the mailboxes, and every message has its sound."""
        root = self.service.data / "mailbox"
        faults = [f"left: {path}" for path in (*root.glob("*/tmp/*"), *root.glob("*/deleted/*"))]
        for state in ("new", "saved"):
            sounds, records = (
                {path.stem for path in root.glob(f"*/{state}/*.{kind}")} for kind in ("wav", "json")
            )
            faults += [f"half a message in {state}: {stem}" for stem in sounds ^ records]
        return faults

    def check_lamps(self) -> list[str]:
        """Every lamp shows what is in its mailbox."""
        listed = json.loads(self.service.run_cli("voicemail", "list", "--json"))["messages"]
        held = Counter((message["user"], message["state"]) for message in listed)
        shown = {email: phone.lamp for email, phone in self.lamps.items()}
        true = {email: (held[email, "new"], held[email, "saved"]) for email in shown}
        return [] if shown == true else [f"lamps show {shown}, the mailboxes hold {true}"]

    def check_settings(self) -> list[str]:
        """PINs and greetings are what was acknowledged."""
        faults = []
        hasher = pin_hasher()
        with sqlite3.connect(database(self.service)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            rows = connection.execute("SELECT id, email, pin_hash FROM users").fetchall()
        for user, email, pin_hash in rows:
            books = next((each for each in self.books.values() if each.email == email), None)
            if books is None:
                continue
            if not any(hash_matches(hasher, pin_hash, pin) for pin in books.pin.possible):
                faults.append(f"{email}: the PIN is none of {books.pin.possible}")
            greeting = self.service.data / "mailbox" / str(user) / "greetings" / "no-answer.wav"
            found = NO_GREETING
            if greeting.exists():
                sound = meter.read_wav(greeting)
                near = min(
                    (float(each) for each in books.greeting.possible if each != NO_GREETING),
                    key=lambda hertz: abs(hertz - meter.frequency(sound)),
                    default=0.0,
                )
                spans = meter.tone_spans(sound, near, bridge=0.1) if near else []
                found = f"{near:g}" if sum(span.seconds for span in spans) > 0.8 else "something else"
            if found not in books.greeting.possible:
                faults.append(f"{email}: the greeting is {found}, not one of {books.greeting.possible}")
            faults += books.faults
        return faults

    def check_guesses(self) -> list[str]:
        """Nobody was let in, and no more PINs were looked at than may be."""
        refused = Counter(
            event["mailbox"] for event in self.service.events("portal.refused") if event["reason"] == "wrong"
        )
        print(f"  PINs found wrong: {dict(self.looked_at)} were heard, {dict(refused)} by mailbox in the log")
        assert self.looked_at, "nobody guessed"
        faults = [f"{name} was let in" for name in self.let_in]
        faults += [f"{name}: {n} looked at" for name, n in self.looked_at.items() if n > LOCKED_AT]
        return faults


def deposits_recovered(service: Service) -> None:
    """Let the media host start once more: it repairs at its start what the one before it left."""
    os.kill(pids(service, "media")[0], signal.SIGTERM)
    settle(service, 60)


@pytest.mark.timeout(3000)
@pytest.mark.behaviour("V2", "V3", "V4", "W4", "W5")
async def test_voicemail(new_service: ServiceFactory, chance: random.Random, tmp_path: Path) -> None:
    service = await asyncio.to_thread(new_service, SETTINGS)
    try:
        await kills_and_checks(service, chance)
    finally:
        whole_log = tmp_path / "service.log"
        whole_log.write_text("\n".join(service.lines))
        print(f"  the service's whole log: {whole_log}")


async def kills_and_checks(service: Service, chance: random.Random) -> None:
    torture = Torture(service, chance)
    await asyncio.to_thread(service.apply, torture.company.file(pin=PIN))
    await torture.run()
    print(f"  kills: {dict(Counter(kind for _, kind in torture.kills))}")
    print(f"  {dict(torture.counts)}")
    troubled = Counter(str(event["event"]) for event in service.events() if event["level"] == "error")
    print(f"  errors in the log: {dict(troubled)}")
    await asyncio.to_thread(settle, service, 60)
    faults = torture.check_files()
    await asyncio.to_thread(deposits_recovered, service)
    for phone in torture.lamps.values():
        await phone.register(3600)
    try:
        await asyncio.to_thread(wait_for, lambda: not torture.check_lamps(), 10, "the lamps")
    except TimeoutError:
        faults += torture.check_lamps()
    for check in (
        torture.check_messages,
        torture.check_files,
        torture.check_settings,
        torture.check_guesses,
    ):
        faults += await asyncio.to_thread(check)
    assert not faults, "\n".join(faults)
    assert_untroubled(service, EXPLAINED)
